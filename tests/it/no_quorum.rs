//! Regions that are cut off from head office stop cosigning. The gate goes on while a quorum holds, stands still and says so
//! when it does not, and what fell due meanwhile is recorded as a lapse.
#![cfg(target_os = "linux")]

use std::path::Path;

use rogatory::clock::SimTime;
use rogatory::demand::{Demand, Disposition};
use rogatory::gate::{Event, Order, OrderEffect, Selector, Want};
use rogatory::mail::Story;
use rogatory::provider::{Deployment, Provider};
use rogatory::record::entry::Slot;
use rogatory::region::Peer;
use rogatory::report::{Counted, Span, TransparencyReport, Wanting, read};
use rogatory::scenario::{Look, Names, matter_text};

use crate::common::*;

const ACCOUNT: &str = "dublin@post.example";

fn region(id: &str) -> Peer {
    Peer::Region(id.parse().unwrap())
}

fn due(id: &str, by: SimTime) -> Demand {
    Demand { return_by: Some(by), ..warrant(id, ACCOUNT) }
}

async fn served(provider: &Provider, demand: Demand) {
    let id = demand.id.clone();
    provider.receive(provider.sign(&demand).unwrap()).await.unwrap();
    assert_eq!(provider.show(id.as_str()).unwrap().disposition, Disposition::Served);
}

/// Who cosigned the newest checkpoint.
fn cosigners(provider: &Provider) -> (Vec<String>, bool) {
    let published = provider.docket().log().published().unwrap();
    let names = published.quorum.cosigners.iter().map(|cosigned| cosigned.witness.clone());
    (names.collect(), published.quorum.outsider)
}

fn of(data: &Path, id: &str) -> usize {
    let name = format!(".{id}.");
    productions(data, RECIPIENT).iter().filter(|path| path.display().to_string().contains(&name)).count()
}

fn missed(events: &[(u64, Event)]) -> Vec<u64> {
    let missed = events.iter().filter(|(_, event)| matches!(event, Event::Missed { .. }));
    missed.map(|(entry, _)| *entry).collect()
}

