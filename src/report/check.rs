//! Which figures of a report can be counted again, and on whose word the others rest.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{BandForm, Counted, Span, SpanError, TransparencyReport, canonical};
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
    /// Counted again from openings that anybody can fetch.
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
}

/// What was found of a report.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ReportCheck {
    pub figures: Vec<FigureCheck>,
    /// Matters of which some entry is closed.
    pub closed: usize,
    /// Who cosigned the checkpoint that the report was made from, and whether an outsider did.
    pub quorum: Quorum,
}

impl ReportCheck {
    pub fn is_wrong(&self) -> bool {
        self.figures.iter().any(|figure| figure.basis == Basis::Wrong)
    }
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
) -> Result<ReportCheck, SpanError> {
    let span = Span { from: report.from, to: report.to, made: report.made };
    let again = TransparencyReport::make(world, &counted.whole(), span, None)?;
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
            let (said, counted) =
                (said.get(name).copied().unwrap_or(0), again.get(name).copied().unwrap_or(0));
            let basis = match said.cmp(&counted) {
                std::cmp::Ordering::Equal => Basis::Recomputed,
                std::cmp::Ordering::Less if report.complete => Basis::Wrong,
                // More has been opened since it was made from what was open then.
                std::cmp::Ordering::Less => word(),
                std::cmp::Ordering::Greater => word(),
            };
            FigureCheck { figure: name.clone(), said: said.to_string(), counted: Some(counted), basis }
        })
        .collect();
    // Where nothing is closed, nothing can be more than what is counted.
    if counted.closed.is_empty() {
        for figure in figures.iter_mut().filter(|figure| figure.basis != Basis::Recomputed) {
            figure.basis = Basis::Wrong;
        }
    }
    for row in report.national_security.iter().flat_map(|told| &told.rows) {
        let figure = format!("{}, {} to {}", row.what, row.from, row.to);
        figures.push(FigureCheck { figure, said: row.band.clone(), counted: None, basis: word() });
    }
    Ok(ReportCheck { figures, closed: counted.closed.len(), quorum: report.quorum.clone() })
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
    Span(#[from] SpanError),
    #[error("the report says otherwise than what comes out of the openings: {0}")]
    Differs(String),
    #[error(
        "a report that was made from published openings only can be counted again by anybody, and needs no signature"
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
        if !report.complete {
            return Err(StatementError::Incomplete);
        }
        if !counted.closed.is_empty() {
            return Err(StatementError::Closed(counted.closed.len()));
        }
        let form = report.national_security.as_ref().and_then(|told| told.width.to_string().parse().ok());
        let span = Span { from: report.from, to: report.to, made: report.made };
        let form = Some(form.unwrap_or(BandForm::Thousands));
        let again = TransparencyReport::make(world, counted, span, form)?;
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
