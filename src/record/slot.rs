//! The sixteen values of an entry, and how one is committed to.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// One of the sixteen values that every entry commits to. The order is part of the format.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Slot {
    /// What kind of event this is.
    Kind,
    Matter,
    /// Which demand, which version.
    Demand,
    /// The instrument as signed.
    Instrument,
    /// Who takes part: authority, account holder, entity.
    Parties,
    /// What the provider knew when it decided.
    Facts,
    /// Which revision of which law books.
    Law,
    /// What each jurisdiction's law held.
    Positions,
    Decision,
    /// One hash of a grant per region; see [`Grant`].
    Grants,
    /// Orders and filings of the matter.
    Order,
    /// Received, due, decided.
    Timing,
    Production,
    /// The treaty route.
    Route,
    Note,
    /// What anybody may read of it once it may be told of at all.
    #[serde(alias = "reserved")]
    Public,
}

impl Slot {
    /// In the order of the format.
    pub const ALL: [Slot; 16] = [
        Slot::Kind,
        Slot::Matter,
        Slot::Demand,
        Slot::Instrument,
        Slot::Parties,
        Slot::Facts,
        Slot::Law,
        Slot::Positions,
        Slot::Decision,
        Slot::Grants,
        Slot::Order,
        Slot::Timing,
        Slot::Production,
        Slot::Route,
        Slot::Note,
        Slot::Public,
    ];

    /// Its place in the leaf, from 0 to 15.
    pub fn index(self) -> u8 {
        self as u8
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Slot::Kind => "kind",
            Slot::Matter => "matter",
            Slot::Demand => "demand",
            Slot::Instrument => "instrument",
            Slot::Parties => "parties",
            Slot::Facts => "facts",
            Slot::Law => "law",
            Slot::Positions => "positions",
            Slot::Decision => "decision",
            Slot::Grants => "grants",
            Slot::Order => "order",
            Slot::Timing => "timing",
            Slot::Production => "production",
            Slot::Route => "route",
            Slot::Note => "note",
            Slot::Public => "public",
        }
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Slot {
    type Err = UnknownSlot;

    fn from_str(text: &str) -> Result<Self, UnknownSlot> {
        Slot::ALL.into_iter().find(|slot| slot.as_str() == text).ok_or_else(|| UnknownSlot(text.to_owned()))
    }
}

/// Not a slot.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown slot `{0}`")]
pub struct UnknownSlot(String);

/// Commits to a value: SHA-256(`rogatory slot v1\n` ‖ u8 slot ‖ salt ‖ value).
pub fn commitment(slot: Slot, salt: &[u8; 32], value: &[u8]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(b"rogatory slot v1\n");
    hasher.update([slot.index()]);
    hasher.update(salt);
    hasher.update(value);
    hasher.finalize().into()
}
