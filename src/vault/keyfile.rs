//! Files that hold one key.
//!
//! ```text
//! rogatory key 1\n            the format and its version
//! <purpose>\n                 what the key is for: `region ie-dublin`, `head-office`
//! <number>\n                  epoch or key number, in decimal
//! 32 bytes of key
//! 8 bytes                     the first of SHA-256 over all before, against a damaged disk
//! ```
//!
//! A key file has mode 0600 and is written whole: a temporary file, fsync, rename, fsync of the directory. It is
//! refused when others may read it, when a newer version of this program wrote it, and when a bit of it is wrong.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::key::{KEY_LENGTH, Secret, secret_from};
use crate::disk::{Disk, folder_of, write_whole};

const FORMAT: &str = "rogatory key ";
const VERSION: u32 = 1;
const CHECK_LENGTH: usize = 8;

/// A key file that cannot be used. Nothing is opened without it, and nothing is put in its place.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    #[error("key file `{path}`: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error(
        "key file `{path}` has mode {mode:04o}, so others than its owner may use it: `chmod 600` it, and \
         consider the key known to them"
    )]
    OpenToOthers { path: PathBuf, mode: u32 },
    #[error("key file `{path}` has format version {found}, and this program knows up to {VERSION}")]
    Newer { path: PathBuf, found: String },
    #[error("`{path}` is not a key file, or is damaged: {what}")]
    Damaged { path: PathBuf, what: &'static str },
    #[error("key file `{path}` is missing, and what belongs to it is there: put it back")]
    Missing { path: PathBuf },
    #[error("key file `{path}` holds the key of `{found}`, not of `{expected}`")]
    OfAnother { path: PathBuf, found: String, expected: String },
}

/// Writes a new key file. An existing one is never replaced.
pub(super) fn write(
    disk: &dyn Disk,
    path: &Path,
    purpose: &str,
    number: u32,
    key: &Secret,
) -> Result<(), KeyFileError> {
    let mut bytes = Zeroizing::new(format!("{FORMAT}{VERSION}\n{purpose}\n{number}\n").into_bytes());
    bytes.reserve_exact(KEY_LENGTH + CHECK_LENGTH);
    bytes.extend_from_slice(key.as_ref());
    let check = Sha256::digest(&*bytes);
    bytes.extend_from_slice(&check[..CHECK_LENGTH]);

    let failed = |source| KeyFileError::Io { path: path.to_owned(), source };
    if path.try_exists().map_err(failed)? {
        return Err(failed(io::Error::new(io::ErrorKind::AlreadyExists, "there is a key already")));
    }
    write_whole(disk, path, &bytes).map_err(failed)
}

/// Reads a key file and its number.
pub(super) fn read(path: &Path, purpose: &str) -> Result<(u32, Secret), KeyFileError> {
    let failed = |source| KeyFileError::Io { path: path.to_owned(), source };
    let damaged = |what| KeyFileError::Damaged { path: path.to_owned(), what };
    let file = File::open(path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeyFileError::OpenToOthers { path: path.to_owned(), mode });
    }
    // Room for the whole file at once: a vector that grows would leave parts of the key behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(4096));
    (&file).take(4096).read_to_end(&mut bytes).map_err(failed)?;

    let mut lines = bytes.splitn(4, |byte| *byte == b'\n');
    let mut line = || lines.next().and_then(|l| std::str::from_utf8(l).ok());
    let version =
        line().and_then(|l| l.strip_prefix(FORMAT)).ok_or(damaged("its first line is no format"))?;
    if version != VERSION.to_string() {
        return Err(KeyFileError::Newer { path: path.to_owned(), found: version.to_owned() });
    }
    let found = line().ok_or(damaged("it names no purpose"))?;
    let number = line().and_then(|l| l.parse().ok()).ok_or(damaged("it has no number"))?;
    let (head, check) =
        bytes.split_at_checked(bytes.len().saturating_sub(CHECK_LENGTH)).ok_or(damaged("it is cut off"))?;
    if Sha256::digest(head)[..CHECK_LENGTH] != *check {
        return Err(damaged("its check bytes are wrong"));
    }
    if found != purpose {
        let (found, expected) = (found.to_owned(), purpose.to_owned());
        return Err(KeyFileError::OfAnother { path: path.to_owned(), found, expected });
    }
    let header = FORMAT.len() + version.len() + found.len() + number_length(number) + 3;
    let key = head.get(header..).and_then(secret_from).ok_or(damaged("its key has another length"))?;
    Ok((number, key))
}

