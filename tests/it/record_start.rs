//! Starting: where a creation or a process was interrupted, and what a long run of lone appends leaves behind.

use std::sync::Arc;

use rogatory::record::checkpoint::SignedCheckpoint;
use rogatory::record::log::{JOURNAL_MAX_BYTES, Log, LogError};
use rogatory::record::opening::MemoryOpenings;
use rogatory::record::policy::Accept;
use rogatory::record::storage::{ReadTiles, Storage};
use rogatory::record::verify::verify_log;

use crate::record_disk::{Fault, FaultyDisk, Lasting, Unsynced, draft};
use crate::record_testing::Cast;

/// Partial tiles of a tile that is full are no use to anybody, but for the one that recovery starts from.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lone_appends_leave_no_partial_tiles_behind_full_ones() {
    // Recovery starts from 253 entries until the journal is replaced, which does not happen here.
    let lasting = Lasting::start().await;
    lasting.open().await.unwrap().close().await;
    let open = |lasting: &Lasting| {
        let mut options =
            lasting.cast.options(Arc::new(lasting.disk.clone()), Arc::new(lasting.disk.clone()));
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
        let files = &lasting.disk.lock().files;
        let behind_full =
            |path: &&String| path.split_once(".p/").is_some_and(|(full, _)| files.contains_key(full));
        files.keys().filter(behind_full).cloned().collect()
    };
    assert_eq!(partials(&lasting), ["tile/0/000.p/253", "tile/entries/000.p/253"]);
    let bytes: usize = lasting.disk.lock().files.values().map(Vec::len).sum();
    // 85 partial tiles and bundles of the tile that grows, 43 entries long on average, and the entries themselves.
    assert!(bytes < 4 << 20, "{bytes} bytes for 853 entries");

    // After a power cut that forgets the full ones, the next start needs those two, and leaves none.
    let lasting = Lasting { disk: lasting.disk.after_crash(Unsynced::IsForgotten), ..lasting };
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
            let disk = disk.after_crash(if at % 2 == 0 { Unsynced::IsForgotten } else { Unsynced::IsTorn });
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
    lasting.disk.lock().journal.clear();
    let options = lasting.cast.options(Arc::new(lasting.disk.clone()), Arc::new(lasting.disk.clone()));
    let created = Log::open_or_create(options, &lasting.cast.genesis()).await;
    assert!(matches!(created.err(), Some(LogError::JournalLost)));
}
