//! The log: segment files that commits are appended to, one after the other.
//!
//! A commit's blobs and its changes to the index go to the disk together, in one write and one sync, and the
//! blobs stay where that wrote them: a message is written once. The index itself is brought up to date afterwards
//! without a sync of its own, since whatever it loses is read from the log again.
//!
//! A segment begins with `rogatory log 1\n` and its number; frames follow (see [`super::frame`]).

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use xxhash_rust::xxh3::xxh3_64;

use super::frame::{self, Blob, HEADER_LENGTH, Header, RowChange};
use super::{BlobRef, EngineError};
use crate::disk::{Disk, DiskFile};

const FORMAT: &[u8] = b"rogatory log ";
const VERSION: &[u8] = b"1\n";
/// The format line, padded; the segment's number.
const SEGMENT_HEADER_LENGTH: u64 = 40;

/// A segment is followed by another when it is this long.
const SEGMENT_LENGTH: u64 = 256 << 20;

/// A place in the log.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Position {
    pub segment: u32,
    pub offset: u64,
    /// Of the frame that begins there.
    pub sequence: u64,
}

pub(super) fn file_name(segment: u32) -> String {
    format!("{segment:08}.log")
}

/// The segments' files. Shared by everyone.
pub(super) struct Segments {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    files: RwLock<BTreeMap<u32, Arc<dyn DiskFile>>>,
}

impl Segments {
    pub fn file(&self, segment: u32) -> Result<Arc<dyn DiskFile>, EngineError> {
        let files = self.files.read().unwrap_or_else(PoisonError::into_inner);
        files.get(&segment).cloned().ok_or_else(|| EngineError::Io {
            path: self.path(segment),
            source: io::Error::new(io::ErrorKind::NotFound, "no such segment"),
        })
    }

    fn path(&self, segment: u32) -> PathBuf {
        self.folder.join(file_name(segment))
    }

    fn io<T>(&self, segment: u32, result: io::Result<T>) -> Result<T, EngineError> {
        result.map_err(|source| EngineError::Io { path: self.path(segment), source })
    }

    fn put(&self, segment: u32, file: Arc<dyn DiskFile>) {
        self.files.write().unwrap_or_else(PoisonError::into_inner).insert(segment, file);
    }

    /// Removes a segment that nothing refers to any more.
    pub fn remove(&self, segment: u32) -> Result<(), EngineError> {
        self.files.write().unwrap_or_else(PoisonError::into_inner).remove(&segment);
        self.io(segment, self.disk.remove(&self.path(segment)))
    }

    pub fn numbers(&self) -> Vec<u32> {
        self.files.read().unwrap_or_else(PoisonError::into_inner).keys().copied().collect()
    }
}

/// Appends to the log. There is one, and the committer has it.
pub(super) struct Log {
    segments: Arc<Segments>,
    current: Arc<dyn DiskFile>,
    end: Position,
    segment_length: u64,
}

/// Where the blobs of the next commit will lie.
pub(super) struct NextBlob {
    segment: u32,
    offset: u64,
}

impl NextBlob {
    pub fn place(&mut self, length: usize) -> BlobRef {
        let place = BlobRef::Segment { segment: self.segment, offset: self.offset, length: length as u32 };
        self.offset += length as u64;
        place
    }
}

impl Log {
    /// Opens the log in `folder` and hands every whole commit after `from` to `replay`, in order. What a power cut
    /// tore at the end is cut off: nobody was told that it was there.
    pub fn open(
        disk: Arc<dyn Disk>,
        folder: &Path,
        from: Option<Position>,
        mut replay: impl FnMut(Vec<RowChange>) -> Result<(), EngineError>,
    ) -> Result<(Self, Arc<Segments>), EngineError> {
        let segments = Arc::new(Segments { disk, folder: folder.to_owned(), files: RwLock::default() });
        for path in segments.io(0, segments.disk.list(folder))? {
            let number = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok());
            let is_segment = path.extension().is_some_and(|extension| extension == "log");
            if let Some(number) = number.filter(|_| is_segment) {
                segments.put(number, segments.io(number, segments.disk.open(&path))?);
            }
        }
        let first = segments.numbers().first().copied();
        if let (None, Some(segment)) = (from, first)
            && !has_header(&segments, segment)?
        {
            // The very first segment, and a crash came before its header was there.
            segments.remove(segment)?;
            return Log::begin(segments, segment, 0);
        }
        let start =
            from.or(first.map(|segment| Position { segment, offset: SEGMENT_HEADER_LENGTH, sequence: 0 }));
        let Some(start) = start else { return Log::begin(segments, 1, 0) };

