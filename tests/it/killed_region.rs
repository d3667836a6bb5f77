//! Region nodes as processes that die without warning, and head office that goes on.
#![cfg(target_os = "linux")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use futures_util::StreamExt;
use rogatory::demand::Disposition;
use rogatory::mail::MESSAGE_BYTES_MAX;
use rogatory::provider::{Deployment, ProviderError};
use rogatory::region::Peer;
use rogatory::world::DataClass;
use rustix::process::{Pid, Signal, kill_process};

use crate::common::*;

const ACCOUNT: &str = "dublin@post.example";
const MESSAGES: usize = 1000;

fn dublin() -> Peer {
    Peer::Region("ie-dublin".parse().unwrap())
}

/// One deployment for both, because eleven processes take their time to start.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_region_loses_no_mail_and_makes_its_production_when_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut deployment = Deployment::start(options_of_processes(&data)).await.unwrap();
    open_account(&mut deployment.provider, ACCOUNT, "IE").await;

    the_longest_message_streams(&mut deployment).await;
    no_acknowledged_message_is_lost(&deployment).await;
    a_release_waits_for_the_region(&mut deployment).await;
    assert_eq!(productions(&data, RECIPIENT).len(), 2);
    a_release_waits_for_a_quorum(&mut deployment).await;
    assert_eq!(productions(&data, RECIPIENT).len(), 4);
    a_region_from_a_backup_releases_nothing(&mut deployment, &data).await;
    deployment.stop().await;
}

/// The most memory that a process ever had, in KiB.
fn memory_peak(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().strip_suffix(" kB").unwrap().parse().unwrap()
}

async fn the_longest_message_streams(deployment: &mut Deployment) {
    let account = "long@post.example";
    open_account(&mut deployment.provider, account, "IE").await;
    let pid = deployment.supervisor().unwrap().pid(&dublin()).unwrap();
    let mut bytes = b"Subject: long\r\n\r\n".to_vec();
    bytes.resize(MESSAGE_BYTES_MAX as usize, b'x');
    let before = memory_peak(pid);
    deployment.provider.deliver(mail(account, bytes)).await.unwrap();
    let grown = memory_peak(pid) - before;
    assert!(grown < 16 * 1024, "a message of 50 MiB took {grown} KiB of the node's memory");
    let copies = deployment.provider.where_is(&address(account)).await.unwrap().copies;
    let content = copies.iter().find(|copy| copy.class == DataClass::Content).unwrap();
    assert_eq!(content.objects, 1);
}

async fn no_acknowledged_message_is_lost(deployment: &Deployment) {
    let provider = &deployment.provider;
    let supervisor = deployment.supervisor().unwrap();
    let acknowledged = Mutex::new(BTreeSet::new());
    let deliver =
        |number: usize| async move { (number, provider.deliver(mail(ACCOUNT, message(number))).await) };
    let mut failed = 0;
    let mut kills = 0;
    let mut deliveries = futures_util::stream::iter((0..MESSAGES).map(deliver)).buffer_unordered(100);
    while let Some((number, stored)) = deliveries.next().await {
        match stored {
            Ok(_) => drop(acknowledged.lock().unwrap().insert(number)),
            Err(ProviderError::Region(..)) => failed += 1,
            Err(error) => panic!("{error}"),
        }
        // In the middle of a hundred deliveries, twice, and again if none of them was under way at that instant. The supervisor
        // starts it again.
        let so_far = acknowledged.lock().unwrap().len();
        if so_far >= 150 + kills * 150 && (kills < 2 || failed == 0) {
            let mut address = supervisor.address(&dublin()).unwrap();
            address.mark_unchanged();
            let pid = Pid::from_raw(supervisor.pid(&dublin()).unwrap() as i32).unwrap();
            kill_process(pid, Signal::KILL).unwrap();
            kills += 1;
            address.wait_for(Option::is_none).await.unwrap();
            address.wait_for(Option::is_some).await.unwrap();
        }
    }
    drop(deliveries);
    assert!(kills >= 2 && failed > 0, "{kills} kills, {failed} failed deliveries");
    let acknowledged = acknowledged.into_inner().unwrap();
    let sent: BTreeMap<Vec<u8>, usize> = (0..MESSAGES).map(|number| (message(number), number)).collect();
    let found = numbers(provider, ACCOUNT, &sent).await;
    let lost: Vec<&usize> = acknowledged.difference(&found).collect();
    assert!(lost.is_empty(), "of {} acknowledged, lost: {lost:?}", acknowledged.len());

    // Whoever got no acknowledgement sends again, and so does a cautious one who did.
    let again = futures_util::stream::iter((0..MESSAGES).map(deliver)).buffer_unordered(100);
    again.for_each(|(number, stored)| async move { assert!(stored.is_ok(), "{number}") }).await;
    assert_eq!(numbers(provider, ACCOUNT, &sent).await.len(), MESSAGES);
    // The rows that other regions keep of them are there once too.
    let place = provider.where_is(&address(ACCOUNT)).await.unwrap();
    for copy in place.copies.iter().filter(|copy| copy.class != DataClass::Subscriber) {
        assert_eq!(copy.objects, MESSAGES as u64, "{copy:?}");
    }
}

