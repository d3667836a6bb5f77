//! A disk that fails as it is told to, at any call and in any way, and a log on it.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use futures_util::future::join_all;
use rogatory::record::checkpoint::SignedCheckpoint;
use rogatory::record::entry::{EntryDraft, Slot};
use rogatory::record::log::{Log, LogError};
use rogatory::record::opening::{FullOpening, OpeningStore};
use rogatory::record::storage::{Left, ReadTiles, Storage};
use rogatory::record::witness::AddCheckpoint;
use serde_json::json;
use tokio::sync::oneshot;

use crate::record_testing::{Cast, time};

/// What happens at one call.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Fault {
    /// The call fails and nothing was written.
    Fails,
    /// The call fails, and the bytes are there all the same.
    FailsYetPersists,
    /// The process dies before the call.
    Dies,
    /// The process dies in the call, which wrote half of its bytes.
    DiesHalfway,
    /// The process dies after the call.
    DiesAfter,
    /// From this call on there is no room: nothing more is written.
    Full,
}

/// What a power cut does to files that were written and not synced. What was synced stays.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Unsynced {
    Stays,
    IsForgotten,
    IsTorn,
}

/// What is on the disk, and what will happen to it.
#[derive(Default)]
pub struct Disk {
    pub journal: Vec<u8>,
    pub files: BTreeMap<String, Vec<u8>>,
    synced: BTreeMap<String, Vec<u8>>,
    /// What opens the entries. A call that keeps or erases some is durable when it returns.
    openings: BTreeMap<u64, Arc<FullOpening>>,
    /// How many writing calls there were.
    pub calls: usize,
    /// At which call what happens.
    pub fault: Option<(usize, Fault)>,
    /// At which call its caller waits, and for what; the first is told that it waits.
    pub pause: Option<(usize, oneshot::Sender<()>, oneshot::Receiver<()>)>,
    dead: bool,
}

#[derive(Clone, Default)]
pub struct FaultyDisk(Arc<Mutex<Disk>>);

impl Disk {
    /// Applies `write` to the disk, as the fault of this call has it. `write` takes how many of its bytes arrive.
    fn call(&mut self, length: usize, write: impl FnOnce(&mut Disk, usize)) -> io::Result<()> {
        let died = || Err(io::Error::other("the process died"));
        if self.dead {
            return died();
        }
        self.calls += 1;
        let due =
            |(at, fault): &(usize, Fault)| *at == self.calls || (*fault == Fault::Full && *at < self.calls);
        let fault = self.fault.filter(due).map(|(_, fault)| fault);
        match fault {
            None => write(self, length),
            Some(Fault::Fails | Fault::Dies | Fault::Full) => {}
            Some(Fault::FailsYetPersists | Fault::DiesAfter) => write(self, length),
            Some(Fault::DiesHalfway) => write(self, length / 2),
        }
        match fault {
            None => Ok(()),
            Some(Fault::Fails | Fault::FailsYetPersists) => Err(io::Error::other("the disk failed")),
            Some(Fault::Full) => Err(io::Error::new(io::ErrorKind::StorageFull, "no room")),
            Some(Fault::Dies | Fault::DiesHalfway | Fault::DiesAfter) => {
                self.dead = true;
                died()
            }
        }
    }
}

impl FaultyDisk {
    pub fn lock(&self) -> MutexGuard<'_, Disk> {
        self.0.lock().unwrap()
    }

    /// What is there when the machine comes back.
    pub fn after_crash(&self, unsynced: Unsynced) -> Self {
        let disk = self.lock();
        let mut files = disk.files.clone();
        match unsynced {
            Unsynced::Stays => {}
            Unsynced::IsForgotten => files = disk.synced.clone(),
            Unsynced::IsTorn => {
                let torn = files.iter_mut().filter(|(path, bytes)| disk.synced.get(*path) != Some(bytes));
                torn.for_each(|(_, bytes)| bytes.truncate(bytes.len() / 2));
            }
        }
        let (journal, openings) = (disk.journal.clone(), disk.openings.clone());
        let disk = Disk { journal, synced: files.clone(), files, openings, ..Disk::default() };
        FaultyDisk(Arc::new(Mutex::new(disk)))
    }

    /// Makes the call with this number wait, counted from now on. Gives who is told so, and who lets it go on.
    pub fn pause_at(&self, call: usize) -> (oneshot::Receiver<()>, oneshot::Sender<()>) {
        let (waits, waiting) = oneshot::channel();
        let (go_on, goes_on) = oneshot::channel();
        let mut disk = self.lock();
        disk.pause = Some((disk.calls + call, waits, goes_on));
        (waiting, go_on)
    }

    /// The disk for one writing call; waits if this is the call to wait at, with the disk free for others.
    fn for_call(&self) -> MutexGuard<'_, Disk> {
        let mut disk = self.lock();
        let next = disk.calls + 1;
        let Some((_, waits, goes_on)) = disk.pause.take_if(|(at, ..)| *at == next) else { return disk };
        drop(disk);
        let _ = waits.send(());
        let _ = goes_on.blocking_recv();
        self.lock()
    }
}

impl ReadTiles for FaultyDisk {
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        Ok(self.lock().files.get(path).cloned())
    }
}

impl Storage for FaultyDisk {
    fn load_journal(&self) -> io::Result<Vec<u8>> {
        let disk = self.lock();
        if disk.dead { Err(io::Error::other("the process died")) } else { Ok(disk.journal.clone()) }
    }

