//! The one place where entries come to be.
//!
//! The order of writes, and what is true after a crash behind each:
//!
//! 1. openings kept: openings of entries that do not exist; replaced when their index is used
//! 2. journal record: the entries exist; tiles are written again from the journal at the next start
//! 3. full tiles and bundles written, and then, unless more drafts are waiting, the partial ones, none of them synced: as above
//! 4. (when a tile became full) its partial ones removed, but for the one the journal starts at: as above. Until the next
//!    start has written the full one again, a power cut may leave neither; tlog-tiles lets a log that has the full one
//!    go without the others
//! 5. handed to the collector: as above; nobody was answered, or holds a checkpoint that is consistent with the journal
//! 6. (now and then) tiles synced: as above
//! 7. (now and then) journal replaced by one that starts at the synced tiles
//! 8. (after that) the partial tiles removed that the old journal started at, if full ones have replaced them

use std::io;
use std::sync::Arc;

use tokio::sync::mpsc;

use super::collector::Event;
use super::recent::Recent;
use super::{AppendError, LogError, Reply, Shared, Waiter};
use crate::record::Hash;
use crate::record::TreeHead;
use crate::record::entry::{EntryDraft, SealedEntry};
use crate::record::journal::{self, JournalEnd, put_leaf};
use crate::record::secret::RecordSecret;
use crate::record::storage::{Left, Storage, entries_path, read_entries, tile_path};
use crate::record::tile::TILE_WIDTH;
use crate::record::tree::{Edge, FullTile, Tree};

/// Drafts in one batch at most: enough to share a flush, few enough that nobody waits long for the others.
const BATCH_MAX: usize = 512;

/// Batches that may wait for what readers need of them.
const UNSETTLED_MAX: usize = 4;

pub(super) enum Request {
    Append { draft: Box<EntryDraft>, reply: Reply },
    Close,
}

/// The log as far as it is written.
pub(super) struct State {
    edge: Edge,
    /// The leaves of the entry bundle that is not full yet, as they stand in its file.
    bundle: Vec<u8>,
    end: JournalEnd,
    /// The size that the journal starts at. Recovery needs the partial tiles of this size; those of any other size it
    /// writes itself.
    base: u64,
    /// Full tiles that have replaced one of the partial tiles the journal starts at.
    replaced: Vec<String>,
    /// What became full since the partial tiles were written last.
    full: Vec<FullTile>,
    full_paths: Vec<Replaced>,
}

impl State {
    /// Starts a new journal at the head, and removes what the old one started at.
    fn start_journal(&mut self, storage: &dyn Storage, left: Left<'_>) -> io::Result<()> {
        // The tiles first: a journal that starts at `head` cannot write them again.
        storage.sync()?;
        let (header, end) = journal::header(self.head());
        storage.replace_journal(left, &header)?;
        self.end = end;
        self.base = self.edge.size();
        for full in self.replaced.drain(..) {
            storage.remove_partials(&full, None)?;
        }
        Ok(())
    }

    /// Writes the tiles that are not full yet, and removes those that full ones have replaced. Gives the full ones.
    fn settle(&mut self, storage: &dyn Storage) -> io::Result<Vec<FullTile>> {
        let size = self.edge.size();
        let width = (size % TILE_WIDTH as u64) as usize;
        if width > 0 {
            storage.write(&entries_path(size / TILE_WIDTH as u64, width), &self.bundle)?;
        }
        for (level, number, nodes) in self.edge.partial_tiles() {
            // Above level 0 most batches leave the edge as it was, and its tile is there already.
            if level == 0 || self.full.iter().any(|tile| tile.level + 1 == level) {
                storage.write(&tile_path(level, number, nodes.width()), &nodes.to_bytes())?;
            }
        }
        for Replaced { path, level, number } in std::mem::take(&mut self.full_paths) {
            let hashes = self.base >> (8 * u32::from(level));
            let width = hashes.saturating_sub(number * TILE_WIDTH as u64) as usize;
            let keep = (1..TILE_WIDTH).contains(&width).then_some(width);
            storage.remove_partials(&path, keep)?;
            if keep.is_some() {
                self.replaced.push(path);
            }
        }
        Ok(std::mem::take(&mut self.full))
    }

    /// Goes on behind a batch.
    fn advance(&mut self, staged: Staged) {
        self.full_paths.extend(staged.full_paths());
        self.full.extend(staged.full_tiles);
        self.edge = staged.edge;
        self.bundle = staged.bundle;
    }

