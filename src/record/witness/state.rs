use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use sha2::{Digest, Sha256};

use crate::disk::{Disk, DiskFile, FileLock, folder_of, write_whole};
use crate::record::{Hash, TreeHead};

/// What a witness remembers of its log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Remembered {
    pub head: TreeHead,
    /// When it last cosigned, in seconds since 1970; 0 if never.
    pub time: i64,
    /// The checkpoint it cosigned, with the log's signature; empty if none.
    pub note: String,
}

impl Remembered {
    /// The memory of a witness that has seen nothing.
    pub const NOTHING: Remembered = Remembered { head: TreeHead::EMPTY, time: 0, note: String::new() };
}

/// Where a witness keeps its memory.
pub trait WitnessState: Send {
    fn load(&self) -> Result<Remembered, StateError>;

    /// Replaces the memory if its head is still `expected`; durable when it returns.
    fn compare_and_swap(&mut self, expected: TreeHead, next: &Remembered) -> Result<(), StateError>;
}

/// Why a memory cannot be read or moved.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    #[error(
        "`{0}` is missing: a witness is enrolled once, and one that lost its memory has to be enrolled again: `rogatory record enrol` \
         says so in the record"
    )]
    NotEnrolled(PathBuf),
    #[error("`{0}` is there already: this witness is enrolled")]
    Enrolled(PathBuf),
    #[error("`{0}` is in use: this witness is running; stop it first")]
    InUse(PathBuf),
    #[error("`{path}` is of format {found}, and this program reads 1 only")]
    Version { path: PathBuf, found: u8 },
    #[error("`{0}` is damaged: neither of its two slots can be read")]
    Damaged(PathBuf),
    #[error("the memory shows {found}, where {expected} was expected: somebody else moved it")]
    Moved { found: TreeHead, expected: TreeHead },
    #[error("a checkpoint of {0} bytes does not fit the memory of a witness")]
    TooLong(usize),
    #[error("{path}: {error}", path = path.display())]
    Io { path: PathBuf, error: io::Error },
}

/// A memory that is lost when the process ends: for tests and scenarios that never restart.
pub struct MemoryState(Mutex<Remembered>);

impl MemoryState {
    pub fn new() -> Self {
        MemoryState(Mutex::new(Remembered::NOTHING))
    }
}

impl Default for MemoryState {
    fn default() -> Self {
        MemoryState::new()
    }
}

impl WitnessState for MemoryState {
    fn load(&self) -> Result<Remembered, StateError> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    fn compare_and_swap(&mut self, expected: TreeHead, next: &Remembered) -> Result<(), StateError> {
        let own = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        if own.head != expected {
            return Err(StateError::Moved { found: own.head, expected });
        }
        *own = next.clone();
        Ok(())
    }
}

/// A file of two slots that are written in turn, so that a torn write leaves the memory before it. The slot with the higher
/// count is the newer one.
///
/// ```text
/// slot: `rogatory witness ` | u8 version = 1 | u64 count | u64 size | [u8; 32] root | i64 time | u16 length | note | zeros | [u8; 32] check
/// ```
///
/// Both slots exist from the start, so that moving the memory overwrites blocks the file already has: one flush.
pub struct FileState {
    path: PathBuf,
    file: Arc<dyn DiskFile>,
    count: u64,
    remembered: Remembered,
    /// Held as long as this lives.
    _lock: FileLock,
}

const SLOT_BYTES: usize = 4096;
const SLOT_MAGIC: &[u8] = b"rogatory witness ";
const SLOT_FIXED: usize = SLOT_MAGIC.len() + 1 + 8 + 8 + 32 + 8 + 2;
/// The longest note that fits a slot.
const NOTE_MAX: usize = SLOT_BYTES - SLOT_FIXED - 32;

impl FileState {
    /// Enrols a witness: makes the file, which must not be there yet.
    pub fn enrol(disk: &dyn Disk, path: &Path) -> Result<Self, StateError> {
        if path.exists() {
            return Err(StateError::Enrolled(path.to_owned()));
        }
        make(disk, path, &Remembered::NOTHING)?;
        FileState::open(disk, path)
    }

