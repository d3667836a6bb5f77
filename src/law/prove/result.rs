//! What came out of a claim.

use std::collections::BTreeSet;
use std::time::Duration;

use serde::Serialize;

use super::claim::{Claim, Expected, Given};
use super::example::Example;
use crate::law::Law;
use crate::law::names::named;
use crate::world::{DataClass, Jurisdiction, Source, SourceMark};

named! {
    /// What a claim was found to be.
    Verdict {
        /// True of every question, or, if it says that there is a case, of one.
        Holds = "holds",
        /// A question was found of which it is not true; or, if it says that there is a case, none was.
        Refuted = "refuted",
        /// It is about no question at all, so nothing follows from it.
        Vacuous = "vacuous",
        /// The solver gave up.
        Undecided = "undecided",
    }
}

/// A question that settles a claim: one that refutes it, or the case that it says there is.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Finding {
    pub law: Jurisdiction,
    /// As a demand of the world, where the world can bring it about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub example: Option<Box<Example>>,
    /// In plain words, a line each.
    pub words: Vec<String>,
}

/// A claim with what was found.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Proof {
    pub id: String,
    pub says: String,
    /// How it was put to the solver.
    pub form: String,
    /// The days it is claimed for.
    pub days: String,
    pub laws: Vec<Jurisdiction>,
    pub given: Vec<Given>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    pub expected: Expected,
    pub verdict: Verdict,
    /// Why it is vacuous or undecided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finding: Option<Finding>,
    /// Of which revision of the law books.
    pub revision: String,
    /// The rules whose encoding it depends on.
    pub rules: BTreeSet<String>,
    /// The least sure source among what it depends on.
    pub weakest_mark: SourceMark,
    /// What has that mark.
    pub weakest: BTreeSet<String>,
    /// How many formulas the solver was asked.
    pub formulas: usize,
    pub milliseconds: u128,
}

impl Proof {
    /// True if it came out as the claim says it should.
    pub fn as_expected(&self) -> bool {
        matches!(
            (self.verdict, self.expected),
            (Verdict::Holds, Expected::Holds) | (Verdict::Refuted, Expected::Refuted)
        )
    }
}

/// What was relied on: rules, and the words of a book for classes of data.
#[derive(Default)]
pub(super) struct Relied {
    pub(super) rules: BTreeSet<String>,
    marks: BTreeSet<(SourceMark, String)>,
}

impl Relied {
    pub(super) fn rule(&mut self, id: &str, source: &Source) {
        self.rules.insert(id.to_owned());
        self.marks.insert((source.mark(), id.to_owned()));
    }

    pub(super) fn category(&mut self, law: &Law, code: &Jurisdiction, class: DataClass) {
        if let Some(mark) = law.header(code).and_then(|header| header.category_mark(class)) {
            self.marks.insert((mark, format!("what {code} calls {class}")));
        }
    }

    /// The weakest mark, and what has it.
    fn weakest(&self) -> (SourceMark, BTreeSet<String>) {
        let weakest = self.marks.iter().map(|(mark, _)| *mark).max().unwrap_or(SourceMark::Verified);
        let has = self.marks.iter().filter(|(mark, _)| *mark == weakest).map(|(_, what)| what.clone());
        (weakest, has.collect())
    }
}

/// What is known once a claim was settled.
pub(super) struct Settled {
    pub(super) verdict: Verdict,
    pub(super) why: Option<String>,
    pub(super) finding: Option<Finding>,
    pub(super) formulas: usize,
    pub(super) took: Duration,
}

impl Proof {
    pub(super) fn new(law: &Law, claim: &Claim, relied: &Relied, settled: Settled) -> Proof {
        let (weakest_mark, weakest) = relied.weakest();
        Proof {
            id: claim.id.clone(),
            says: claim.says.clone(),
            form: claim.form(),
            days: claim.days(),
            laws: claim.laws().cloned().collect(),
            given: claim.given.clone(),
            note: claim.note.clone(),
            expected: claim.expect,
            verdict: settled.verdict,
            why: settled.why,
            finding: settled.finding,
            revision: law.revision().to_owned(),
            rules: relied.rules.clone(),
            weakest_mark,
            weakest,
            formulas: settled.formulas,
            milliseconds: settled.took.as_millis(),
        }
    }
}
