//! A log in two folders of a file system.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::{Left, ReadTiles, STAGED, Storage, opening_path};
use crate::disk::{Disk, DiskFile, FileLock, Readers, folder_of};
use crate::record::opening::Opening;

/// How much of the journal file is written with zeros in advance. Overwriting them and syncing the data changes no metadata,
/// which on most file systems makes the difference between one flush and several.
const JOURNAL_AHEAD_BYTES: u64 = 4 << 20;

/// Two folders of a file system: one that is served, one that is the log's own.
pub struct FolderStorage {
    disk: Arc<dyn Disk>,
    served: PathBuf,
    own: PathBuf,
    journal: Mutex<Option<Journal>>,
    /// Written since the last sync.
    dirty: Mutex<BTreeSet<PathBuf>>,
    /// Held by the call that syncs.
    syncing: Mutex<()>,
    /// Held as long as this lives, so that two processes never both append.
    _lock: FileLock,
}

struct Journal {
    file: Arc<dyn DiskFile>,
    /// Its inode: what the name stood for when it was opened.
    number: u64,
    /// Zeros are written up to here.
    ahead: u64,
}

impl Journal {
    /// True if the 32 bytes before `at` are `with`, and nothing was written there yet.
    fn ends(&self, at: u64, with: &[u8; 32]) -> io::Result<bool> {
        let mut around = [0; 40];
        let start = at - 32;
        let there = self.file.length()?.saturating_sub(start).min(around.len() as u64) as usize;
        self.file.read_exact_at(&mut around[..there], start)?;
        Ok(around[..32] == *with && around[32..] == [0; 8])
    }
}

impl FolderStorage {
    /// Opens both folders, making them if needed: what is served for everybody, the log's own for it alone. Takes the lock;
    /// fails with [`io::ErrorKind::WouldBlock`] if another process has it.
    pub fn open(disk: Arc<dyn Disk>, served: &Path, own: &Path) -> io::Result<Self> {
        disk.make_folder_for(Readers::Everybody, served)?;
        disk.make_folder(own)?;
        let lock = own.join("lock");
        OpenOptions::new().create(true).truncate(false).write(true).open(&lock)?;
        let lock = FileLock::take(&lock).map_err(|error| match error.kind() {
            kind @ io::ErrorKind::WouldBlock => {
                io::Error::new(kind, format!("`{}` is in use by another process", own.display()))
            }
            _ => error,
        })?;
        Ok(FolderStorage {
            disk,
            served: served.to_owned(),
            own: own.to_owned(),
            journal: Mutex::new(None),
            dirty: Mutex::new(BTreeSet::new()),
            syncing: Mutex::new(()),
            _lock: lock,
        })
    }

    /// True if a log was begun in these folders: its journal is there.
    pub fn is_begun(own: &Path) -> bool {
        fs::metadata(own.join("journal")).is_ok_and(|journal| journal.len() > 0)
    }

    fn journal_path(&self) -> PathBuf {
        self.own.join("journal")
    }

    /// The open journal, if its name still stands for the file that was opened. The lock keeps other processes out; this
    /// finds the one that does not heed it, or a folder that was put back.
    fn opened<'a>(&self, journal: &'a mut Option<Journal>) -> io::Result<&'a mut Journal> {
        let named = fs::metadata(self.journal_path())?.ino();
        match journal.take() {
            Some(open) if open.number == named => Ok(journal.insert(open)),
            Some(_) => Err(taken_over()),
            None => {
                let file = self.disk.open(&self.journal_path())?;
                let ahead = file.length()?;
                Ok(journal.insert(Journal { file, number: named, ahead }))
            }
        }
    }
}

impl ReadTiles for FolderStorage {
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        read_if_there(&self.served.join(path))
    }
}

/// A served folder that is only read, such as a copy on another machine.
pub struct ServedFolder(pub PathBuf);

impl ServedFolder {
    /// What was published of an entry, as it lies there: nothing about it is checked.
    pub fn opening(&self, entry: u64) -> io::Result<Option<Opening>> {
        let bytes = self.read(&opening_path(entry))?;
        bytes.map(|bytes| serde_json::from_slice(&bytes).map_err(io::Error::from)).transpose()
    }
}

