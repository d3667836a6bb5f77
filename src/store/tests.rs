//! What the store promises, without crashes; those are in `engine/tests.rs` and in `tests/it/store.rs`.

use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::clock::SimTime;
use crate::demand::DateRange;
use crate::vault::{Cost, Delivery, HeadOfficeKey, ObjectDate, Recipient, Release, Session, Verifier};

const CLASSES: [DataClass; 4] =
    [DataClass::Content, DataClass::Traffic, DataClass::Subscriber, DataClass::AddressBook];

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

fn open(folder: &Path) -> Store {
    Store::open(folder, &"ie-dublin".parse().unwrap(), None, Entropy::system()).unwrap()
}

fn time(text: &str) -> SimTime {
    text.parse().unwrap()
}

struct Fixture {
    folder: tempfile::TempDir,
    store: Store,
    card: Arc<MailboxCard>,
    session: Session,
}

fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let account = address("molly@post.example");
    let verifier = Verifier::new("password", Cost::STORY);
    let card = block_on(store.create_mailbox(&account, &CLASSES, Some(verifier))).unwrap();
    let session = store.log_in(&account, "password").unwrap();
    Fixture { folder, store, card, session }
}

impl Fixture {
    fn deliver(&self, date: &str, content: &[u8]) -> Uid {
        let mail = NewMail { date: time(date), content: Some(content), traffic: None, once: false };
        let delivered = block_on(self.store.deliver(&Delivery::new(), &self.card, mail)).unwrap();
        delivered.uid(DataClass::Content).unwrap()
    }

    fn content(&self) -> &crate::vault::CopyIdentity {
        self.card.copy(DataClass::Content).unwrap()
    }

    fn read_all(&self) -> Vec<Vec<u8>> {
        let objects = self.store.objects(&self.session, self.content()).unwrap();
        objects.map(|object| object.unwrap().read().unwrap()).collect()
    }

    fn delete(&self, uid: Uid) -> usize {
        block_on(self.store.delete(&self.session, self.content(), &[uid])).unwrap()
    }

    fn release(&self, permit: u8, class: DataClass, from: &str, to: &str) -> Release {
        let range = DateRange { from: from.parse().ok(), to: to.parse().ok() };
        Release::for_test([permit; 32], vec![(self.card.account().clone(), class, range)])
    }

    fn reopen(self) -> Fixture {
        let Fixture { folder, store, card, session } = self;
        drop(store);
        let store = open(folder.path());
        Fixture { folder, store, card, session }
    }
}

fn produced(production: &Production) -> Vec<Vec<u8>> {
    let mut out = Vec::new();
    for part in production.parts() {
        out.extend(production.objects(part).unwrap().map(|object| object.unwrap().read().unwrap()));
    }
    out
}

#[test]
fn what_is_delivered_is_read_in_order_also_after_reopening() {
    let f = fixture();
    let long = vec![b'x'; 3_000_000];
    let bodies: [&[u8]; 4] = [b"one", b"", b"three", &long];
    for (i, body) in bodies.iter().enumerate() {
        assert_eq!(f.deliver("2013-12-04", body), Uid(i as u32 + 1));
    }
    assert_eq!(f.read_all(), bodies);
    let counts = f.store.counts(&f.card, DataClass::Content).unwrap().unwrap();
    assert_eq!((counts.objects, counts.next_uid, counts.modseq), (4, 5, 4));
    let f = f.reopen();
    assert_eq!(f.read_all(), bodies);
    assert_eq!(f.deliver("2013-12-05", b"five"), Uid(5));
    let one = f.store.object(&f.session, f.content(), Uid(3)).unwrap().unwrap();
    assert_eq!(one.facts().date, ObjectDate::On(time("2013-12-04")));
    assert_eq!(one.read().unwrap(), b"three");
}

