//! A region that is lost is never answered for: no authority is told that there is nothing where nobody knows.

use std::fs;
use std::path::Path;

use rogatory::demand::{Disposition, Outcome};
use rogatory::provider::Deployment;

use crate::common::*;

const ACCOUNT: &str = "dublin@post.example";

/// What is said of what was lost: it does not start, or a component of it is down.
async fn said(data: &Path) -> String {
    match Deployment::start(options(data)).await {
        Err(error) => error.to_string(),
        Ok(deployment) => {
            let [down] = deployment.down() else { panic!("it opens without what was lost") };
            let why = down.why.clone();
            deployment.stop().await;
            why
        }
    }
}

/// A provider with mail in Dublin, stopped.
async fn provider_with_mail(data: &Path) {
    let mut deployment = Deployment::start(options(data)).await.unwrap();
    open_account(&mut deployment.provider, ACCOUNT, "IE").await;
    deployment.provider.deliver(mail(ACCOUNT, message(1))).await.unwrap();
    deployment.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_lost_is_missed_and_not_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    provider_with_mail(&data).await;
    let aside = folder.path().join("aside");
    let lost = [
        ("regions/ie-dublin", "region `ie-dublin`"),
        ("regions/ie-dublin/enrolment.json", "region `ie-dublin`"),
        ("regions/ie-dublin/store", "store/format"),
        ("regions/ie-dublin/cards", "cards"),
        ("regions/ie-dublin/witness.state", "witness.state"),
        ("witness/fjord-university", "witness `fjord-university`"),
        ("witness/fjord-university/witness.state", "witness.state"),
        ("head-office/cabinet", "head-office/cabinet"),
        ("head-office/wrap.key", "head-office/wrap.key"),
    ];
    for (name, named) in lost {
        fs::rename(data.join(name), &aside).unwrap();
        let error = said(&data).await;
        assert!(error.contains(named) && error.contains("missing"), "{name}: {error}");
        assert!(!data.join(name).exists(), "{name} was made anew");
        fs::rename(&aside, data.join(name)).unwrap();
    }
    // Both at once: neither of them gives the other away.
    let (store, cards) = (data.join("regions/ie-dublin/store"), data.join("regions/ie-dublin/cards"));
    fs::remove_dir_all(store).unwrap();
    fs::remove_file(cards).unwrap();
    assert!(said(&data).await.contains("missing"));
}

/// Folders that are all there, one of them from before the account was opened.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_a_region_does_not_have_any_more_is_not_no_data() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    Deployment::start(options(&data)).await.unwrap().stop().await;
    let dublin = data.join("regions/ie-dublin");
    let before = folder.path().join("before");
    copy(&dublin, &before);
    provider_with_mail(&data).await;
    fs::remove_dir_all(&dublin).unwrap();
    copy(&before, &dublin);

    let mut deployment = Deployment::start(options(&data)).await.unwrap();
    let provider = &mut deployment.provider;
    let error = provider.receive(provider.sign(&warrant("w-1", ACCOUNT)).unwrap()).await.unwrap_err();
    assert!(error.to_string().contains("ie-dublin"), "{error}");
    let view = provider.show("w-1").unwrap();
    assert_eq!(view.disposition, Disposition::Pending);
    assert!(view.items.iter().all(|item| item.outcome != Some(Outcome::NoData)), "{view:?}");
    assert!(view.delayed_by.as_deref().is_some_and(|why| why.contains("ie-dublin")), "{view:?}");
    deployment.stop().await;
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}