    /// Enrols a witness again that lost its memory, or whose memory is older than what it said: it begins anew with `head`, which
    /// it takes on the word of whoever calls this. A memory that is there is kept beside it, as `*.before`.
    pub fn enrol_again(disk: &dyn Disk, path: &Path, head: TreeHead) -> Result<Self, StateError> {
        let failed = |error| StateError::Io { path: path.to_owned(), error };
        // Its time is kept, where it can be read: a newer statement never looks older.
        let mut time = 0;
        if path.exists() {
            match FileState::open(disk, path) {
                Ok(state) => time = state.remembered.time,
                Err(StateError::InUse(path)) => return Err(StateError::InUse(path)),
                Err(_) => {}
            }
            disk.rename(path, &path.with_extension("before")).map_err(failed)?;
        }
        make(disk, path, &Remembered { head, time, ..Remembered::NOTHING })?;
        FileState::open(disk, path)
    }

    /// Opens the memory of an enrolled witness. A missing file is an error: silently starting again would let a log
    /// show this witness a second history.
    pub fn open(disk: &dyn Disk, path: &Path) -> Result<Self, StateError> {
        let failed = |error| StateError::Io { path: path.to_owned(), error };
        let lock = lock(path)?;
        let file = disk.open(path).map_err(failed)?;
        let mut bytes = vec![0; 2 * SLOT_BYTES];
        file.read_exact_at(&mut bytes, 0).map_err(failed)?;
        let mut newest: Option<(u64, Remembered)> = None;
        for slot in bytes.chunks_exact(SLOT_BYTES) {
            match decode(slot) {
                Slot::Memory(count, memory) if newest.as_ref().is_none_or(|(best, _)| count > *best) => {
                    newest = Some((count, memory));
                }
                Slot::OtherVersion(found) => {
                    return Err(StateError::Version { path: path.to_owned(), found });
                }
                _ => {}
            }
        }
        let (count, remembered) = newest.ok_or_else(|| StateError::Damaged(path.to_owned()))?;
        Ok(FileState { path: path.to_owned(), file, count, remembered, _lock: lock })
    }
}

/// Writes the file beside its place and moves it there when it is whole.
fn make(disk: &dyn Disk, path: &Path, memory: &Remembered) -> Result<(), StateError> {
    let mut bytes = encode(1, memory)?.to_vec();
    bytes.resize(2 * SLOT_BYTES, 0);
    let written = disk.make_folder(folder_of(path)).and_then(|()| write_whole(disk, path, &bytes));
    written.map_err(|error| StateError::Io { path: path.to_owned(), error })
}

/// Keeps every other process from the memory.
fn lock(path: &Path) -> Result<FileLock, StateError> {
    FileLock::take(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => StateError::NotEnrolled(path.to_owned()),
        io::ErrorKind::WouldBlock => StateError::InUse(path.to_owned()),
        _ => StateError::Io { path: path.to_owned(), error },
    })
}

impl WitnessState for FileState {
    fn load(&self) -> Result<Remembered, StateError> {
        Ok(self.remembered.clone())
    }

    fn compare_and_swap(&mut self, expected: TreeHead, next: &Remembered) -> Result<(), StateError> {
        if self.remembered.head != expected {
            return Err(StateError::Moved { found: self.remembered.head, expected });
        }
        let count = self.count + 1;
        let slot = encode(count, next)?;
        // Count 1 is in the first slot. A crash within this write leaves the other slot, and nobody has seen the signature.
        let at = (count - 1) % 2 * SLOT_BYTES as u64;
        self.file
            .write_all_at(&[slot.as_slice()], at)
            .and_then(|()| self.file.sync())
            .map_err(|error| StateError::Io { path: self.path.clone(), error })?;
        self.count = count;
        self.remembered = next.clone();
        Ok(())
    }
}

fn encode(count: u64, memory: &Remembered) -> Result<Box<[u8; SLOT_BYTES]>, StateError> {
    let note = memory.note.as_bytes();
    if note.len() > NOTE_MAX {
        return Err(StateError::TooLong(note.len()));
    }
    let mut bytes = Vec::with_capacity(SLOT_BYTES);
    bytes.extend_from_slice(SLOT_MAGIC);
    bytes.push(1);
    bytes.extend_from_slice(&count.to_be_bytes());
    bytes.extend_from_slice(&memory.head.size.to_be_bytes());
    bytes.extend_from_slice(&memory.head.hash.0);
    bytes.extend_from_slice(&memory.time.to_be_bytes());
    bytes.extend_from_slice(&(note.len() as u16).to_be_bytes());
    bytes.extend_from_slice(note);
    bytes.resize(SLOT_BYTES - 32, 0);
    let check = Sha256::digest(&bytes);
    bytes.extend_from_slice(&check);
    Ok(bytes.into_boxed_slice().try_into().expect("a slot was filled to its length"))
}