#[test]
fn parts_that_rest_here_go_in_together_and_others_are_refused() {
    let f = fixture();
    let mail =
        NewMail { date: time("2013-12-04"), content: Some(b"body"), traffic: Some(b"row"), once: false };
    let delivered = block_on(f.store.deliver(&Delivery::new(), &f.card, mail)).unwrap();
    assert_eq!(delivered.parts, [(DataClass::Content, Uid(1), 1), (DataClass::Traffic, Uid(1), 1)]);

    let only =
        block_on(f.store.create_mailbox(&address("a@post.example"), &[DataClass::Traffic], None)).unwrap();
    let refused = block_on(f.store.deliver(&Delivery::new(), &only, mail));
    assert!(matches!(refused, Err(StoreError::NotHere { class: DataClass::Content })));
    let row = NewMail { content: None, ..mail };
    assert!(block_on(f.store.deliver(&Delivery::new(), &only, row)).unwrap().new);
}

#[test]
fn a_body_that_comes_in_pieces_is_the_same() {
    let f = fixture();
    let body: Vec<u8> = (0..5_000_000u32).map(|i| (i / 7) as u8).collect();
    for pieces in [1000, 700_000, 5_000_000] {
        let mut writer =
            f.store.begin_body(&Delivery::new(), &f.card, DataClass::Content, time("2013-12-04")).unwrap();
        body.chunks(pieces).for_each(|piece| writer.push(piece).unwrap());
        let part = writer.finish(false).unwrap();
        block_on(f.store.deliver_sealed(vec![part])).unwrap();
    }
    for read in f.read_all() {
        assert!(read == body);
    }
    let files = |f: &Fixture| {
        let names = std::fs::read_dir(f.folder.path().join("bodies")).unwrap();
        names.filter(|e| e.as_ref().unwrap().path().extension().unwrap() == "body").count()
    };
    assert_eq!(files(&f), 3);
    f.delete(Uid(2));
    assert_eq!(files(&f), 2, "a deleted body's file goes");
    let mut abandoned =
        f.store.begin_body(&Delivery::new(), &f.card, DataClass::Content, time("2013-12-04")).unwrap();
    abandoned.push(&body).unwrap();
    drop(abandoned);
    assert_eq!(files(&f), 2, "an abandoned body's file goes");
}

#[test]
fn an_import_takes_nothing_twice_until_it_is_deleted() {
    let f = fixture();
    let import = |body: &[u8]| {
        let mail =
            NewMail { date: time("2013-12-04"), content: Some(body), traffic: Some(b"row"), once: true };
        block_on(f.store.deliver(&Delivery::new(), &f.card, mail)).unwrap()
    };
    assert!(import(b"one").new);
    let again = import(b"one");
    assert!(!again.new);
    assert_eq!(again.uid(DataClass::Content), Some(Uid(1)));
    assert!(import(b"two").new);
    assert_eq!(f.store.counts(&f.card, DataClass::Traffic).unwrap().unwrap().objects, 2);
    f.delete(Uid(1));
    assert!(import(b"one").new);
}

#[test]
fn a_record_is_replaced_and_a_race_is_noticed() {
    let f = fixture();
    let put = |text: &str| {
        block_on(f.store.put_record(&Delivery::new(), &f.card, DataClass::Subscriber, text.as_bytes()))
            .unwrap()
    };
    put("first");
    put("second");
    let copy = f.card.copy(DataClass::Subscriber).unwrap();
    let all: Vec<Object> = f.store.objects(&f.session, copy).unwrap().map(Result::unwrap).collect();
    assert_eq!(all.len(), 1);
    let record = all.into_iter().next().unwrap();
    assert_eq!((record.version(), record.facts().date), (2, ObjectDate::Standing));
    assert_eq!(record.read().unwrap(), b"second");
}

