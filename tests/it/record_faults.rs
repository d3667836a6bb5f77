//! Every write of the append path fails, in every way a write can, and the process dies at every step. Whatever was
//! acknowledged is there afterwards, and no log is ever rewound.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use futures_util::future::join_all;
use rogatory::record::TreeHead;
use rogatory::record::checkpoint::SignedCheckpoint;
use rogatory::record::entry::{EntryDraft, Slot};
use rogatory::record::log::{AppendError, JOURNAL_MAX_BYTES, Log, LogError};
use rogatory::record::opening::MemoryOpenings;
use rogatory::record::policy::Accept;
use rogatory::record::storage::{ReadTiles, Storage};
use rogatory::record::verify::verify_log;
use serde_json::json;

use crate::record_testing::{Cast, time};

/// What happens at one call.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Fault {
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
}

#[derive(Clone, Default)]
struct Platter {
    journal: Vec<u8>,
    files: BTreeMap<String, Vec<u8>>,
}

/// A disk that keeps what was synced and may forget the rest.
#[derive(Default)]
struct Disk {
    now: Platter,
    synced: BTreeMap<String, Vec<u8>>,
    calls: usize,
    fault: Option<(usize, Fault)>,
    dead: bool,
}

#[derive(Clone, Default)]
struct FaultyDisk(Arc<Mutex<Disk>>);

impl Disk {
    /// Applies `write` to the disk, as the fault of this call has it. `write` takes how many of its bytes arrive.
    fn call(&mut self, length: usize, write: impl FnOnce(&mut Disk, usize)) -> io::Result<()> {
        let died = || Err(io::Error::other("the process died"));
        if self.dead {
            return died();
        }
        self.calls += 1;
        let fault = self.fault.filter(|(at, _)| *at == self.calls).map(|(_, fault)| fault);
        match fault {
            None => write(self, length),
            Some(Fault::Fails | Fault::Dies) => {}
            Some(Fault::FailsYetPersists | Fault::DiesAfter) => write(self, length),
            Some(Fault::DiesHalfway) => write(self, length / 2),
        }
        match fault {
            None => Ok(()),
            Some(Fault::Fails | Fault::FailsYetPersists) => Err(io::Error::other("the disk failed")),
            Some(Fault::Dies | Fault::DiesHalfway | Fault::DiesAfter) => {
                self.dead = true;
                died()
            }
        }
    }
}

impl FaultyDisk {
    fn lock(&self) -> std::sync::MutexGuard<'_, Disk> {
        self.0.lock().unwrap()
    }

    /// What is there when the machine comes back: files as they were synced, or as they were written last.
    fn after_crash(&self, forgets: bool) -> Self {
        let disk = self.lock();
        let files = if forgets { disk.synced.clone() } else { disk.now.files.clone() };
        let now = Platter { journal: disk.now.journal.clone(), files: files.clone() };
        FaultyDisk(Arc::new(Mutex::new(Disk { now, synced: files, ..Disk::default() })))
    }
}

impl ReadTiles for FaultyDisk {
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        Ok(self.lock().now.files.get(path).cloned())
    }
}

impl Storage for FaultyDisk {
    fn load_journal(&self) -> io::Result<Vec<u8>> {
        let disk = self.lock();
        if disk.dead { Err(io::Error::other("the process died")) } else { Ok(disk.now.journal.clone()) }
    }

    fn replace_journal(&self, bytes: &[u8]) -> io::Result<()> {
        // A rename is whole or not at all.
        self.lock().call(bytes.len(), |disk, arrived| {
            if arrived == bytes.len() {
                disk.now.journal = bytes.to_vec();
            }
        })
    }

    fn append_journal(&self, at: u64, before: &[u8; 32], bytes: &[u8]) -> io::Result<()> {
        let at = at as usize;
        {
            let disk = self.lock();
            let journal = &disk.now.journal;
            let written = journal.get(at..).is_some_and(|rest| rest.iter().take(8).any(|byte| *byte != 0));
            if !disk.dead && (journal.get(at - 32..at) != Some(before.as_slice()) || written) {
                return Err(io::Error::new(io::ErrorKind::AlreadyExists, "somebody else appended"));
            }
        }
        self.lock().call(bytes.len(), |disk, arrived| {
            let journal = &mut disk.now.journal;
            journal.resize(journal.len().max(at + bytes.len()), 0);
            journal[at..at + arrived].copy_from_slice(&bytes[..arrived]);
        })
    }

    fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        // A file that was renamed before its bytes were synced can come back torn; that is what `forgets` stands for, too.
        self.lock().call(bytes.len(), |disk, arrived| {
            disk.now.files.insert(path.to_owned(), bytes[..arrived].to_vec());
        })
    }

    fn remove_partials(&self, full: &str, keep: Option<usize>) -> io::Result<()> {
        let prefix = format!("{full}.p/");
        let kept = keep.map(|width| format!("{prefix}{width}"));
        self.lock().call(1, |disk, _| {
            let stays = |path: &String| !path.starts_with(&prefix) || Some(path) == kept.as_ref();
            disk.now.files.retain(|path, _| stays(path));
            disk.synced.retain(|path, _| stays(path));
        })
    }

    fn sync(&self) -> io::Result<()> {
        self.lock().call(1, |disk, arrived| {
            if arrived == 1 {
                disk.synced = disk.now.files.clone();
            }
        })
    }
}

fn draft(n: usize) -> EntryDraft {
    EntryDraft::new(format!("m-{n}"), time("2014-01-01")).with(Slot::Note, json!(n))
}

/// Everything that lasts beyond a process: the disk, openings, and the witnesses' memories.
struct Lasting {
    cast: Cast,
    disk: FaultyDisk,
    openings: Arc<MemoryOpenings>,
}

impl Lasting {
    async fn open(&self) -> Result<Log, LogError> {
        let mut options = self.cast.options(Arc::new(self.disk.clone()), self.openings.clone());
        // Two or three batches fill it, so that replacing it is among the steps.
        options.journal_max_bytes = 2000;
        Log::open(options).await
    }

    /// A log of 253 entries with nothing wrong, so that what follows fills a tile.
    async fn start() -> Self {
        let lasting = Lasting {
            cast: Cast::small("faults"),
            disk: FaultyDisk::default(),
            openings: Arc::new(MemoryOpenings::default()),
        };
        let options = lasting.cast.options(Arc::new(lasting.disk.clone()), lasting.openings.clone());
        let log = Log::create(options, &lasting.cast.genesis()).await.unwrap();
        join_all((1..253).map(|n| log.append(draft(n)))).await.into_iter().for_each(|l| drop(l.unwrap()));
        log.close().await;
        lasting
    }
}

