//! The engine: what the store needs of a database, and no more. It knows rows, blobs and slots, and nothing of
//! mail, keys or mailboxes.
//!
//! This is the seam at which another engine can stand in for the embedded one. It has to offer:
//!
//! - **rows**: a sorted map of small keys and values, readable at one moment while others write;
//! - **blobs**: immutable bytes, written once, that a row refers to by a [`BlobRef`];
//! - **slots**: small values that can be erased for good;
//! - **one writer** that commits changes of rows, with the blobs they refer to, atomically and durably.
//!
//! Here, blobs and row changes go into one log with one write and one sync per commit ([`log`]), and fjall holds
//! the rows ([`index`]). fjall's own separation of keys and values was measured too and writes each body twice,
//! first to its journal, which the disk cannot keep up with; see `docs/performance.md`.

mod frame;
mod index;
mod log;
mod loose;
mod slots;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) use frame::{Blob, RowChange};
pub(crate) use index::{IndexView, Row};
pub(crate) use loose::{LooseBody, LooseWriter};

use index::Index;
use log::{Log, NextBlob, Segments};
use loose::LooseBodies;
use slots::{SlotReader, Slots};

use crate::disk::{Disk, DiskFile};

/// Why the engine could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    #[error("`{path}`: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error("`{path}` has format version `{found}`, and this program knows only 1")]
    Newer { path: PathBuf, found: String },
    #[error("`{path}` is damaged: {what}")]
    Damaged { path: PathBuf, what: String },
    #[error("the index: {0}")]
    Index(#[source] io::Error),
    #[error("another process has this store open")]
    Busy,
}

/// Where a blob lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum BlobRef {
    /// In a segment of the log.
    Segment { segment: u32, offset: u64, length: u32 },
    /// In a file of its own.
    Loose { id: [u8; 16], length: u64 },
}

impl BlobRef {
    pub fn length(&self) -> u64 {
        match self {
            BlobRef::Segment { length, .. } => u64::from(*length),
            BlobRef::Loose { length, .. } => *length,
        }
    }

    fn file_name(&self) -> String {
        match self {
            BlobRef::Segment { segment, .. } => log::file_name(*segment),
            BlobRef::Loose { id, .. } => loose::file_name(*id),
        }
    }

    /// `1 | u32 segment | u64 offset | u32 length` or `2 | id[16] | u64 length`, little endian.
    pub fn write_to(&self, out: &mut Vec<u8>) {
        match self {
            BlobRef::Segment { segment, offset, length } => {
                out.push(1);
                out.extend_from_slice(&segment.to_le_bytes());
                out.extend_from_slice(&offset.to_le_bytes());
                out.extend_from_slice(&length.to_le_bytes());
            }
            BlobRef::Loose { id, length } => {
                out.push(2);
                out.extend_from_slice(id);
                out.extend_from_slice(&length.to_le_bytes());
            }
        }
    }

    /// Reads what [`BlobRef::write_to`] wrote, and what follows it.
    pub fn read_from(bytes: &[u8]) -> Option<(Self, &[u8])> {
        let (kind, bytes) = bytes.split_first()?;
        match kind {
            1 => {
                let (segment, bytes) = bytes.split_first_chunk()?;
                let (offset, bytes) = bytes.split_first_chunk()?;
                let (length, bytes) = bytes.split_first_chunk()?;
                let place = BlobRef::Segment {
                    segment: u32::from_le_bytes(*segment),
                    offset: u64::from_le_bytes(*offset),
                    length: u32::from_le_bytes(*length),
                };
                Some((place, bytes))
            }
            2 => {
                let (id, bytes) = bytes.split_first_chunk()?;
                let (length, bytes) = bytes.split_first_chunk()?;
                Some((BlobRef::Loose { id: *id, length: u64::from_le_bytes(*length) }, bytes))
            }
            _ => None,
        }
    }
}

/// First bytes of keys that are the engine's own; the store's begin at [`FIRST_FREE_SPACE`].
mod space {
    /// `space | u32 segment`: how many bytes of the segment are referred to.
    pub const SEGMENT: u8 = 1;
    /// `space | id[16]`: a loose body is referred to.
    pub const LOOSE: u8 = 2;
}