    pub(super) fn head(&self) -> TreeHead {
        self.edge.head()
    }

    pub(super) fn tree(&self) -> Tree {
        Tree::new(self.edge.clone())
    }
}

/// A batch that is computed and not written.
struct Staged {
    edge: Edge,
    bundle: Vec<u8>,
    full_tiles: Vec<FullTile>,
    full_bundles: Vec<(u64, Vec<u8>)>,
}

impl Staged {
    fn new<'a>(state: &State, leaves: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut staged = Staged {
            edge: state.edge.clone(),
            bundle: state.bundle.clone(),
            full_tiles: Vec::new(),
            full_bundles: Vec::new(),
        };
        for leaf in leaves {
            put_leaf(&mut staged.bundle, leaf);
            staged.edge.push(Hash::of_leaf(leaf), &mut staged.full_tiles);
            let size = staged.edge.size();
            if size.is_multiple_of(TILE_WIDTH as u64) {
                let full = std::mem::take(&mut staged.bundle);
                staged.full_bundles.push((size / TILE_WIDTH as u64 - 1, full));
            }
        }
        staged
    }

    /// Writes what became full. Every path is new or, after a crash, gets the same bytes again.
    fn write_full(&self, storage: &dyn Storage) -> io::Result<()> {
        for (number, bundle) in &self.full_bundles {
            storage.write(&entries_path(*number, TILE_WIDTH), bundle)?;
        }
        for tile in &self.full_tiles {
            storage.write(&tile_path(tile.level, tile.number, TILE_WIDTH), &tile.nodes.to_bytes())?;
        }
        Ok(())
    }

    /// The full tiles, each of which replaces the partial ones before it.
    fn full_paths(&self) -> Vec<Replaced> {
        let bundles = self.full_bundles.iter().map(|(number, _)| Replaced {
            path: entries_path(*number, TILE_WIDTH),
            level: 0,
            number: *number,
        });
        let tiles = self.full_tiles.iter().map(|tile| Replaced {
            path: tile_path(tile.level, tile.number, TILE_WIDTH),
            level: tile.level,
            number: tile.number,
        });
        bundles.chain(tiles).collect()
    }
}

/// A tile, or a bundle of entries, that became full.
struct Replaced {
    path: String,
    level: u8,
    number: u64,
}

/// Reads the journal and writes its batches as normal running does, then starts a new journal on top of them. What it returns is
/// durable, also if a failed write had left it in doubt.
pub(super) fn recover(storage: &dyn Storage) -> Result<State, LogError> {
    let bytes = storage.load_journal()?;
    if bytes.is_empty() {
        return Err(LogError::NoLog);
    }
    let journal = journal::read(&bytes)?;
    if journal.torn > 0 {
        tracing::warn!(
            bytes = journal.torn,
            "the last record of the journal was torn and never acknowledged"
        );
    }
    let edge = Edge::load(journal.base.size, storage)?;
    if edge.head() != journal.base {
        return Err(LogError::Base { tiles: edge.head(), journal: journal.base });
    }
    let bundle = match journal.base.size % TILE_WIDTH as u64 {
        0 => Vec::new(),
        width => {
            let mut bundle = read_entries(storage, journal.base.size / TILE_WIDTH as u64, journal.base.size)?;
            // The full bundle may be there already, from batches that are in the journal.
            bundle.truncate(bundle_bytes(&bundle, width as usize));
            bundle
        }
    };
    let (_, end) = journal::header(journal.base);
    let mut state = State {
        edge,
        bundle,
        end,
        base: journal.base.size,
        replaced: Vec::new(),
        full: Vec::new(),
        full_paths: Vec::new(),
    };
    let replayed = journal.batches.len();
    for batch in journal.batches {
        let staged = Staged::new(&state, batch.leaves.iter().map(Vec::as_slice));
        if staged.edge.head() != batch.head {
            return Err(LogError::Batch { found: staged.edge.head(), said: batch.head });
        }
        staged.write_full(storage)?;
        state.advance(staged);
        state.settle(storage)?;
    }
    state.start_journal(storage, Left::Whole(&bytes))?;
    tracing::info!(size = state.head().size, replayed, "the record is open");
    Ok(state)
}

/// How many bytes the first `count` leaves of a bundle take.
fn bundle_bytes(bundle: &[u8], count: usize) -> usize {
    let leaves = journal::split_leaves(bundle).unwrap_or_default();
    leaves.iter().take(count).map(|leaf| leaf.len() + 2).sum()
}