#[test]
fn only_one_mailbox_per_account_and_only_its_owner_reads_it() {
    let f = fixture();
    let account = f.card.account();
    let second = block_on(f.store.create_mailbox(account, &CLASSES, None));
    assert!(matches!(second, Err(StoreError::MailboxExists)));
    assert!(matches!(f.store.log_in(account, "guess"), Err(StoreError::LoginFailed(_))));
    assert!(f.store.mailbox(&address("nobody@post.example")).unwrap().is_none());
    let other = address("other@post.example");
    let verifier = Some(Verifier::new("x", Cost::STORY));
    block_on(f.store.create_mailbox(&other, &[DataClass::Traffic], verifier)).unwrap();
    let session = f.store.log_in(&other, "x").unwrap();
    assert!(matches!(f.store.objects(&session, f.content()), Err(StoreError::NotCovered { .. })));
    let uids = [Uid(1)];
    assert!(block_on(f.store.delete(&session, f.content(), &uids)).is_err());

    let card = block_on(f.store.add_copies(&other, &CLASSES)).unwrap();
    assert_eq!(card.copies().len(), 4);
    assert_eq!(f.store.mailbox(&other).unwrap().unwrap().copies().len(), 4);
}

#[test]
fn deleted_mail_is_gone_at_once_and_its_keys_with_the_generation() {
    let f = fixture();
    for body in [b"one", b"two"] {
        f.deliver("2013-12-04", body);
    }
    assert_eq!(f.delete(Uid(1)), 1);
    assert_eq!(f.delete(Uid(1)), 0);
    assert_eq!(f.read_all(), [b"two"]);
    let before = f.store.key_status().unwrap();
    assert_eq!((before.objects, before.deleted_not_shredded), (1, 1));
    let done = block_on(f.store.shred_deleted(&Rotate::new())).unwrap();
    assert_eq!(done, Shredded { shredded: 1, held: 0 });
    let after = f.store.key_status().unwrap();
    assert_eq!((after.objects, after.deleted_not_shredded, after.copies_between_keys), (1, 0, 0));
    assert_eq!(f.read_all(), [b"two"]);
    assert_eq!(f.deliver("2013-12-04", b"three"), Uid(3), "a number is never given twice");
    let f = f.reopen();
    assert_eq!(f.read_all(), [b"two".as_slice(), b"three"]);
}

#[test]
fn an_erased_key_is_nowhere_in_the_key_table() {
    let f = fixture();
    f.deliver("2013-12-04", b"one");
    f.delete(Uid(1));
    let table = || std::fs::read(f.folder.path().join("key-table")).unwrap();
    let sectors = |bytes: &[u8]| bytes.chunks(512).filter(|s| s.iter().any(|b| *b != 0)).count();
    let before = table();
    block_on(f.store.shred_deleted(&Rotate::new())).unwrap();
    let after = table();
    assert_eq!(sectors(&before), sectors(&after), "one came, one went");
    let copy = f.content().copy;
    let slots = |bytes: &[u8]| {
        bytes
            .chunks(512)
            .filter(|s| s.windows(16).any(|w| w == copy.as_bytes()))
            .map(<[u8]>::to_vec)
            .collect::<Vec<_>>()
    };
    assert_eq!(slots(&after).len(), 1);
    assert_ne!(slots(&before), slots(&after));
}

#[test]
fn a_hold_keeps_deleted_mail_for_a_permit_and_from_its_owner() {
    let f = fixture();
    f.deliver("2013-12-04", b"one");
    block_on(f.store.hold(&f.card, DataClass::Content, "matter-1")).unwrap();
    block_on(f.store.hold(&f.card, DataClass::Content, "matter-1")).unwrap();
    assert_eq!(f.store.holds(&f.card, DataClass::Content).unwrap(), ["matter-1"]);
    f.delete(Uid(1));
    assert!(f.read_all().is_empty());
    let rotate = Rotate::new();
    block_on(f.store.shred_deleted(&rotate)).unwrap();
    assert_eq!(f.store.key_status().unwrap().kept, 1);

    let f = f.reopen();
    let release = f.release(1, DataClass::Content, "2013-01-01", "2013-12-31");
    let production = block_on(f.store.begin_release(&release)).unwrap();
    assert_eq!(produced(&production), [b"one"]);
    block_on(production.complete([7; 32])).unwrap();

    block_on(f.store.lift(&f.card, DataClass::Content, "matter-1")).unwrap();
    assert!(f.store.holds(&f.card, DataClass::Content).unwrap().is_empty());
    let status = f.store.key_status().unwrap();
    assert_eq!((status.kept, status.deleted_not_shredded), (0, 1));
    let done = block_on(f.store.shred_deleted(&rotate)).unwrap();
    assert_eq!(done.shredded, 1);
    let again = f.release(2, DataClass::Content, "2013-01-01", "2013-12-31");
    let production = block_on(f.store.begin_release(&again)).unwrap();
    assert!(produced(&production).is_empty());
}

