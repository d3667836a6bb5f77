//! Where a component keeps its files: the little that it asks of a file system, handed to it, so that a test can
//! stand in for a machine that fails, dies between two steps or loses power.
//!
//! Only what changes something goes through here, and the reading that the store does while it runs. A file that
//! is read once, when a component opens, is read as usual.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Whom a file or folder is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Readers {
    /// Modes 0600 and 0700.
    Owner,
    /// Modes 0644 and 0755, less what the process masks: what any web server may hand out.
    Everybody,
}

impl Readers {
    fn file_mode(self) -> u32 {
        if self == Readers::Owner { 0o600 } else { 0o644 }
    }

    fn folder_mode(self) -> u32 {
        if self == Readers::Owner { 0o700 } else { 0o755 }
    }
}

/// A place for files. What was written survives a power cut once [`DiskFile::sync`] returned; under which name it
/// does, and whether the name is there at all, once [`Disk::sync_folder`] did.
pub trait Disk: Send + Sync {
    /// Makes an empty file for these readers. It must not exist.
    fn create_for(&self, readers: Readers, path: &Path) -> io::Result<Arc<dyn DiskFile>>;

    /// Makes an empty file that only its owner may read. It must not exist.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.create_for(Readers::Owner, path)
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;

    /// Gives a file another name in the same folder, in place of the file that had that name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file; that it is gone already is no error.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Returns when all names in the folder are on the disk as they are now.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;

    /// Makes a folder for these readers, and the folders above it; they are on the disk when this returns. A folder that is
    /// there is kept, and made private if it is for its owner.
    fn make_folder_for(&self, readers: Readers, folder: &Path) -> io::Result<()>;

    /// Makes a folder that only its owner may enter, as [`Disk::make_folder_for`] does.
    fn make_folder(&self, folder: &Path) -> io::Result<()> {
        self.make_folder_for(Readers::Owner, folder)
    }

    /// Removes a folder in which nothing is; that it is gone already is no error.
    fn remove_folder(&self, folder: &Path) -> io::Result<()>;

    /// The files in a folder, in no order.
    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>>;
}

/// One open file.
pub trait DiskFile: Send + Sync {
    /// In bytes.
    fn length(&self) -> io::Result<u64>;

    fn read_exact_at(&self, out: &mut [u8], offset: u64) -> io::Result<()>;

    /// Writes `parts` one after the other. A file has one writer at a time.
    fn write_all_at(&self, parts: &[&[u8]], offset: u64) -> io::Result<()>;

    fn set_length(&self, length: u64) -> io::Result<()>;

    /// Returns when all that was written is on the disk.
    fn sync(&self) -> io::Result<()>;
}

/// The file system of this machine.
pub struct RealDisk;