    fn replace_journal(&self, left: Left<'_>, bytes: &[u8]) -> io::Result<()> {
        let mut disk = self.for_call();
        let as_left = match left {
            Left::Nothing => disk.journal.is_empty(),
            Left::Ending { at, with } => ends(&disk.journal, at as usize, with),
            Left::Whole(bytes) => disk.journal == bytes,
        };
        if !disk.dead && !as_left {
            return Err(taken_over());
        }
        // A rename is whole or not at all.
        disk.call(bytes.len(), |disk, arrived| {
            if arrived == bytes.len() {
                disk.journal = bytes.to_vec();
            }
        })
    }

    fn append_journal(&self, at: u64, before: &[u8; 32], bytes: &[u8]) -> io::Result<()> {
        let at = at as usize;
        let mut disk = self.for_call();
        if !disk.dead && !ends(&disk.journal, at, before) {
            return Err(taken_over());
        }
        disk.call(bytes.len(), |disk, arrived| {
            let journal = &mut disk.journal;
            journal.resize(journal.len().max(at + bytes.len()), 0);
            journal[at..at + arrived].copy_from_slice(&bytes[..arrived]);
        })
    }

    fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.for_call().call(bytes.len(), |disk, arrived| {
            disk.files.insert(path.to_owned(), bytes[..arrived].to_vec());
        })
    }

    fn remove_partials(&self, full: &str, keep: Option<usize>) -> io::Result<()> {
        let prefix = format!("{full}.p/");
        let kept = keep.map(|width| format!("{prefix}{width}"));
        self.for_call().call(1, |disk, _| {
            let stays = |path: &String| !path.starts_with(&prefix) || Some(path) == kept.as_ref();
            disk.files.retain(|path, _| stays(path));
            disk.synced.retain(|path, _| stays(path));
        })
    }

    fn sync(&self) -> io::Result<()> {
        self.for_call().call(1, |disk, arrived| {
            if arrived == 1 {
                disk.synced = disk.files.clone();
            }
        })
    }
}

impl OpeningStore for FaultyDisk {
    fn put(&self, batch: &[Arc<FullOpening>]) -> io::Result<()> {
        self.for_call().call(batch.len(), |disk, arrived| {
            let arrived = batch.iter().take(arrived);
            disk.openings.extend(arrived.map(|full| (full.opening.entry(), full.clone())));
        })
    }

    fn get(&self, entry: u64) -> io::Result<Option<FullOpening>> {
        Ok(self.lock().openings.get(&entry).map(|full| full.as_ref().clone()))
    }

    /// A journal is written anew and takes the place of the old one: all or nothing.
    fn erase(&self, entries: &[u64]) -> io::Result<()> {
        self.for_call().call(1, |disk, arrived| {
            if arrived == 1 {
                disk.openings.retain(|entry, _| !entries.contains(entry));
            }
        })
    }
}

/// True if the journal ends here with these bytes.
fn ends(journal: &[u8], at: usize, with: &[u8; 32]) -> bool {
    let written = journal.get(at..).is_some_and(|rest| rest.iter().take(8).any(|byte| *byte != 0));
    journal.get(at - 32..at) == Some(with.as_slice()) && !written
}

fn taken_over() -> io::Error {
    io::Error::new(io::ErrorKind::AlreadyExists, "somebody else appended")
}

pub fn draft(n: usize) -> EntryDraft {
    EntryDraft::new(format!("m-{n}"), time("2014-01-01")).with(Slot::Note, json!(n))
}

/// Everything that lasts beyond a process: the disk, with the openings on it, and the witnesses' memories.
pub struct Lasting {
    pub cast: Cast,
    pub disk: FaultyDisk,
}

impl Lasting {
    /// The same with another disk, as after a crash.
    pub fn with(&self, disk: FaultyDisk) -> Self {
        Lasting { cast: self.cast.clone(), disk }
    }

    /// Witnesses of their own, who know what those of this one know.
    pub fn cast_again(&self) -> Cast {
        let cast = Cast::small("faults");
        for (id, witness) in &cast.witnesses {
            let checkpoint = SignedCheckpoint::parse(&self.cast.witness(id).checkpoint().unwrap()).unwrap();
            let checkpoint = checkpoint.only_by(&[cast.policy.log()]);
            witness.add_checkpoint(&AddCheckpoint { old: 0, proof: Vec::new(), checkpoint }).unwrap();
        }
        cast
    }

    pub async fn open(&self) -> Result<Log, LogError> {
        let mut options = self.cast.options(Arc::new(self.disk.clone()), Arc::new(self.disk.clone()));
        // Two or three batches fill it, so that replacing it is among the steps.
        options.journal_max_bytes = 2000;
        Log::open(options).await
    }

    /// A log of 253 entries with nothing wrong, so that what follows fills a tile.
    pub async fn start() -> Self {
        let lasting = Lasting { cast: Cast::small("faults"), disk: FaultyDisk::default() };
        let options = lasting.cast.options(Arc::new(lasting.disk.clone()), Arc::new(lasting.disk.clone()));
        let log = Log::create(options, &lasting.cast.genesis()).await.unwrap();
        join_all((1..253).map(|n| log.append(draft(n)))).await.into_iter().for_each(|l| drop(l.unwrap()));
        log.close().await;
        lasting
    }
}
