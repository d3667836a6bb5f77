use std::process::ExitCode;

fn main() -> ExitCode {
    rogatory::cli::main()
}
