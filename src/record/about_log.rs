//! Entries about the log itself, beside the genesis: a witness was enrolled again, or openings were erased.
//!
//! They belong to no matter, and everybody may read them. A witness that lost its memory, or was restored from a backup, has
//! forgotten what it said; it begins anew with a head that holds such an entry, so everybody sees when that was, and why, and from
//! which size on it vouches for the log again. And an entry that nobody can open any more was either erased, which another
//! entry says, or lost.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::entry::{EntryDraft, Slot};
use super::opening::Opening;
use crate::clock::SimTime;

/// What an entry about the log says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(untagged)]
pub enum AboutLog {
    EnrolledAgain(EnrolledAgain),
    Erased(Erased),
}

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

/// What opened some entries was erased. It is said first and done then; a crash in between is made good at the next start.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Erased {
    pub entries: Vec<u64>,
    pub timing: SimTime,
}

const ENROLLED_AGAIN: &str = "witness-enrolled-again";
const ERASED: &str = "openings-erased";

impl AboutLog {
    /// The slots that everybody may see.
    pub const OPEN: [Slot; 2] = [Slot::Kind, Slot::Facts];

    pub fn draft(&self) -> EntryDraft {
        // Its own name takes the place of a matter's: nothing else has its tag.
        let (name, timing) = match self {
            AboutLog::EnrolledAgain(enrolled) => (format!("witness {}", enrolled.witness), enrolled.timing),
            AboutLog::Erased(erased) => ("openings erased".to_owned(), erased.timing),
        };
        let facts = serde_json::to_value(self).expect("this has only string keys");
        EntryDraft::new(name, timing).with(Slot::Kind, Value::from(self.kind())).with(Slot::Facts, facts)
    }

    fn kind(&self) -> &'static str {
        match self {
            AboutLog::EnrolledAgain(_) => ENROLLED_AGAIN,
            AboutLog::Erased(_) => ERASED,
        }
    }

    /// Reads it from an opening; `None` if the entry is about something else, or is not open far enough.
    pub fn read(opening: &Opening) -> Option<Self> {
        let facts = opening.value(Slot::Facts).ok()??;
        let read = match kind(opening)?.as_str() {
            ENROLLED_AGAIN => serde_json::from_value(facts).map(AboutLog::EnrolledAgain),
            ERASED => serde_json::from_value(facts).map(AboutLog::Erased),
            _ => return None,
        };
        read.ok()
    }
}

/// True for an entry that is about the log itself and belongs to no matter.
pub fn is_about_the_log(opening: &Opening) -> bool {
    kind(opening).is_some_and(|kind| kind == ENROLLED_AGAIN || kind == ERASED)
}

fn kind(opening: &Opening) -> Option<String> {
    match opening.value(Slot::Kind) {
        Ok(Some(Value::String(kind))) => Some(kind),
        _ => None,
    }
}