#[test]
fn a_held_copy_keeps_its_old_key_until_the_hold_ends() {
    let f = fixture();
    f.deliver("2013-12-04", b"one");
    f.deliver("2013-12-04", b"two");
    f.delete(Uid(1));
    block_on(f.store.hold(&f.card, DataClass::Content, "matter-1")).unwrap();
    let rotate = Rotate::new();
    let done = block_on(f.store.shred_deleted(&rotate)).unwrap();
    assert_eq!(done, Shredded { shredded: 0, held: 1 });
    assert_eq!(f.store.key_status().unwrap().copies_between_keys, 1);
    assert_eq!(f.read_all(), [b"two"]);
    f.deliver("2013-12-04", b"three");
    assert_eq!(f.read_all(), [b"two".as_slice(), b"three"]);
    block_on(f.store.lift(&f.card, DataClass::Content, "matter-1")).unwrap();
    let done = block_on(f.store.shred_deleted(&rotate)).unwrap();
    assert_eq!(done, Shredded { shredded: 1, held: 0 });
    assert_eq!(f.store.key_status().unwrap().copies_between_keys, 0);
}

#[test]
fn a_release_produces_what_its_permit_covers_once() {
    let f = fixture();
    f.deliver("2012-12-31T23:59:59Z", b"before");
    f.deliver("2013-06-01", b"within");
    f.deliver("2014-01-01", b"after");
    let release = f.release(1, DataClass::Content, "2013-01-01", "2013-12-31");
    let production = block_on(f.store.begin_release(&release)).unwrap();
    assert!(!production.resumed());
    assert!(matches!(block_on(f.store.begin_release(&release)), Err(StoreError::InProgress)));
    assert_eq!(produced(&production), [b"within"]);
    let listing = *production.listing();
    block_on(production.complete([7; 32])).unwrap();
    match block_on(f.store.begin_release(&release)) {
        Err(StoreError::AlreadyProduced { listing: noted, receipt }) => {
            assert_eq!((noted, receipt), (listing, [7; 32]));
        }
        other => panic!("{:?}", other.map(|_| ())),
    }
    let f = f.reopen();
    let again = block_on(f.store.begin_release(&release));
    assert!(matches!(again, Err(StoreError::AlreadyProduced { .. })));
    let traffic = f.release(2, DataClass::Traffic, "2013-01-01", "2013-12-31");
    let production = block_on(f.store.begin_release(&traffic)).unwrap();
    assert!(produced(&production).is_empty());
}

#[test]
fn an_interrupted_production_comes_out_the_same() {
    let f = fixture();
    f.deliver("2013-06-01", b"one");
    f.deliver("2013-06-02", b"two");
    let release = f.release(1, DataClass::Content, "2013-01-01", "2013-12-31");
    let first = block_on(f.store.begin_release(&release)).unwrap();
    let listing = *first.listing();
    drop(first);

    let f = f.reopen();
    f.deliver("2013-06-03", b"three");
    f.delete(Uid(1));
    block_on(f.store.shred_deleted(&Rotate::new())).unwrap();
    let second = block_on(f.store.begin_release(&release)).unwrap();
    assert!(second.resumed());
    assert_eq!(*second.listing(), listing);
    assert_eq!(produced(&second), [b"one", b"two"]);
    block_on(second.complete([7; 32])).unwrap();
    let status = f.store.key_status().unwrap();
    assert_eq!((status.kept, status.deleted_not_shredded), (0, 1), "the production no longer holds it");
}

