//! One region's store through its public interface: conditions, numbers, what it refuses, the life of its keys.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use futures_util::future::join_all;
use rogatory::clock::SimTime;
use rogatory::entropy::Entropy;
use rogatory::store::{Delivered, EpochState, EpochStatus, NewMail, Store, StoreError, Uid};
use rogatory::vault::{Cost, Delivery, MailboxCard, Rotate, Verifier};
use rogatory::world::DataClass;

use crate::common::address;

const ACCOUNT: &str = "molly@post.example";
const CLASSES: [DataClass; 3] = [DataClass::Content, DataClass::Traffic, DataClass::Subscriber];

fn open(folder: &Path) -> Result<Store, StoreError> {
    Store::open(folder, &"ie-dublin".parse().unwrap(), None, Entropy::system())
}

async fn with_mailbox(folder: &Path) -> (Store, Arc<MailboxCard>) {
    let store = open(folder).unwrap();
    let verifier = Verifier::new("password", Cost::STORY);
    let card = store.create_mailbox(&address(ACCOUNT), &CLASSES, Some(verifier)).await.unwrap();
    (store, card)
}

async fn deliver(store: &Store, card: &MailboxCard, text: &str, once: bool) -> Delivered {
    let date: SimTime = "2018-04-10".parse().unwrap();
    let mail = NewMail { date, content: Some(text.as_bytes()), traffic: Some(b"row"), once };
    store.deliver(&Delivery::new(), card, mail).await.unwrap()
}