fn number_length(number: u32) -> usize {
    number.to_string().len()
}

/// How a key file is called while it is being destroyed, so that a crash half-way leaves no damaged key file.
pub(super) const DYING: &str = "dying";

/// Overwrites a key file and removes it; `false` if there was no such file. A file system that keeps old blocks
/// (copy-on-write, snapshots, an SSD's spare cells) may still hold the key afterwards.
pub(super) fn destroy(disk: &dyn Disk, path: &Path) -> Result<bool, KeyFileError> {
    let dying = path.with_extension(DYING);
    match disk.rename(path, &dying).and_then(|()| disk.sync_folder(folder_of(path))) {
        Ok(()) => finish_destroying(disk, &dying).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(KeyFileError::Io { path: path.to_owned(), source }),
    }
}

/// The rest of [`destroy`], which a crash may have kept from happening.
pub(super) fn finish_destroying(disk: &dyn Disk, path: &Path) -> Result<(), KeyFileError> {
    let overwrite = || {
        let file = disk.open(path)?;
        file.write_all_at(&[&vec![0; file.length()? as usize]], 0)?;
        file.sync()?;
        disk.remove(path)?;
        disk.sync_folder(folder_of(path))
    };
    overwrite().map_err(|source| KeyFileError::Io { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::disk::RealDisk;

    fn secret() -> Secret {
        Zeroizing::new(*b"0123456789abcdef0123456789abcde\n")
    }

    #[test]
    fn a_key_comes_back_and_is_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.key");
        write(&RealDisk, &path, "region ie-dublin", 7, &secret()).unwrap();
        assert_eq!(read(&path, "region ie-dublin").unwrap(), (7, secret()));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        assert!(matches!(
            write(&RealDisk, &path, "region ie-dublin", 8, &secret()),
            Err(KeyFileError::Io { .. })
        ));
        assert!(matches!(read(&path, "region us-oregon"), Err(KeyFileError::OfAnother { .. })));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no temporary file stays behind");
    }

    #[test]
    fn a_key_that_others_may_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.key");
        write(&RealDisk, &path, "p", 1, &secret()).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        let error = read(&path, "p").unwrap_err();
        assert!(matches!(error, KeyFileError::OpenToOthers { mode: 0o640, .. }), "{error}");
    }

    #[test]
    fn a_newer_version_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.key");
        write_whole(&RealDisk, &path, b"rogatory key 2\nwhatever").unwrap();
        assert!(matches!(read(&path, "p"), Err(KeyFileError::Newer { found, .. }) if found == "2"));
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.key");
        write(&RealDisk, &path, "p", 1, &secret()).unwrap();
        let good = fs::read(&path).unwrap();
        // Over the file that is there, which has the right mode, and without waiting for the disk each time.
        let replace = |bytes: &[u8]| fs::write(&path, bytes).unwrap();
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            replace(&bad);
            assert!(read(&path, "p").is_err(), "bit {bit}");
        }
        for length in 0..good.len() {
            replace(&good[..length]);
            assert!(read(&path, "p").is_err(), "cut to {length}");
        }
    }

    #[test]
    fn a_destroyed_key_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.key");
        write(&RealDisk, &path, "p", 1, &secret()).unwrap();
        assert!(destroy(&RealDisk, &path).unwrap());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        assert!(!destroy(&RealDisk, &path).unwrap());
    }
}
