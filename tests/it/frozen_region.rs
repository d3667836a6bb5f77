//! Nodes that neither answer nor die. Whoever needs one waits for it, nobody else does, and what waited goes on by itself.
#![cfg(target_os = "linux")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use rogatory::demand::{DemandId, Disposition};
use rogatory::provider::{Ask, Control, Deployment, MatterView, Told};
use rogatory::region::process::Supervisor;
use rogatory::region::{Body, Link, LinkLimits, Peer, SharedService, Wan};
use rogatory::world::DataClass;
use rustix::process::{Pid, Signal, kill_process};

use crate::common::*;

const IRISH: &str = "dublin@post.example";
const AMERICAN: &str = "ohio@post.example";

/// Much less than a node that does not answer is waited for.
const SOON: Duration = Duration::from_secs(5);

type Office = Link<Ask, Told>;

fn signal(supervisor: &Supervisor, peer: &Peer, signal: Signal) {
    kill_process(Pid::from_raw(supervisor.pid(peer).unwrap() as i32).unwrap(), signal).unwrap();
}

async fn ask(office: &Office, ask: Ask) -> Told {
    office.call(ask, Body::empty()).await.unwrap().reply
}

async fn file(office: &Office, id: &str, account: &str) -> Told {
    ask(office, Ask::FileUnsigned { demand: Box::new(warrant(id, account)) }).await
}

async fn show(office: &Office, id: &str) -> MatterView {
    match ask(office, Ask::Show { matter: id.to_owned() }).await {
        Told::Matter(matter) => *matter,
        other => panic!("{other:?}"),
    }
}

async fn served(office: &Office, id: &str) {
    let matter = settled(office, id).await;
    assert_eq!(matter.disposition, Disposition::Served, "{matter:?}");
}

/// Waits until nothing is in the way of a demand any more, which nobody touches meanwhile.
async fn settled(office: &Office, id: &str) -> MatterView {
    let started = Instant::now();
    loop {
        let matter = show(office, id).await;
        if matter.disposition != Disposition::Pending && matter.delayed_by.is_none() {
            return matter;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "{matter:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_node_delays_who_needs_it_and_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut deployment = Deployment::start(options_of_processes(&data)).await.unwrap();
    for (account, country) in [(IRISH, "IE"), (AMERICAN, "US")] {
        open_account(&mut deployment.provider, account, country).await;
        deployment.provider.deliver(mail(account, message(1))).await.unwrap();
    }
    let pids = deployment.supervisor().unwrap();
    let dublin = Peer::Region("ie-dublin".parse().unwrap());
    signal(pids, &dublin, Signal::STOP);
    let outside = Peer::Witness("fjord-university".parse().unwrap());
    let pid = |peer| Pid::from_raw(pids.pid(peer).unwrap() as i32).unwrap();
    let (dublin, outside) = (pid(&dublin), pid(&outside));

    let (provider, held) = deployment.split();
    let provider = Arc::new(provider);
    let trying = tokio::spawn(provider.clone().keep_trying());
    let control: SharedService<Ask, Told> = Arc::new(Control(provider));
    let limits = LinkLimits { deadline: Duration::from_secs(60), ..LinkLimits::default() };
    let office = Link::in_process(Peer::HeadOffice, Peer::HeadOffice, control, limits, Wan::none());

    // One waits for Dublin.
    let waiting = tokio::spawn({
        let office = office.clone();
        async move { file(&office, "w-ie", IRISH).await }
    });
    let changed = tokio::spawn({
        let office = office.clone();
        async move { file(&office, "w-changed", IRISH).await }
    });
    while !matches!(ask(&office, Ask::List).await, Told::Matters { matters } if matters.len() == 2) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // Meanwhile others ask, and are served.
    let started = Instant::now();
    ask(&office, Ask::Status).await;
    assert_eq!(show(&office, "w-ie").await.disposition, Disposition::Pending);
    assert!(matches!(ask(&office, Ask::Where { account: address(AMERICAN) }).await, Told::Where(_)));
    let told = file(&office, "w-us", AMERICAN).await;
    assert!(matches!(told, Told::Recorded { .. }), "{told:?}");
    assert_eq!(show(&office, "w-us").await.disposition, Disposition::Served);
    assert!(started.elapsed() < SOON, "{:?}", started.elapsed());
    assert!(!waiting.is_finished(), "nothing was frozen");

    // Whoever waited is told that the demand was received, and for what it waits.
    let told = waiting.await.unwrap();
    let Told::Delayed(matter) = told else { panic!("{told:?}") };
    assert!(matter.delayed_by.as_deref().is_some_and(|why| why.contains("ie-dublin")), "{matter:?}");
    // What waited is overtaken by its next version, which needs nothing of Dublin.
    let told = changed.await.unwrap();
    assert!(matches!(told, Told::Delayed(_)), "{told:?}");
    let mut second = warrant("w-changed", IRISH);
    second.version = 2;
    second.classes = vec![DataClass::Traffic];
    let told = ask(&office, Ask::FileUnsigned { demand: Box::new(second) }).await;
    assert!(matches!(told, Told::Recorded { .. }), "{told:?}");
    kill_process(dublin, Signal::CONT).unwrap();
    served(&office, "w-ie").await;
    served(&office, "w-changed").await;
    let first = settled(&office, "us-sdny-magistrate/w-changed").await;
    assert_eq!(first.superseded_by.as_ref().map(DemandId::as_str), Some("w-changed"), "{first:?}");
    assert_eq!(first.disposition, Disposition::Rejected, "{first:?}");
    assert_eq!(show(&office, "w-changed").await.superseded_by, None);
    let changed = |path: &std::path::PathBuf| path.display().to_string().contains("w-changed.ie-dublin");
    assert!(!productions(&data, RECIPIENT).iter().any(changed));
    let from_dublin = |path: &std::path::PathBuf| path.display().to_string().contains("w-ie.ie-dublin");
    assert_eq!(productions(&data, RECIPIENT).iter().filter(|path| from_dublin(path)).count(), 1);

    // No quorum is without the outside witness.
    kill_process(outside, Signal::STOP).unwrap();
    let told = file(&office, "w-quorum", IRISH).await;
    let Told::Delayed(matter) = told else { panic!("{told:?}") };
    assert!(matter.delayed_by.as_deref().is_some_and(|why| why.contains("fjord-university")), "{matter:?}");
    kill_process(outside, Signal::CONT).unwrap();
    served(&office, "w-quorum").await;

    trying.abort();
    drop(office);
    held.stop().await;
}
