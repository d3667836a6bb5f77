//! Which figures of a report can be counted again, and on whose word the others rest.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::bands::Held;
use super::sound::{self, Unsound, band_name};
use super::{BandForm, Counted, Openness, SpanError, TransparencyReport, canonical};
use crate::record::TreeHead;
use crate::record::checkpoint::{CheckpointError, SignedCheckpoint};
use crate::record::key::{LogSigner, VerifierKey};
use crate::record::note::{NoteError, open_note, sign_note};
use crate::record::policy::{Accept, Policy, Quorum, QuorumError};
use crate::world::World;

const FIRST_LINE: &str = "rogatory transparency report v1";

/// What holds a figure.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// Counted again from openings: those that anybody can fetch, and those that were given.
    Recomputed,
    /// Some of it is closed: it rests on the signature of these auditors.
    Signed(Vec<String>),
    /// Some of it is closed, and nobody but the provider says it.
    Unsupported,
    /// Another number comes out of what is open.
    Wrong,
}

/// One figure.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FigureCheck {
    pub figure: String,
    pub said: String,
    /// What comes out of the matters that are wholly open; absent for bands, which are never open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted: Option<u64>,
    pub basis: Basis,
    /// Of a band that cannot be: what is there instead, in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead: Option<String>,
}

/// What a report is worth by what is open of the record.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// No figure contradicts the record.
    Holds,
    /// None contradicts what the record held at its checkpoint; but by now it holds more of these days, and other figures
    /// come out of it.
    Overtaken,
    Wrong,
}

/// What the record took in after the checkpoint of a report, as far as it is open.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Later {
    /// Entries dated within the span of the report.
    pub entries: u64,
    /// True if the report would have other figures, were it made today.
    pub figures_differ: bool,
}

/// What was found of a report.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ReportCheck {
    pub verdict: Verdict,
    pub figures: Vec<FigureCheck>,
    /// Matters of which some entry is closed.
    pub closed: usize,
    /// What came after the checkpoint that the report was made from.
    pub later: Later,
    /// Who cosigned the checkpoint that the report was made from, and whether an outsider did.
    pub quorum: Quorum,
}

impl ReportCheck {
    pub fn is_wrong(&self) -> bool {
        self.verdict == Verdict::Wrong
    }

    /// Counts anew what the record holds now, beside what it held when the report was made.
    pub fn since(
        mut self,
        report: &TransparencyReport,
        world: &World,
        then: &Counted,
        now: &Counted,
    ) -> Result<Self, CheckError> {
        let last = then.entries.iter().map(|entry| entry.entry).max().max(then.last_closed).unwrap_or(0);
        // Whatever is closed of what it was made from is no later than what came after.
        let next = now.entries.iter().find(|entry| entry.entry > last).map(|entry| entry.event.date());
        if let Some(newest) = next.filter(|next| report.made > *next) {
            return Err(Unsound::Later { made: report.made, newest }.into());
        }
        let days = report.national_security.iter().flat_map(|told| &told.rows).map(|row| (row.from, row.to));
        let days: Vec<_> = days.chain([(report.from, report.to)]).collect();
        let told = |date| days.iter().any(|(from, to)| (*from..=*to).contains(&date));
        let more = now.entries.iter().filter(|entry| entry.entry > last && told(entry.event.date()));
        // Of the same matters both times: that one is not wholly open any more changes no figure.
        let make = |counted: &Counted| {
            let mut counted = counted.clone();
            counted.closed.extend(then.closed.union(&now.closed));
            TransparencyReport::make(world, &counted.whole(), report.span(), report.form())
        };
        let (before, after) = (make(then)?, make(now)?);
        self.later = Later {
            entries: more.count() as u64,
            figures_differ: before.figures != after.figures
                || before.national_security != after.national_security,
        };
        if self.later.figures_differ && self.verdict == Verdict::Holds {
            self.verdict = Verdict::Overtaken;
        }
        Ok(self)
    }
}

