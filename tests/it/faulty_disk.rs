//! A disk that fails, that dies with its machine at a chosen step, and that forgets what was not synced.
//!
//! It lies over this machine's file system and notes how to take back every change that no sync has covered yet.
//! A step is one call that changes something: a write, a sync, a new name.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use rogatory::disk::{Disk, DiskFile, Readers, RealDisk, folder_of};

/// What becomes of a step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// The machine dies in it: half of a write arrives, nothing else does, and every later step fails.
    Dies,
    /// It alone fails, and the machine goes on.
    Fails,
}

/// What the disk remembers when its machine comes back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cut {
    /// Everything, as when only the process was killed.
    Nothing,
    /// Of each file, and of each folder's names, what was synced and an unknown number of the steps after that.
    SomeOfTheUnsynced(u64),
    /// What was synced, and no more.
    Unsynced,
}

/// The files of the record and of its outside witness. Tests of their own interrupt both at every step.
pub const RECORD: &[&str] = &["record", "journal", "journal.new", "witness"];

#[derive(Clone)]
pub struct FaultyDisk(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// Keeps files that were removed or replaced, until that is synced.
    graves: tempfile::TempDir,
}

#[derive(Default)]
struct State {
    steps: Vec<String>,
    fault: Option<(usize, Fault)>,
    struck: Option<String>,
    /// Steps on paths with any of these parts are not counted.
    outside: &'static [&'static str],
    dead: bool,
    unsynced: Vec<(Scope, Undo)>,
    buried: u64,
}

/// What one sync covers.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Scope {
    File(u64),
    Names(PathBuf),
}

enum Undo {
    Write { file: Arc<File>, offset: u64, before: Vec<u8>, length: u64 },
    Create(PathBuf),
    Rename { from: PathBuf, to: PathBuf, replaced: Option<PathBuf> },
    Remove { path: PathBuf, grave: PathBuf },
    RemoveFolder(PathBuf),
}

/// Where a step goes from here.
enum Go {
    On,
    HalfAndDie,
}

impl FaultyDisk {
    /// For files on the file system that temporary folders are on.
    pub fn new() -> Self {
        let graves = tempfile::tempdir().unwrap();
        FaultyDisk(Arc::new(Shared { state: Mutex::default(), graves }))
    }

    /// The `step`th step from now on, counted from 1, has this fault.
    pub fn strike(&self, step: usize, fault: Fault) {
        let mut state = self.state();
        state.steps.clear();
        state.outside = &[];
        state.fault = Some((step, fault));
    }