enum Slot {
    Memory(u64, Remembered),
    OtherVersion(u8),
    Unreadable,
}

fn decode(slot: &[u8]) -> Slot {
    read_slot(slot).unwrap_or(Slot::Unreadable)
}

fn read_slot(slot: &[u8]) -> Option<Slot> {
    let (body, check) = slot.split_at_checked(SLOT_BYTES - 32)?;
    if Sha256::digest(body)[..] != *check {
        return None;
    }
    let (version, rest) = body.strip_prefix(SLOT_MAGIC)?.split_first()?;
    if *version != 1 {
        return Some(Slot::OtherVersion(*version));
    }
    let (count, rest) = rest.split_first_chunk::<8>()?;
    let (size, rest) = rest.split_first_chunk::<8>()?;
    let (hash, rest) = rest.split_first_chunk::<32>()?;
    let (time, rest) = rest.split_first_chunk::<8>()?;
    let (length, rest) = rest.split_first_chunk::<2>()?;
    let note = rest.get(..usize::from(u16::from_be_bytes(*length)))?;
    let head = TreeHead { size: u64::from_be_bytes(*size), hash: Hash(*hash) };
    let note = String::from_utf8(note.to_vec()).ok()?;
    Some(Slot::Memory(u64::from_be_bytes(*count), Remembered { head, time: i64::from_be_bytes(*time), note }))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::disk::RealDisk;

    fn memory(size: u64) -> Remembered {
        Remembered {
            head: TreeHead { size, hash: Hash([size as u8; 32]) },
            time: 7,
            note: format!("n{size}\n"),
        }
    }

    #[test]
    fn a_file_remembers_through_a_restart_and_a_torn_write() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w/state");
        assert!(matches!(FileState::open(&RealDisk, &path), Err(StateError::NotEnrolled(_))));
        let mut state = FileState::enrol(&RealDisk, &path).unwrap();
        assert!(matches!(FileState::enrol(&RealDisk, &path), Err(StateError::Enrolled(_))));
        assert!(matches!(FileState::open(&RealDisk, &path), Err(StateError::InUse(_))));
        state.compare_and_swap(TreeHead::EMPTY, &memory(5)).unwrap();
        state.compare_and_swap(memory(5).head, &memory(9)).unwrap();
        assert!(matches!(state.compare_and_swap(memory(5).head, &memory(10)), Err(StateError::Moved { .. })));
        drop(state);
        assert_eq!(FileState::open(&RealDisk, &path).unwrap().load().unwrap(), memory(9));

        // Count 3, which holds size 9, is in the first slot.
        let mut bytes = fs::read(&path).unwrap();
        bytes[100] ^= 1;
        fs::write(&path, &bytes).unwrap();
        assert_eq!(FileState::open(&RealDisk, &path).unwrap().load().unwrap(), memory(5));
        bytes[SLOT_BYTES + 100] ^= 1;
        fs::write(&path, &bytes).unwrap();
        assert!(matches!(FileState::open(&RealDisk, &path), Err(StateError::Damaged(_))));
    }

    #[test]
    fn one_that_is_enrolled_again_begins_with_the_head_it_is_given() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("w/witness.state");
        // Whether its memory is lost, older than what it said, or damaged.
        for before in 0..3 {
            match before {
                0 => assert!(!path.exists()),
                1 => {
                    let held = FileState::open(&RealDisk, &path).unwrap();
                    let again = FileState::enrol_again(&RealDisk, &path, memory(9).head);
                    assert!(matches!(again, Err(StateError::InUse(_))));
                    drop(held);
                }
                _ => fs::write(&path, b"short").unwrap(),
            }
            let state = FileState::enrol_again(&RealDisk, &path, memory(9).head).unwrap();
            let remembered = state.load().unwrap();
            assert_eq!((remembered.head, remembered.note.as_str()), (memory(9).head, ""));
            assert_eq!(path.with_extension("before").exists(), before > 0);
        }
    }

    #[test]
    fn a_newer_format_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        drop(FileState::enrol(&RealDisk, &path).unwrap());
        let mut bytes = fs::read(&path).unwrap();
        bytes[SLOT_MAGIC.len()] = 2;
        let check = Sha256::digest(&bytes[..SLOT_BYTES - 32]);
        bytes[SLOT_BYTES - 32..SLOT_BYTES].copy_from_slice(&check);
        fs::write(&path, &bytes).unwrap();
        assert!(matches!(FileState::open(&RealDisk, &path), Err(StateError::Version { found: 2, .. })));
    }
}