/// The steps under test: open, and seven appends one after the other. Gives what was acknowledged: index, leaf, and the
/// checkpoints that were handed out.
async fn play(lasting: &Lasting) -> (Vec<(u64, TreeHead, Vec<u8>)>, usize) {
    let mut acknowledged = Vec::new();
    let mut refused = 0;
    if let Ok(log) = lasting.open().await {
        for n in 0..7 {
            match log.append(draft(1000 + n)).await {
                Ok(logged) => {
                    let head = logged.published.checkpoint.head();
                    acknowledged.push((logged.index, head, logged.leaf.encode().to_vec()));
                }
                Err(_) => refused += 1,
            }
        }
        log.close().await;
    }
    (acknowledged, refused)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_whatever_fails_at_whichever_step() {
    let lasting = Lasting::start().await;
    let (acknowledged, _) = play(&lasting).await;
    assert_eq!(acknowledged.len(), 7);
    let calls = lasting.disk.lock().calls;

    let base = Lasting::start().await;
    let first = base.disk.lock().calls;
    assert!(calls - first >= 30, "{calls} {first}");
    let faults = [Fault::Fails, Fault::FailsYetPersists, Fault::Dies, Fault::DiesHalfway, Fault::DiesAfter];
    for at in 1..=calls - first {
        for fault in faults {
            let forgets = at % 2 == 0 || fault == Fault::DiesHalfway;
            run(&base, at, fault, forgets).await;
        }
    }
}

async fn run(base: &Lasting, at: usize, fault: Fault, forgets: bool) {
    let what = format!("call {at} {fault:?}, forgets {forgets}");
    // The witnesses of each run start with the memory of the base: they know 253 entries.
    let cast = Cast::small("faults");
    for (id, witness) in &cast.witnesses {
        let checkpoint = SignedCheckpoint::parse(&base.cast.witness(id).checkpoint().unwrap()).unwrap();
        let request = rogatory::record::witness::AddCheckpoint { old: 0, proof: Vec::new(), checkpoint };
        witness.add_checkpoint(&request).unwrap();
    }
    let disk = base.disk.after_crash(false);
    disk.lock().fault = Some((at, fault));
    let lasting = Lasting { cast, disk, openings: base.openings.clone() };
    let (acknowledged, refused) = play(&lasting).await;
    if matches!(fault, Fault::Fails | Fault::FailsYetPersists) {
        // One write fails; all the others find a log that works.
        assert!(refused <= 1, "{what}: {refused} refused");
    }

    let disk = lasting.disk.after_crash(forgets);
    let seen = lasting.cast.witnesses.iter().map(|(_, witness)| witness.head().size).max().unwrap();
    let lasting = Lasting { disk, ..lasting };
    let log = lasting.open().await.unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(log.head().size >= seen, "{what}: rewound");
    for (index, head, leaf) in &acknowledged {
        assert_eq!(log.leaf(*index).await.unwrap().encode().to_vec(), *leaf, "{what}: entry {index}");
        assert!(log.head().size >= head.size, "{what}");
    }
    let logged = log.append(draft(2000)).await.unwrap_or_else(|error| panic!("{what}: {error}"));
    assert!(acknowledged.iter().all(|(index, ..)| *index < logged.index), "{what}");
    // Every entry, acknowledged or not, can be opened.
    for index in 250..=logged.index {
        let full = log.opening(index).await.unwrap().unwrap();
        full.opening.check(&log.leaf(index).await.unwrap()).unwrap_or_else(|error| panic!("{what}: {error}"));
    }
    log.close().await;
    let found = verify_log(&lasting.disk, &lasting.cast.policy, Accept::NormalOnly, &mut |_, _| {});
    assert_eq!(found.findings, [], "{what}");
    assert_eq!(found.head.unwrap().size, logged.index + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_processes_one_stops() {
    let lasting = Lasting::start().await;
    let first = lasting.open().await.unwrap();
    first.append(draft(1)).await.unwrap();
    let second = lasting.open().await.unwrap();
    let logged = second.append(draft(2)).await.unwrap();
    assert_eq!(logged.index, 254);
    for _ in 0..2 {
        assert!(matches!(first.append(draft(3)).await, Err(AppendError::TakenOver)));
    }
    assert_eq!(second.append(draft(4)).await.unwrap().index, 255);
}

/// Partial tiles of a tile that is full are no use to anybody, but for the one that recovery starts from.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lone_appends_leave_no_partial_tiles_behind_full_ones() {
    // Recovery starts from 253 entries until the journal is replaced, which does not happen here.
    let lasting = Lasting::start().await;
    lasting.open().await.unwrap().close().await;
    let open = |lasting: &Lasting| {
        let mut options = lasting.cast.options(Arc::new(lasting.disk.clone()), lasting.openings.clone());
        options.journal_max_bytes = JOURNAL_MAX_BYTES;
        Log::open(options)
    };
    let log = open(&lasting).await.unwrap();
    for n in 0..600 {
        log.append(draft(n)).await.unwrap();
    }
    assert_eq!(log.head().size, 853);
    log.close().await;
    let partials = |lasting: &Lasting| -> Vec<String> {
        let files = &lasting.disk.lock().now.files;
        let behind_full =
            |path: &&String| path.split_once(".p/").is_some_and(|(full, _)| files.contains_key(full));
        files.keys().filter(behind_full).cloned().collect()
    };
    assert_eq!(partials(&lasting), ["tile/0/000.p/253", "tile/entries/000.p/253"]);
    let bytes: usize = lasting.disk.lock().now.files.values().map(Vec::len).sum();
    // 85 partial tiles and bundles of the tile that grows, 43 entries long on average, and the entries themselves.
    assert!(bytes < 4 << 20, "{bytes} bytes for 853 entries");

    // After a power cut that forgets the full ones, the next start needs those two, and leaves none.
    let lasting = Lasting { disk: lasting.disk.after_crash(true), ..lasting };
    assert!(lasting.disk.read("tile/0/000").unwrap().is_none());
    let log = open(&lasting).await.unwrap();
    assert_eq!(log.append(draft(1)).await.unwrap().index, 853);
    log.close().await;
    assert_eq!(partials(&lasting), [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_torn_checkpoint_is_served_anew() {
    let lasting = Lasting::start().await;
    let whole = lasting.disk.read("checkpoint").unwrap().unwrap();
    let foreign = Cast::small("another");
    let other = SignedCheckpoint::sign(
        &crate::record_testing::log_signer(&foreign.entropy),
        SignedCheckpoint::parse(std::str::from_utf8(&whole).unwrap()).unwrap().head(),
    );
    for torn in
        [vec![], whole[..whole.len() / 2].to_vec(), vec![0; whole.len()], other.to_string().into_bytes()]
    {
        lasting.disk.write("checkpoint", &torn).unwrap();
        let log = lasting.open().await.unwrap();
        // Without anybody appending or asking.
        for _ in 0..500 {
            if log.published().is_some() {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        assert_eq!(log.published().unwrap().checkpoint.head().size, 253);
        log.close().await;
        let found = verify_log(&lasting.disk, &lasting.cast.policy, Accept::NormalOnly, &mut |_, _| {});
        assert_eq!(found.findings, []);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_creation_that_was_interrupted_goes_on() {
    let options = |cast: &Cast, disk: &FaultyDisk, openings: &Arc<MemoryOpenings>| {
        cast.options(Arc::new(disk.clone()), openings.clone())
    };
    let cast = Cast::small("create");
    let (disk, openings) = (FaultyDisk::default(), Arc::new(MemoryOpenings::default()));
    Log::create(options(&cast, &disk, &openings), &cast.genesis()).await.unwrap().close().await;
    let calls = disk.lock().calls;
    assert!(calls > 10, "{calls}");
    for at in 1..=calls {
        for fault in [Fault::Fails, Fault::FailsYetPersists, Fault::DiesHalfway, Fault::DiesAfter] {
            let what = format!("call {at} {fault:?}");
            let cast = Cast::small("create");
            let (disk, openings) = (FaultyDisk::default(), Arc::new(MemoryOpenings::default()));
            disk.lock().fault = Some((at, fault));
            if let Ok(log) = Log::create(options(&cast, &disk, &openings), &cast.genesis()).await {
                log.close().await;
            }
            let disk = disk.after_crash(at % 2 == 0);
            // Opening says what is missing; creating goes on.
            match Log::open(options(&cast, &disk, &openings)).await {
                Ok(log) => log.close().await,
                Err(LogError::NoLog | LogError::NoGenesis) => {}
                Err(error) => panic!("{what}: {error}"),
            }
            let log = Log::open_or_create(options(&cast, &disk, &openings), &cast.genesis())
                .await
                .unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!(log.append(draft(1)).await.unwrap().index, 1, "{what}");
            log.close().await;
            assert!(disk.read("opening/000").unwrap().is_some(), "{what}");
            let found = verify_log(&disk, &cast.policy, Accept::NormalOnly, &mut |_, _| {});
            assert_eq!(found.findings, [], "{what}");
        }
    }
}

/// A log whose own folder is lost is not begun again: that would be a second history under the same key.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_was_published_is_not_created_again() {
    let lasting = Lasting::start().await;
    lasting.disk.lock().now.journal.clear();
    let options = lasting.cast.options(Arc::new(lasting.disk.clone()), lasting.openings.clone());
    let created = Log::open_or_create(options, &lasting.cast.genesis()).await;
    assert!(matches!(created.err(), Some(LogError::JournalLost)));
}
