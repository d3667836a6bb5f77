//! The power fails during deliveries, and what was not synced is gone. What was acknowledged is not.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use futures_util::StreamExt;
use rogatory::provider::Deployment;

use crate::common::*;
use crate::faulty_disk::{Cut, Fault, FaultyDisk};

const ACCOUNT: &str = "dublin@post.example";
const EACH_TIME: usize = 40;

/// One in twenty is too long for the log and goes to a file of its own.
fn letter(number: usize) -> Vec<u8> {
    let mut bytes = message(number);
    if number % 20 == 7 {
        bytes.extend(format!("{number:0990}\r\n").repeat(1100).into_bytes());
    }
    bytes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_message_is_lost_when_the_power_fails() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut deployment = Deployment::start(options(&data)).await.unwrap();
    open_account(&mut deployment.provider, ACCOUNT, "IE").await;
    deployment.stop().await;

    let mut acknowledged = BTreeSet::new();
    let mut accounts = BTreeSet::from([ACCOUNT.to_owned()]);
    let mut sent: BTreeMap<Vec<u8>, usize> = BTreeMap::new();
    let mut struck = Vec::new();
    for round in 0..12 {
        let disk = FaultyDisk::new();
        let mut deployment = Deployment::start(options_on(&data, Arc::new(disk.clone()))).await.unwrap();
        let known: BTreeSet<String> =
            deployment.provider.directory().accounts().map(|account| account.address.to_string()).collect();
        assert!(accounts.is_subset(&known), "round {round}: an account is lost");
        let found = numbers(&deployment.provider, ACCOUNT, &sent).await;
        let lost: Vec<&usize> = acknowledged.difference(&found).collect();
        assert!(lost.is_empty(), "after {:?}, {lost:?} are lost", struck.last());
        acknowledged = found;

        let new = format!("new{round}@post.example");
        open_account(&mut deployment.provider, &new, "IE").await;
        accounts.insert(new);

        let numbers = round * EACH_TIME..(round + 1) * EACH_TIME;
        sent.extend(numbers.clone().map(|number| (letter(number), number)));
        let fault = if round % 4 == 3 { Fault::Fails } else { Fault::Dies };
        disk.strike(3 + round * 5, fault);
        let provider = &deployment.provider;
        let deliver = |number: usize| async move {
            provider.deliver(mail(ACCOUNT, letter(number))).await.ok().map(|_| number)
        };
        let delivered = futures_util::stream::iter(numbers).map(deliver).buffer_unordered(16);
        let delivered: Vec<Option<usize>> = delivered.collect().await;
        acknowledged.extend(delivered.into_iter().flatten());
        struck.push(format!("round {round}: {fault:?} at {:?}", disk.struck().expect("it came to that")));
        deployment.stop().await;
        match round % 3 {
            0 => disk.forget(Cut::Unsynced),
            1 => disk.forget(Cut::SomeOfTheUnsynced(round as u64)),
            _ => disk.forget(Cut::Nothing),
        }
        if round % 2 == 0 {
            lose_indexes(&data);
        }
    }
    assert!(acknowledged.len() > EACH_TIME, "{struck:#?}");
}

/// The index is never synced for a commit. All of it may be lost: it is read from the log again.
fn lose_indexes(data: &Path) {
    for region in std::fs::read_dir(data.join("regions")).unwrap() {
        std::fs::remove_dir_all(region.unwrap().path().join("store/index")).unwrap();
    }
}
