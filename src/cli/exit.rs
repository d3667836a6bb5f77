use std::process::{ExitCode, Termination};

/// How a command ended. A refusal by the gate is an answer, and so [`Exit::Done`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// It did what was asked.
    Done = 0,
    /// It could not; the error says why.
    Failed = 1,
    /// The command line was not understood.
    Usage = 2,
    /// It ran, and an expectation of a scenario did not hold, or the record has overtaken a report.
    ExpectationFailed = 3,
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        ExitCode::from(self as u8)
    }
}
