//! The documentation is run: every command of a `console` block is typed by this test, and what it prints compared.
//!
//! A line that begins with `$ ` is a command; the lines up to the next are what it prints, where `...` stands for any
//! lines and `[..]` for anything in a line. The commands of one document run one after the other in one directory, in
//! which `data/demo` is a demo that is running. A block right after `<!-- file: NAME -->` is put there as a file.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::program::{PROGRAM, agrees, running_demo, text};

/// One block of a document.
struct Block<'t> {
    language: &'t str,
    /// The name of the file it is to be put into.
    file: Option<&'t str>,
    text: String,
}

fn blocks(document: &str) -> Vec<Block<'_>> {
    let mut blocks = Vec::new();
    let mut before = "";
    let mut lines = document.lines();
    while let Some(line) = lines.next() {
        if let Some(language) = line.strip_prefix("```") {
            let text =
                lines.by_ref().take_while(|line| *line != "```").map(|line| format!("{line}\n")).collect();
            let file = before.strip_prefix("<!-- file: ").and_then(|rest| rest.strip_suffix(" -->"));
            blocks.push(Block { language, file, text });
        }
        before = line;
    }
    blocks
}

/// The commands of a block, each with what it prints.
fn commands(text: &str) -> Vec<(String, String)> {
    let mut commands: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (Some(command), _) => commands.push((command.to_owned(), String::new())),
            (None, Some((_, output))) => *output += &format!("{line}\n"),
            (None, None) => panic!("a console block begins with a command, not with `{line}`"),
        }
    }
    commands
}

/// Runs a document; says what differs, and how many commands there were.
fn differences(document: &str) -> (usize, Vec<String>) {
    let scratch = tempfile::tempdir().unwrap();
    let program = Path::new(PROGRAM);
    let path = std::env::join_paths(
        std::iter::once(program.parent().unwrap().to_owned())
            .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    )
    .unwrap();
    let (mut count, mut differ) = (0, Vec::new());
    for block in blocks(document) {
        if let Some(file) = block.file {
            std::fs::write(scratch.path().join(file), &block.text).unwrap();
        }
        if block.language != "console" {
            continue;
        }
        let data = scratch.path().join("data");
        if !data.exists() {
            std::os::unix::fs::symlink(running_demo().data().parent().unwrap(), data).unwrap();
        }
        for (command, expected) in commands(&block.text) {
            let mut shell = Command::new("sh");
            shell.args(["-c", &command]).current_dir(scratch.path()).env("PATH", &path).stdin(Stdio::null());
            for variable in ["COLUMNS", "CLICOLOR_FORCE", "ROGATORY_LOG"] {
                shell.env_remove(variable);
            }
            let output = shell.output().unwrap();
            let printed = text(&output.stdout) + &text(&output.stderr);
            count += 1;
            if !agrees(&printed, &expected) {
                differ.push(format!("$ {command}\n--- printed\n{printed}--- documented\n{expected}"));
            }
        }
    }
    (count, differ)
}

#[test]
fn documented_commands_print_what_is_documented() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut documents = vec![root.join("README.md")];
    documents.extend(std::fs::read_dir(root.join("docs")).unwrap().map(|entry| entry.unwrap().path()));
    documents.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    documents.sort();
    let (mut count, mut differ) = (0, Vec::new());
    for path in documents {
        let (commands, wrong) = differences(&std::fs::read_to_string(&path).unwrap());
        count += commands;
        differ.extend(wrong.into_iter().map(|wrong| format!("=== {}\n{wrong}", path.display())));
    }
    assert!(count >= 12, "{count} commands");
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

#[test]
fn a_document_that_is_wrong_fails() {
    let wrong = "```console\n$ echo one; echo two\none\nthree\n```\n";
    assert_eq!(differences(wrong).1.len(), 1);
    let right = "<!-- file: x -->\n```toml\nsix = 6\n```\n\n```console\n$ cat x\nsix = [..]\n$ echo a; echo b\n...\n```\n";
    assert_eq!(differences(right), (2, vec![]));
}

/// The keys of a JSON answer: its own, or those of each element of a list.
fn keys_of(value: &serde_json::Value) -> Vec<String> {
    match value {
        serde_json::Value::Object(object) => object.keys().cloned().collect(),
        serde_json::Value::Array(list) => list.iter().flat_map(keys_of).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn every_key_of_a_json_answer_is_documented() {
    let formats =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/formats.md")).unwrap();
    let data = running_demo().data().display().to_string();
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let spanned = ["report", "--from", "2013-12-01", "--to", "2013-12-31"];
    let made = crate::program::run(&[&spanned[..], &["--format", "json", "--data", &data]].concat());
    std::fs::write(&report, made.stdout).unwrap();
    let asked: [(&str, &[&str]); 14] = [
        ("where", &["where", "molly@post.example"]),
        ("where --violations", &["where", "--violations"]),
        ("reach", &["reach", "molly@post.example", "--at", "2018-06-01"]),
        ("demand list", &["demand", "list"]),
        ("demand show", &["demand", "show", "13-mag-2814"]),
        ("demand explain", &["demand", "explain", "13-mag-2814"]),
        ("record show", &["record", "show"]),
        ("record verify", &["record", "verify"]),
        ("record audit", &["record", "audit"]),
        ("record keys", &["record", "keys"]),
        ("record openings", &["record", "openings"]),
        ("record notices", &["record", "notices", "molly@post.example"]),
        ("report", &spanned),
        ("report verify", &["report", "verify", report.to_str().unwrap()]),
    ];
    let mut missing = Vec::new();
    for (command, arguments) in asked {
        let output = crate::program::run(&[arguments, &["--format", "json", "--data", &data]].concat());
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|wrong| {
            panic!("{command}: {wrong}: {}", String::from_utf8_lossy(&output.stderr))
        });
        let row = |name: &str| {
            let begins = format!("| `{name}` |");
            formats.lines().find(|line| line.starts_with(&begins)).map(str::to_owned)
        };
        // `demand show` is "one such matter" of the list, and `report verify` has the quorum of `report`.
        let other = match command {
            "demand show" => row("demand list"),
            "report verify" => row("report"),
            _ => None,
        };
        let rows =
            row(command).unwrap_or_else(|| panic!("{command} has no row")) + &other.unwrap_or_default();
        // One level down too, where the row names it: the copies of an account, the parts of a finding.
        let inner = answer.as_object().into_iter().flat_map(|object| object.values());
        let named = ["where", "reach", "report verify"].contains(&command);
        let inner = inner.filter(|_| named).flat_map(keys_of);
        let keys: std::collections::BTreeSet<String> = keys_of(&answer).into_iter().chain(inner).collect();
        let is_named =
            |key: &String| [format!("`{key}`"), format!("`{key}?`")].iter().any(|it| rows.contains(it));
        let undocumented = keys.into_iter().filter(|key| !is_named(key));
        missing.extend(undocumented.map(|key| format!("{command}: `{key}`")));
    }
    assert!(missing.is_empty(), "not in docs/formats.md: {}", missing.join(", "));
}
