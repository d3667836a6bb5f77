//! `cargo bench` is `rogatory bench`: `cargo bench -- delivery record --seconds 5`.

use std::process::{Command, exit};

fn main() {
    // Cargo adds `--bench`, and `--test` where benchmarks are run as tests; they have nothing to check there.
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if arguments.iter().any(|argument| argument == "--test") {
        return;
    }
    let status = Command::new(env!("CARGO_BIN_EXE_rogatory")).arg("bench").args(arguments).status();
    exit(status.expect("the program was just built").code().unwrap_or(1));
}