pub(super) struct Parts {
    pub state: State,
    pub shared: Arc<Shared>,
    pub journal_max_bytes: u64,
    pub requests: mpsc::Receiver<Request>,
    pub events: mpsc::UnboundedSender<Event>,
}

pub(super) struct Sequencer {
    standing: Standing,
    shared: Arc<Shared>,
    journal_max_bytes: u64,
    requests: mpsc::Receiver<Request>,
    events: mpsc::UnboundedSender<Event>,
    /// Who waits for what was committed and is not served yet.
    waiting: Vec<Waiter>,
    /// Batches committed since.
    unsettled: usize,
}

enum Standing {
    Ready(State),
    /// A write failed. What it left behind is only known by reading it, so the next batch starts with recovery. The log has
    /// one of these heads then, or somebody else has appended.
    Unsure([TreeHead; 2]),
    /// Somebody else appended; nothing is written any more.
    TakenOver,
}

struct Sealed {
    entry: SealedEntry,
    reply: Reply,
}

impl Sequencer {
    pub(super) fn new(parts: Parts) -> Self {
        let Parts { state, shared, journal_max_bytes, requests, events } = parts;
        let standing = Standing::Ready(state);
        Sequencer { standing, shared, journal_max_bytes, requests, events, waiting: Vec::new(), unsettled: 0 }
    }

    /// Takes what is queued, commits it as one batch, and so on until the log is closed. As long as more is queued, what
    /// only a reader needs is put off, a few batches at most: partial tiles that the next batch would replace at once.
    pub(super) fn run(mut self) {
        let mut open = true;
        while open {
            let mut batch = Vec::new();
            let mut next = self.requests.blocking_recv();
            loop {
                match next {
                    Some(Request::Append { draft, reply }) => batch.push((draft, reply)),
                    Some(Request::Close) | None => {
                        open = false;
                        break;
                    }
                }
                if batch.len() == BATCH_MAX {
                    break;
                }
                match self.requests.try_recv() {
                    Ok(request) => next = Some(request),
                    Err(_) => break,
                }
            }
            if !batch.is_empty() {
                self.commit(batch);
                self.unsettled += 1;
            }
            if self.requests.is_empty() || self.unsettled >= UNSETTLED_MAX || !open {
                self.settle();
            }
        }
    }

    fn commit(&mut self, batch: Vec<(Box<EntryDraft>, Reply)>) {
        let state = match self.take_state() {
            Ok(state) => state,
            Err(error) => return refuse(batch.into_iter().map(|(_, reply)| reply), &error),
        };
        let (sealed, staged) = seal(&self.shared.secret, &state, batch);
        if sealed.is_empty() {
            self.standing = Standing::Ready(state);
            return;
        }
        match self.write(state, &sealed, staged) {
            Ok(state) => {
                self.standing = Standing::Ready(state);
                self.waiting.extend(sealed.into_iter().map(|sealed| Waiter {
                    index: sealed.entry.full.opening.entry(),
                    sealed: Some(Box::new(sealed.entry)),
                    reply: sealed.reply,
                }));
            }
            Err(error) => refuse(sealed.into_iter().map(|sealed| sealed.reply), &error),
        }
    }

    /// Makes what was committed ready to be served, and hands it to the collector.
    fn settle(&mut self) {
        self.unsettled = 0;
        if self.waiting.is_empty() {
            return;
        }
        let settled = self.take_state().and_then(|state| self.serve(state));
        let waiters = std::mem::take(&mut self.waiting);
        match settled {
            Ok(state) => {
                let head = state.head();
                self.standing = Standing::Ready(state);
                let _ = self.events.send(Event::Committed { head, waiters });
            }
            Err(error) => refuse(waiters.into_iter().map(|waiter| waiter.reply), &error),
        }
    }

    fn serve(&mut self, mut state: State) -> Result<State, AppendError> {
        let storage = self.shared.storage.clone();
        let served = state.settle(storage.as_ref()).and_then(|full| {
            self.shared.tree().advance(state.edge.clone(), full);
            let JournalEnd { at, check } = state.end.clone();
            if at <= self.journal_max_bytes {
                return Ok(());
            }
            state.start_journal(storage.as_ref(), Left::Ending { at, with: &check })
        });
        match served {
            Ok(()) => Ok(state),
            Err(error) => {
                let head = state.head();
                self.after_failure(error, head)
            }
        }
    }