impl ReadTiles for ServedFolder {
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        read_if_there(&self.0.join(path))
    }
}

fn read_if_there(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

impl Storage for FolderStorage {
    fn load_journal(&self) -> io::Result<Vec<u8>> {
        Ok(read_if_there(&self.journal_path())?.unwrap_or_default())
    }

    fn replace_journal(&self, left: Left<'_>, bytes: &[u8]) -> io::Result<()> {
        let mut journal = self.journal.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let as_left = match left {
            Left::Nothing => !self.journal_path().exists(),
            Left::Ending { at, with } => self.opened(&mut journal)?.ends(at, with)?,
            Left::Whole(bytes) => fs::read(self.journal_path())? == bytes,
        };
        if !as_left {
            return Err(taken_over());
        }
        *journal = None;
        let staged = self.own.join("journal.new");
        // A crash may have left one behind.
        self.disk.remove(&staged)?;
        let file = self.disk.create(&staged)?;
        let number = fs::metadata(&staged)?.ino();
        file.write_all_at(&[bytes], 0)?;
        let written = bytes.len() as u64;
        write_zeros(&*file, written, JOURNAL_AHEAD_BYTES)?;
        file.sync()?;
        // A crash before this line leaves the old journal, after it the new one.
        self.disk.rename(&staged, &self.journal_path())?;
        self.disk.sync_folder(&self.own)?;
        *journal = Some(Journal { file, number, ahead: written + JOURNAL_AHEAD_BYTES });
        Ok(())
    }

    fn append_journal(&self, at: u64, before: &[u8; 32], bytes: &[u8]) -> io::Result<()> {
        let mut journal = self.journal.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let journal = self.opened(&mut journal)?;
        if !journal.ends(at, before)? {
            return Err(taken_over());
        }
        let end = at + bytes.len() as u64;
        if end > journal.ahead {
            write_zeros(&*journal.file, journal.ahead, end - journal.ahead + JOURNAL_AHEAD_BYTES)?;
            journal.ahead = end + JOURNAL_AHEAD_BYTES;
        }
        journal.file.write_all_at(&[bytes], at)?;
        journal.file.sync()
    }

    fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let target = self.served.join(path);
        // Renaming keeps a reader, and a crash, from meeting half a file.
        let staged = target.with_extension(STAGED);
        let file = self.create_staged(&staged)?;
        file.write_all_at(&[bytes], 0)?;
        // A name may be on the disk before what it stands for. Tiles and the checkpoint are written again after a crash; what the
        // journal does not hold has to be whole wherever its name is.
        if !path.starts_with("tile/") && path != "checkpoint" {
            file.sync()?;
        }
        self.disk.rename(&staged, &target)?;
        self.dirty.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).insert(target);
        Ok(())
    }

    fn remove_partials(&self, full: &str, keep: Option<usize>) -> io::Result<()> {
        let folder = self.served.join(format!("{full}.p"));
        let kept = keep.map(|width| folder.join(width.to_string()));
        for path in absent_is_fine(self.disk.list(&folder))? {
            if Some(&path) != kept.as_ref() {
                self.disk.remove(&path)?;
            }
        }
        if kept.is_none() {
            self.disk.remove_folder(&folder)?;
        }
        let mut dirty = self.dirty.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        dirty.retain(|path| !path.starts_with(&folder) || Some(path) == kept.as_ref());
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        // One at a time: whoever returns has to know that what another call took is durable, too.
        let _turn = self.syncing.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let dirty = || self.dirty.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        let files = std::mem::take(&mut *dirty());
        // Readers and writers go on while the disk works.
        let synced = self.sync_files(&files);
        if synced.is_err() {
            dirty().extend(files);
        }
        synced
    }
}

