//! What cannot be read, or is not what it should be, keeps a provider from starting: nothing is released. A region or
//! a quorum that is missing while it runs is in `killed_region`; a law book that cannot be evaluated in `law_books`;
//! a permit in any way wrong in `record_permit`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rogatory::provider::Deployment;

use crate::common::*;

const ACCOUNT: &str = "dublin@post.example";

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
    ("format", |path| fs::write(path, "rogatory data 2\n").unwrap(), "rogatory data 2"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_provider_does_not_start_and_says_which_file() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mut deployment = Deployment::start(options(&data)).await.unwrap();
    open_account(&mut deployment.provider, ACCOUNT, "IE").await;
    deployment.stop().await;
    for (name, damage, said) in DAMAGES {
        let path = data.join(name);
        let (whole, mode) = (fs::read(&path).unwrap(), fs::metadata(&path).unwrap().permissions());
        damage(&path);
        let Err(error) = Deployment::start(options(&data)).await else {
            panic!("it starts with a damaged {name}")
        };
        let error = error.to_string();
        assert!(error.contains(said), "{name}: {error}");
        fs::write(&path, whole).unwrap();
        fs::set_permissions(&path, mode).unwrap();
    }
    let mut deployment = Deployment::start(options(&data)).await.unwrap();
    let provider = &mut deployment.provider;
    provider.receive(provider.sign(&warrant("w-1", ACCOUNT)).unwrap()).await.unwrap();
    deployment.stop().await;
}