/// Why a report is not compared with the record.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    #[error(transparent)]
    Unsound(#[from] Unsound),
    #[error(transparent)]
    Span(#[from] SpanError),
}

/// Why a report was not made from the checkpoint that it shows, or not as it says.
#[derive(Debug, thiserror::Error)]
pub enum OriginError {
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    #[error(transparent)]
    Quorum(#[from] QuorumError),
    #[error("the report says `{said}`, and its checkpoint is {found}")]
    Cosigned { said: Box<Quorum>, found: Box<Quorum> },
}

/// Checks who signed the checkpoint that a report was made from, and that it says so. Gives the tree's head.
pub fn check_origin(report: &TransparencyReport, policy: &Policy) -> Result<TreeHead, OriginError> {
    let checkpoint = SignedCheckpoint::parse(&report.checkpoint)?;
    let found = policy.check(&checkpoint, Accept::Emergency)?;
    if found != report.quorum {
        let said = Box::new(report.quorum.clone());
        return Err(OriginError::Cosigned { said, found: Box::new(found) });
    }
    Ok(checkpoint.head())
}

/// Compares a report with what is open of the record it was made from, and with the auditors who signed it.
pub fn check(
    report: &TransparencyReport,
    world: &World,
    counted: &Counted,
    auditors: &[String],
) -> Result<ReportCheck, CheckError> {
    sound::check_itself(report)?;
    sound::check_day(report, counted)?;
    let again = TransparencyReport::make(world, &counted.whole(), report.span(), None)?;
    let (said, again) = (report.figures.named(), again.figures.named());
    let word = || {
        if auditors.is_empty() { Basis::Unsupported } else { Basis::Signed(auditors.to_vec()) }
    };
    // The columns of one demand may be another's as long as some of it is closed; a number that is less than what anybody
    // can count is wrong whatever is closed.
    let mut names: BTreeMap<&String, ()> = said.keys().map(|name| (name, ())).collect();
    names.extend(again.keys().map(|name| (name, ())));
    let mut figures: Vec<FigureCheck> = names
        .into_keys()
        .map(|name| {
            let (said, comes_out) =
                (said.get(name).copied().unwrap_or(0), again.get(name).copied().unwrap_or(0));
            let basis = match said.cmp(&comes_out) {
                std::cmp::Ordering::Equal => Basis::Recomputed,
                // Head office sees whatever is published.
                std::cmp::Ordering::Less if report.openness() != Openness::Published => Basis::Wrong,
                // More has been opened since it was made from what was open then.
                std::cmp::Ordering::Less => word(),
                // Where nothing is closed, nothing can be more than what is counted.
                std::cmp::Ordering::Greater if counted.closed.is_empty() => Basis::Wrong,
                std::cmp::Ordering::Greater => word(),
            };
            FigureCheck {
                figure: name.clone(),
                said: said.to_string(),
                counted: Some(comes_out),
                basis,
                instead: None,
            }
        })
        .collect();
    if let Some(told) = &report.national_security {
        let held = told.compare(world, counted, report.made)?;
        figures.extend(told.rows.iter().zip(held).map(|(row, held)| {
            let (basis, instead) = match held {
                Held::Counted => (Basis::Recomputed, None),
                Held::Possible => (word(), None),
                Held::Wrong(instead) => (Basis::Wrong, Some(instead)),
            };
            FigureCheck { figure: band_name(row), said: row.band.clone(), counted: None, basis, instead }
        }));
    }
    // An entry that is closed may be of that day.
    if counted.newest().is_some_and(|newest| report.made > newest) {
        let (figure, said) = ("the day it was made".to_owned(), report.made.to_string());
        figures.push(FigureCheck { figure, said, counted: None, basis: word(), instead: None });
    }
    let wrong = figures.iter().any(|figure| figure.basis == Basis::Wrong);
    Ok(ReportCheck {
        verdict: if wrong { Verdict::Wrong } else { Verdict::Holds },
        figures,
        closed: counted.closed.len(),
        later: Later::default(),
        quorum: report.quorum.clone(),
    })
}

/// What an auditor signs: that the figures of a report come out of openings that they were given, of every entry.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Statement {
    text: String,
}

/// Why an auditor does not sign a report, or why a statement does not hold for it.
#[derive(Debug, thiserror::Error)]
pub enum StatementError {
    #[error("{0} matters are closed to you in part: whoever signs has to have seen all that is counted")]
    Closed(usize),
    #[error(transparent)]
    Check(#[from] CheckError),
    #[error("the report says otherwise than what comes out of the openings: {0}")]
    Differs(String),
    #[error(
        "the report is not complete, and a signature says that every figure comes out of everything: who has the openings that \
         it was made from counts it again with `report verify`"
    )]
    Incomplete,
    #[error("the statement is about another report")]
    Other,
    #[error(transparent)]
    Note(#[from] NoteError),
}

impl Statement {
    fn about(report: &TransparencyReport) -> Self {
        let digest: String =
            Sha256::digest(canonical(report)).iter().map(|byte| format!("{byte:02x}")).collect();
        let text = format!("{FIRST_LINE}\nsha256 {digest}\nfrom {} to {}\n", report.from, report.to);
        Statement { text }
    }

    /// Counts again from openings of everything, and signs what comes out the same, as a C2SP signed note.
    pub fn sign(
        report: &TransparencyReport,
        world: &World,
        counted: &Counted,
        auditor: &LogSigner,
    ) -> Result<String, StatementError> {
        sound::check_itself(report).map_err(CheckError::from)?;
        if !report.complete {
            return Err(StatementError::Incomplete);
        }
        if !counted.closed.is_empty() {
            return Err(StatementError::Closed(counted.closed.len()));
        }
        sound::check_day(report, counted).map_err(CheckError::from)?;
        if let Some(told) = &report.national_security {
            told.check_form(report.made).map_err(CheckError::from)?;
        }
        let form = Some(report.form().unwrap_or(BandForm::Thousands));
        let again =
            TransparencyReport::make(world, counted, report.span(), form).map_err(CheckError::from)?;
        if again.figures != report.figures {
            let (said, counted) = (report.figures.named(), again.figures.named());
            let differs = said.iter().find(|(name, number)| counted.get(*name) != Some(number));
            let what = differs.map(|(name, number)| {
                format!("`{name}` is {number}, and {} comes out", counted.get(name).copied().unwrap_or(0))
            });
            return Err(StatementError::Differs(what.unwrap_or_else(|| "it leaves out figures".to_owned())));
        }
        if again.national_security != report.national_security {
            return Err(StatementError::Differs("its bands are others".to_owned()));
        }
        Ok(sign_note(auditor, &Statement::about(report).text))
    }

    /// Checks that a note is an auditor's statement about this report.
    pub fn verify(
        report: &TransparencyReport,
        note: &str,
        auditor: &VerifierKey,
    ) -> Result<(), StatementError> {
        let text = open_note(auditor, note)?;
        if text == Statement::about(report).text { Ok(()) } else { Err(StatementError::Other) }
    }
}