        let mut at = start;
        let later: Vec<u32> = segments.numbers().into_iter().filter(|n| *n > start.segment).collect();
        let mut broken = scan(&segments, &mut at, &mut replay)?;
        for segment in later {
            let mut next = Position { segment, offset: SEGMENT_HEADER_LENGTH, sequence: at.sequence };
            if !has_header(&segments, segment)? || broken {
                // A segment is made before its first commit; a crash in between leaves it without one.
                refuse_later_commits(&segments, segment, 0, at.sequence)?;
                segments.remove(segment)?;
                continue;
            }
            broken = scan(&segments, &mut next, &mut replay)?;
            at = next;
        }
        let current = segments.file(at.segment)?;
        if segments.io(at.segment, current.length())? > at.offset {
            refuse_later_commits(&segments, at.segment, at.offset, at.sequence)?;
            segments.io(at.segment, current.set_length(at.offset).and_then(|()| current.sync()))?;
        }
        Ok((Log { segments: segments.clone(), current, end: at, segment_length: SEGMENT_LENGTH }, segments))
    }

    fn begin(
        segments: Arc<Segments>,
        segment: u32,
        sequence: u64,
    ) -> Result<(Self, Arc<Segments>), EngineError> {
        let current = new_segment(&segments, segment)?;
        let end = Position { segment, offset: SEGMENT_HEADER_LENGTH, sequence };
        Ok((Log { segments: segments.clone(), current, end, segment_length: SEGMENT_LENGTH }, segments))
    }

    /// Where the next commit will begin.
    pub fn end(&self) -> Position {
        self.end
    }

    /// Goes on in a new segment if the current one is long enough; true if it did.
    pub fn roll_if_full(&mut self) -> Result<bool, EngineError> {
        if self.end.offset < self.segment_length {
            return Ok(false);
        }
        let segment = self.end.segment + 1;
        self.current = new_segment(&self.segments, segment)?;
        self.end = Position { segment, offset: SEGMENT_HEADER_LENGTH, sequence: self.end.sequence };
        Ok(true)
    }

    pub fn next_blob(&self) -> NextBlob {
        NextBlob { segment: self.end.segment, offset: self.end.offset + HEADER_LENGTH as u64 }
    }

    /// Appends one commit and returns when it is on the disk.
    pub fn commit(&mut self, blobs: &[Blob], rows: &[RowChange]) -> Result<(), EngineError> {
        let (header, tail) = frame::build(self.end.sequence, blobs, rows);
        let mut parts: Vec<&[u8]> = Vec::with_capacity(blobs.len() + 2);
        parts.push(&header);
        parts.extend(blobs.iter().map(|blob| blob.bytes.as_slice()));
        parts.push(&tail);
        let length: u64 = parts.iter().map(|part| part.len() as u64).sum();
        let written = self.current.write_all_at(&parts, self.end.offset).and_then(|()| self.current.sync());
        self.segments.io(self.end.segment, written)?;
        self.end.offset += length;
        self.end.sequence += 1;
        Ok(())
    }
}

