//! What can be counted of a served record: the openings that lie beside it, or that somebody was given.

use std::collections::{BTreeMap, BTreeSet};

use super::{PublicEntry, PublicEvent};
use crate::clock::Date;
use crate::record::about_log::is_about_the_log;
use crate::record::entry::Slot;
use crate::record::opening::{Opening, OpeningError};
use crate::record::policy::Quorum;
use crate::record::served::{ServedError, ServedLog};
use crate::record::storage::ReadTiles;

/// The entries that are open, and those matters of which some entry is not.
#[derive(Clone, Debug)]
pub struct Counted {
    /// In order.
    pub entries: Vec<PublicEntry>,
    /// Tags of matters of which an entry is closed: how they stand is not known.
    pub closed: BTreeSet<[u8; 32]>,
    /// The last entry that is closed.
    pub last_closed: Option<u64>,
    /// The checkpoint they were read at, as a signed note.
    pub checkpoint: String,
    pub quorum: Quorum,
}

/// Why a record cannot be counted.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error(transparent)]
    Served(#[from] ServedError),
    #[error("entry {entry}: {error}")]
    Opening { entry: u64, error: OpeningError },
    #[error(
        "entry {entry}: what the public may read of it cannot be read: {error}; a newer program may have written it"
    )]
    Public { entry: u64, error: String },
}

/// Reads the first `size` entries of a served record, with openings given beside those that were published. Each is
/// checked against its entry.
pub fn read<T: ReadTiles>(
    log: &mut ServedLog<T>,
    size: u64,
    given: &[Opening],
) -> Result<Counted, ReadError> {
    let says = |opening: &&Opening| opening.slot(Slot::Public).is_some() || is_about_the_log(opening);
    let given: BTreeMap<u64, &Opening> = given.iter().filter(says).map(|o| (o.entry(), o)).collect();
    let published = log.published();
    let mut counted = Counted {
        entries: Vec::new(),
        closed: BTreeSet::new(),
        last_closed: None,
        checkpoint: published.checkpoint.to_string(),
        quorum: published.quorum.clone(),
    };
    for entry in 1..size {
        let leaf = log.prove(entry)?.leaf;
        let opening = match given.get(&entry) {
            Some(opening) => {
                opening.check(&leaf).map_err(|error| ReadError::Opening { entry, error })?;
                Some((*opening).clone())
            }
            None => log.opening(entry)?,
        };
        // What is about the log itself belongs to no demand.
        if opening.as_ref().is_some_and(is_about_the_log) {
            continue;
        }
        let value = match opening.map(|opening| opening.value(Slot::Public)) {
            None | Some(Ok(None)) => {
                counted.closed.insert(*leaf.matter_tag());
                counted.last_closed = Some(entry);
                continue;
            }
            Some(Err(error)) => return Err(ReadError::Opening { entry, error }),
            Some(Ok(Some(value))) => value,
        };
        let event: PublicEvent = serde_json::from_value(value)
            .map_err(|error| ReadError::Public { entry, error: error.to_string() })?;
        counted.entries.push(PublicEntry { entry, matter_tag: *leaf.matter_tag(), event });
    }
    Ok(counted)
}

impl Counted {
    /// The newest day of an entry that is open.
    pub fn newest(&self) -> Option<Date> {
        self.entries.iter().map(|entry| entry.event.date()).max()
    }

    /// True if nothing that is closed comes after all that is open: then [`Self::newest`] is the record's.
    pub fn is_open_at_the_end(&self) -> bool {
        self.last_closed < self.entries.last().map(|entry| entry.entry)
    }

    /// Only the matters that are open from their first entry to their last.
    #[must_use]
    pub fn whole(&self) -> Counted {
        let mut whole = self.clone();
        whole.entries.retain(|entry| !self.closed.contains(&entry.matter_tag));
        whole
    }
}
