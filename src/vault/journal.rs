//! A file of sealed records: what head office keeps to itself. It is appended to, and written anew only to erase.
//!
//! ```text
//! rogatory sealed journal 1\n
//! u32 length | sealed record      (AES-256-GCM; bound to its number, counted from 0)
//! u32 length | sealed record
//! …
//! ```
//!
//! A record that was torn by a crash is cut off when the journal is opened: it was never acknowledged. A record
//! that is whole and does not open is damage, and an error.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aes_gcm::{Aes256Gcm, KeyInit};
use zeroize::Zeroizing;

use super::aead;
use super::keyfile::{self, KeyFileError};
use crate::disk::{Disk, DiskFile, FileLock, write_whole};
use crate::entropy::Entropy;

const MAGIC: &[u8] = b"rogatory sealed journal 1\n";
const PURPOSE: &str = "sealed journal";

/// The largest record, in bytes of plaintext: 64 MiB.
pub const RECORD_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The plaintext of a record, wiped when dropped.
pub type Record = Zeroizing<Vec<u8>>;

/// An open journal. One process at a time: its file is locked.
pub struct SealedJournal {
    path: PathBuf,
    file: Arc<dyn DiskFile>,
    cipher: Aes256Gcm,
    next: u64,
    /// Where the next record begins.
    end: u64,
    /// Held as long as this lives.
    _lock: FileLock,
}

/// Why a journal cannot be opened or written.
#[derive(Debug, thiserror::Error)]
pub enum SealedJournalError {
    #[error(transparent)]
    Key(#[from] KeyFileError),
    #[error("`{}` cannot be read or written: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("`{}` is in use by another process", .0.display())]
    InUse(PathBuf),
    #[error("`{}` is not a sealed journal of version 1, which this program reads; it was written by another version", .0.display())]
    Version(PathBuf),
    #[error("record {number} of `{}` does not open: the file was altered, or the key is another", path.display())]
    Altered { path: PathBuf, number: u64 },
    #[error("a record of {0} bytes; {RECORD_BYTES_MAX} are allowed")]
    TooLong(usize),
}

/// What becomes of a record when a journal is written anew.
pub enum Anew {
    AsItIs,
    With(Zeroizing<Vec<u8>>),
    Gone,
}

impl SealedJournal {
    /// Opens the journal at `path`, or starts it, with the key in `key`, and gives back every record so far.
    pub fn open(
        disk: &dyn Disk,
        path: &Path,
        key: &Path,
        entropy: &Entropy,
    ) -> Result<(Self, Vec<Record>), SealedJournalError> {
        let failed = |error| SealedJournalError::Io { path: path.to_owned(), source: error };
        let is_new = !path.exists();
        if is_new && !key.exists() {
            keyfile::write(disk, key, PURPOSE, 1, &entropy.draw("sealed journal key", b""))?;
        }
        let (_, secret) = keyfile::read(key, PURPOSE)?;
        let cipher = Aes256Gcm::new(&(*secret).into());
        if is_new {
            write_whole(disk, path, MAGIC).map_err(failed)?;
        }
        let lock = FileLock::take(path).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => SealedJournalError::InUse(path.to_owned()),
            _ => failed(error),
        })?;
        let file = disk.open(path).map_err(failed)?;
        let bytes = fs::read(path).map_err(failed)?;
        if !bytes.starts_with(MAGIC) {
            return Err(SealedJournalError::Version(path.to_owned()));
        }
        let (records, whole) = replay(path, &cipher, &bytes)?;
        if whole < bytes.len() {
            tracing::warn!(bytes = bytes.len() - whole, "cutting off a record that was torn by a crash");
            file.set_length(whole as u64).map_err(failed)?;
            file.sync().map_err(failed)?;
        }
        let (next, end) = (records.len() as u64, whole as u64);
        Ok((SealedJournal { path: path.to_owned(), file, cipher, next, end, _lock: lock }, records))
    }

    /// Writes the journal anew with what `anew` makes of each record; what is gone is not in the file any more.
    /// After a crash there is the old file or the new one.
    pub fn rewrite(
        &mut self,
        disk: &dyn Disk,
        mut anew: impl FnMut(&[u8]) -> Anew,
    ) -> Result<(), SealedJournalError> {
        let path = self.path.clone();
        let failed = |error| SealedJournalError::Io { path: path.clone(), source: error };
        let bytes = fs::read(&path).map_err(failed)?;
        let (records, _) = replay(&path, &self.cipher, &bytes)?;
        let (mut written, mut next) = (MAGIC.to_vec(), 0u64);
        for record in records {
            let record = match anew(&record) {
                Anew::AsItIs => record,
                Anew::With(other) => other,
                Anew::Gone => continue,
            };
            let sealed = aead::seal(&self.cipher, &next.to_be_bytes(), &record);
            written.extend_from_slice(&(sealed.len() as u32).to_be_bytes());
            written.extend_from_slice(&sealed);
            next += 1;
        }
        // Made and locked under another name: nobody can come between the old file's lock and the new one's.
        let fresh = path.with_extension("new");
        disk.remove(&fresh).map_err(failed)?;
        let file = disk.create(&fresh).map_err(failed)?;
        file.write_all_at(&[&written], 0).and_then(|()| file.sync()).map_err(failed)?;
        let lock = FileLock::take(&fresh).map_err(failed)?;
        disk.rename(&fresh, &path).map_err(failed)?;
        // From here on the new file is the journal, whether or not its name is on the disk yet.
        (self.file, self._lock, self.next, self.end) = (file, lock, next, written.len() as u64);
        disk.sync_folder(path.parent().unwrap_or(Path::new("."))).map_err(failed)
    }

    /// Appends records and waits until they are on the disk: all of them, or none is acknowledged.
    pub fn append<'r>(
        &mut self,
        records: impl IntoIterator<Item = &'r [u8]>,
    ) -> Result<(), SealedJournalError> {
        let mut bytes = Vec::new();
        let mut next = self.next;
        for record in records {
            if record.len() > RECORD_BYTES_MAX {
                return Err(SealedJournalError::TooLong(record.len()));
            }
            let sealed = aead::seal(&self.cipher, &next.to_be_bytes(), record);
            bytes.extend_from_slice(&(sealed.len() as u32).to_be_bytes());
            bytes.extend_from_slice(&sealed);
            next += 1;
        }
        let written = self.file.write_all_at(&[&bytes], self.end).and_then(|()| self.file.sync());
        if let Err(error) = written {
            // What was half written must not stand before the next record.
            let _ = self.file.set_length(self.end);
            return Err(SealedJournalError::Io { path: self.path.clone(), source: error });
        }
        self.next = next;
        self.end += bytes.len() as u64;
        Ok(())
    }
}