    /// The state, after recovery if the last write failed. Until a state is put back, the standing is unsure.
    fn take_state(&mut self) -> Result<State, AppendError> {
        match std::mem::replace(&mut self.standing, Standing::TakenOver) {
            Standing::Ready(state) => {
                self.standing = Standing::Unsure([state.head(); 2]);
                Ok(state)
            }
            Standing::TakenOver => Err(AppendError::TakenOver),
            Standing::Unsure(heads) => match recover(self.shared.storage.as_ref()) {
                Ok(state) if heads.contains(&state.head()) => {
                    self.standing = Standing::Unsure(heads);
                    // What was written and what was not is known from here on; leaves are read back as they are wanted.
                    *self.shared.recent() = Recent::default();
                    *self.shared.tree() = state.tree();
                    Ok(state)
                }
                Ok(state) => {
                    tracing::error!(found = %state.head(), "another process has appended; this one stops");
                    Err(AppendError::TakenOver)
                }
                Err(LogError::Io(error)) if is_taken_over(&error) => {
                    tracing::error!(%error, "this process stops appending");
                    Err(AppendError::TakenOver)
                }
                Err(error) => {
                    self.standing = Standing::Unsure(heads);
                    tracing::error!(%error, "the record cannot be recovered");
                    Err(AppendError::Broken(Arc::new(error)))
                }
            },
        }
    }

    /// Writes a batch and gives the state behind it.
    fn write(&mut self, state: State, sealed: &[Sealed], staged: Staged) -> Result<State, AppendError> {
        let storage = self.shared.storage.clone();
        let old = state.edge.size();
        let head = staged.edge.head();
        self.standing = Standing::Unsure([state.head(), head]);

        let openings: Vec<_> = sealed.iter().map(|sealed| sealed.entry.full.clone()).collect();
        if let Err(error) = self.shared.openings.put(&openings) {
            tracing::error!(%error, "openings cannot be kept; nothing was appended");
            self.standing = Standing::Ready(state);
            return Err(AppendError::Storage(Arc::new(error)));
        }

        let leaves: Vec<_> = sealed.iter().map(|sealed| sealed.entry.leaf.encode()).collect();
        let (record, end) = journal::record(&state.end, old, head, leaves.iter().map(<[u8; _]>::as_slice));
        // The commit point, and the compare-and-swap of the head: the record goes where the journal of `old` leaves ends.
        if let Err(error) = storage.append_journal(state.end.at, &state.end.check, &record) {
            return self.after_failure(error, head);
        }
        if let Err(error) = staged.write_full(storage.as_ref()) {
            return self.after_failure(error, head);
        }
        let newest = sealed.iter().map(|sealed| sealed.entry.leaf.clone());
        self.shared.recent().extend(old, newest);
        let mut state = State { end, ..state };
        state.advance(staged);
        Ok(state)
    }

    /// After a failed write, reads back what is there. If the record made it to the disk, the entries exist, and their callers
    /// are served like any others.
    fn after_failure(&mut self, error: io::Error, head: TreeHead) -> Result<State, AppendError> {
        if is_taken_over(&error) {
            tracing::error!(%error, "this process stops appending");
            self.standing = Standing::TakenOver;
            return Err(AppendError::TakenOver);
        }
        tracing::error!(%error, size = head.size, "a write of the record failed; reading back what is there");
        let state = self.take_state()?;
        if state.head() == head {
            return Ok(state);
        }
        self.standing = Standing::Ready(state);
        Err(AppendError::Storage(Arc::new(error)))
    }
}

fn seal(secret: &RecordSecret, state: &State, batch: Vec<(Box<EntryDraft>, Reply)>) -> (Vec<Sealed>, Staged) {
    let mut sealed: Vec<Sealed> = Vec::with_capacity(batch.len());
    for (draft, reply) in batch {
        match draft.seal(state.edge.size() + sealed.len() as u64, secret) {
            Ok(entry) => sealed.push(Sealed { entry, reply }),
            Err(error) => {
                let _ = reply.send(Err(AppendError::Draft(error)));
            }
        }
    }
    let leaves: Vec<_> = sealed.iter().map(|sealed| sealed.entry.leaf.encode()).collect();
    let staged = Staged::new(state, leaves.iter().map(<[u8; _]>::as_slice));
    (sealed, staged)
}

/// True if the storage found the journal otherwise than this process left it.
fn is_taken_over(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AlreadyExists
}

fn refuse(replies: impl Iterator<Item = Reply>, error: &AppendError) {
    for reply in replies {
        let _ = reply.send(Err(error.clone()));
    }
}