#[test]
fn the_region_gets_a_new_key_and_the_old_one_goes() {
    let f = fixture();
    f.deliver("2013-12-04", b"one");
    let rotate = Rotate::new();
    block_on(f.store.begin_epoch(&rotate)).unwrap();
    let between = f.store.key_status().unwrap();
    assert_eq!(between.epochs[0].stragglers, 5, "four copies and the directory");
    assert_eq!(between.epochs[0].state, EpochState::Closed);
    let f = f.reopen();
    assert_eq!(f.store.vault().current_epoch(), Epoch(2));
    let done = block_on(f.store.finish_rotation(&rotate)).unwrap();
    assert_eq!(done, Rotated { rewrapped: 5, destroyed: vec![1] });
    let after = f.store.key_status().unwrap();
    assert_eq!(after.epochs[0].state, EpochState::Destroyed);
    assert_eq!((after.epochs[1].state, after.epochs[1].wraps), (EpochState::Open, 5));
    let keys: Vec<_> = std::fs::read_dir(f.folder.path().join("keys")).unwrap().collect();
    assert_eq!(keys.len(), 1);
    let f = f.reopen();
    assert_eq!(f.read_all(), [b"one"]);
}

#[test]
fn rotation_during_deliveries_loses_nothing() {
    let f = fixture();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let deliveries: Vec<_> = (0..8)
        .map(|caller| {
            let (store, card) = (f.store.clone(), f.card.clone());
            runtime.spawn(async move {
                for i in 0..40 {
                    let body = format!("{caller}-{i}");
                    let mail = NewMail {
                        date: "2013-12-04".parse().unwrap(),
                        content: Some(body.as_bytes()),
                        traffic: Some(b"row"),
                        once: i % 2 == 0,
                    };
                    assert!(store.deliver(&Delivery::new(), &card, mail).await.unwrap().new);
                }
            })
        })
        .collect();
    let rotate = Rotate::new();
    for _ in 0..4 {
        block_on(f.store.rotate_region_key(&rotate)).unwrap();
        block_on(f.store.shred(&rotate, f.content().copy)).unwrap();
        assert!(f.read_all().len() <= 320);
    }
    for delivery in deliveries {
        runtime.block_on(delivery).unwrap();
    }
    let f = f.reopen();
    let mut found: Vec<String> = f.read_all().into_iter().map(|b| String::from_utf8(b).unwrap()).collect();
    found.sort();
    found.dedup();
    assert_eq!(found.len(), 320);
    let status = f.store.key_status().unwrap();
    assert_eq!((status.objects, status.copies_between_keys), (640, 0));
}

#[test]
fn a_region_of_the_provider_wraps_for_head_office_too() {
    let folder = tempfile::tempdir().unwrap();
    let key = HeadOfficeKey::create(&RealDisk, &folder.path().join("ho.key"), &Entropy::system()).unwrap();
    let region = "us-virginia".parse().unwrap();
    let at = folder.path().join("region");
    let store = Store::open(&at, &region, Some(key.public()), Entropy::system()).unwrap();
    let account = address("a@post.example");
    let card = block_on(store.create_mailbox(&account, &[DataClass::Content], None)).unwrap();
    let custody = store.custody(&card, DataClass::Content).unwrap();
    assert_eq!(custody, [Recipient::Region(Epoch(1)), Recipient::HeadOffice(1)]);
    assert_eq!(store.key_status().unwrap().copies_with_head_office, 1);
}

