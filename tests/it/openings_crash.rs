//! The end of a secret, and the erasing of what opens it, are interrupted between every two of head office's steps. The
//! holder is told once: not never, and not twice; and what is erased is gone for good.

use std::path::Path;
use std::sync::Arc;

use rogatory::clock::SimTime;
use rogatory::demand::{Act, Demand};
use rogatory::gate::Event;
use rogatory::provider::{Deployment, Provider};
use rogatory::record::policy::{Accept, Policy};
use rogatory::record::served::ServedLog;
use rogatory::record::storage::ServedFolder;
use rogatory::record::verify::verify_folder;

use crate::common::*;
use crate::faulty_disk::{Cut, Fault, FaultyDisk};

const WHO: &str = "dublin@post.example";

/// What the regions, the witnesses and the log's tree do has tests of its own; what is opened of an entry is left.
const ELSEWHERE: &[&str] =
    &["regions", "witness", "tile", "checkpoint", "checkpoint.new", "journal", "journal.new"];

fn secret(id: &str, until: SimTime) -> Demand {
    let acts = vec![Act::Disclose, Act::KeepSecret];
    Demand { acts, secret_until: Some(until), ..warrant(id, WHO) }
}

fn policy(data: &Path) -> Policy {
    let text = std::fs::read_to_string(data.join("record/policy")).unwrap();
    Policy::read(&rogatory::diagnostic::SourceFile::new("policy", text)).unwrap()
}

/// The entries of which anybody can fetch an opening that fits.
fn published(data: &Path) -> Vec<u64> {
    let mut log =
        ServedLog::open(ServedFolder(data.join("record")), &policy(data), Accept::NormalOnly).unwrap();
    let size = log.published().checkpoint.head().size;
    (1..size).filter(|entry| log.opening(*entry).unwrap().is_some()).collect()
}

fn sound(data: &Path, place: &str) {
    let found = verify_folder(&data.join("record"), &policy(data), Accept::NormalOnly, &mut |_, _| {});
    assert!(found.is_sound(), "{place}: {:?}", found.findings);
}

/// The holder was told at the end of the secret, by one entry, of all that was there then; and the public can read of each.
async fn told_once(provider: &Provider, data: &Path, name: &str, end: SimTime, place: &str) {
    let view = provider.show(name).unwrap();
    assert_eq!(view.told_to.iter().map(|told| told.at).collect::<Vec<_>>(), [end], "{place}");
    assert!(view.published && view.closed.is_empty(), "{place}: {view:?}");
    let events = provider.history(name).await.unwrap().events;
    let tellings: Vec<_> = events
        .iter()
        .filter_map(|(entry, event)| match event {
            Event::Told { parties, note, timing } => Some((*entry, parties.as_str(), note.clone(), *timing)),
            _ => None,
        })
        .collect();
    let [(entry, account, of, at)] = &tellings[..] else { panic!("{place}: {tellings:?}") };
    assert_eq!((*account, *at), (WHO, end), "{place}");
    let all: Vec<u64> = events.iter().map(|(entry, _)| *entry).collect();
    assert_eq!(of.iter().chain([entry]).copied().collect::<Vec<_>>(), all, "{place}");
    let published = published(data);
    assert!(all.iter().all(|entry| published.contains(entry)), "{place}: {published:?}");
    let notices = provider.notices(&address(WHO), false).await.unwrap();
    let notice = notices.iter().find(|notice| notice.demand.as_str() == name).unwrap();
    assert_eq!(notice.entries.iter().map(|entry| entry.entry).collect::<Vec<_>>(), all, "{place}");
}

/// What is lost differs from step to step: all that was not synced, some of it, none of it.
fn cut(step: usize) -> Cut {
    match step % 3 {
        0 => Cut::Unsynced,
        1 => Cut::Nothing,
        _ => Cut::SomeOfTheUnsynced(step as u64),
    }
}

