//! What several topics need: a small provider, a demand, and what an authority makes of a production.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use rogatory::clock::SimTime;
use rogatory::demand::*;
use rogatory::directory::NewAccount;
use rogatory::disk::{Disk, RealDisk};
use rogatory::law::Law;
use rogatory::mail::{MESSAGE_BYTES_MAX, MboxReader, Quoting};
use rogatory::provider::{DeploymentOptions, NewMail, Nodes, Provider};
use rogatory::region::{Password, production};
use rogatory::world::{Address, AuthorityId, DataClass, World};

pub static WORLD: LazyLock<Arc<World>> = LazyLock::new(|| Arc::new(World::standard().unwrap()));
pub static LAW: LazyLock<Arc<Law>> = LazyLock::new(|| Arc::new(Law::standard().unwrap()));

/// Who serves the warrants of [`warrant`], and who gets what they yield.
pub const RECIPIENT: &str = "us-fbi";

/// A day on which a warrant from New York reaches what rests in Dublin, and no law bars it.
pub fn start() -> SimTime {
    "2018-04-10T12:00:00Z".parse().unwrap()
}

/// A deployment of the standard world, with its nodes in this process.
pub fn options(data: &Path) -> DeploymentOptions {
    options_on(data, Arc::new(RealDisk))
}

pub fn options_on(data: &Path, disk: Arc<dyn Disk>) -> DeploymentOptions {
    DeploymentOptions {
        data: data.to_owned(),
        world: WORLD.clone(),
        law: LAW.clone(),
        seed: Some("a test".to_owned()),
        start: start(),
        nodes: Nodes::Here,
        config: None,
        wan: false,
        disk,
    }
}

/// The same with the built binary as its nodes.
pub fn options_of_processes(data: &Path) -> DeploymentOptions {
    let program = PathBuf::from(env!("CARGO_BIN_EXE_rogatory"));
    DeploymentOptions { nodes: Nodes::Processes { program }, ..options(data) }
}

pub fn address(text: &str) -> Address {
    text.parse().unwrap()
}

/// Opens an account whose holder says to be from `country`. Its password is its address.
pub async fn open_account(provider: &mut Provider, account: &str, country: &str) {
    let new: NewAccount = serde_json::from_value(serde_json::json!({
        "address": account, "contracted-with": "head-office", "name": "Somebody",
        "declared-country": country, "created": "2012-01-01T00:00:00Z",
    }))
    .unwrap();
    provider.open_accounts([(new, Some(Password::new(account)))]).await.unwrap();
}

/// A message that no other number has.
pub fn message(number: usize) -> Vec<u8> {
    let body = format!("line {number} of a letter\r\n").repeat(1 + number % 40);
    format!(
        "From: a{number}@elsewhere.example\r\nTo: dublin@post.example\r\nSubject: number {number}\r\n\
         Date: Wed, 4 Apr 2018 10:00:00 +0000\r\nMessage-ID: <{number}@elsewhere.example>\r\n\r\n{body}"
    )
    .into_bytes()
}

pub fn mail(to: &str, bytes: Vec<u8>) -> NewMail {
    NewMail { to: address(to), received: Some(start()), bytes: bytes.into() }
}

/// A warrant for all content and traffic data of one mailbox.
pub fn warrant(id: &str, account: &str) -> Demand {
    Demand {
        id: id.parse().unwrap(),
        version: 1,
        instrument: InstrumentKind::Warrant,
        basis: "18 U.S.C. 2703(a)".to_owned(),
        issuing: "us-sdny-magistrate".parse().unwrap(),
        validating: None,
        enforcing: None,
        on_behalf_of: "US".parse().unwrap(),
        served_on: "head-office".parse().unwrap(),
        issued: start(),
        valid_until: None,
        return_by: None,
        proof: ProofLevel::ProbableCause,
        offence: Offence {
            description: "narcotics trafficking".to_owned(),
            max_penalty_years: 20,
            listed: false,
            place: "US".parse().unwrap(),
        },
        acts: vec![Act::Disclose],
        accounts: vec![address(account)],
        classes: vec![DataClass::Content, DataClass::Traffic],
        range: DateRange::ALL,
        term: Term::Stored,
        purpose: Purpose::Evidence,
        emergency: false,
        secret_until: None,
        deliver_to: RECIPIENT.parse().unwrap(),
        relates: None,
        executes: None,
    }
}

/// The productions that wait for an authority.
pub fn productions(data: &Path, authority: &str) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(data.join("authorities").join(authority)) else { return Vec::new() };
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// The files of a production, by their paths, as its recipient opens it.
pub fn open_production(path: &Path, recipient: &str) -> BTreeMap<String, Vec<u8>> {
    let recipient: AuthorityId = recipient.parse().unwrap();
    let secret = WORLD.roster().demo_recipient_secret(&recipient).unwrap();
    let mut tar = Vec::new();
    production::open(std::fs::read(path).unwrap().as_slice(), &secret, &mut tar).unwrap();
    let mut files = BTreeMap::new();
    for entry in tar::Archive::new(tar.as_slice()).entries().unwrap() {
        let mut entry = entry.unwrap();
        let name = entry.path().unwrap().display().to_string();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        assert!(files.insert(name, bytes).is_none(), "a file stands twice");
    }
    files
}

/// What an account's owner gets: every message, in order.
pub async fn mailbox(provider: &Provider, account: &str) -> Vec<Vec<u8>> {
    let (messages, body) = provider.export(&address(account), Password::new(account)).await.unwrap();
    let mbox = body.collect(usize::MAX).await.unwrap();
    let read = MboxReader::new(mbox.as_ref(), 0, Quoting::Mboxrd, MESSAGE_BYTES_MAX).messages();
    let read: Vec<Vec<u8>> = read.collect::<Result<_, _>>().unwrap();
    assert_eq!(read.len() as u64, messages);
    read
}

/// Which messages of [`message`] a mailbox holds; panics if one stands twice or is not what was sent.
pub async fn numbers(provider: &Provider, account: &str, of: &BTreeMap<Vec<u8>, usize>) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    for bytes in mailbox(provider, account).await {
        let number = of.get(&bytes).unwrap_or_else(|| panic!("{:?} was never sent", bytes.get(..80)));
        assert!(found.insert(*number), "message {number} stands twice");
    }
    found
}

/// Copies a folder with all that is in it, as a backup does.
pub fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
        match path.is_dir() {
            true => copy_folder(&path, &to.join(name)),
            false => drop(std::fs::copy(&path, to.join(name)).unwrap()),
        }
    }
}