impl FolderStorage {
    /// An empty file beside the one that it will replace, in a folder that may have to be made.
    fn create_staged(&self, staged: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let create = || self.disk.create_for(Readers::Everybody, staged);
        create().or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                self.disk.make_folder_for(Readers::Everybody, folder_of(staged))?;
                create()
            }
            // A crash, or a full disk, left one behind.
            io::ErrorKind::AlreadyExists => {
                self.disk.remove(staged)?;
                create()
            }
            _ => Err(error),
        })
    }

    fn sync_files(&self, files: &BTreeSet<PathBuf>) -> io::Result<()> {
        let mut folders = BTreeSet::new();
        for path in files {
            match self.disk.open(path) {
                Ok(file) => file.sync()?,
                // A partial tile that a full one has replaced meanwhile; the full one is in line itself.
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            }
            let inside = path.ancestors().skip(1).take_while(|folder| folder.starts_with(&self.served));
            folders.extend(inside.map(Path::to_owned));
        }
        // The folder of such a partial tile may be gone by now, too. That it is, is among the names of the one above it.
        folders.iter().try_for_each(|folder| absent_is_fine(self.disk.sync_folder(folder)))
    }
}

/// Success, and nothing to show, where there was nothing to work on.
fn absent_is_fine<T: Default>(done: io::Result<T>) -> io::Result<T> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(T::default()),
        done => done,
    }
}

fn taken_over() -> io::Error {
    let what = "the journal is not as this process left it: another one appends to this log";
    io::Error::new(io::ErrorKind::AlreadyExists, what)
}

fn write_zeros(file: &dyn DiskFile, at: u64, count: u64) -> io::Result<()> {
    static ZEROS: [u8; 64 << 10] = [0; 64 << 10];
    let (whole, rest) = (count as usize / ZEROS.len(), count as usize % ZEROS.len());
    let mut parts = vec![&ZEROS[..]; whole];
    parts.push(&ZEROS[..rest]);
    file.write_all_at(&parts, at)
}

#[cfg(test)]
mod tests {
    use std::sync::Condvar;

    use super::*;
    use crate::disk::RealDisk;

    fn open(folder: &Path, own: &str) -> FolderStorage {
        FolderStorage::open(Arc::new(RealDisk), &folder.join("s"), &folder.join(own)).unwrap()
    }

    #[test]
    fn a_journal_that_somebody_else_wrote_to_is_not_touched() {
        let folder = tempfile::tempdir().unwrap();
        let storage = open(folder.path(), "own");
        storage.replace_journal(Left::Nothing, &[7; 40]).unwrap();
        assert!(storage.replace_journal(Left::Nothing, &[7; 40]).is_err());
        storage.append_journal(40, &[7; 32], &[8; 50]).unwrap();
        let taken = |result: io::Result<()>| result.unwrap_err().kind() == io::ErrorKind::AlreadyExists;
        // Where something is, after something else, and before the end.
        assert!(taken(storage.append_journal(40, &[7; 32], &[9; 50])));
        assert!(taken(storage.append_journal(90, &[7; 32], &[9; 50])));
        assert!(taken(storage.append_journal(200, &[8; 32], &[9; 50])));
        storage.append_journal(90, &[8; 32], &[9; 50]).unwrap();
        let journal = storage.load_journal().unwrap();
        assert_eq!((&journal[..40], &journal[90..140], journal[140]), (&[7; 40][..], &[9; 50][..], 0));

        // Nor replaced.
        let replace = |at, with| storage.replace_journal(Left::Ending { at, with }, &[5; 40]);
        assert!(taken(replace(90, &[8; 32])));
        assert!(taken(storage.replace_journal(Left::Whole(&[7; 40]), &[5; 40])));
        assert_eq!(storage.load_journal().unwrap(), journal);

        // Another file of the same name.
        std::fs::copy(folder.path().join("own/journal"), folder.path().join("copy")).unwrap();
        std::fs::rename(folder.path().join("copy"), folder.path().join("own/journal")).unwrap();
        assert!(taken(storage.append_journal(140, &[9; 32], &[1; 50])));
        assert!(replace(140, &[9; 32]).is_ok());
    }

