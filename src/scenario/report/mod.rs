//! What a play found out, and the forms in which machines read it.

mod junit;
pub(super) mod markup;
mod played;
mod tap;

use std::io;

use serde::Serialize;

pub use junit::junit;
pub use played::Played;
pub use tap::tap;

use super::expectation::Verdict;
use super::moment::Moment;
use super::script::{Expect, History};
use super::view::{AccountView, Happening, MatterView, RecordHead};

/// A play from beginning to end. As JSON it is what `--format json` prints.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// Always true: no court, authority or account holder in here is a real one.
    pub simulated: bool,
    pub script: String,
    pub title: String,
    pub seed: String,
    pub scenes: Vec<SceneReport>,
    /// Why the play ended early, if it did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Stop>,
    /// The head of the record at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record: Option<RecordHead>,
    pub expectations: Tally,
}

/// One instant of the play: a step, or a question asked between steps.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct SceneReport {
    pub at: Moment,
    /// The number of the step; absent for a question.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<usize>,
    pub kind: &'static str,
    pub title: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub history: Option<History>,
    /// What came about between the last scene and this one.
    pub meanwhile: Vec<Happening>,
    pub happenings: Vec<Happening>,
    /// The matter that the step is about, and others that changed.
    pub matters: Vec<MatterView>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<AccountView>,
    pub checks: Vec<Check>,
}

/// One expectation, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Check {
    /// The line of the script.
    pub line: usize,
    pub at: Moment,
    /// `content in ie-dublin, 13-mag-2814`.
    pub subject: String,
    pub expected: Vec<String>,
    #[serde(flatten)]
    pub verdict: Verdict,
}

impl Check {
    pub(super) fn of(expect: &Expect, at: Moment, verdict: Verdict) -> Self {
        Check { line: expect.line, at, subject: expect.subject(), expected: expect.wishes(), verdict }
    }
}

/// Where a play broke off.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Stop {
    /// The line of the step that could not be played; absent if the stage could not be set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    pub why: String,
}

/// How many expectations came to what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Tally {
    pub held: usize,
    pub failed: usize,
    pub unmatched: usize,
    pub unreached: usize,
}

impl Tally {
    pub fn total(&self) -> usize {
        self.held + self.failed + self.unmatched + self.unreached
    }
}

impl Report {
    /// True if the play went to its end and every expectation held.
    pub fn holds(&self) -> bool {
        self.stopped.is_none() && self.expectations.held == self.expectations.total()
    }

    /// All expectations in the order in which they were asked, those never asked among them.
    pub fn checks(&self) -> impl Iterator<Item = &Check> {
        self.scenes.iter().flat_map(|scene| &scene.checks)
    }

    /// Writes it as one JSON document.
    pub fn write_json(&self, out: &mut dyn io::Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut *out, self)?;
        out.write_all(b"\n")
    }

    pub(super) fn count(&mut self) {
        let mut tally = Tally::default();
        for check in self.checks() {
            match check.verdict {
                Verdict::Held => tally.held += 1,
                Verdict::Failed { .. } => tally.failed += 1,
                Verdict::Unmatched { .. } => tally.unmatched += 1,
                Verdict::Unreached => tally.unreached += 1,
            }
        }
        self.expectations = tally;
    }
}