    /// The same, and only steps on paths without any of these parts are counted.
    pub fn strike_outside(&self, parts: &'static [&'static str], step: usize, fault: Fault) {
        self.strike(step, fault);
        self.state().outside = parts;
    }

    /// The step that was struck, if it came to that.
    pub fn struck(&self) -> Option<String> {
        self.state().struck.clone()
    }

    /// Takes back what the machine forgets, after everything that used the disk has been dropped.
    pub fn forget(&self, cut: Cut) {
        let mut state = self.state();
        let unsynced = std::mem::take(&mut state.unsynced);
        let mut kept: BTreeMap<Scope, u64> = BTreeMap::new();
        if let Cut::SomeOfTheUnsynced(seed) = cut {
            for (at, (scope, _)) in unsynced.iter().enumerate() {
                let mixed = (seed ^ at as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
                *kept.entry(scope.clone()).or_default() += mixed >> 63;
            }
        }
        let mut lost: Vec<Undo> = Vec::new();
        for (scope, undo) in unsynced {
            let left = kept.entry(scope).or_default();
            match (cut, *left) {
                (Cut::Nothing, _) => {}
                (_, 0) => lost.push(undo),
                _ => *left -= 1,
            }
        }
        for undo in lost.into_iter().rev() {
            undo.run();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap()
    }

    fn step(&self, what: &str, path: &Path) -> io::Result<Go> {
        let mut state = self.state();
        let died = || Err(io::Error::other("the machine died"));
        if state.dead {
            return died();
        }
        if path.iter().any(|part| state.outside.iter().any(|outside| part == *outside)) {
            return Ok(Go::On);
        }
        let name = format!("{what} {}", path.file_name().unwrap_or_default().to_string_lossy());
        state.steps.push(name.clone());
        match state.fault {
            Some((at, fault)) if at == state.steps.len() => {
                state.struck = Some(name);
                match fault {
                    Fault::Fails => Err(io::Error::other("the disk failed")),
                    Fault::Dies => {
                        state.dead = true;
                        if what == "write" { Ok(Go::HalfAndDie) } else { died() }
                    }
                }
            }
            _ => Ok(Go::On),
        }
    }

    fn note(&self, scope: Scope, undo: Undo) {
        self.state().unsynced.push((scope, undo));
    }

    fn settle(&self, scope: &Scope) {
        self.state().unsynced.retain(|(of, _)| of != scope);
    }

    /// Another name for a file that is about to lose its own.
    fn bury(&self, path: &Path) -> Option<PathBuf> {
        let mut state = self.state();
        state.buried += 1;
        let grave = self.0.graves.path().join(state.buried.to_string());
        fs::hard_link(path, &grave).ok().map(|()| grave)
    }

    fn wrap(&self, path: &Path, file: File) -> Arc<dyn DiskFile> {
        let number = file.metadata().unwrap().ino();
        Arc::new(FaultyFile { disk: self.clone(), path: path.to_owned(), file: Arc::new(file), number })
    }
}

impl Undo {
    fn run(self) {
        match self {
            Undo::Write { file, offset, before, length } => {
                FileExt::write_all_at(&*file, &before, offset).unwrap();
                file.set_len(length).unwrap();
            }
            Undo::Create(path) => fs::remove_file(path).unwrap_or_default(),
            Undo::Rename { from, to, replaced } => {
                // Where the new name was lost after that, there is nothing to take back.
                let _ = fs::rename(&to, &from);
                if let Some(grave) = replaced {
                    rise(&grave, &to);
                }
            }
            Undo::Remove { path, grave } => rise(&grave, &path),
            // There again, if it was made anew since.
            Undo::RemoveFolder(path) => fs::create_dir_all(path).unwrap(),
        }
    }
}

/// Puts a file back, unless its folder is gone for good.
fn rise(grave: &Path, path: &Path) {
    if folder_of(path).exists() {
        fs::rename(grave, path).unwrap();
    }
}

impl Disk for FaultyDisk {
    fn create_for(&self, readers: Readers, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        self.step("create", path)?;
        RealDisk.create_for(readers, path)?;
        self.note(Scope::Names(folder_of(path).to_owned()), Undo::Create(path.to_owned()));
        Ok(self.wrap(path, OpenOptions::new().read(true).write(true).open(path)?))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        Ok(self.wrap(path, OpenOptions::new().read(true).write(true).open(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step("rename", to)?;
        let replaced = self.bury(to);
        RealDisk.rename(from, to)?;
        let undo = Undo::Rename { from: from.to_owned(), to: to.to_owned(), replaced };
        self.note(Scope::Names(folder_of(to).to_owned()), undo);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.step("remove", path)?;
        if let Some(grave) = self.bury(path) {
            let undo = Undo::Remove { path: path.to_owned(), grave };
            self.note(Scope::Names(folder_of(path).to_owned()), undo);
        }
        RealDisk.remove(path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        self.step("sync folder", folder)?;
        self.settle(&Scope::Names(folder.to_owned()));
        Ok(())
    }

    fn make_folder_for(&self, readers: Readers, folder: &Path) -> io::Result<()> {
        self.step("make folder", folder)?;
        RealDisk.make_folder_for(readers, folder)
    }

    fn remove_folder(&self, folder: &Path) -> io::Result<()> {
        self.step("remove folder", folder)?;
        RealDisk.remove_folder(folder)?;
        self.note(Scope::Names(folder_of(folder).to_owned()), Undo::RemoveFolder(folder.to_owned()));
        Ok(())
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        RealDisk.list(folder)
    }
}

struct FaultyFile {
    disk: FaultyDisk,
    path: PathBuf,
    file: Arc<File>,
    /// Its inode: it may get another name.
    number: u64,
}

impl FaultyFile {
    fn change(&self, offset: u64, length: u64, change: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let end = self.file.length()?;
        let mut before = vec![0; end.saturating_sub(offset).min(length) as usize];
        FileExt::read_exact_at(&*self.file, &mut before, offset)?;
        let undo = Undo::Write { file: self.file.clone(), offset, before, length: end };
        self.disk.note(Scope::File(self.number), undo);
        change()
    }
}

impl DiskFile for FaultyFile {
    fn length(&self) -> io::Result<u64> {
        self.file.length()
    }

    fn read_exact_at(&self, out: &mut [u8], offset: u64) -> io::Result<()> {
        if self.disk.state().dead {
            return Err(io::Error::other("the machine died"));
        }
        FileExt::read_exact_at(&*self.file, out, offset)
    }

    fn write_all_at(&self, parts: &[&[u8]], offset: u64) -> io::Result<()> {
        let go = self.disk.step("write", &self.path)?;
        let mut bytes = parts.concat();
        if matches!(go, Go::HalfAndDie) {
            bytes.truncate(bytes.len() / 2);
        }
        self.change(offset, bytes.len() as u64, || FileExt::write_all_at(&*self.file, &bytes, offset))?;
        match go {
            Go::On => Ok(()),
            Go::HalfAndDie => Err(io::Error::other("the machine died")),
        }
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.disk.step("set length", &self.path)?;
        self.change(length, u64::MAX, || self.file.set_len(length))
    }

    fn sync(&self) -> io::Result<()> {
        self.disk.step("sync", &self.path)?;
        self.disk.settle(&Scope::File(self.number));
        Ok(())
    }
}

#[test]
fn it_takes_back_what_was_not_synced_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::new();
    let at = |name: &str| folder.path().join(name);
    rogatory::disk::write_whole(&disk, &at("kept"), b"kept").unwrap();
    disk.create(&at("unnamed")).unwrap().write_all_at(&[b"x"], 0).unwrap();
    let file = disk.open(&at("kept")).unwrap();
    file.write_all_at(&[b"KE", b"PT and more"], 0).unwrap();
    disk.rename(&at("kept"), &at("other")).unwrap();
    rogatory::disk::write_whole(&disk, &at("kept"), b"second").unwrap();
    disk.remove(&at("kept")).unwrap();
    drop(file);
    disk.forget(Cut::Unsynced);
    // The last sync of the folder covered the rename; nothing ever synced the bytes written to that file since.
    assert_eq!(fs::read(at("other")).unwrap(), b"kept");
    assert_eq!(fs::read(at("kept")).unwrap(), b"second");
    assert_eq!(fs::read(at("unnamed")).unwrap(), b"");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);

    let file = disk.open(&at("kept")).unwrap();
    disk.strike(2, Fault::Dies);
    file.write_all_at(&[b"S"], 0).unwrap();
    file.write_all_at(&[b"1234"], 6).unwrap_err();
    assert!(file.sync().is_err() && file.read_exact_at(&mut [0], 0).is_err());
    assert_eq!(disk.struck().as_deref(), Some("write kept"));
    assert_eq!(fs::read(at("kept")).unwrap(), b"Second12");
    disk.forget(Cut::Nothing);
    assert_eq!(fs::read(at("kept")).unwrap(), b"Second12");
}