fn new_segment(segments: &Segments, segment: u32) -> Result<Arc<dyn DiskFile>, EngineError> {
    let path = segments.path(segment);
    let make = || {
        let file = segments.disk.create(&path)?;
        let mut header = [FORMAT, VERSION].concat();
        header.resize(SEGMENT_HEADER_LENGTH as usize - 4, 0);
        file.write_all_at(&[&header, &segment.to_le_bytes()], 0)?;
        file.sync()?;
        segments.disk.sync_folder(&segments.folder)?;
        Ok(file)
    };
    let file = segments.io(segment, make())?;
    segments.put(segment, file.clone());
    Ok(file)
}

/// True if the segment's header is whole; an error if another version of this program wrote it.
fn has_header(segments: &Segments, segment: u32) -> Result<bool, EngineError> {
    let mut header = [0; SEGMENT_HEADER_LENGTH as usize];
    let file = segments.file(segment)?;
    if segments.io(segment, file.length())? < SEGMENT_HEADER_LENGTH {
        return Ok(false);
    }
    segments.io(segment, file.read_exact_at(&mut header, 0))?;
    let Some(version) = header.strip_prefix(FORMAT) else { return Ok(false) };
    if !version.starts_with(VERSION) {
        let found = String::from_utf8_lossy(version.split(|b| *b == b'\n').next().unwrap_or_default());
        return Err(EngineError::Newer { path: segments.path(segment), found: found.into_owned() });
    }
    Ok(header[header.len() - 4..] == segment.to_le_bytes())
}

/// Replays frames from `at` on and leaves it behind the last whole one; true if something broken follows.
fn scan(
    segments: &Segments,
    at: &mut Position,
    replay: &mut impl FnMut(Vec<RowChange>) -> Result<(), EngineError>,
) -> Result<bool, EngineError> {
    let file = segments.file(at.segment)?;
    let segment = at.segment;
    let read = |out: &mut [u8], offset| segments.io(segment, file.read_exact_at(out, offset));
    if !has_header(segments, at.segment)? {
        return Err(EngineError::Damaged {
            path: segments.path(at.segment),
            what: "its header is not a segment's".into(),
        });
    }
    let length = segments.io(segment, file.length())?;
    let mut offset = at.offset;
    let mut sequence = at.sequence;
    let mut blob = Vec::new();
    let broken = loop {
        let left = length.saturating_sub(offset);
        let mut header_bytes = [0; HEADER_LENGTH];
        if left < HEADER_LENGTH as u64 {
            break left > 0;
        }
        read(&mut header_bytes, offset)?;
        let Some(header) = Header::parse(&header_bytes).filter(|h| h.sequence == sequence) else {
            break true;
        };
        let Some(frame_length) = header.frame_length().filter(|l| *l <= left) else { break true };
        let mut tail = vec![0; header.tail_length() as usize];
        read(&mut tail, offset + frame_length - header.tail_length())?;
        let Some(tail) = header.read_tail(&header_bytes, &tail) else { break true };
        let mut blob_at = offset + HEADER_LENGTH as u64;
        let mut whole = true;
        for (length, digest) in tail.blobs {
            blob.resize(length as usize, 0);
            read(&mut blob, blob_at)?;
            whole &= xxh3_64(&blob) == digest;
            blob_at += u64::from(length);
        }
        if !whole {
            break true;
        }
        replay(tail.rows)?;
        offset += frame_length;
        sequence += 1;
    };
    *at = Position { offset, sequence, ..*at };
    Ok(broken)
}

/// An error if a whole commit follows something broken: then it is not the end that is torn.
fn refuse_later_commits(
    segments: &Segments,
    segment: u32,
    offset: u64,
    sequence: u64,
) -> Result<(), EngineError> {
    let file = segments.file(segment)?;
    let length = segments.io(segment, file.length())?.saturating_sub(offset);
    let mut rest = vec![0; length as usize];
    segments.io(segment, file.read_exact_at(&mut rest, offset))?;
    match frame::find_later(&rest, sequence) {
        None => Ok(()),
        Some(later) => Err(EngineError::Damaged {
            path: segments.path(segment),
            what: format!("commit {sequence} at byte {offset} is broken, yet commit {later} follows it"),
        }),
    }
}