// One deployment for all of it, because eleven processes take their time to start.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_gate_goes_on_with_a_quorum_and_a_time_missed_without_one_is_a_lapse() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut deployment = Deployment::start(options_of_processes(&data)).await.unwrap();
    open_account(&mut deployment.provider, ACCOUNT, "IE").await;
    deployment.provider.deliver(mail(ACCOUNT, message(1))).await.unwrap();
    let supervisor = deployment.supervisor().unwrap();
    let provider = &deployment.provider;

    // Of six independent witnesses, four are enough.
    for id in ["au-sydney", "ch-zurich"] {
        supervisor.kill(&region(id)).await.unwrap();
    }
    served(provider, warrant("goes-on", ACCOUNT)).await;
    let (names, outsider) = cosigners(provider);
    assert!(
        outsider && !names.iter().any(|name| ["au-sydney", "ch-zurich"].contains(&name.as_str())),
        "{names:?}"
    );
    let trouble = provider.docket().log().witnesses();
    let cut_off: Vec<&str> = trouble
        .iter()
        .filter(|witness| witness.trouble.is_some())
        .map(|witness| witness.id.as_str())
        .collect();
    assert_eq!(cut_off, ["au-sydney", "ch-zurich"]);
    assert_eq!(
        provider.docket().log().cosigned_by("au-sydney"),
        1,
        "it cosigned the genesis, and nothing since"
    );

    // Three are not.
    supervisor.kill(&region("fr-paris")).await.unwrap();
    let before = provider.now();
    let by = start().plus_days(10);
    let error = provider.receive(provider.sign(&due("late", by)).unwrap()).await.unwrap_err();
    assert!(error.is_delay() && error.to_string().contains("no quorum"), "{error}");
    let far = start().plus_days(100);
    assert!(provider.receive(provider.sign(&due("in-time", far)).unwrap()).await.unwrap_err().is_delay());
    for view in [
        provider.show("late").unwrap(),
        provider.list().into_iter().find(|v| v.demand.as_str() == "late").unwrap(),
    ] {
        assert_eq!(view.disposition, Disposition::Pending);
        assert!(
            view.delayed_by
                .as_deref()
                .is_some_and(|why| why.contains("no quorum") && why.contains("fr-paris"))
        );
        assert!(view.lapses.is_empty());
    }

    // The time passes. Nothing is handed over, and whoever asks sees why.
    provider.advance_to(by).await.unwrap();
    assert!(provider.show("late").unwrap().lapses.is_empty(), "on the last second it is not late");
    provider.advance_to(by.plus_days(1)).await.unwrap();
    let view = provider.show("late").unwrap();
    assert_eq!((view.disposition, of(&data, "late")), (Disposition::Pending, 0));
    assert_eq!(view.lapses.len(), 2, "content and traffic data: {:?}", view.lapses);
    for lapse in &view.lapses {
        assert_eq!((lapse.due, lapse.since, &lapse.for_want_of), (by, before, &Want::Quorum));
    }
    let names = Names::of(&WORLD, &LAW, &Story::standard().unwrap());
    let text = matter_text(&view, provider.now(), &names, Look { width: 200, colour: false });
    assert!(text.contains("It waits:") && text.contains("no quorum of witnesses"), "{text}");
    assert!(text.contains("Lapse: content and traffic was due on 20 April 2018"), "{text}");
    assert!(text.contains("for want of a quorum of witnesses since 10 April 2018"), "{text}");

    // An order that comes now is entered, and heeded as soon as there is a quorum.
    let stay = Order {
        id: "quash".parse().unwrap(),
        by: "us-sdny".parse().unwrap(),
        effect: OrderEffect::Quashes,
        on: Selector::default(),
        from: provider.now(),
        until: None,
        by_stipulation: false,
        conditions: vec![],
    };
    let stayed = provider.docket().find("in-time").unwrap().id().clone();
    assert!(provider.enter_order(&stayed, stay).await.unwrap_err().is_delay());
    assert!(provider.show("in-time").unwrap().delayed_by.is_some());

    supervisor.revive(&region("fr-paris")).await.unwrap();
    let later = provider.now().plus_seconds(60);
    provider.advance_to(later).await.unwrap();
    let view = provider.show("late").unwrap();
    assert_eq!((view.disposition, &view.delayed_by, of(&data, "late")), (Disposition::Served, &None, 2));
    assert_eq!(view.lapses.len(), 2);
    let overtaken = provider.show("in-time").unwrap();
    assert_eq!((overtaken.delayed_by, overtaken.lapses, of(&data, "in-time")), (None, vec![], 0));

    // It is an entry, once, in a checkpoint with a quorum; anybody may read of it, and it is counted.
    let history = provider.history("late").await.unwrap();
    let [entry] = missed(&history.events)[..] else { panic!("{:?}", history.events) };
    assert!(provider.docket().log().published().unwrap().checkpoint.head().size > entry);
    let audit = provider.audit().await.unwrap();
    assert!(audit.agrees() && audit.outsider && audit.uncosigned.is_empty(), "{audit:?}");
    let openings = provider.opened(None, &[Slot::Public]).await.unwrap();
    let text =
        serde_json::to_string(openings.iter().find(|opening| opening.entry() == entry).unwrap()).unwrap();
    assert!(text.contains("missed") && text.contains("quorum") && !text.contains("post.example"), "{text}");
    let (counted, day) = (counted(&data), provider.now().date_utc());
    let span = Span { from: start().date_utc(), to: day, made: day };
    let report = TransparencyReport::make(&WORLD, &counted, span, None).unwrap();
    let [row] = &report.figures.missed[..] else { panic!("{:?}", report.figures.missed) };
    assert_eq!((row.for_want_of, row.demands, row.items), (Wanting::Quorum, 1, 2));

    // After a restart the matter is the same, from the record alone.
    deployment.stop().await;
    let deployment = Deployment::start(options(&data)).await.unwrap();
    let again = deployment.provider.show("late").unwrap();
    assert_eq!((again.disposition, again.lapses), (Disposition::Served, view.lapses));
    assert_eq!(missed(&deployment.provider.history("late").await.unwrap().events), [entry]);
    assert!(deployment.provider.audit().await.unwrap().agrees());
    deployment.stop().await;
}

fn counted(data: &Path) -> Counted {
    let text = std::fs::read_to_string(data.join("record/policy")).unwrap();
    let source = rogatory::diagnostic::SourceFile::new("policy", text);
    let policy = rogatory::record::policy::Policy::read(&source).unwrap();
    let folder = rogatory::record::storage::ServedFolder(data.join("record"));
    let accept = rogatory::record::policy::Accept::NormalOnly;
    let mut log = rogatory::record::served::ServedLog::open(folder, &policy, accept).unwrap();
    let size = log.published().checkpoint.head().size;
    read(&mut log, size, &[]).unwrap()
}
