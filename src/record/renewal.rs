//! Entries about the log itself, beside the genesis: that a witness was enrolled again.
//!
//! A witness that lost its memory, or was restored from a backup, has forgotten what it said. It begins anew with a head that
//! holds this entry. So everybody who reads the record sees when that was, and why, and from which size on the witness vouches for
//! the log again.

use serde::{Deserialize, Serialize};

use super::entry::{EntryDraft, Slot};
use super::opening::Opening;
use crate::clock::SimTime;

/// The kind of such an entry.
const KIND: &str = "witness-enrolled-again";

/// A witness was enrolled again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct EnrolledAgain {
    /// Its name in the policy.
    pub witness: String,
    /// Its key, in signed-note form; the same as before.
    pub key: String,
    /// The size of the head that was in its memory; absent if the memory was lost.
    pub remembered: Option<u64>,
    /// In the words of whoever did it.
    pub why: String,
    pub timing: SimTime,
}

impl EnrolledAgain {
    /// The slots that everybody may see.
    pub const OPEN: [Slot; 2] = [Slot::Kind, Slot::Facts];

    pub fn draft(&self) -> EntryDraft {
        let facts = serde_json::to_value(self).expect("this has only string keys");
        EntryDraft::new(format!("witness {}", self.witness), self.timing)
            .with(Slot::Kind, serde_json::Value::from(KIND))
            .with(Slot::Facts, facts)
    }

    /// Reads it from an opening; `None` if the entry is about something else, or is not open far enough.
    pub fn read(opening: &Opening) -> Option<Self> {
        is_about_the_log(opening).then_some(())?;
        serde_json::from_value(opening.value(Slot::Facts).ok()??).ok()
    }
}

/// True for an entry that is about the log itself and belongs to no matter.
pub fn is_about_the_log(opening: &Opening) -> bool {
    matches!(opening.value(Slot::Kind), Ok(Some(kind)) if kind == KIND)
}
