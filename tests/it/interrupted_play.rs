//! A play that is interrupted anywhere goes on to the record that it would have had.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rogatory::mail::Story;
use rogatory::provider::{Deployment, DeploymentError, DeploymentOptions, Nodes};
use rogatory::scenario::{
    Backstage, Names, Playhouse, Progress, RecordHead, Script, Unwatched, built_in, progress, run,
};
use rogatory::world::WorldSource;

use crate::common::*;

fn script(name: &str) -> Script {
    let story = Story::standard().unwrap();
    let named = |path: &Path| path.file_stem().is_some_and(|stem| stem == name);
    let file =
        built_in().find(|file| named(file.path()) && file.path().extension().unwrap() == "toml").unwrap();
    Script::parse(&file, &Names::of(&WORLD, &LAW, &story)).unwrap()
}

/// Opens the provider of a play; what was dropped a moment ago may still be closing.
async fn open(script: &Script, data: &Path) -> Playhouse {
    let options = || DeploymentOptions {
        seed: Some(script.seed.clone()),
        start: script.start.time(),
        world: Arc::new(WORLD.with(&script.setting.changes).unwrap()),
        ..options(data)
    };
    let mut tries = 0;
    let deployment = loop {
        match Deployment::start(options()).await {
            Ok(deployment) => break deployment,
            Err(error) if tries == 100 => panic!("{error}"),
            Err(DeploymentError::Provider(error)) => panic!("{error}"),
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
        tries += 1;
    };
    let backstage = Backstage {
        world: WorldSource::standard(),
        law: LAW.clone(),
        story: Arc::new(Story::standard().unwrap()),
        data: data.to_owned(),
        nodes: Nodes::Here,
        wan: false,
    };
    Playhouse::on(backstage, deployment)
}

/// Plays, or goes on playing, to the end.
async fn to_the_end(script: &Script, data: &Path) -> RecordHead {
    let mut playhouse = open(script, data).await;
    let report = run(script, &mut playhouse, &mut Unwatched).await.unwrap();
    assert_eq!(report.stopped.map(|stop| stop.why), None);
    assert_eq!(progress(script, &mut playhouse).await.unwrap(), Progress::Over);
    playhouse.into_deployment().unwrap().stop().await;
    report.record.unwrap()
}

/// Plays until the record has so many entries, and drops everything in the middle of what it is doing.
async fn interrupted(script: &Script, data: &Path, entries: u64) {
    let mut playhouse = open(script, data).await;
    let log = playhouse.deployment().unwrap().provider.docket().log().clone();
    let grown = async {
        while log.head().size < entries {
            tokio::task::yield_now().await;
        }
    };
    let mut nobody = Unwatched;
    tokio::select! {
        biased;
        () = grown => {}
        _ = run(script, &mut playhouse, &mut nobody) => panic!("it ended before {entries} entries"),
    }
    drop(playhouse);
    log.close().await;
}

async fn goes_on_to_the_same_record(name: &str, places: &[u64]) {
    let script = script(name);
    let folder = tempfile::tempdir().unwrap();
    let whole = to_the_end(&script, &folder.path().join("whole")).await;
    for entries in places {
        let data = folder.path().join(entries.to_string());
        interrupted(&script, &data, *entries).await;
        assert_eq!(
            to_the_end(&script, &data).await,
            whole,
            "{name} after {entries} of {} entries",
            whole.size
        );
        // Whoever starts it once more changes nothing.
        assert_eq!(to_the_end(&script, &data).await, whole);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_dublin_warrant() {
    goes_on_to_the_same_record("dublin-warrant", &[3, 9, 18, 27]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_along_the_treaty_route() {
    goes_on_to_the_same_record("dublin-treaty-2016", &[10, 11, 17, 18, 19, 20]).await;
}

/// What opens a demand of the play was erased: it is over all the same, and its provider can be started again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_play_of_which_something_was_erased_is_over() {
    let script = script("dublin-region-custody");
    let folder = tempfile::tempdir().unwrap();
    to_the_end(&script, folder.path()).await;
    let deployment = open(&script, folder.path()).await.into_deployment().unwrap();
    deployment.provider.erase("18-mag-2713").await.unwrap();
    let record = deployment.provider.record_head();
    deployment.stop().await;
    let after = to_the_end(&script, folder.path()).await;
    assert_eq!((after.size, after.root), (record.size, record.root));
}

/// A provider whose record is of something else is not played on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_play_is_recognised() {
    let folder = tempfile::tempdir().unwrap();
    let warrant = script("dublin-warrant");
    interrupted(&warrant, folder.path(), 6).await;
    let deployment = open(&warrant, folder.path()).await.into_deployment().unwrap();
    deployment.provider.advance_to("2017-01-01".parse().unwrap()).await.unwrap();
    deployment.stop().await;
    let mut playhouse = open(&warrant, folder.path()).await;
    assert_eq!(progress(&warrant, &mut playhouse).await.unwrap(), Progress::Another);
    let report = run(&warrant, &mut playhouse, &mut Unwatched).await.unwrap();
    assert!(report.stopped.unwrap().why.contains("not this script"));
    playhouse.into_deployment().unwrap().stop().await;
}
