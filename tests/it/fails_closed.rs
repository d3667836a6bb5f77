//! What cannot be read, or is not what it should be, keeps a provider or one of its regions from opening: nothing is
//! released. A region or
//! a quorum that is missing while it runs is in `killed_region`; a law book that cannot be evaluated in `law_books`;
//! a permit in any way wrong in `record_permit`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rogatory::demand::Disposition;
use rogatory::provider::Deployment;
use rogatory::region::Peer;

use crate::common::*;

const ACCOUNT: &str = "dublin@post.example";
const ELSEWHERE: &str = "ohio@post.example";

/// What is done to a file, and what the error says beside its name.
type Damage = (&'static str, fn(&Path), &'static str);

fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

const DAMAGES: &[Damage] = &[
    ("regions/ie-dublin/store/keys/region-1.key", |path| flip(path, 50), "check bytes"),
    ("regions/ie-dublin/store/keys/region-1.key", |path| fs::remove_file(path).unwrap(), "no key"),
    (
        "regions/ie-dublin/store/keys/region-1.key",
        |path| fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap(),
        "0644",
    ),
    ("regions/ie-dublin/component.key", |path| flip(path, 40), "check bytes"),
    ("regions/ie-dublin/cards.key", |path| fs::write(path, "rogatory key 2\n").unwrap(), "version 2"),
    ("regions/ie-dublin/cards", |path| flip(path, 40), "does not open"),
    ("regions/ie-dublin/enrolment.json", |path| fs::write(path, "{}").unwrap(), "not an enrolment"),
    ("regions/ie-dublin/reached.json", |path| fs::remove_file(path).unwrap(), "how far time had come"),
    ("regions/ie-dublin/reached.json", |path| fs::write(path, "{}").unwrap(), "missing field"),
    ("regions/ie-dublin/reached.json", |path| fs::write(path, "{\"format\":2}").unwrap(), "format 2"),
    ("regions/ie-dublin/witness.state", |path| fs::write(path, "no state").unwrap(), ""),
    ("regions/ie-dublin/store/format", |path| fs::write(path, "rogatory store 2\n").unwrap(), "version `2`"),
    ("regions/ie-dublin/store/key-table", |path| flip(path, 3), "no key table"),
    ("head-office/wrap.key", |path| flip(path, 40), "check bytes"),
    ("head-office/cabinet.key", |path| flip(path, 40), "check bytes"),
    ("head-office/cabinet", |path| flip(path, 40), "does not open"),
    ("head-office/component.key", |path| fs::remove_file(path).unwrap(), "missing"),
    ("regions/ie-dublin/component.key", |path| fs::remove_file(path).unwrap(), "missing"),
    ("regions/ie-dublin/store/format", |path| fs::remove_file(path).unwrap(), "missing"),
    ("format", |path| fs::write(path, "rogatory data 9\n").unwrap(), "rogatory data 9"),
];

/// A file of head office, or what says who a region is: without it nothing starts. Any other of a region keeps that region
/// from opening, and nobody else: what needs it waits and says which file, and is served when the file is put back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_file_is_named_and_nothing_is_released_from_what_it_belongs_to() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut deployment = Deployment::start(options(&data)).await.unwrap();
    for (account, country) in [(ACCOUNT, "IE"), (ELSEWHERE, "US")] {
        open_account(&mut deployment.provider, account, country).await;
        deployment.provider.deliver(mail(account, message(1))).await.unwrap();
    }
    deployment.stop().await;
    let mut waiting = Vec::new();
    for (number, (name, damage, said)) in DAMAGES.iter().enumerate() {
        let path = data.join(name);
        let (whole, mode) = (fs::read(&path).unwrap(), fs::metadata(&path).unwrap().permissions());
        damage(&path);
        match Deployment::start(options(&data)).await {
            Err(error) => {
                let error = error.to_string();
                assert!(error.contains(said), "{name}: {error}");
                assert!(!name.starts_with("regions/") || name.ends_with("component.key"), "{name}: {error}");
            }
            Ok(deployment) => {
                assert!(name.starts_with("regions/"), "it starts with a damaged {name}");
                let id = format!("w-{number}");
                check_down(&deployment, said, &id).await;
                waiting.push(id);
                deployment.stop().await;
            }
        }
        fs::write(&path, whole).unwrap();
        fs::set_permissions(&path, mode).unwrap();
    }
    assert!(!waiting.is_empty());
    let deployment = Deployment::start(options(&data)).await.unwrap();
    assert_eq!(deployment.down(), []);
    for id in waiting {
        let view = deployment.provider.show(&id).unwrap();
        assert_eq!((view.disposition, view.delayed_by), (Disposition::Served, None), "{id}");
    }
    deployment.stop().await;
}

async fn check_down(deployment: &Deployment, said: &str, id: &str) {
    let [down] = deployment.down() else { panic!("{:?}", deployment.down()) };
    assert_eq!(down.who, Peer::Region("ie-dublin".parse().unwrap()));
    assert!(down.why.contains("ie-dublin") && down.why.contains(said), "{down:?}");
    let provider = &deployment.provider;
    let error = provider.receive(provider.sign(&warrant(id, ACCOUNT)).unwrap()).await.unwrap_err();
    assert!(error.is_delay() && error.to_string().contains(said), "{error}");
    let view = provider.show(id).unwrap();
    assert_eq!(view.disposition, Disposition::Pending);
    assert!(view.delayed_by.is_some_and(|why| why.contains(said)));
    assert!(provider.where_is(&address(ACCOUNT)).await.unwrap_err().to_string().contains(said));
    // The other regions serve.
    let elsewhere = provider.where_is(&address(ELSEWHERE)).await.unwrap();
    assert!(elsewhere.copies.iter().any(|copy| copy.objects == 1), "{elsewhere:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn damage_in_the_public_record_is_not_carried_along() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut deployment = Deployment::start(options(&data)).await.unwrap();
    let provider = &mut deployment.provider;
    open_account(provider, ACCOUNT, "IE").await;
    provider.receive(provider.sign(&warrant("w-1", ACCOUNT)).unwrap()).await.unwrap();
    let size = provider.record_head().size;
    deployment.stop().await;
    // Once more, so that no journal holds the entries any longer.
    Deployment::start(options(&data)).await.unwrap().stop().await;
    let entries = format!("tile/entries/000.p/{size}");
    for (name, said) in [(&entries, entries.as_str()), (&format!("tile/0/000.p/{size}"), "the tiles show")] {
        let path = data.join("record").join(name);
        let whole = fs::read(&path).unwrap();
        flip(&path, 40);
        let Err(error) = Deployment::start(options(&data)).await else { panic!("it starts with {name}") };
        let error = error.to_string();
        assert!(error.contains(said), "{name}: {error}");
        fs::write(&path, whole).unwrap();
    }
    // What head office can put right by itself, it does.
    flip(&data.join("record/opening/000"), 40);
    Deployment::start(options(&data)).await.unwrap().stop().await;
}
