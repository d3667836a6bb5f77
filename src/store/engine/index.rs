//! The index: a sorted map of small rows, in fjall.
//!
//! It is written after the log and never synced for a commit. A checkpoint syncs it and notes in it how far the
//! log is covered; opening replays the log from there.
//!
//! Rows of the last commits lie in memory beside the tree, where readers look first, and a thread of their own moves
//! them: sorting rows into the tree costs more than all else that a commit does, and nobody has to wait for it. A row
//! that is changed again and again, such as the state of a busy copy, is moved once.

use std::collections::HashMap;
use std::io;
use std::ops::RangeInclusive;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread::JoinHandle;

use fjall::config::PartitioningPolicy;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode, Readable, Snapshot, UserKey, UserValue};

use super::EngineError;
use super::frame::RowChange;
use super::log::Position;

/// The key of the row that says how far the log is covered. No other row's key is as short.
const CHECKPOINT: &[u8] = &[0];

/// Memory for blocks that were read. Eleven nodes of a demo share one laptop.
const CACHE_BYTES: u64 = 8 << 20;
const MEMTABLE_BYTES: u64 = 16 << 20;

/// Rows beside the tree are moved when there are so many; a commit waits for that when there are twice as many.
const FRESH_ROWS: usize = 1 << 15;

/// So many may be moved while commits wait.
const A_FEW: usize = 256;

/// So many rows go into the tree at once.
const BATCH_ROWS: usize = 1 << 12;

pub(super) struct Index {
    tree: Arc<Tree>,
    work: Option<Sender<Work>>,
    mover: Option<JoinHandle<()>>,
}

/// What the thread beside the committer does.
enum Work {
    Move,
    /// Moves rows, syncs them and notes that the log is covered up to there.
    Checkpoint(Position),
}

struct Tree {
    database: Database,
    rows: Keyspace,
    beside: RwLock<Beside>,
    /// Held by whoever moves rows.
    moves: Mutex<()>,
    /// Somebody asked already for rows to be moved.
    asked: AtomicBool,
    /// What was noted last.
    noted: Mutex<Option<Position>>,
}

type Rows = HashMap<UserKey, Option<UserValue>>;

/// Committed rows that the tree does not have yet.
#[derive(Default)]
struct Beside {
    fresh: Rows,
    /// Older than the fresh ones, on their way into the tree.
    moving: Option<Arc<Rows>>,
}

/// A row as it was read.
pub(crate) type Row = (UserKey, UserValue);

impl Tree {
    fn get(&self, key: &[u8]) -> Result<Option<UserValue>, EngineError> {
        {
            let beside = self.beside();
            let moving = || beside.moving.as_ref().and_then(|rows| rows.get(key));
            if let Some(change) = beside.fresh.get(key).or_else(moving) {
                return Ok(change.clone());
            }
        }
        Ok(self.rows.get(key)?)
    }

    fn beside(&self) -> RwLockReadGuard<'_, Beside> {
        self.beside.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn beside_to_change(&self) -> RwLockWriteGuard<'_, Beside> {
        self.beside.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn moves(&self) -> MutexGuard<'_, ()> {
        self.moves.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves the rows that are fresh now. After an error they stay where readers find them, and are tried again.
    fn move_rows(&self, _one_at_a_time: &MutexGuard<'_, ()>) -> Result<(), EngineError> {
        loop {
            let (moving, left_over) = {
                let mut beside = self.beside_to_change();
                let left_over = beside.moving.is_some();
                if !left_over {
                    beside.moving = Some(Arc::new(std::mem::take(&mut beside.fresh)));
                }
                (beside.moving.clone().unwrap_or_default(), left_over)
            };
            self.put(&moving)?;
            self.beside_to_change().moving = None;
            if !left_over {
                return Ok(());
            }
        }
    }

    fn checkpoint(&self, position: Position) -> Result<(), EngineError> {
        self.move_rows(&self.moves())?;
        self.sync()?;
        let mut value = Vec::with_capacity(20);
        value.extend_from_slice(&position.segment.to_le_bytes());
        value.extend_from_slice(&position.offset.to_le_bytes());
        value.extend_from_slice(&position.sequence.to_le_bytes());
        self.rows.insert(CHECKPOINT, value)?;
        *self.noted.lock().unwrap_or_else(PoisonError::into_inner) = Some(position);
        Ok(())
    }

    fn sync(&self) -> Result<(), EngineError> {
        Ok(self.database.persist(PersistMode::SyncAll)?)
    }

    fn put(&self, changes: &Rows) -> Result<(), EngineError> {
        let mut changes: Vec<_> = changes.iter().collect();
        changes.sort_unstable_by_key(|(key, _)| *key);
        for some in changes.chunks(BATCH_ROWS) {
            let mut batch = self.database.batch();
            for (key, value) in some {
                match value {
                    Some(value) => batch.insert(&self.rows, (*key).clone(), value.clone()),
                    None => batch.remove(&self.rows, (*key).clone()),
                }
            }
            batch.commit()?;
        }
        Ok(())
    }
}