impl Disk for RealDisk {
    fn create_for(&self, readers: Readers, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).mode(readers.file_mode());
        Ok(Arc::new(options.open(path)?))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(OpenOptions::new().read(true).write(true).open(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        gone_is_fine(fs::remove_file(path))
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        File::open(folder)?.sync_all()
    }

    fn remove_folder(&self, folder: &Path) -> io::Result<()> {
        gone_is_fine(fs::remove_dir(folder))
    }

    fn make_folder_for(&self, readers: Readers, folder: &Path) -> io::Result<()> {
        let missing = folder.ancestors().take_while(|above| !above.as_os_str().is_empty() && !above.exists());
        let parents: Vec<&Path> = missing.map(folder_of).collect();
        fs::DirBuilder::new().recursive(true).mode(readers.folder_mode()).create(folder)?;
        if readers == Readers::Owner {
            fs::set_permissions(folder, fs::Permissions::from_mode(readers.folder_mode()))?;
        }
        parents.into_iter().try_for_each(|parent| self.sync_folder(parent))
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect()
    }
}

fn gone_is_fine(removed: io::Result<()>) -> io::Result<()> {
    removed.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

impl DiskFile for File {
    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_exact_at(&self, out: &mut [u8], offset: u64) -> io::Result<()> {
        FileExt::read_exact_at(self, out, offset)
    }

    fn write_all_at(&self, parts: &[&[u8]], offset: u64) -> io::Result<()> {
        let mut slices: Vec<IoSlice<'_>> = parts.iter().map(|part| IoSlice::new(part)).collect();
        let mut rest = slices.as_mut_slice();
        // No other method uses the position, and there is one writer.
        let mut file = self;
        file.seek(SeekFrom::Start(offset))?;
        IoSlice::advance_slices(&mut rest, 0);
        while !rest.is_empty() {
            match file.write_vectored(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => IoSlice::advance_slices(&mut rest, written),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}

/// A file that this process has for itself until this is dropped, as far as other programs ask for the lock too.
pub struct FileLock(File);

impl FileLock {
    /// Fails with [`io::ErrorKind::WouldBlock`] if another process has it, or this one already.
    pub fn take(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        file.try_lock()?;
        Ok(FileLock(file))
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        // Closing would not do: a child that is being started has the open file as well, until it runs its own program.
        let _ = self.0.unlock();
    }
}

/// Writes a file with mode 0600 so that after a crash it is there whole, or as it was before.
pub fn write_whole(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let staged = path.with_file_name(name);
    // A crash may have left one behind.
    disk.remove(&staged)?;
    let file = disk.create(&staged)?;
    file.write_all_at(&[bytes], 0)?;
    file.sync()?;
    disk.rename(&staged, path)?;
    disk.sync_folder(folder_of(path))
}

/// The folder that a path lies in.
pub fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Writes to a file from its beginning on, for whoever needs a [`Write`].
pub struct DiskWriter {
    file: Arc<dyn DiskFile>,
    offset: u64,
}

impl DiskWriter {
    pub fn new(file: Arc<dyn DiskFile>) -> Self {
        DiskWriter { file, offset: 0 }
    }

    /// Returns when all that was written is on the disk.
    pub fn sync(&self) -> io::Result<()> {
        self.file.sync()
    }
}

impl Write for DiskWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write_all_at(&[bytes], self.offset)?;
        self.offset += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_everybody_may_read_is_made_so_and_a_folder_that_is_there_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("served/tile/checkpoint");
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        RealDisk.make_folder_for(Readers::Everybody, path.parent().unwrap()).unwrap();
        RealDisk.create_for(Readers::Everybody, &path).unwrap();
        let masked = |mode: u32| mode & !0o022;
        assert_eq!(masked(mode(&path)), 0o644);
        assert_eq!(masked(mode(path.parent().unwrap())), 0o755);
        // Whoever closed it, it stays closed; and what is private is made so.
        fs::set_permissions(path.parent().unwrap(), fs::Permissions::from_mode(0o750)).unwrap();
        RealDisk.make_folder_for(Readers::Everybody, path.parent().unwrap()).unwrap();
        assert_eq!(mode(path.parent().unwrap()), 0o750);
        RealDisk.make_folder(path.parent().unwrap()).unwrap();
        assert_eq!(mode(path.parent().unwrap()), 0o700);

        assert!(RealDisk.remove_folder(path.parent().unwrap()).is_err());
        RealDisk.remove(&path).unwrap();
        for _ in 0..2 {
            RealDisk.remove_folder(path.parent().unwrap()).unwrap();
        }
        assert!(!path.parent().unwrap().exists());
    }

    #[test]
    fn a_file_is_free_once_its_lock_is_dropped_also_while_a_child_starts() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let lock = FileLock::take(file.path()).unwrap();
        let again = FileLock::take(file.path());
        assert_eq!(again.err().map(|error| error.kind()), Some(io::ErrorKind::WouldBlock));
        // What a child holds between its beginning and the program that it runs.
        let child = lock.0.try_clone().unwrap();
        drop(lock);
        FileLock::take(file.path()).unwrap();
        drop(child);
    }

    #[test]
    fn a_file_is_written_whole_and_private_also_over_what_a_crash_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/file");
        RealDisk.make_folder(path.parent().unwrap()).unwrap();
        fs::write(path.with_file_name("file.new"), "left behind, and longer").unwrap();
        fs::set_permissions(path.with_file_name("file.new"), fs::Permissions::from_mode(0o644)).unwrap();
        for text in ["one", "another"] {
            write_whole(&RealDisk, &path, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        assert_eq!(RealDisk.list(path.parent().unwrap()).unwrap(), [path]);
    }
}
