//! The built program, as a person runs it.

use std::process::{Command, Output, Stdio};

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
