//! The built program, as a person runs it, and one demo that all tests share.

use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};
use std::sync::OnceLock;

/// The built binary.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_rogatory");

/// The program with arguments, without what the environment of the tests says about terminals.
pub fn rogatory<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(arguments);
    for variable in ["COLUMNS", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "ROGATORY_LOG"] {
        command.env_remove(variable);
    }
    command
}

/// Runs the program to its end.
pub fn run(arguments: &[&str]) -> Output {
    rogatory(arguments).stdin(Stdio::null()).output().unwrap()
}

/// What the program wrote, as text.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A demo that stays up until the tests are over.
pub struct RunningDemo {
    pub data: PathBuf,
    /// Closed by the system when this process ends; then the shell that waits for it ends the demo.
    _lifeline: ChildStdin,
    _shell: Child,
    /// Kept open: a demo whose reader goes away ends.
    _output: Lines<BufReader<ChildStdout>>,
}

/// The demo that all tests share, started by the first that asks. Nobody may change what another may read: only
/// demands with names of their own are filed.
pub fn running_demo() -> &'static RunningDemo {
    static DEMO: OnceLock<RunningDemo> = OnceLock::new();
    DEMO.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap().keep();
        let data = folder.join("demo");
        // The shell gives up its own end of the output, so that a demo that fails is seen to end.
        let script = r#""$0" demo --fast --data "$1/demo" & demo=$!; exec > /dev/null; cat; kill $demo; wait $demo; rm -rf "$1""#;
        let mut shell = Command::new("sh")
            .args(["-c", script, PROGRAM])
            .arg(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let lifeline = shell.stdin.take().unwrap();
        let mut lines = BufReader::new(shell.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().starts_with("The provider stays up")), "the demo ended early");
        RunningDemo { data, _lifeline: lifeline, _shell: shell, _output: lines }
    })
}

impl RunningDemo {
    pub fn data(&self) -> &Path {
        &self.data
    }
}

/// True if an output is what was expected, where a line `...` stands for any lines and `[..]` for anything in a line.
pub fn agrees(found: &str, expected: &str) -> bool {
    fn lines(found: &[&str], expected: &[&str]) -> bool {
        match expected.split_first() {
            None => found.is_empty(),
            Some((&"...", rest)) => (0..=found.len()).any(|skipped| lines(&found[skipped..], rest)),
            Some((first, rest)) => {
                found.split_first().is_some_and(|(line, more)| is_like(line, first) && lines(more, rest))
            }
        }
    }
    lines(&found.lines().collect::<Vec<_>>(), &expected.lines().collect::<Vec<_>>())
}

fn is_like(line: &str, pattern: &str) -> bool {
    match pattern.split_once("[..]") {
        None => line == pattern,
        Some((before, after)) => line.strip_prefix(before).is_some_and(|rest| {
            (0..=rest.len()).filter(|at| rest.is_char_boundary(*at)).any(|at| is_like(&rest[at..], after))
        }),
    }
}

#[test]
fn expected_output_is_compared_line_by_line() {
    assert!(agrees("a\nb\nc\n", "a\n...\nc\n"));
    assert!(agrees("a\nc\n", "a\n...\nc\n"));
    assert!(agrees("root 3f2a…, cosigned by 7\n", "root [..]…, cosigned by [..]\n"));
    assert!(!agrees("a\nb\nc\n", "a\nc\n"));
    assert!(!agrees("a\nb\n", "a\n...\nc\n"));
    assert!(!agrees("root 3f2a\n", "root [..], cosigned\n"));
}