    #[test]
    fn a_full_tile_takes_the_place_of_its_partial_ones() {
        let folder = tempfile::tempdir().unwrap();
        let storage = open(folder.path(), "o");
        storage.write("tile/0/000.p/5", b"a").unwrap();
        storage.write("tile/0/000", b"b").unwrap();
        assert_eq!(storage.read("tile/0/000.p/5").unwrap().unwrap(), b"a");
        storage.write("tile/0/000.p/6", b"c").unwrap();
        storage.remove_partials("tile/0/000", Some(6)).unwrap();
        storage.remove_partials("tile/0/001", Some(6)).unwrap();
        assert_eq!(storage.read("tile/0/000.p/5").unwrap(), None);
        assert_eq!(storage.read("tile/0/000.p/6").unwrap().unwrap(), b"c");
        storage.remove_partials("tile/0/000", None).unwrap();
        storage.remove_partials("tile/0/001", None).unwrap();
        assert_eq!(storage.read("tile/0/000.p/6").unwrap(), None);
        storage.sync().unwrap();
    }

    /// This machine's disk, on which a sync of `slow` waits until it is let go on, and then fails, and on which `gone.p` is
    /// removed just before it is synced.
    #[derive(Clone, Default)]
    struct SlowDisk(Arc<(Mutex<Slow>, Condvar)>);

    #[derive(Default)]
    struct Slow {
        waits: bool,
        goes_on: bool,
    }

    impl SlowDisk {
        fn until(&self, set: impl FnOnce(&mut Slow), is: impl Fn(&Slow) -> bool) {
            let (slow, changed) = &*self.0;
            let mut slow = slow.lock().unwrap();
            set(&mut slow);
            changed.notify_all();
            drop(changed.wait_while(slow, |slow| !is(slow)).unwrap());
        }
    }

    impl Disk for SlowDisk {
        fn create_for(&self, readers: Readers, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
            RealDisk.create_for(readers, path)
        }
        fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
            if path.ends_with("slow") && !self.0.0.lock().unwrap().goes_on {
                self.until(|slow| slow.waits = true, |slow| slow.goes_on);
                return Err(io::Error::other("the disk failed"));
            }
            RealDisk.open(path)
        }
        fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
            RealDisk.rename(from, to)
        }
        fn remove(&self, path: &Path) -> io::Result<()> {
            RealDisk.remove(path)
        }
        fn sync_folder(&self, folder: &Path) -> io::Result<()> {
            if folder.ends_with("gone.p") {
                fs::remove_dir_all(folder)?;
            }
            RealDisk.sync_folder(folder)
        }
        fn make_folder_for(&self, readers: Readers, folder: &Path) -> io::Result<()> {
            RealDisk.make_folder_for(readers, folder)
        }
        fn remove_folder(&self, folder: &Path) -> io::Result<()> {
            RealDisk.remove_folder(folder)
        }
        fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
            RealDisk.list(folder)
        }
    }

    #[test]
    fn a_partial_tile_that_a_full_one_replaces_during_a_sync_is_no_error() {
        let folder = tempfile::tempdir().unwrap();
        let (served, own) = (folder.path().join("s"), folder.path().join("o"));
        let storage = FolderStorage::open(Arc::new(SlowDisk::default()), &served, &own).unwrap();
        storage.write("tile/0/gone.p/5", b"a").unwrap();
        storage.sync().unwrap();
        assert!(!served.join("tile/0/gone.p").exists());
    }

    #[test]
    fn a_sync_holds_up_no_writer_and_waits_for_the_sync_before_it() {
        let folder = tempfile::tempdir().unwrap();
        let disk = SlowDisk::default();
        let storage =
            FolderStorage::open(Arc::new(disk.clone()), &folder.path().join("s"), &folder.path().join("o"))
                .unwrap();
        storage.write("slow", b"a").unwrap();
        std::thread::scope(|scope| {
            let first = scope.spawn(|| storage.sync());
            disk.until(|_| {}, |slow| slow.waits);
            // The first waits for the disk, and nobody who writes waits for it.
            storage.write("other", b"b").unwrap();
            let second = scope.spawn(|| storage.sync());
            std::thread::sleep(std::time::Duration::from_millis(50));
            let overlapped = second.is_finished();
            disk.until(|slow| slow.goes_on = true, |_| true);
            assert!(first.join().unwrap().is_err());
            assert!(!overlapped, "the second sync returned while what the first took was not durable");
            // What the first could not sync is still in line for the second.
            second.join().unwrap().unwrap();
            assert!(storage.dirty.lock().unwrap().is_empty());
        });
    }
}
