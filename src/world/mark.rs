use std::fmt;

use serde::{Deserialize, Serialize};

/// How sure we are of a fact of the real world, from most to least.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum SourceMark {
    /// Read in a copy of the primary text.
    #[serde(rename = "verified")]
    Verified,
    /// Read in somebody else's account.
    #[serde(rename = "verified-secondary")]
    VerifiedSecondary,
    /// Not read; to be treated as unconfirmed.
    #[serde(rename = "from memory")]
    FromMemory,
    /// Not a fact but a choice of this model.
    #[serde(rename = "modelling choice")]
    ModellingChoice,
}

impl SourceMark {
    /// From most to least sure.
    pub const ALL: [SourceMark; 4] = [
        SourceMark::Verified,
        SourceMark::VerifiedSecondary,
        SourceMark::FromMemory,
        SourceMark::ModellingChoice,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            SourceMark::Verified => "verified",
            SourceMark::VerifiedSecondary => "verified-secondary",
            SourceMark::FromMemory => "from memory",
            SourceMark::ModellingChoice => "modelling choice",
        }
    }
}

impl fmt::Display for SourceMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
