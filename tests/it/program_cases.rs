//! What the program says to bad input: every case of `tests/cli/*.toml` is run, and its whole answer compared.
//!
//! A case has a `name`, what to `run`, the exit `code`, and what is written: `out` and `err`, nothing if left out. Where
//! a line is `...` any lines may stand, and `[..]` stands for anything in a line. `files` are put into a scratch
//! directory first, in which the program runs; `$DEMO` is the folder of a demo that is running, `$STOPPED` that of one
//! that is not.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;

use serde::Deserialize;

use crate::program::{agrees, rogatory, run, running_demo, text};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Cases {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    run: Vec<String>,
    #[serde(default)]
    files: BTreeMap<String, String>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    code: i32,
    #[serde(default)]
    out: String,
    #[serde(default)]
    err: String,
}

/// The folder of a demo that was played and stopped, for questions to a folder where nothing runs.
pub fn stopped_demo() -> &'static Path {
    static STOPPED: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let (_, data) = STOPPED.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("demo");
        let played = run(&["demo", "--fast", "--exit", "--data", data.to_str().unwrap()]);
        assert!(played.status.success(), "{}", text(&played.stderr));
        (folder, data)
    });
    data
}

fn wrong(case: &Case) -> Option<String> {
    let scratch = tempfile::tempdir().unwrap();
    for (name, contents) in &case.files {
        let path = scratch.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, contents).unwrap();
    }
    let fill = |argument: &String| {
        let mut argument = argument.clone();
        if argument.contains("$DEMO") {
            argument = argument.replace("$DEMO", running_demo().data().to_str().unwrap());
        }
        if argument.contains("$STOPPED") {
            argument = argument.replace("$STOPPED", stopped_demo().to_str().unwrap());
        }
        argument
    };
    let output = rogatory(case.run.iter().map(fill))
        .current_dir(scratch.path())
        .envs(&case.environment)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    let holds = output.status.code() == Some(case.code) && agrees(&out, &case.out) && agrees(&err, &case.err);
    (!holds).then(|| {
        let code = output.status.code();
        format!(
            "=== {}\n$ rogatory {}\n--- code {code:?}, expected {}\n--- out\n{out}--- err\n{err}",
            case.name,
            case.run.join(" "),
            case.code
        )
    })
}

#[test]
fn bad_input_is_answered_with_what_was_found_and_what_to_do() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut failed = Vec::new();
    let mut cases = 0;
    for file in files {
        let read: Cases = toml::from_str(&std::fs::read_to_string(&file).unwrap())
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        cases += read.case.len();
        failed.extend(read.case.iter().filter_map(wrong));
    }
    assert!(cases >= 30, "{cases} cases");
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}