/// The first byte of a key, from here on, is the store's to give.
pub(crate) const FIRST_FREE_SPACE: u8 = 16;

/// What everyone may do at once: read.
pub(crate) struct Reader {
    index: Index,
    segments: Arc<Segments>,
    loose: Arc<LooseBodies>,
    slots: Arc<SlotReader>,
}

impl Reader {
    pub fn get(&self, key: &[u8]) -> Result<Option<fjall::UserValue>, EngineError> {
        self.index.get(key)
    }

    /// Rows as they are now, whatever is committed later.
    pub fn view(&self) -> Result<IndexView, EngineError> {
        self.index.view()
    }

    pub fn open_blob(&self, place: BlobRef) -> Result<BlobReader, EngineError> {
        let (file, start) = match place {
            BlobRef::Segment { segment, offset, .. } => (self.segments.file(segment)?, offset),
            BlobRef::Loose { id, .. } => self.loose.open(id)?,
        };
        Ok(BlobReader { file, start, place })
    }

    pub fn begin_loose(&self) -> Result<LooseWriter, EngineError> {
        self.loose.begin()
    }

    pub fn read_slot(&self, slot: u32) -> Result<Option<Vec<u8>>, EngineError> {
        self.slots.read(slot)
    }
}

/// Reads one blob, also when it is deleted meanwhile.
pub(crate) struct BlobReader {
    file: Arc<dyn DiskFile>,
    /// Where in the file the blob begins.
    start: u64,
    place: BlobRef,
}

impl BlobReader {
    /// Fills `out` with the blob's bytes from `at` on.
    pub fn read(&self, at: u64, out: &mut [u8]) -> Result<(), EngineError> {
        self.file
            .read_exact_at(out, self.start + at)
            .map_err(|source| EngineError::Io { path: self.place.file_name().into(), source })
    }
}

/// The one writer.
pub(crate) struct Writer {
    reader: Arc<Reader>,
    log: Log,
    slots: Slots,
    /// Bytes of each segment that are referred to.
    live: BTreeMap<u32, u64>,
}

/// What is to be committed together.
pub(crate) struct Commit {
    blobs: Vec<Blob>,
    next: NextBlob,
    /// Blobs that rows of this commit do not refer to any more.
    pub released: Vec<BlobRef>,
    /// Slots that rows of this commit do not refer to any more.
    pub erased: Vec<u32>,
    live: BTreeMap<u32, i64>,
    loose: Vec<RowChange>,
}

impl Commit {
    /// Adds a blob and says where it will lie.
    pub fn add(&mut self, blob: Blob) -> BlobRef {
        let place = self.next.place(blob.bytes.len());
        self.count(&place, 1);
        self.blobs.push(blob);
        place
    }

    /// Refers to a body that lies in a file of its own.
    pub fn add_loose(&mut self, body: LooseBody) -> BlobRef {
        let place = body.place();
        self.count(&place, 1);
        body.keep();
        place
    }

    fn count(&mut self, place: &BlobRef, sign: i64) {
        match place {
            BlobRef::Segment { segment, length, .. } => {
                *self.live.entry(*segment).or_default() += sign * i64::from(*length);
            }
            BlobRef::Loose { id, .. } => {
                let key = [&[space::LOOSE], id.as_slice()].concat();
                self.loose.push(RowChange { key, value: (sign > 0).then(Vec::new) });
            }
        }
    }
}

