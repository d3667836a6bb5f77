//! A witness that lost its memory, or was restored from a backup, begins anew when it is enrolled again, and the record says so.

use std::path::Path;

use rogatory::demand::Disposition;
use rogatory::provider::{Deployment, DeploymentError, EnrolledWitness};
use rogatory::record::about_log::{AboutLog, EnrolledAgain};
use rogatory::record::entry::Slot;
use rogatory::record::opening::Opening;
use rogatory::record::policy::{Accept, Policy};
use rogatory::record::storage::ServedFolder;
use rogatory::record::verify::verify_folder;

use crate::common::*;

const ACCOUNT: &str = "dublin@post.example";

async fn serve(provider: &rogatory::provider::Provider, id: &str) {
    provider.receive(provider.sign(&warrant(id, ACCOUNT)).unwrap()).await.unwrap();
    assert_eq!(provider.show(id).unwrap().disposition, Disposition::Served);
}

fn said(opening: &Opening) -> EnrolledAgain {
    match AboutLog::read(opening) {
        Some(AboutLog::EnrolledAgain(enrolled)) => enrolled,
        other => panic!("{other:?}"),
    }
}

async fn enrol(data: &Path, witness: &str) -> EnrolledWitness {
    let enrolled = Deployment::enrol_again(options(data), witness, "the disk broke", false).await.unwrap();
    // Anybody can read it in the record.
    let opening = ServedFolder(data.join("record")).opening(enrolled.entry).unwrap().unwrap();
    let said = said(&opening);
    assert_eq!((said.witness.as_str(), said.why.as_str()), (witness, "the disk broke"));
    assert_eq!(said.remembered, enrolled.remembered);
    let policy = std::fs::read_to_string(data.join("record/policy")).unwrap();
    let policy = Policy::read(&rogatory::diagnostic::SourceFile::new("policy", policy)).unwrap();
    assert_eq!(said.key, policy.witness(witness).unwrap().key.to_string());
    let found = verify_folder(&data.join("record"), &policy, Accept::NormalOnly, &mut |_, _| {});
    assert!(found.is_sound(), "{:?}", found.findings);
    enrolled
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_witness_that_lost_its_memory_begins_anew_with_the_entry_that_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut deployment = Deployment::start(options(&data)).await.unwrap();
    open_account(&mut deployment.provider, ACCOUNT, "IE").await;
    deployment.provider.deliver(mail(ACCOUNT, message(1))).await.unwrap();
    serve(&deployment.provider, "w-1").await;
    // Not beside a provider that runs.
    let beside = Deployment::enrol_again(options(&data), "ie-dublin", "why", false).await.unwrap_err();
    assert!(matches!(beside, DeploymentError::InUse(_)), "{beside}");
    deployment.stop().await;
    let unknown = Deployment::enrol_again(options(&data), "ie-doblin", "why", false).await.unwrap_err();
    assert!(unknown.to_string().contains("no witness is called `ie-doblin`; there are"), "{unknown}");

    let well = Deployment::enrol_again(options(&data), "ie-dublin", "why", false).await.unwrap_err();
    assert!(matches!(well, DeploymentError::WitnessIsWell { .. }), "{well}");

    // A region that lost it does not open.
    let lost = data.join("regions/ie-dublin/witness.state");
    std::fs::remove_file(&lost).unwrap();
    let deployment = Deployment::start(options(&data)).await.unwrap();
    assert_eq!(deployment.down().len(), 1, "{:?}", deployment.down());
    deployment.stop().await;
    let enrolled = enrol(&data, "ie-dublin").await;
    assert_eq!((enrolled.remembered, enrolled.cosigned), (None, true));
    let deployment = Deployment::start(options(&data)).await.unwrap();
    assert_eq!(deployment.down(), []);
    serve(&deployment.provider, "w-2").await;
    assert!(deployment.provider.docket().log().cosigned_by("ie-dublin") > enrolled.size);
    assert_eq!(deployment.provider.audit().await.unwrap().differences, []);
    deployment.stop().await;

    // Without the only outsider there is no quorum; the entry is cosigned when it is back.
    std::fs::remove_file(data.join("witness/fjord-university/witness.state")).unwrap();
    let opened =
        Deployment::enrol_again(options(&data), "fjord-university", "the disk broke", false).await.unwrap();
    assert_eq!((opened.remembered, opened.cosigned), (None, false));
    // Nothing published says yet that it is of no matter; head office does.
    let looked = Deployment::look(options(&data)).await.unwrap();
    let given = looked.provider.opened(None, &[Slot::Public]).await.unwrap();
    assert!(
        given
            .iter()
            .any(|opening| opening.entry() == opened.entry && said(opening).witness.starts_with("fjord"))
    );
    looked.stop().await;
    let deployment = Deployment::start(options(&data)).await.unwrap();
    assert_eq!(deployment.down(), []);
    serve(&deployment.provider, "w-3").await;
    let logged = deployment.provider.docket().log().prove(opened.entry).await.unwrap();
    assert!(logged.published.quorum.outsider);
    let opening = ServedFolder(data.join("record")).opening(opened.entry).unwrap().unwrap();
    assert_eq!(said(&opening).witness, "fjord-university");
    deployment.stop().await;
    assert_eq!(productions(&data, RECIPIENT).len(), 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_region_from_a_backup_goes_on_when_it_is_enrolled_again_and_produces_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut deployment = Deployment::start(options(&data)).await.unwrap();
    open_account(&mut deployment.provider, ACCOUNT, "IE").await;
    deployment.provider.deliver(mail(ACCOUNT, message(1))).await.unwrap();
    deployment.stop().await;
    let (region, backup) = (data.join("regions/ie-dublin"), folder.path().join("backup"));
    copy_folder(&region, &backup);
    let deployment = Deployment::start(options(&data)).await.unwrap();
    serve(&deployment.provider, "w-1").await;
    deployment.stop().await;
    let before = productions(&data, RECIPIENT);
    std::fs::remove_dir_all(&region).unwrap();
    copy_folder(&backup, &region);

    let deployment = Deployment::start(options(&data)).await.unwrap();
    let provider = &deployment.provider;
    let silent = provider.receive(provider.sign(&warrant("w-2", ACCOUNT)).unwrap()).await.unwrap_err();
    assert!(silent.to_string().contains("restored from a backup"), "{silent}");
    deployment.stop().await;

    let enrolled = enrol(&data, "ie-dublin").await;
    assert!(enrolled.remembered.is_some_and(|size| size < enrolled.size));
    let deployment = Deployment::start(options(&data)).await.unwrap();
    let view = deployment.provider.show("w-2").unwrap();
    assert_eq!((view.disposition, view.delayed_by), (Disposition::Served, None));
    deployment.stop().await;
    let after = productions(&data, RECIPIENT);
    assert_eq!(after.iter().filter(|path| path.to_string_lossy().contains("w-1")).count(), before.len());
    assert_eq!(after.len(), 2 * before.len());
}
