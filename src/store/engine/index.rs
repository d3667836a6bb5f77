//! The index: a sorted map of small rows, in fjall.
//!
//! It is written after the log and never synced for a commit. A checkpoint syncs it and notes in it how far the
//! log is covered; opening replays the log from there.

use std::io;
use std::ops::RangeInclusive;
use std::path::Path;

use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode, Readable, Snapshot};

use super::EngineError;
use super::frame::RowChange;
use super::log::Position;

/// The key of the row that says how far the log is covered. No other row's key is as short.
const CHECKPOINT: &[u8] = &[0];

/// Memory for blocks that were read. Eleven nodes of a demo share one laptop.
const CACHE_BYTES: u64 = 8 << 20;
const MEMTABLE_BYTES: u64 = 8 << 20;

pub(super) struct Index {
    database: Database,
    rows: Keyspace,
}

/// A row as it was read.
pub(crate) type Row = (fjall::UserKey, fjall::UserValue);

impl Index {
    pub fn open(folder: &Path) -> Result<Self, EngineError> {
        let database = Database::builder(folder)
            .cache_size(CACHE_BYTES)
            .max_journaling_size(64 << 20)
            .worker_threads(1)
            .manual_journal_persist(true)
            .open()?;
        let options = || KeyspaceCreateOptions::default().max_memtable_size(MEMTABLE_BYTES);
        let rows = database.keyspace("rows", options)?;
        Ok(Index { database, rows })
    }

    pub fn get(&self, key: &[u8]) -> Result<Option<fjall::UserValue>, EngineError> {
        Ok(self.rows.get(key)?)
    }

    pub fn view(&self) -> IndexView {
        IndexView { snapshot: self.database.snapshot(), rows: self.rows.clone() }
    }

    pub fn apply(&self, changes: &[RowChange]) -> Result<(), EngineError> {
        let mut batch = self.database.batch();
        for change in changes {
            match &change.value {
                Some(value) => batch.insert(&self.rows, change.key.as_slice(), value.as_slice()),
                None => batch.remove(&self.rows, change.key.as_slice()),
            }
        }
        Ok(batch.commit()?)
    }

    /// Returns when everything applied so far is on the disk.
    pub fn persist(&self) -> Result<(), EngineError> {
        Ok(self.database.persist(PersistMode::SyncAll)?)
    }

    /// Notes that everything before `position` is on the disk. The note itself may be lost, which only means that
    /// more is replayed.
    pub fn note_covered(&self, position: Position) -> Result<(), EngineError> {
        let mut value = Vec::with_capacity(20);
        value.extend_from_slice(&position.segment.to_le_bytes());
        value.extend_from_slice(&position.offset.to_le_bytes());
        value.extend_from_slice(&position.sequence.to_le_bytes());
        self.apply(&[RowChange { key: CHECKPOINT.to_vec(), value: Some(value) }])
    }

    pub fn covered(&self, folder: &Path) -> Result<Option<Position>, EngineError> {
        let Some(value) = self.get(CHECKPOINT)? else { return Ok(None) };
        let damaged = || EngineError::Damaged {
            path: folder.to_owned(),
            what: "its note of how far it covers the log has another length".into(),
        };
        let (segment, rest) = value.split_first_chunk::<4>().ok_or_else(damaged)?;
        let (offset, rest) = rest.split_first_chunk::<8>().ok_or_else(damaged)?;
        let sequence: [u8; 8] = rest.try_into().map_err(|_| damaged())?;
        Ok(Some(Position {
            segment: u32::from_le_bytes(*segment),
            offset: u64::from_le_bytes(*offset),
            sequence: u64::from_le_bytes(sequence),
        }))
    }
}

/// The index as it is at one moment, whatever is committed while somebody reads.
pub(crate) struct IndexView {
    snapshot: Snapshot,
    rows: Keyspace,
}

impl IndexView {
    pub fn get(&self, key: &[u8]) -> Result<Option<fjall::UserValue>, EngineError> {
        Ok(self.snapshot.get(&self.rows, key)?)
    }

    /// Rows with keys in a range, in the order of their keys.
    pub fn range(
        &self,
        range: RangeInclusive<Vec<u8>>,
    ) -> impl Iterator<Item = Result<Row, EngineError>> + Send + use<> {
        self.snapshot.range(&self.rows, range).map(|guard| Ok(guard.into_inner()?))
    }
}

impl From<fjall::Error> for EngineError {
    fn from(error: fjall::Error) -> Self {
        match error {
            fjall::Error::Locked => EngineError::Busy,
            fjall::Error::InvalidVersion(found) => {
                EngineError::Index(io::Error::other(format!("its format version {found:?} is not known")))
            }
            other => EngineError::Index(io::Error::other(other)),
        }
    }
}
