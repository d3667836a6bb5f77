//! The log's two folders on a disk that dies, fails or forgets at one step: the disk that everything else is tested on, too.

use std::path::Path;
use std::sync::Arc;

use futures_util::future::join_all;
use rogatory::disk::{Disk, RealDisk};
use rogatory::record::checkpoint::SignedCheckpoint;
use rogatory::record::log::{Log, LogError};
use rogatory::record::opening::MemoryOpenings;
use rogatory::record::policy::Accept;
use rogatory::record::storage::{FolderStorage, ServedFolder};
use rogatory::record::verify::verify_log;
use rogatory::record::witness::AddCheckpoint;

use crate::faulty_disk::{Cut, Fault, FaultyDisk};
use crate::record_disk::draft;
use crate::record_testing::Cast;

/// So many entries that what follows fills a tile.
const BASE: usize = 253;
const APPENDS: usize = 4;

struct Site<'a> {
    cast: Cast,
    openings: Arc<MemoryOpenings>,
    folder: &'a Path,
}

impl Site<'_> {
    async fn open(&self, disk: Arc<dyn Disk>) -> Result<Log, LogError> {
        let (served, own) = (self.folder.join("record"), self.folder.join("own"));
        let storage = FolderStorage::open(disk, &served, &own).map_err(LogError::Io)?;
        let mut options = self.cast.options(Arc::new(storage), self.openings.clone());
        // One batch fills it, so that replacing it is among the steps.
        options.journal_max_bytes = 1000;
        Log::open(options).await
    }
}

/// Witnesses who know what those of the base know.
fn witnesses_of(base: &Cast) -> Cast {
    let cast = Cast::small("folders");
    for (id, witness) in &cast.witnesses {
        let checkpoint = SignedCheckpoint::parse(&base.witness(id).checkpoint().unwrap()).unwrap();
        let checkpoint = checkpoint.only_by(&[cast.policy.log()]);
        witness.add_checkpoint(&AddCheckpoint { old: 0, proof: Vec::new(), checkpoint }).unwrap();
    }
    cast
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
        match path.is_dir() {
            true => copy(&path, &to.join(name)),
            false => drop(std::fs::copy(&path, to.join(name)).unwrap()),
        }
    }
}

/// Opens and appends one entry after the other; gives the leaves that were acknowledged, with their places. `None` if the log
/// did not open.
async fn play(site: &Site<'_>, disk: Arc<dyn Disk>) -> Option<Vec<(u64, Vec<u8>)>> {
    let mut acknowledged = Vec::new();
    let log = site.open(disk).await.ok()?;
    for n in 0..APPENDS {
        if let Ok(logged) = log.append(draft(1000 + n)).await {
            acknowledged.push((logged.index, logged.leaf.encode().to_vec()));
        }
    }
    log.close().await;
    Some(acknowledged)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_whatever_becomes_of_the_files() {
    let scratch = tempfile::tempdir().unwrap();
    let base = scratch.path().join("base");
    let openings = Arc::new(MemoryOpenings::default());
    let cast = Cast::small("folders");
    let storage = FolderStorage::open(Arc::new(RealDisk), &base.join("record"), &base.join("own")).unwrap();
    let log = Log::create(cast.options(Arc::new(storage), openings.clone()), &cast.genesis()).await.unwrap();
    join_all((1..BASE).map(|n| log.append(draft(n)))).await.into_iter().for_each(|l| drop(l.unwrap()));
    log.close().await;

    let (mut struck, mut places) = (0, std::collections::BTreeSet::new());
    for (run, step) in (1..).step_by(3).enumerate() {
        let (fault, cut) = match run % 4 {
            0 => (Fault::Fails, Cut::Nothing),
            1 => (Fault::Dies, Cut::Unsynced),
            2 => (Fault::Dies, Cut::SomeOfTheUnsynced(step as u64)),
            _ => (Fault::Dies, Cut::Nothing),
        };
        let folder = scratch.path().join("run");
        copy(&base, &folder);
        let site = Site { cast: witnesses_of(&cast), openings: openings.clone(), folder: &folder };
        let disk = FaultyDisk::new();
        disk.strike(step, fault);
        let acknowledged = play(&site, Arc::new(disk.clone())).await;
        let Some(place) = disk.struck() else {
            assert_eq!(acknowledged.map(|all| all.len()), Some(APPENDS));
            break;
        };
        let what = format!("step {step}, {place}, {fault:?}, {cut:?}");
        if let (Fault::Fails, Some(acknowledged)) = (fault, &acknowledged) {
            assert!(acknowledged.len() >= APPENDS - 1, "{what}");
        }
        let acknowledged = acknowledged.unwrap_or_default();
        disk.forget(cut);
        let seen = site.cast.witnesses.iter().map(|(_, witness)| witness.head().size).max().unwrap();
        let log = site.open(Arc::new(RealDisk)).await.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(log.head().size >= seen, "{what}: rewound");
        for (index, leaf) in &acknowledged {
            assert_eq!(log.leaf(*index).await.unwrap().encode().to_vec(), *leaf, "{what}: entry {index}");
        }
        let size = log.append(draft(2000)).await.unwrap_or_else(|error| panic!("{what}: {error}")).index + 1;
        log.close().await;
        let served = ServedFolder(folder.join("record"));
        let found = verify_log(&served, &site.cast.policy, Accept::NormalOnly, &mut |_, _| {});
        assert_eq!((found.findings, found.head.map(|head| head.size)), (vec![], Some(size)), "{what}");
        std::fs::remove_dir_all(&folder).unwrap();
        places.insert(place.split(' ').next().unwrap().to_owned());
        struck += 1;
    }
    assert!(struck > 20, "{struck}");
    let met: Vec<&str> = places.iter().map(String::as_str).collect();
    assert_eq!(met, ["create", "make", "remove", "rename", "sync", "write"]);
}
