//! The modules stand on each other in one order; nothing reaches upwards.

use std::path::{Path, PathBuf};

/// From the ground up. `law` and `record` stand side by side: neither may use the other.
const ORDER: &[&[&str]] = &[
    &["base64_bytes", "embedded", "verifier_key"],
    &["clock"],
    &["entropy"],
    &["disk"],
    &["diagnostic"],
    &["world"],
    &["demand"],
    &["law", "record"],
    &["vault"],
    &["store"],
    &["mail"],
    &["region"],
    &["directory"],
    &["gate"],
    &["provider"],
    &["report"],
    &["scenario"],
    &["console"],
    &["bench"],
    &["cli"],
];

fn level(module: &str) -> Option<usize> {
    ORDER.iter().position(|names| names.contains(&module))
}

fn rust_files(dir: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, into);
        } else if path.extension().is_some_and(|e| e == "rs") {
            into.push(path);
        }
    }
}

/// The crate's own modules that a source text names, with the line of each.
fn named_modules(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or("");
        for (at, _) in code.match_indices("crate::") {
            let rest = &code[at + "crate::".len()..];
            if let Some(group) = rest.strip_prefix('{') {
                let group = group.split('}').next().unwrap_or("");
                found.extend(group.split(',').map(|name| (number + 1, name.trim().to_owned())));
            } else {
                let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
                found.push((number + 1, rest[..end].to_owned()));
            }
        }
    }
    found.retain(|(_, name)| level(name.split("::").next().unwrap_or("")).is_some());
    found
}

#[test]
fn no_module_uses_one_that_stands_on_it() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    let mut upward = Vec::new();
    for file in &files {
        let inside = file.strip_prefix(&src).unwrap();
        let top = inside.components().next().unwrap().as_os_str().to_str().unwrap();
        let module = top.strip_suffix(".rs").unwrap_or(top);
        if module == "lib" || module == "main" {
            continue;
        }
        let Some(own) = level(module) else {
            panic!("src/{top} has no place in the order of modules: add it to ORDER, or move the code");
        };
        for (line, name) in named_modules(&std::fs::read_to_string(file).unwrap()) {
            let name = name.split("::").next().unwrap_or("").to_owned();
            let used = level(&name).unwrap();
            if used > own || (used == own && name != module) {
                upward.push(format!("src/{}:{line}: `{module}` uses `{name}`", inside.display()));
            }
        }
    }
    assert!(upward.is_empty(), "arrows go downwards only:\n{}", upward.join("\n"));
}

#[test]
fn the_check_sees_an_upward_use() {
    let text = "use crate::clock::SimTime;\nuse crate::{world, gate};\n// crate::cli in a comment\n";
    let names: Vec<String> = named_modules(text).into_iter().map(|(_, name)| name).collect();
    assert_eq!(names, ["clock", "world", "gate"]);
}
