//! A region gets a new key while mail arrives, and the machine dies in between.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use futures_util::StreamExt;
use rogatory::provider::{Deployment, Provider};
use rogatory::world::RegionId;
use serde_json::{Value, json};

use crate::common::*;
use crate::faulty_disk::{Cut, Fault, FaultyDisk};

const ACCOUNT: &str = "dublin@post.example";
const EACH_TIME: usize = 30;

fn dublin() -> RegionId {
    "ie-dublin".parse().unwrap()
}

/// Delivers while the key is rotated. Says which messages were acknowledged, and whether the rotation was.
async fn deliver_and_rotate(provider: &Provider, round: usize) -> (Vec<usize>, bool) {
    let deliver = |number: usize| async move {
        provider.deliver(mail(ACCOUNT, message(number))).await.ok().map(|_| number)
    };
    let numbers = round * EACH_TIME..(round + 1) * EACH_TIME;
    let delivered = futures_util::stream::iter(numbers).map(deliver).buffer_unordered(8).collect::<Vec<_>>();
    let dublin = dublin();
    let (delivered, rotated) = tokio::join!(delivered, provider.keys(Some(&dublin), true));
    (delivered.into_iter().flatten().collect(), rotated.is_ok())
}

async fn epochs(provider: &Provider) -> Vec<(u64, String, u64)> {
    let (_, status): (RegionId, Value) = provider.keys(Some(&dublin()), false).await.unwrap().remove(0);
    let epochs = status["epochs"].as_array().unwrap();
    let row = |epoch: &Value| {
        let state = epoch["state"].as_str().unwrap().to_owned();
        (epoch["epoch"].as_u64().unwrap(), state, epoch["stragglers"].as_u64().unwrap())
    };
    epochs.iter().map(row).collect()
}

fn key_files(data: &Path) -> Vec<String> {
    let folder = data.join("regions/ie-dublin/store/keys");
    std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rotation_during_deliveries_loses_nothing_also_when_it_is_interrupted() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut deployment = Deployment::start(options(&data)).await.unwrap();
    // More copies than one, so that a rotation has several steps.
    for account in [ACCOUNT, "cork@post.example", "galway@post.example"] {
        open_account(&mut deployment.provider, account, "IE").await;
    }
    let (mut acknowledged, rotated) = deliver_and_rotate(&deployment.provider, 0).await;
    assert!(acknowledged.len() == EACH_TIME && rotated);
    let destroyed = |number: u64| (number, "destroyed".to_owned(), 0);
    let open = |number: u64| (number, "open".to_owned(), 0);
    assert_eq!(epochs(&deployment.provider).await, [destroyed(1), open(2)]);
    assert_eq!(key_files(&data), ["region-2.key"]);
    deployment.stop().await;

    let mut sent: BTreeMap<Vec<u8>, usize> = (0..EACH_TIME).map(|n| (message(n), n)).collect();
    let mut interrupted = BTreeSet::new();
    for round in 1..10 {
        let disk = FaultyDisk::new();
        let deployment = Deployment::start(options_on(&data, Arc::new(disk.clone()))).await.unwrap();
        sent.extend((round * EACH_TIME..(round + 1) * EACH_TIME).map(|number| (message(number), number)));
        disk.strike(round * 3, Fault::Dies);
        let (delivered, rotated) = deliver_and_rotate(&deployment.provider, round).await;
        interrupted.insert((disk.struck().expect("it came to that"), rotated));
        acknowledged.extend(delivered);
        deployment.stop().await;
        disk.forget(if round % 2 == 0 { Cut::Unsynced } else { Cut::SomeOfTheUnsynced(round as u64) });

        let deployment = Deployment::start(options(&data)).await.unwrap();
        let found = numbers(&deployment.provider, ACCOUNT, &sent).await;
        let lost: Vec<&usize> = acknowledged.iter().filter(|number| !found.contains(number)).collect();
        assert!(lost.is_empty(), "{interrupted:?}: {lost:?} are lost");
        acknowledged = found.into_iter().collect();
        deployment.stop().await;
    }
    assert!(interrupted.iter().any(|(_, rotated)| !rotated), "{interrupted:?}");

    // Taken up again, it ends with one key, and all of the mail under it.
    let deployment = Deployment::start(options(&data)).await.unwrap();
    deployment.provider.keys(Some(&dublin()), true).await.unwrap();
    let (newest, older) =
        epochs(&deployment.provider).await.split_last().map(|(n, o)| (n.clone(), o.to_vec())).unwrap();
    assert_eq!(newest.1, "open");
    assert!(older.iter().all(|(_, state, stragglers)| state == "destroyed" && *stragglers == 0), "{older:?}");
    assert_eq!(json!(key_files(&data)), json!([format!("region-{}.key", newest.0)]));
    let found = numbers(&deployment.provider, ACCOUNT, &sent).await;
    assert_eq!(found.into_iter().collect::<Vec<_>>(), acknowledged);
    deployment.stop().await;
}