/// Interrupts at every step of `steps`, each time with another demand, and goes on until it all is over before. Says where.
async fn interrupted_at(steps: impl Iterator<Item = usize>, fault: Fault) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut deployment = Deployment::start(options(&data)).await.unwrap();
    open_account(&mut deployment.provider, WHO, "US").await;
    deployment.provider.deliver(mail(WHO, message(1))).await.unwrap();
    deployment.stop().await;
    let mut disk = FaultyDisk::new();
    let mut deployment = Deployment::start(options_on(&data, Arc::new(disk.clone()))).await.unwrap();
    let mut struck = Vec::new();
    for step in steps {
        let name = format!("hush-{step}");
        let provider = &deployment.provider;
        let end = provider.now().plus_days(1);
        let instrument = provider.sign(&secret(&name, end)).unwrap();
        provider.receive(instrument).await.unwrap();
        let id = provider.docket().find(&name).unwrap().id().clone();
        disk.strike_outside(ELSEWHERE, step, fault);
        let over = match provider.advance_to(end).await {
            Ok(_) => provider.erase(&name).await.map(|erased| assert!(erased.len() > 3)),
            Err(error) => Err(error),
        };
        let Some(place) = disk.struck() else {
            over.unwrap();
            deployment.stop().await;
            break;
        };
        deployment.stop().await;
        disk.forget(cut(step));

        disk = FaultyDisk::new();
        deployment = Deployment::start(options_on(&data, Arc::new(disk.clone()))).await.unwrap();
        let provider = &deployment.provider;
        provider.advance_to(end).await.unwrap();
        let place = format!("step {step}, {place}");
        // Gone for good, if it was said to be; else it was told, and can be erased.
        if provider.docket().get(&id).is_some() {
            assert!(over.is_err(), "{place}: it was erased, and is there");
            told_once(provider, &data, &name, end, &place).await;
            provider.erase(&name).await.unwrap();
        }
        assert!(provider.docket().get(&id).is_none(), "{place}");
        // The record says of what nobody can open that it was erased, and of nothing else.
        let said = provider.docket().said_erased().into_values().flat_map(|erased| erased.entries);
        assert_eq!(said.collect::<Vec<u64>>(), provider.docket().unopened(), "{place}");
        let report = provider.audit().await.unwrap();
        // All of it was erased, as the record says: nothing is left that could come out otherwise.
        assert!(
            report.differences.is_empty() && report.closed.len() > struck.len() * 3,
            "{place}: {report:?}"
        );
        assert_eq!(report.erased, report.closed, "{place}");
        sound(&data, &place);
        struck.push(place);
    }
    struck
}

/// That the steps are those of the whole, so that a test which strikes none of them does not pass.
fn assert_all_along(struck: &[String]) {
    let of_cabinet = struck.iter().filter(|step| step.contains("cabinet")).count();
    assert!(of_cabinet >= 4, "{struck:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_holder_is_told_once_and_erasing_lasts_when_the_machine_dies_at_any_step() {
    assert_all_along(&interrupted_at(1.., Fault::Dies).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_holder_is_told_once_and_erasing_lasts_when_any_step_fails() {
    assert_all_along(&interrupted_at(1.., Fault::Fails).await);
}

/// Head office was killed while it published: half of a file beside its place, and half of one in it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_half_published_keeps_nobody_from_starting_and_is_published_again() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut deployment = Deployment::start(options(&data)).await.unwrap();
    open_account(&mut deployment.provider, WHO, "US").await;
    let secret_for_good = Demand { secret_until: None, ..secret("never", start()) };
    let provider = &deployment.provider;
    provider.receive(provider.sign(&secret_for_good).unwrap()).await.unwrap();
    let closed = provider.docket().entries(provider.docket().find("never").unwrap().id())[0];
    deployment.stop().await;
    let half = br#"{"entry": 1, "slo"#;
    let place = |entry: u64| data.join(format!("record/opening/{entry:03}"));
    assert!(!place(closed).exists());
    std::fs::write(place(closed).with_extension("new"), half).unwrap();
    Deployment::start(options(&data)).await.unwrap().stop().await;
    sound(&data, "half a file beside its place");
    // Of what may not be told, half a file is nobody's doing here: it is damage.
    std::fs::write(place(closed), half).unwrap();
    let error = Deployment::start(options(&data)).await.err().unwrap().to_string();
    assert!(error.contains("opening/"), "{error}");
    std::fs::remove_file(place(closed)).unwrap();

    // Of what may be told and was not noted as told, it is published again: found where the machine dies before it is noted.
    for step in 1.. {
        let disk = FaultyDisk::new();
        let deployment = Deployment::start(options_on(&data, Arc::new(disk.clone()))).await.unwrap();
        let (provider, name) = (&deployment.provider, format!("hush-{step}"));
        let end = provider.now().plus_days(1);
        provider.receive(provider.sign(&secret(&name, end)).unwrap()).await.unwrap();
        let entries = provider.docket().entries(provider.docket().find(&name).unwrap().id());
        disk.strike_outside(ELSEWHERE, step, Fault::Dies);
        let died = provider.advance_to(end).await.is_err();
        assert!(died && disk.struck().is_some(), "nothing was published before the last step");
        deployment.stop().await;
        disk.forget(Cut::Nothing);
        let found = entries.iter().all(|entry| place(*entry).exists());
        if found {
            entries.iter().for_each(|entry| std::fs::write(place(*entry), half).unwrap());
        }
        let deployment = Deployment::start(options(&data)).await.unwrap();
        deployment.provider.advance_to(end).await.unwrap();
        told_once(&deployment.provider, &data, &name, end, &name).await;
        sound(&data, &name);
        deployment.stop().await;
        if found {
            break;
        }
    }
}
