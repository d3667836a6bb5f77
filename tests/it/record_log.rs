//! The log: what is appended is proven, whatever the order of callers, and stays through a restart.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use futures_util::future::join_all;
use rogatory::disk::RealDisk;
use rogatory::record::checkpoint::SignedCheckpoint;
use rogatory::record::entry::{EntryDraft, Slot};
use rogatory::record::log::{AppendError, Log, LogError};
use rogatory::record::opening::{MemoryOpenings, Opening};
use rogatory::record::policy::Accept;
use rogatory::record::storage::FolderStorage;
use rogatory::record::witness::{AddCheckpoint, LocalWitness, WitnessClient};
use serde_json::json;

use crate::record_testing::{Cast, Deployment, time};

fn draft(n: usize) -> EntryDraft {
    EntryDraft::new(format!("m-{n}"), time("2014-01-01")).with(Slot::Note, json!(n))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_caller_gets_its_own_entry_and_a_proof() {
    let deployment = Deployment::new("log").await;
    let log = &deployment.log;
    let logged = join_all((0..600).map(|n| log.append(draft(n)))).await;
    let mut seen = BTreeSet::new();
    for (n, logged) in logged.into_iter().enumerate() {
        let logged = logged.unwrap();
        assert!(seen.insert(logged.index));
        let full = logged.full.as_ref().unwrap();
        full.opening.check(&logged.leaf).unwrap();
        assert_eq!(full.opening.value(Slot::Note).unwrap(), Some(json!(n)));
        // By the other implementation.
        let head = logged.published.checkpoint.head();
        let proof = logged.inclusion.iter().map(|hash| tlog_tiles::Hash(hash.0)).collect();
        let leaf = tlog_tiles::record_hash(&logged.leaf.encode());
        tlog_tiles::check_record(&proof, head.size, tlog_tiles::Hash(head.hash.0), logged.index, leaf)
            .unwrap();
        assert!(logged.published.quorum.outsider);
    }
    assert_eq!(log.head().size, 601);
    for index in [0, 1, 255, 256, 257, 511, 512, 600] {
        let logged = log.prove(index).await.unwrap();
        assert_eq!(log.leaf(index).await.unwrap(), logged.leaf);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_goes_on_after_a_restart() {
    let Deployment { cast, log, openings, folder } = Deployment::new("restart").await;
    join_all((0..300).map(|n| log.append(draft(n)))).await;
    let before = log.head();
    log.close().await;

    let open = || {
        FolderStorage::open(Arc::new(RealDisk), &folder.path().join("record"), &folder.path().join("own"))
            .unwrap()
    };
    let log = Log::open(cast.options(Arc::new(open()), openings.clone())).await.unwrap();
    assert_eq!(log.head(), before);
    assert_eq!(log.published().unwrap().checkpoint.head(), before);
    let logged = log.append(draft(1000)).await.unwrap();
    assert_eq!(logged.index, 301);
    assert!(matches!(
        FolderStorage::open(Arc::new(RealDisk), &folder.path().join("x"), &folder.path().join("own"))
            .err()
            .unwrap()
            .kind(),
        std::io::ErrorKind::WouldBlock
    ));
    log.close().await;

    let again = Log::create(cast.options(Arc::new(open()), openings.clone()), &cast.genesis()).await;
    assert!(matches!(again.err(), Some(LogError::Exists)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_a_log_or_not_this_one_is_not_opened() {
    let Deployment { cast, log, openings, folder } = Deployment::new("open").await;
    join_all((0..10).map(|n| log.append(draft(n)))).await;
    log.close().await;
    let (served, own) = (folder.path().join("record"), folder.path().join("own"));
    let storage =
        |own: &std::path::Path| Arc::new(FolderStorage::open(Arc::new(RealDisk), &served, own).unwrap());
    let options = |own: &std::path::Path| cast.options(storage(own), openings.clone());

    // No journal.
    let empty = folder.path().join("empty");
    assert!(matches!(Log::open(options(&empty)).await.err(), Some(LogError::NoLog)));

    // Another key.
    let mut foreign = options(&own);
    foreign.policy = Cast::new("another").policy;
    assert!(matches!(Log::open(foreign).await.err(), Some(LogError::ForeignKey { .. })));

    // A journal from a backup that is older than what was published.
    let old = folder.path().join("old");
    let young = Deployment::new("open").await;
    young.log.append(draft(0)).await.unwrap();
    young.log.close().await;
    std::fs::create_dir_all(&old).unwrap();
    std::fs::copy(young.folder.path().join("own/journal"), old.join("journal")).unwrap();
    assert!(matches!(Log::open(options(&old)).await.err(), Some(LogError::Rewound { .. })));

    // A newer format.
    let mut journal = std::fs::read(own.join("journal")).unwrap();
    journal[17] = b'2';
    std::fs::write(own.join("journal"), journal).unwrap();
    assert!(matches!(Log::open(options(&own)).await.err(), Some(LogError::Journal(_))));
}

/// Invariant 6, as far as the record goes: the root depends on seed and drafts only, not on how they were batched, nor on
/// real time.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_seed_gives_the_same_root() {
    let (a, b, c) = (Deployment::new("s").await, Deployment::new("s").await, Deployment::new("t").await);
    for n in 0..20 {
        a.log.append(draft(n)).await.unwrap();
        c.log.append(draft(n)).await.unwrap();
    }
    // In one go; the queue keeps their order.
    join_all((0..20).map(|n| b.log.append(draft(n)))).await;
    assert_eq!(a.log.head(), b.log.head());
    assert_ne!(a.log.head(), c.log.head());
    insta::assert_snapshot!(a.log.head().hash, @"wjz67+7a5drUnuXguDAkTI56gNM8vOa96XW2Dv3rzA4=");
}

/// Invariant 7: without a quorum, callers get an error, the entry stays, and a later quorum completes it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_quorum_nothing_is_proven_and_nothing_is_lost() {
    let Deployment { cast, log, openings, folder } = Deployment::new("quorum").await;
    log.close().await;
    let open = || {
        Arc::new(
            FolderStorage::open(
                Arc::new(RealDisk),
                &folder.path().join("record"),
                &folder.path().join("own"),
            )
            .unwrap(),
        )
    };

    // Everybody but the outsider.
    let mut options = cast.options(open(), openings.clone());
    options.witnesses.retain(|(id, _)| id != "uni");
    let log = Log::open(options).await.unwrap();
    let refused = log.append(draft(1)).await.unwrap_err();
    assert!(
        matches!(&refused, AppendError::NoQuorum { index: 1, reason } if reason.contains("uni")),
        "{refused}"
    );
    assert_eq!(log.head().size, 2);
    assert_eq!(log.published().unwrap().checkpoint.head().size, 1);
    assert!(matches!(log.await_quorum(1).await, Err(AppendError::NoQuorum { .. })));
    assert!(matches!(log.await_quorum(2).await, Err(AppendError::NotInLog { .. })));
    log.close().await;

    // Head office alone, with the emergency quorum accepted: not enough either.
    let mut options = cast.options(open(), openings.clone());
    options.accept = Accept::Emergency;
    options.witnesses.retain(|(id, _)| id.starts_with("us-"));
    let log = Log::open(options).await.unwrap();
    assert!(matches!(log.append(draft(2)).await, Err(AppendError::NoQuorum { index: 2, .. })));
    log.close().await;

    // The outsider and one independent region are the emergency quorum, if somebody says so.
    let mut options = cast.options(open(), openings.clone());
    options.accept = Accept::Emergency;
    options.witnesses.retain(|(id, _)| id == "uni" || id == "ch-zurich");
    let log = Log::open(options).await.unwrap();
    let logged = log.append(draft(3)).await.unwrap();
    assert!(logged.published.quorum.emergency && logged.published.quorum.outsider);
    log.close().await;

    let log = Log::open(cast.options(open(), openings)).await.unwrap();
    let logged = log.await_quorum(1).await.unwrap();
    assert_eq!(logged.index, 1);
    assert_eq!(logged.published.checkpoint.head().size, 4);
    assert!(!logged.published.quorum.emergency);
}

/// A witness that never answers.
struct Hung;

impl WitnessClient for Hung {
    fn add_checkpoint(
        &self,
        _: rogatory::record::witness::AddCheckpoint,
    ) -> futures_util::future::BoxFuture<
        '_,
        Result<Vec<signed_note::Signature>, rogatory::record::witness::ClientError>,
    > {
        Box::pin(std::future::pending())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_witness_that_hangs_delays_nobody() {
    let Deployment { cast, log, openings, folder } = Deployment::new("hung").await;
    until(|| log.published().unwrap().quorum.cosigners.len() == 11).await;
    log.close().await;
    let storage =
        FolderStorage::open(Arc::new(RealDisk), &folder.path().join("record"), &folder.path().join("own"))
            .unwrap();
    let mut options = cast.options(Arc::new(storage), openings);
    options.witness_deadline = std::time::Duration::from_secs(3600);
    for (id, client) in &mut options.witnesses {
        if ["de-frankfurt", "us-oregon"].contains(&id.as_str()) {
            *client = Arc::new(Hung);
        }
    }
    let log = Log::open(options).await.unwrap();
    for n in 0..20 {
        log.append(draft(n)).await.unwrap();
    }
    let hung = log.witnesses().into_iter().find(|w| w.id == "de-frankfurt").unwrap();
    // What is served shows that it cosigned the genesis, before it hung.
    assert_eq!(hung.size, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quiet_log_ends_up_cosigned_by_everybody() {
    let deployment = Deployment::new("everybody").await;
    deployment.log.append(draft(1)).await.unwrap();
    until(|| deployment.log.published().unwrap().quorum.cosigners.len() == 11).await;
    let text = std::fs::read_to_string(deployment.folder.path().join("record/checkpoint")).unwrap();
    let served = SignedCheckpoint::parse(&text).unwrap();
    let quorum = deployment.cast.policy.check(&served, Accept::NormalOnly).unwrap();
    assert_eq!(quorum.cosigners.len(), 11);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_genesis_is_open_and_other_openings_can_be() {
    let deployment = Deployment::new("genesis").await;
    let log = &deployment.log;
    let served = std::fs::read(deployment.folder.path().join("record/opening/000")).unwrap();
    let opening: Opening = serde_json::from_slice(&served).unwrap();
    opening.check(&log.leaf(0).await.unwrap()).unwrap();
    let genesis: rogatory::record::genesis::Genesis =
        serde_json::from_value(opening.value(Slot::Facts).unwrap().unwrap()).unwrap();
    assert_eq!(genesis, deployment.cast.genesis());

    let logged = log.append(draft(7)).await.unwrap();
    let full = log.opening(logged.index).await.unwrap().unwrap();
    log.publish_opening(full.opening.subset(&[Slot::Note])).await.unwrap();
    assert!(deployment.folder.path().join("record/opening/001").exists());
    let other = log.append(draft(8)).await.unwrap();
    let wrong = Opening::new(other.index, full.opening.slots().map(|(s, o)| (s, o.clone())).collect());
    assert!(matches!(log.publish_opening(wrong).await, Err(LogError::Opening(_))));
}

/// One region's witness is put back from a backup. The log shows it its own newest cosignature at the next start; it stays
/// silent, the others are enough, and a later restart changes nothing about that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_witness_from_a_backup_is_found_at_the_next_start() {
    let Deployment { cast, log, openings, folder } = Deployment::new("backup").await;
    log.append(draft(1)).await.unwrap();
    until(|| log.published().unwrap().quorum.cosigners.len() == 11).await;
    let old = cast.witness("fr-paris").checkpoint().unwrap();
    for n in 2..5 {
        log.append(draft(n)).await.unwrap();
    }
    until(|| log.published().unwrap().quorum.cosigners.len() == 11).await;
    let size = log.head().size;
    log.close().await;

    // Another witness with the same key, which remembers what the first one did then.
    let restored = Cast::new("backup");
    let checkpoint = SignedCheckpoint::parse(&old).unwrap().only_by(&[cast.policy.log()]);
    let request = AddCheckpoint { old: 0, proof: Vec::new(), checkpoint };
    restored.witness("fr-paris").add_checkpoint(&request).unwrap();
    for _ in 0..2 {
        let storage = FolderStorage::open(
            Arc::new(RealDisk),
            &folder.path().join("record"),
            &folder.path().join("own"),
        )
        .unwrap();
        let mut options = cast.options(Arc::new(storage), openings.clone());
        for (id, client) in &mut options.witnesses {
            if id == "fr-paris" {
                *client = Arc::new(LocalWitness(restored.witness(id).clone()));
            }
        }
        let log = Log::open(options).await.unwrap();
        let trouble = || {
            log.witnesses()
                .into_iter()
                .find(|w| w.id == "fr-paris")
                .and_then(|w| w.trouble)
                .unwrap_or_default()
        };
        until(|| trouble().contains("restored from a backup")).await;
        // Nobody appended; what is served is cosigned anew by all the others.
        let names = |log: &Log| -> Vec<String> {
            log.published().unwrap().quorum.cosigners.iter().map(|c| c.witness.clone()).collect()
        };
        until(|| names(&log).len() == 10).await;
        assert!(!names(&log).contains(&"fr-paris".to_owned()));
        let logged = log.append(draft(9)).await.unwrap();
        assert!(logged.index >= size);
        assert!(restored.witness("fr-paris").head().size < size);
        log.close().await;
    }
}

/// A witness that is restored from a backup while the log runs.
struct Swapped(Arc<Mutex<LocalWitness>>);

impl WitnessClient for Swapped {
    fn add_checkpoint(
        &self,
        request: AddCheckpoint,
    ) -> futures_util::future::BoxFuture<
        '_,
        Result<Vec<signed_note::Signature>, rogatory::record::witness::ClientError>,
    > {
        let now = self.0.lock().unwrap().clone();
        Box::pin(async move { now.add_checkpoint(request).await })
    }
}

/// The log does not show it anything of its own in a new round. That it says less than it said is enough.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_witness_that_goes_back_while_the_log_runs_is_asked_for_nothing_that_could_contradict_it() {
    let cast = Cast::new("goes back");
    let folder = tempfile::tempdir().unwrap();
    let storage =
        FolderStorage::open(Arc::new(RealDisk), &folder.path().join("record"), &folder.path().join("own"))
            .unwrap();
    let mut options = cast.options(Arc::new(storage), Arc::new(MemoryOpenings::default()));
    let swapped = Arc::new(Mutex::new(LocalWitness(cast.witness("fr-paris").clone())));
    for (id, client) in &mut options.witnesses {
        if id == "fr-paris" {
            *client = Arc::new(Swapped(swapped.clone()));
        }
    }
    let log = Log::create(options, &cast.genesis()).await.unwrap();
    log.append(draft(1)).await.unwrap();
    let everybody = || log.published().unwrap().quorum.cosigners.len() == 11;
    until(everybody).await;
    assert_eq!(log.cosigned_by("fr-paris"), 2);

    // The same key, and no memory.
    let restored = Cast::new("goes back").witness("fr-paris").clone();
    *swapped.lock().unwrap() = LocalWitness(restored.clone());
    log.append(draft(2)).await.unwrap();
    let trouble = || log.witnesses().into_iter().find(|w| w.id == "fr-paris").unwrap().trouble;
    until(|| {
        trouble().is_some_and(|why| why.contains("has cosigned size 2, and its answer says that it is at 0"))
    })
    .await;
    log.append(draft(3)).await.unwrap();
    until(|| log.published().unwrap().quorum.cosigners.len() == 10).await;
    assert_eq!(restored.head().size, 0, "it was asked for what could contradict it");
    assert_eq!(log.cosigned_by("fr-paris"), 2);
    // Such an answer is not signed: whoever gave it in the witness's place keeps it out no longer than that.
    *swapped.lock().unwrap() = LocalWitness(cast.witness("fr-paris").clone());
    log.append(draft(4)).await.unwrap();
    until(everybody).await;
    assert_eq!((trouble(), log.cosigned_by("fr-paris")), (None, log.head().size));
    log.close().await;
}

async fn until(done: impl Fn() -> bool) {
    for _ in 0..1000 {
        if done() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("it does not come about");
}

/// A witness that takes its time, and says whether it is at work.
struct Slow(LocalWitness, Arc<AtomicBool>);

impl WitnessClient for Slow {
    fn add_checkpoint(
        &self,
        request: AddCheckpoint,
    ) -> futures_util::future::BoxFuture<
        '_,
        Result<Vec<signed_note::Signature>, rogatory::record::witness::ClientError>,
    > {
        let at_work = self.1.clone();
        at_work.store(true, Ordering::SeqCst);
        Box::pin(async move {
            let work = tokio::task::spawn_blocking(move || {
                std::thread::sleep(std::time::Duration::from_millis(300));
                at_work.store(false, Ordering::SeqCst);
            });
            work.await.unwrap();
            self.0.add_checkpoint(request).await
        })
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_closed_log_leaves_no_witness_at_work() {
    let Deployment { cast, log, openings, folder } = Deployment::new("close").await;
    log.close().await;
    let storage =
        FolderStorage::open(Arc::new(RealDisk), &folder.path().join("record"), &folder.path().join("own"))
            .unwrap();
    let mut options = cast.options(Arc::new(storage), openings);
    let at_work = Arc::new(AtomicBool::new(false));
    for (id, client) in &mut options.witnesses {
        *client = Arc::new(Slow(LocalWitness(cast.witness(id).clone()), at_work.clone()));
    }
    // What was published is shown to them at once.
    let log = Log::open(options).await.unwrap();
    until(|| at_work.load(Ordering::SeqCst)).await;
    log.close().await;
    assert!(!at_work.load(Ordering::SeqCst));
}