#[test]
fn nothing_readable_is_on_the_disk() {
    let f = fixture();
    let needles = ["molly", "post.example", "MATTER-77", "Quarterly", "Xyzzy", "password", "row-of-traffic"];
    let long = "Xyzzy ".repeat(400_000);
    f.deliver("2013-12-04", b"Subject: Quarterly Xyzzy\r\n\r\nXyzzy");
    f.deliver("2013-12-04", long.as_bytes());
    let mail = NewMail {
        date: time("2013-12-04"),
        content: Some(b"Xyzzy once"),
        traffic: Some(b"row-of-traffic molly@post.example"),
        once: true,
    };
    block_on(f.store.deliver(&Delivery::new(), &f.card, mail)).unwrap();
    for class in [DataClass::Subscriber, DataClass::AddressBook] {
        block_on(f.store.put_record(&Delivery::new(), &f.card, class, b"molly@post.example Xyzzy")).unwrap();
    }
    block_on(f.store.hold(&f.card, DataClass::Content, "MATTER-77")).unwrap();
    let Fixture { folder, store, .. } = f;
    drop(store);
    let mut scanned = 0;
    let mut folders = vec![folder.path().to_owned()];
    while let Some(at) = folders.pop() {
        for entry in std::fs::read_dir(at).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).unwrap().to_ascii_lowercase();
            scanned += bytes.len();
            for needle in needles {
                let found = memchr::memmem::find(&bytes, needle.to_ascii_lowercase().as_bytes());
                assert!(found.is_none(), "`{needle}` in {}", path.display());
            }
        }
    }
    assert!(scanned > 2_400_000, "{scanned}");
}

#[test]
fn a_flipped_bit_in_the_log_never_reads_as_other_mail() {
    let f = fixture();
    let bodies: Vec<Vec<u8>> = (0..6u8).map(|i| vec![i; 40]).collect();
    for body in &bodies {
        f.deliver("2013-12-04", body);
    }
    // Closing makes a checkpoint, so that a broken commit is met by a reader and not by recovery.
    let Fixture { folder, store, card, session } = f;
    drop(store);
    let log = folder.path().join("bodies/00000001.log");
    let good = std::fs::read(&log).unwrap();
    let store = open(folder.path());
    let copy = card.copy(DataClass::Content).unwrap();
    for byte in 40..good.len() {
        let mut bad = good.clone();
        bad[byte] ^= 1 << (byte % 8);
        std::fs::write(&log, &bad).unwrap();
        for (expected, object) in bodies.iter().zip(store.objects(&session, copy).unwrap()) {
            if let Ok(read) = object.and_then(Object::read) {
                assert_eq!(read, *expected);
            }
        }
    }
    std::fs::write(&log, &good).unwrap();
    assert!(store.objects(&session, copy).unwrap().all(|object| object.unwrap().read().is_ok()));
}

#[test]
fn a_newer_store_and_lost_keys_are_refused() {
    let f = fixture();
    let Fixture { folder, store, .. } = f;
    drop(store);
    let try_open = || Store::open(folder.path(), &"ie-dublin".parse().unwrap(), None, Entropy::system());
    let key = folder.path().join("keys/region-1.key");
    let saved = folder.path().join("saved");
    std::fs::rename(&key, &saved).unwrap();
    assert!(matches!(try_open(), Err(StoreError::Vault(VaultError::NoKeys { .. }))));
    assert!(!key.exists(), "no other key is put in its place");
    std::fs::rename(&saved, &key).unwrap();
    drop(try_open().unwrap());
    std::fs::write(folder.path().join("format"), "rogatory store 2\n").unwrap();
    assert!(matches!(try_open(), Err(StoreError::Newer { found, .. }) if found == "2"));
}

#[test]
fn one_process_at_a_time() {
    let f = fixture();
    let second = Store::open(f.folder.path(), &"ie-dublin".parse().unwrap(), None, Entropy::system());
    assert!(matches!(second, Err(StoreError::Engine(EngineError::Busy))), "{second:?}");
}
