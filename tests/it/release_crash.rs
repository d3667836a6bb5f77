//! A release is interrupted between every two of its steps. Whatever the machine forgets, there is one production
//! for each region: not none, and not two.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use rogatory::demand::Disposition;
use rogatory::gate::DocketError;
use rogatory::provider::{Deployment, ProviderError};

use crate::common::*;
use crate::faulty_disk::{Cut, Fault, FaultyDisk, RECORD};

const ACCOUNT: &str = "dublin@post.example";
const MESSAGES: usize = 3;

async fn set_up(data: &Path) {
    let mut deployment = Deployment::start(options(data)).await.unwrap();
    open_account(&mut deployment.provider, ACCOUNT, "IE").await;
    for number in 0..MESSAGES {
        deployment.provider.deliver(mail(ACCOUNT, message(number))).await.unwrap();
    }
    deployment.stop().await;
}

/// What the recipient finds in the one production of each region, without the manifest, which names the entry.
fn received(data: &Path, demand: &str) -> BTreeMap<String, BTreeMap<String, Vec<u8>>> {
    let mut by_region = BTreeMap::new();
    for path in productions(data, RECIPIENT) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let mut parts = name.split('.');
        let (_authority, id, region) = (parts.next(), parts.next(), parts.next());
        if id == Some(demand) && name.ends_with(".production") {
            let mut files = open_production(&path, RECIPIENT);
            assert!(files.remove("manifest.json").is_some());
            let earlier = by_region.insert(region.unwrap().to_owned(), files);
            assert!(earlier.is_none(), "{demand}: {} made two productions", region.unwrap());
        }
    }
    by_region
}

/// Productions that a region keeps because nobody told it that they arrived.
fn left_at_regions(data: &Path) -> Vec<String> {
    let mut left = Vec::new();
    for region in std::fs::read_dir(data.join("regions")).unwrap() {
        let Ok(entries) = std::fs::read_dir(region.unwrap().path().join("productions")) else { continue };
        left.extend(entries.map(|entry| entry.unwrap().path().display().to_string()));
    }
    left
}

/// What is lost differs from step to step: all that was not synced, some of it, none of it.
fn cut(step: usize) -> Cut {
    match step / 2 % 3 {
        0 => Cut::Unsynced,
        1 => Cut::Nothing,
        _ => Cut::SomeOfTheUnsynced(step as u64),
    }
}

/// Interrupts a release at every step of `steps` that is not `outside`, each time another release, and goes on until one
/// is over before. Says where they were interrupted.
async fn interrupted_at(
    outside: &'static [&'static str],
    steps: impl Iterator<Item = usize>,
    fault: Fault,
) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    set_up(&data).await;
    let mut struck: Vec<String> = Vec::new();
    let mut disk = FaultyDisk::new();
    let mut deployment = Deployment::start(options_on(&data, Arc::new(disk.clone()))).await.unwrap();
    for step in steps {
        let name = format!("w-{step}");
        let instrument = deployment.provider.sign(&warrant(&name, ACCOUNT)).unwrap();
        disk.strike_outside(outside, step, fault);
        let interrupted = deployment.provider.receive(instrument.clone()).await;
        let Some(place) = disk.struck() else {
            // The fault would come after the last step: the release went through.
            interrupted.unwrap();
            deployment.stop().await;
            break;
        };
        deployment.stop().await;
        disk.forget(cut(step));

        disk = FaultyDisk::new();
        deployment = Deployment::start(options_on(&data, Arc::new(disk.clone()))).await.unwrap();
        // Whoever got no answer asks again.
        match deployment.provider.receive(instrument).await {
            Ok(_) | Err(ProviderError::Docket(DocketError::Exists(_))) => {}
            Err(error) => panic!("step {step}, {place}: {error}"),
        }
        let view = deployment.provider.show(&name).unwrap();
        assert_eq!(view.disposition, Disposition::Served, "step {step}, {place}: {view:#?}");
        let found = received(&data, &name);
        let regions: Vec<&str> = found.keys().map(String::as_str).collect();
        assert_eq!(regions, ["ie-dublin", "us-virginia"], "step {step}, {place}");
        for number in 0..MESSAGES {
            let path = format!("{ACCOUNT}/content/{:06}.eml", number + 1);
            assert_eq!(found["ie-dublin"].get(&path), Some(&message(number)), "step {step}, {place}");
        }
        assert_eq!(found["us-virginia"].len(), MESSAGES, "step {step}, {place}");
        assert_eq!(left_at_regions(&data), [""; 0], "step {step}, {place}");
        struck.push(place);
    }
    struck
}

/// That the steps are those of a whole release, so that a test which strikes none of them does not pass.
fn assert_among(struck: &[String], wanted: &[&str]) {
    for wanted in wanted {
        let seen = struck.iter().any(|step| step.contains(wanted));
        assert!(seen, "no `{wanted}` among the steps {struck:#?}");
    }
}

const ALL_ALONG: &[&str] = &["00000001.log", ".partial", ".production", ".json", "us-fbi", "cabinet"];

// In parts, so that they run beside each other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_production_when_the_machine_dies_at_an_odd_step() {
    assert_among(&interrupted_at(RECORD, (1..).step_by(2), Fault::Dies).await, ALL_ALONG);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_production_when_the_machine_dies_at_an_even_step() {
    assert_among(&interrupted_at(RECORD, (2..).step_by(2), Fault::Dies).await, ALL_ALONG);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_production_when_a_step_fails_and_the_machine_goes_on() {
    assert_among(&interrupted_at(RECORD, (1..).step_by(3), Fault::Fails).await, ALL_ALONG);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_production_when_the_machine_dies_while_it_records() {
    let struck = interrupted_at(&[], (1..).step_by(6), Fault::Dies).await;
    // Which of them each sixth step meets is another from run to run; that it meets both parts of the work is not.
    let is_of_record = |step: &&String| {
        let name = step.rsplit(' ').next().unwrap_or_default().trim_end_matches(".new");
        ["journal", "checkpoint", "tile"].contains(&name) || name.bytes().all(|byte| byte.is_ascii_digit())
    };
    assert!(struck.iter().filter(is_of_record).count() > 3, "{struck:#?}");
    assert_among(&struck, &["00000001.log", ".partial"]);
}