fn read(store: &Store, card: &MailboxCard) -> Vec<(Uid, u64, Vec<u8>)> {
    let session = store.log_in(card.account(), "password").unwrap();
    let objects = store.objects(&session, card.copy(DataClass::Content).unwrap()).unwrap();
    let read = |object: rogatory::store::Object| (object.uid(), object.modseq(), object.read().unwrap());
    objects.map(|object| read(object.unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_are_given_at_commit_and_never_again() {
    let folder = tempfile::tempdir().unwrap();
    let (store, card) = with_mailbox(folder.path()).await;
    let texts: Vec<String> = (0..50).map(|number| format!("letter {number}")).collect();
    let delivered = join_all(texts.iter().map(|text| deliver(&store, &card, text, false))).await;
    let mut numbers: Vec<(Uid, u64)> = delivered.iter().map(|d| (d.parts[0].1, d.parts[0].2)).collect();
    // Both parts of one delivery go in together, so they count alike.
    assert!(delivered.iter().all(|d| d.parts[0].1 == d.parts[1].1 && d.new));
    numbers.sort();
    assert_eq!(numbers, (1..=50).map(|n| (Uid(n), u64::from(n))).collect::<Vec<_>>());

    let session = store.log_in(card.account(), "password").unwrap();
    let content = *card.copy(DataClass::Content).unwrap();
    assert_eq!(store.delete(&session, &content, &[Uid(49), Uid(50), Uid(51)]).await.unwrap(), 2);
    drop(store);
    let store = open(folder.path()).unwrap();
    let card = store.mailbox(&address(ACCOUNT)).unwrap().unwrap();
    let next = deliver(&store, &card, "the next", false).await;
    // A deletion is a change too (RFC 7162), and a number that was given is gone for good.
    assert_eq!(next.uid(DataClass::Content), Some(Uid(51)));
    let all = read(&store, &card);
    assert_eq!((all.len(), all[48].0, all[48].2.as_slice()), (49, Uid(51), b"the next".as_slice()));
    assert!(all.windows(2).all(|pair| pair[0].0 < pair[1].0));
    assert!(all[48].1 > 50, "{:?}", all[48].1);
    for (uid, _, bytes) in &all[..48] {
        let number = texts.iter().position(|text| text.as_bytes() == bytes).unwrap();
        assert_eq!(delivered[number].uid(DataClass::Content), Some(*uid));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conditions_are_checked_where_numbers_are_given() {
    let folder = tempfile::tempdir().unwrap();
    let (store, card) = with_mailbox(folder.path()).await;
    // Twenty at once with the very same message: one is new, and the others learn its number.
    let same = join_all((0..20).map(|_| deliver(&store, &card, "the same", true))).await;
    assert_eq!(same.iter().filter(|delivered| delivered.new).count(), 1);
    assert!(same.iter().all(|delivered| delivered.uid(DataClass::Content) == Some(Uid(1))));
    assert_eq!(read(&store, &card).len(), 1);

    let again = store.create_mailbox(&address(ACCOUNT), &CLASSES, None).await;
    assert!(matches!(again, Err(StoreError::MailboxExists)));
    let elsewhere =
        NewMail { date: "2018-04-10".parse().unwrap(), content: Some(b"x"), traffic: None, once: false };
    let only = store.create_mailbox(&address("a@post.example"), &[DataClass::Traffic], None).await.unwrap();
    let refused = store.deliver(&Delivery::new(), &only, elsewhere).await;
    assert!(matches!(refused, Err(StoreError::NotHere { class: DataClass::Content })));
    assert_eq!(store.mailboxes().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_of_a_newer_program_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (store, card) = with_mailbox(folder.path()).await;
    deliver(&store, &card, "text", false).await;
    drop(store);
    for (name, old, new) in [
        ("format", "rogatory store 1", "rogatory store 2"),
        ("key-table", "rogatory key table 1", "rogatory key table 2"),
        ("bodies/00000001.log", "rogatory log 1", "rogatory log 2"),
        ("keys/region-1.key", "rogatory key 1", "rogatory key 2"),
    ] {
        let path = folder.path().join(name);
        let whole = fs::read(&path).unwrap();
        assert!(whole.starts_with(old.as_bytes()), "{name}");
        fs::write(&path, [new.as_bytes(), &whole[old.len()..]].concat()).unwrap();
        let error = open(folder.path()).err().unwrap_or_else(|| panic!("{name} of version 2 is taken"));
        let error = error.to_string();
        assert!(error.contains("version") && error.contains('2') && error.contains(name), "{name}: {error}");
        fs::write(&path, whole).unwrap();
    }
    assert_eq!(read(&open(folder.path()).unwrap(), &card).len(), 1);
}

fn private(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().all(|entry| {
        let entry = entry.unwrap();
        entry.metadata().unwrap().permissions().mode() & 0o077 == 0
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_live_and_die_one_after_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let (store, card) = with_mailbox(folder.path()).await;
    for number in 0..10 {
        deliver(&store, &card, &format!("letter {number}"), false).await;
    }
    let keys = folder.path().join("keys");
    assert_eq!(fs::metadata(&keys).unwrap().permissions().mode() & 0o777, 0o700);
    assert!(private(&keys) && private(&folder.path().join("bodies")));

    // Three copies and the directory; ten letters and ten rows.
    let epoch =
        |epoch, state, wraps, objects, stragglers| EpochStatus { epoch, state, wraps, objects, stragglers };
    let status = store.key_status().unwrap();
    assert_eq!(status.epochs, [epoch(1, EpochState::Open, 4, 20, 0)]);
    assert_eq!((status.copies, status.copies_with_head_office, status.objects), (3, 0, 20));

    // Interrupted after the new key was made: what is delivered goes under it or the old, and nothing is lost.
    store.begin_epoch(&Rotate::new()).await.unwrap();
    store.create_mailbox(&address("new@post.example"), &[DataClass::Content], None).await.unwrap();
    deliver(&store, &card, "in between", false).await;
    let between = store.key_status().unwrap().epochs;
    let wanted = [epoch(1, EpochState::Closed, 4, 22, 4), epoch(2, EpochState::Open, 1, 0, 0)];
    assert_eq!(between, wanted);
    drop(store);
    let store = open(folder.path()).unwrap();
    assert_eq!(store.key_status().unwrap().epochs, wanted);
    assert!(private(&keys) && fs::read_dir(&keys).unwrap().count() == 2);

    let rotated = store.finish_rotation(&Rotate::new()).await.unwrap();
    assert_eq!((rotated.rewrapped, rotated.destroyed), (4, vec![1]));
    let ended = [epoch(1, EpochState::Destroyed, 0, 0, 0), epoch(2, EpochState::Open, 5, 22, 0)];
    assert_eq!(store.key_status().unwrap().epochs, ended);
    assert_eq!(fs::read_dir(&keys).unwrap().count(), 1);
    drop(store);
    let store = open(folder.path()).unwrap();
    assert_eq!(read(&store, &card).len(), 11);
    assert_eq!(store.key_status().unwrap().epochs, ended);
}