impl Writer {
    /// Opens the engine's files in `folder`, or makes them, and brings the index up to the end of the log.
    pub fn open(folder: &Path, disk: Arc<dyn Disk>) -> Result<(Self, Arc<Reader>), EngineError> {
        let index_folder = folder.join("index");
        let index = Index::open(&index_folder)?;
        let covered = index.covered(&index_folder)?;
        let bodies = folder.join("bodies");
        let failed = |source| EngineError::Io { path: bodies.clone(), source };
        disk.make_folder(&bodies).map_err(failed)?;
        let (log, segments) = Log::open(disk.clone(), &bodies, covered, |rows| index.apply(&rows))?;
        let (slots, slot_reader) = Slots::open(&*disk, &folder.join("key-table"))?;
        let loose = Arc::new(LooseBodies::new(disk, &bodies));
        loose.keep_only(|id| Ok(index.get(&[&[space::LOOSE], id.as_slice()].concat())?.is_some()))?;

        let reader = Arc::new(Reader { index, segments, loose, slots: slot_reader });
        let mut live = BTreeMap::new();
        for row in reader.view()?.range(vec![space::SEGMENT]..=vec![space::SEGMENT, 255, 255, 255, 255]) {
            let (key, value) = row?;
            if let (Ok(segment), Ok(bytes)) = (key[1..].try_into(), value[..].try_into()) {
                live.insert(u32::from_be_bytes(segment), u64::from_le_bytes(bytes));
            }
        }
        let mut writer = Writer { reader: reader.clone(), log, slots, live };
        writer.checkpoint()?;
        Ok((writer, reader))
    }

    pub fn begin(&self) -> Commit {
        Commit {
            blobs: Vec::new(),
            next: self.log.next_blob(),
            released: Vec::new(),
            erased: Vec::new(),
            live: BTreeMap::new(),
            loose: Vec::new(),
        }
    }

    /// Writes a slot; a row of the next commit may refer to it.
    pub fn write_slot(&mut self, content: &[u8]) -> Result<u32, EngineError> {
        self.slots.write(content)
    }

    /// Erases every slot but those in `used`, which rows refer to.
    pub fn keep_only_slots(&mut self, used: &BTreeSet<u32>) -> Result<(), EngineError> {
        self.slots.keep_only(used)
    }

    /// Returns when the commit is on the disk. After an error nothing is known about it, and the writer must not
    /// be used again.
    pub fn commit(&mut self, mut commit: Commit, mut rows: Vec<RowChange>) -> Result<(), EngineError> {
        for place in std::mem::take(&mut commit.released) {
            commit.count(&place, -1);
            if let BlobRef::Loose { .. } = place {
                commit.released.push(place);
            }
        }
        rows.append(&mut commit.loose);
        for (segment, change) in &commit.live {
            let live = self.live.entry(*segment).or_default();
            *live = live.saturating_add_signed(*change);
            let key = [&[space::SEGMENT], segment.to_be_bytes().as_slice()].concat();
            rows.push(RowChange { key, value: Some(live.to_le_bytes().to_vec()) });
        }

        self.slots.sync()?;
        self.log.commit(&commit.blobs, &rows)?;
        self.reader.index.apply(&rows)?;

        for slot in commit.erased {
            self.slots.erase(slot)?;
        }
        self.slots.sync()?;
        for place in commit.released {
            if let BlobRef::Loose { id, .. } = place {
                self.reader.loose.remove(id)?;
            }
        }
        if self.log.roll_if_full()? {
            // What the checkpoint before this one made superfluous goes now, so that no commit waits for one.
            self.remove_empty_segments()?;
            self.reader.index.begin_checkpoint(self.log.end());
        }
        Ok(())
    }

    /// Syncs the index, so that opening need not replay what is in it, and removes segments that hold nothing
    /// any more.
    pub fn checkpoint(&mut self) -> Result<(), EngineError> {
        self.reader.index.checkpoint(self.log.end())?;
        self.remove_empty_segments()
    }

    fn remove_empty_segments(&mut self) -> Result<(), EngineError> {
        let Some(covered) = self.reader.index.noted() else { return Ok(()) };
        let empty: Vec<u32> = self
            .reader
            .segments
            .numbers()
            .into_iter()
            .filter(|n| *n < covered.segment && self.live.get(n).is_none_or(|live| *live == 0))
            .collect();
        if !empty.is_empty() {
            self.reader.index.sync_note()?;
        }
        for segment in empty {
            self.reader.segments.remove(segment)?;
            self.live.remove(&segment);
        }
        Ok(())
    }
}