/// The records of a journal, and how many bytes they take from the start of the file.
fn replay(path: &Path, cipher: &Aes256Gcm, bytes: &[u8]) -> Result<(Vec<Record>, usize), SealedJournalError> {
    let (mut records, mut at) = (Vec::new(), MAGIC.len());
    while let Some((length, rest)) = bytes[at..].split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length) as usize;
        let Some(sealed) = rest.get(..length) else { break };
        if length == 0 && rest.iter().all(|byte| *byte == 0) {
            // The file had grown when the power went, and what was to be there had not arrived.
            break;
        }
        let number = records.len() as u64;
        let record = aead::open(cipher, &number.to_be_bytes(), sealed)
            .ok_or_else(|| SealedJournalError::Altered { path: path.to_owned(), number })?;
        records.push(record);
        at += 4 + length;
    }
    Ok((records, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reopened(folder: &Path) -> Result<Vec<Vec<u8>>, SealedJournalError> {
        let opened = SealedJournal::open(
            &crate::disk::RealDisk,
            &folder.join("j"),
            &folder.join("k"),
            &Entropy::seeded("x"),
        );
        opened.map(|(_, records)| records.iter().map(|r| r.to_vec()).collect())
    }

    fn written(folder: &Path) {
        let (mut journal, records) = SealedJournal::open(
            &crate::disk::RealDisk,
            &folder.join("j"),
            &folder.join("k"),
            &Entropy::seeded("x"),
        )
        .unwrap();
        assert!(records.is_empty());
        journal.append([&b"one"[..], b"two"]).unwrap();
        journal.append([&b""[..]]).unwrap();
    }

    #[test]
    fn records_come_back_and_a_torn_one_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        written(folder.path());
        let path = folder.path().join("j");
        let whole = std::fs::read(&path).unwrap();
        assert!(!whole.windows(3).any(|w| w == b"one" || w == b"two"));
        for cut in 1..32 {
            std::fs::write(&path, &whole[..whole.len() - cut]).unwrap();
            assert_eq!(reopened(folder.path()).unwrap(), [&b"one"[..], b"two"], "cut by {cut}");
        }
        std::fs::write(&path, [&whole[..], &[0; 40]].concat()).unwrap();
        assert_eq!(reopened(folder.path()).unwrap(), [&b"one"[..], b"two", b""], "room without a record");
        assert_eq!(std::fs::read(&path).unwrap(), whole);
    }

    #[test]
    fn what_was_altered_does_not_open() {
        let folder = tempfile::tempdir().unwrap();
        written(folder.path());
        let path = folder.path().join("j");
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[MAGIC.len() + 4 + 13] ^= 1;
        std::fs::write(&path, &bytes).unwrap();
        assert!(matches!(reopened(folder.path()), Err(SealedJournalError::Altered { number: 0, .. })));
        std::fs::write(&path, b"rogatory sealed journal 2\n").unwrap();
        assert!(matches!(reopened(folder.path()), Err(SealedJournalError::Version(_))));
    }

    #[test]
    fn what_is_written_anew_takes_the_place_of_what_was_there() {
        let folder = tempfile::tempdir().unwrap();
        written(folder.path());
        let (path, key) = (folder.path().join("j"), folder.path().join("k"));
        let before = std::fs::metadata(&path).unwrap().len();
        let entropy = Entropy::seeded("x");
        let (mut journal, _) = SealedJournal::open(&crate::disk::RealDisk, &path, &key, &entropy).unwrap();
        let anew = |record: &[u8]| match record {
            b"one" => Anew::Gone,
            b"two" => Anew::With(b"deux".to_vec().into()),
            _ => Anew::AsItIs,
        };
        journal.rewrite(&crate::disk::RealDisk, anew).unwrap();
        assert!(std::fs::metadata(&path).unwrap().len() < before);
        assert!(matches!(reopened(folder.path()), Err(SealedJournalError::InUse(_))));
        journal.append([&b"three"[..]]).unwrap();
        drop(journal);
        assert_eq!(reopened(folder.path()).unwrap(), [&b"deux"[..], b"", b"three"]);
    }

    #[test]
    fn one_process_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let (_held, _) = SealedJournal::open(
            &crate::disk::RealDisk,
            &folder.path().join("j"),
            &folder.path().join("k"),
            &Entropy::seeded("x"),
        )
        .unwrap();
        assert!(matches!(reopened(folder.path()), Err(SealedJournalError::InUse(_))));
    }
}