fn run(tree: &Tree, todo: &Receiver<Work>) {
    while let Ok(work) = todo.recv() {
        tree.asked.store(false, Ordering::Relaxed);
        let done = match work {
            Work::Move => tree.move_rows(&tree.moves()),
            Work::Checkpoint(position) => tree.checkpoint(position),
        };
        // Rows stay where readers find them, and the log has them. The committer tries again before there are too many.
        if let Err(error) = done {
            tracing::error!(%error, "rows could not be moved into the index");
        }
    }
}

impl Index {
    pub fn open(folder: &Path) -> Result<Self, EngineError> {
        let database = Database::builder(folder)
            .cache_size(CACHE_BYTES)
            .max_journaling_size(64 << 20)
            .worker_threads(1)
            .manual_journal_persist(true)
            .open()?;
        // In pieces of a few KiB, so that a lookup reads what it needs. A whole table's filter is a megabyte, and most
        // lookups are for what is not there.
        let options = || {
            KeyspaceCreateOptions::default()
                .max_memtable_size(MEMTABLE_BYTES)
                .filter_block_partitioning_policy(PartitioningPolicy::all(true))
                .index_block_partitioning_policy(PartitioningPolicy::all(true))
        };
        let rows = database.keyspace("rows", options)?;
        let tree = Arc::new(Tree {
            database,
            rows,
            beside: RwLock::default(),
            moves: Mutex::default(),
            asked: AtomicBool::default(),
            noted: Mutex::default(),
        });
        let (work, todo) = channel();
        let moved = tree.clone();
        let mover = std::thread::Builder::new().name("index".to_owned()).spawn(move || run(&moved, &todo));
        let mover = Some(mover.map_err(EngineError::Index)?);
        Ok(Index { tree, work: Some(work), mover })
    }

    pub fn get(&self, key: &[u8]) -> Result<Option<UserValue>, EngineError> {
        self.tree.get(key)
    }

    /// The rows as they are now.
    pub fn view(&self) -> Result<IndexView, EngineError> {
        let tree = &*self.tree;
        let moves = tree.moves();
        let many = |beside: &Beside| beside.moving.is_some() || beside.fresh.len() > A_FEW;
        if many(&tree.beside()) {
            tree.move_rows(&moves)?;
        }
        // What was committed meanwhile is little. While it is moved there is no commit, so that the view shows each of
        // them whole.
        let mut beside = tree.beside_to_change();
        tree.put(&beside.fresh)?;
        beside.fresh.clear();
        Ok(IndexView { snapshot: tree.database.snapshot(), rows: tree.rows.clone() })
    }

    /// Takes the changes of one commit, all of them at one moment.
    pub fn apply(&self, changes: &[RowChange]) -> Result<(), EngineError> {
        let changes = changes
            .iter()
            .map(|change| (UserKey::from(&change.key), change.value.as_ref().map(UserValue::from)));
        let rows = {
            let mut beside = self.tree.beside_to_change();
            beside.fresh.extend(changes);
            beside.fresh.len()
        };
        if rows >= 2 * FRESH_ROWS {
            self.tree.move_rows(&self.tree.moves())?;
        } else if rows >= FRESH_ROWS && !self.tree.asked.swap(true, Ordering::Relaxed) {
            self.ask(Work::Move);
        }
        Ok(())
    }

    fn ask(&self, work: Work) {
        if let Some(queue) = &self.work {
            // Should the thread be gone, commits move their rows themselves.
            let _ = queue.send(work);
        }
    }

    /// Has it noted, before long, that everything before `position` is on the disk. [`Index::noted`] tells when it is.
    pub fn begin_checkpoint(&self, position: Position) {
        self.ask(Work::Checkpoint(position));
    }

    /// Returns when everything applied so far is on the disk, and the note that it covers the log up to `position` is
    /// written after it.
    pub fn checkpoint(&self, position: Position) -> Result<(), EngineError> {
        self.tree.checkpoint(position)
    }

    /// Puts the note on the disk, which has to be there before what it makes superfluous goes.
    pub fn sync_note(&self) -> Result<(), EngineError> {
        self.tree.sync()
    }

    /// Up to where the log is covered, as was noted last.
    pub fn noted(&self) -> Option<Position> {
        *self.tree.noted.lock().unwrap_or_else(PoisonError::into_inner)
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

impl Drop for Index {
    fn drop(&mut self) {
        self.work = None;
        if let Some(mover) = self.mover.take()
            && mover.join().is_err()
        {
            tracing::error!("the thread that moves rows into the index ended in a panic");
        }
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
