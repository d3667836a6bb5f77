use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The kind of legal process. An MLA request is not among them: it goes between states, and what reaches the
/// provider is the local order that answers it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InstrumentKind {
    Warrant,
    CourtOrder,
    Subpoena,
    Epoc,
    EpocPr,
    PreservationLetter,
    NationalSecurityLetter,
    CivilSubpoena,
    /// A written demand of police, a prosecutor or an agency, where a law lets them make one without a court.
    Requisition,
    /// A standing instruction under a programme that was approved as a whole, each target chosen by the executive.
    Directive,
    /// An order to be able to help: to build or keep a capability.
    CapabilityNotice,
    /// The order of a court of the requested state that answers an MLA request.
    LocalOrder,
}

impl InstrumentKind {
    /// As a reader says it: `court order`, `EPOC`.
    pub fn in_words(self) -> String {
        match self {
            InstrumentKind::Epoc | InstrumentKind::EpocPr => self.as_str().to_uppercase(),
            _ => self.as_str().replace('-', " "),
        }
    }

    pub const ALL: [InstrumentKind; 12] = [
        InstrumentKind::Warrant,
        InstrumentKind::CourtOrder,
        InstrumentKind::Subpoena,
        InstrumentKind::Epoc,
        InstrumentKind::EpocPr,
        InstrumentKind::PreservationLetter,
        InstrumentKind::NationalSecurityLetter,
        InstrumentKind::CivilSubpoena,
        InstrumentKind::Requisition,
        InstrumentKind::Directive,
        InstrumentKind::CapabilityNotice,
        InstrumentKind::LocalOrder,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            InstrumentKind::Warrant => "warrant",
            InstrumentKind::CourtOrder => "court-order",
            InstrumentKind::Subpoena => "subpoena",
            InstrumentKind::Epoc => "epoc",
            InstrumentKind::EpocPr => "epoc-pr",
            InstrumentKind::PreservationLetter => "preservation-letter",
            InstrumentKind::NationalSecurityLetter => "national-security-letter",
            InstrumentKind::CivilSubpoena => "civil-subpoena",
            InstrumentKind::Requisition => "requisition",
            InstrumentKind::Directive => "directive",
            InstrumentKind::CapabilityNotice => "capability-notice",
            InstrumentKind::LocalOrder => "local-order",
        }
    }
}

impl fmt::Display for InstrumentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Not a kind of instrument.
#[derive(Debug, Clone, thiserror::Error)]
#[error("unknown instrument `{0}`")]
pub struct UnknownInstrument(String);

impl FromStr for InstrumentKind {
    type Err = UnknownInstrument;

    fn from_str(text: &str) -> Result<Self, UnknownInstrument> {
        InstrumentKind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| UnknownInstrument(text.to_owned()))
    }
}
