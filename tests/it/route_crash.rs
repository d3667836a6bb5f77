//! A request along the treaty route is interrupted between its steps. It goes on, and ends in one local order and one
//! production.

use std::path::Path;
use std::sync::Arc;

use rogatory::demand::Demand;
use rogatory::gate::{RouteEnd, Selector};
use rogatory::provider::{Deployment, DeploymentOptions, Provider, ProviderError, Recorded};
use rogatory::world::DataClass;

use crate::common::*;
use crate::faulty_disk::{Cut, Fault, FaultyDisk, RECORD};

const ACCOUNT: &str = "dublin@post.example";

/// After the ruling of July 2016 the treaty is the way to what rests in Dublin.
fn in_2016(data: &Path, disk: &FaultyDisk) -> DeploymentOptions {
    let start = "2016-08-01T12:00:00Z".parse().unwrap();
    DeploymentOptions { start, ..options_on(data, Arc::new(disk.clone())) }
}

async fn take(provider: &mut Provider) -> Result<Vec<Recorded>, ProviderError> {
    let id = provider.docket().find("w-1")?.id().clone();
    let on = Selector { classes: vec![DataClass::Content], regions: vec!["ie-dublin".parse().unwrap()] };
    let by = "us-doj-oia".parse().unwrap();
    provider.take_route(&id, &by, on, "ie-order".parse().unwrap()).await
}

/// Whoever was told that it failed asks again, if need be, and more than three years go by.
async fn goes_on(data: &Path, place: &str) {
    let mut deployment = Deployment::start(in_2016(data, &FaultyDisk::new())).await.unwrap();
    let provider = &mut deployment.provider;
    if provider.show("w-1").unwrap().route.is_none() {
        take(provider).await.unwrap();
    }
    provider.advance_to("2020-01-01T00:00:00Z".parse().unwrap()).await.unwrap();
    let route = provider.show("w-1").unwrap().route.unwrap();
    assert!(matches!(route.ended, Some(RouteEnd::Completed { .. })), "{place}: {route:#?}");
    let orders = provider.list().into_iter().filter(|matter| matter.demand.as_str() == "ie-order").count();
    assert_eq!(orders, 1, "{place}");
    let produced: Vec<_> = productions(data, "ie-garda");
    assert_eq!(produced.len(), 1, "{place}: {produced:?}");
    let files = open_production(&produced[0], "ie-garda");
    assert_eq!(files.get(&format!("{ACCOUNT}/content/000001.eml")), Some(&message(0)), "{place}");
    deployment.stop().await;
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            std::fs::copy(&path, target).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_goes_on_wherever_it_was_interrupted() {
    let folder = tempfile::tempdir().unwrap();
    let prepared = folder.path().join("prepared");
    let mut deployment = Deployment::start(in_2016(&prepared, &FaultyDisk::new())).await.unwrap();
    let provider = &mut deployment.provider;
    open_account(provider, ACCOUNT, "IE").await;
    provider.deliver(mail(ACCOUNT, message(0))).await.unwrap();
    let issued = "2013-12-04T15:00:00Z".parse().unwrap();
    let demand = Demand { issued, ..warrant("w-1", ACCOUNT) };
    provider.receive(provider.sign(&demand).unwrap()).await.unwrap();
    deployment.stop().await;

    // While it is taken, and while it moves along, all the way to its end.
    for (moving, outside, steps) in [(false, RECORD, 3), (true, RECORD, 17), (true, &[], 97)] {
        let mut struck = 0;
        for step in (1..).step_by(steps) {
            let data = folder.path().join(format!("{moving}-{steps}-{step}"));
            copy_folder(&prepared, &data);
            let disk = FaultyDisk::new();
            let mut deployment = Deployment::start(in_2016(&data, &disk)).await.unwrap();
            let provider = &mut deployment.provider;
            if moving {
                take(provider).await.unwrap();
            }
            disk.strike_outside(outside, step, Fault::Dies);
            let interrupted = match moving {
                true => provider.advance_to("2020-01-01T00:00:00Z".parse().unwrap()).await,
                false => take(provider).await,
            };
            deployment.stop().await;
            let Some(place) = disk.struck() else {
                interrupted.unwrap();
                break;
            };
            disk.forget(Cut::Unsynced);
            goes_on(&data, &format!("moving: {moving}, step {step}, {place}")).await;
            struck += 1;
        }
        assert!(struck >= 3, "moving: {moving}, {struck}");
    }
}
