//! The key table: slots of fixed size that are overwritten in place.
//!
//! The sealed keys of a copy lie here and not in the index, because an index that is a log keeps what it deletes
//! until it compacts. A slot that is erased is gone from the file. (What a file system or an SSD keeps of old
//! blocks is beyond that.)
//!
//! ```text
//! "rogatory key table 1\n", padded to 512 bytes
//! slot 0 | slot 1 | …      of 512 bytes: u16 length | u64 XXH3 of the content | content | zeros
//! ```

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use super::EngineError;
use crate::disk::{Disk, DiskFile};

pub(super) const SLOT_LENGTH: usize = 512;
const HEAD_LENGTH: usize = 10;

/// Bytes that fit in a slot.
pub(crate) const SLOT_CAPACITY: usize = SLOT_LENGTH - HEAD_LENGTH;

const FORMAT: &[u8] = b"rogatory key table ";
const VERSION: &[u8] = b"1\n";

/// Reads slots. Shared by everyone.
pub(super) struct SlotReader {
    file: Arc<dyn DiskFile>,
    path: PathBuf,
}

impl SlotReader {
    /// What a slot holds; `None` if it is empty or damaged.
    pub fn read(&self, slot: u32) -> Result<Option<Vec<u8>>, EngineError> {
        let mut bytes = [0; SLOT_LENGTH];
        self.io(self.file.read_exact_at(&mut bytes, offset(slot)))?;
        let length = u16::from_le_bytes([bytes[0], bytes[1]]) as usize;
        let digest = u64::from_le_bytes(bytes[2..HEAD_LENGTH].try_into().expect("eight bytes"));
        let content = bytes[HEAD_LENGTH..].get(..length).filter(|_| length > 0);
        Ok(content.filter(|content| xxh3_64(content) == digest).map(<[u8]>::to_vec))
    }

    fn io<T>(&self, result: io::Result<T>) -> Result<T, EngineError> {
        result.map_err(|source| EngineError::Io { path: self.path.clone(), source })
    }
}

/// Writes and erases slots. There is one, and the committer has it.
pub(super) struct Slots {
    reader: Arc<SlotReader>,
    free: BTreeSet<u32>,
    count: u32,
    unsynced: bool,
}

impl Slots {
    pub fn open(disk: &dyn Disk, path: &Path) -> Result<(Self, Arc<SlotReader>), EngineError> {
        let failed = |source| EngineError::Io { path: path.to_owned(), source };
        let existing = match disk.open(path) {
            Ok(file) => Some(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(error)),
        };
        let file = match existing {
            Some(file) => file,
            None => disk.create(path).map_err(failed)?,
        };
        let length = file.length().map_err(failed)?;
        let count = length.saturating_sub(SLOT_LENGTH as u64).div_ceil(SLOT_LENGTH as u64) as u32;
        if length < SLOT_LENGTH as u64 {
            // New, or a crash kept it from getting further: it has no slots yet.
            let mut header = [FORMAT, VERSION].concat();
            header.resize(SLOT_LENGTH, 0);
            file.write_all_at(&[&header], 0).and_then(|()| file.sync()).map_err(failed)?;
            let folder = path.parent().unwrap_or(Path::new("."));
            disk.sync_folder(folder).map_err(failed)?;
        } else {
            let mut header = [0; SLOT_LENGTH];
            file.read_exact_at(&mut header, 0).map_err(failed)?;
            let damaged =
                || EngineError::Damaged { path: path.to_owned(), what: "it is no key table".into() };
            let version = header.strip_prefix(FORMAT).ok_or_else(damaged)?;
            if !version.starts_with(VERSION) {
                let found = version.split(|b| *b == b'\n').next().unwrap_or_default();
                let found = String::from_utf8_lossy(found).into_owned();
                return Err(EngineError::Newer { path: path.to_owned(), found });
            }
        }
        // A last slot that a crash cut short was never referred to; make it whole so that it can be read.
        file.set_length(offset(count)).map_err(failed)?;
        let reader = Arc::new(SlotReader { file, path: path.to_owned() });
        let slots = Slots { reader: reader.clone(), free: BTreeSet::new(), count, unsynced: false };
        Ok((slots, reader))
    }

    /// Erases every slot but those in `used`: what a crash left between writing a slot and referring to it, or
    /// between giving it up and erasing it.
    pub fn keep_only(&mut self, used: &BTreeSet<u32>) -> Result<(), EngineError> {
        for slot in (0..self.count).filter(|slot| !used.contains(slot)) {
            let mut bytes = [0; SLOT_LENGTH];
            self.reader.io(self.reader.file.read_exact_at(&mut bytes, offset(slot)))?;
            if bytes.iter().any(|byte| *byte != 0) {
                self.erase(slot)?;
            } else {
                self.free.insert(slot);
            }
        }
        self.sync()
    }

    /// Writes to a free slot. It is safe on the disk after [`Slots::sync`].
    pub fn write(&mut self, content: &[u8]) -> Result<u32, EngineError> {
        assert!((1..=SLOT_CAPACITY).contains(&content.len()), "the sealed keys of a copy fit in a slot");
        let slot = self.free.pop_first().unwrap_or_else(|| {
            self.count += 1;
            self.count - 1
        });
        let mut bytes = [0; SLOT_LENGTH];
        bytes[..2].copy_from_slice(&(content.len() as u16).to_le_bytes());
        bytes[2..HEAD_LENGTH].copy_from_slice(&xxh3_64(content).to_le_bytes());
        bytes[HEAD_LENGTH..HEAD_LENGTH + content.len()].copy_from_slice(content);
        self.put(slot, &bytes)?;
        Ok(slot)
    }

    /// Overwrites a slot that nothing refers to any more.
    pub fn erase(&mut self, slot: u32) -> Result<(), EngineError> {
        self.put(slot, &[0; SLOT_LENGTH])?;
        self.free.insert(slot);
        Ok(())
    }

    pub fn sync(&mut self) -> Result<(), EngineError> {
        if std::mem::take(&mut self.unsynced) {
            self.reader.io(self.reader.file.sync())?;
        }
        Ok(())
    }

    fn put(&mut self, slot: u32, bytes: &[u8; SLOT_LENGTH]) -> Result<(), EngineError> {
        self.unsynced = true;
        self.reader.io(self.reader.file.write_all_at(&[bytes], offset(slot)))
    }
}

fn offset(slot: u32) -> u64 {
    (u64::from(slot) + 1) * SLOT_LENGTH as u64
}
