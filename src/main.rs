use std::process::ExitCode;

use mimalloc::MiMalloc;

/// A message is taken in by one thread and put on the disk by another, thousands of times a second; the system's
/// allocator spent a sixth of a delivery on handing such pieces back.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    rogatory::cli::main()
}