async fn a_release_waits_for_the_region(deployment: &mut Deployment) {
    deployment.supervisor().unwrap().kill(&dublin()).await.unwrap();
    let provider = &mut deployment.provider;
    let instrument = provider.sign(&warrant("w-1", ACCOUNT)).unwrap();
    let error = provider.receive(instrument).await.unwrap_err();
    assert!(matches!(&error, ProviderError::Region(region, _) if region.as_str() == "ie-dublin"), "{error}");
    let view = provider.show("w-1").unwrap();
    assert_eq!(view.disposition, Disposition::Pending);
    assert!(view.delayed_by.as_deref().is_some_and(|why| why.contains("ie-dublin")), "{view:?}");

    deployment.supervisor().unwrap().revive(&dublin()).await.unwrap();
    let provider = &mut deployment.provider;
    let later = provider.now().plus_seconds(60);
    provider.advance_to(later).await.unwrap();
    let view = provider.show("w-1").unwrap();
    assert_eq!((view.disposition, view.delayed_by), (Disposition::Served, None));
}

/// No quorum is without an outside witness, and the only one is gone: what is decided is not released.
async fn a_release_waits_for_a_quorum(deployment: &mut Deployment) {
    let outside = Peer::Witness("fjord-university".parse().unwrap());
    deployment.supervisor().unwrap().kill(&outside).await.unwrap();
    let provider = &mut deployment.provider;
    let instrument = provider.sign(&warrant("w-2", ACCOUNT)).unwrap();
    let error = provider.receive(instrument).await.unwrap_err();
    assert!(error.to_string().contains("no quorum"), "{error}");
    let view = provider.show("w-2").unwrap();
    assert_eq!(view.disposition, Disposition::Pending);
    assert!(view.delayed_by.as_deref().is_some_and(|why| why.contains("no quorum")), "{view:?}");

    deployment.supervisor().unwrap().revive(&outside).await.unwrap();
    let provider = &mut deployment.provider;
    let later = provider.now().plus_seconds(60);
    provider.advance_to(later).await.unwrap();
    let view = provider.show("w-2").unwrap();
    assert_eq!((view.disposition, view.delayed_by), (Disposition::Served, None));
}

/// A region that was restored from a backup has forgotten which permits are spent.
async fn a_region_from_a_backup_releases_nothing(deployment: &mut Deployment, data: &Path) {
    let (region, backup) = (data.join("regions/ie-dublin"), data.join("regions/backup"));
    let supervisor = deployment.supervisor().unwrap();
    supervisor.kill(&dublin()).await.unwrap();
    copy_folder(&region, &backup);
    supervisor.revive(&dublin()).await.unwrap();
    let provider = &mut deployment.provider;
    provider.receive(provider.sign(&warrant("w-3", ACCOUNT)).unwrap()).await.unwrap();
    assert_eq!(productions(data, RECIPIENT).len(), 6);

    let supervisor = deployment.supervisor().unwrap();
    supervisor.kill(&dublin()).await.unwrap();
    std::fs::remove_dir_all(&region).unwrap();
    std::fs::rename(&backup, &region).unwrap();
    supervisor.revive(&dublin()).await.unwrap();
    let provider = &mut deployment.provider;
    let error = provider.receive(provider.sign(&warrant("w-4", ACCOUNT)).unwrap()).await.unwrap_err();
    assert!(error.to_string().contains("`ie-dublin`"), "{error}");
    assert!(error.to_string().contains("restored from a backup"), "{error}");
    let view = provider.show("w-4").unwrap();
    assert!(view.delayed_by.as_deref().is_some_and(|why| why.contains("backup")), "{view:?}");
    // The region that keeps the traffic data has answered; the one that is restored released nothing.
    let of_dublin = |path: &PathBuf| path.to_string_lossy().contains("w-4.ie-dublin");
    assert!(!productions(data, RECIPIENT).iter().any(of_dublin));
}
