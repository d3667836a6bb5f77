//! What the vault promises, over all of its parts.

use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::demand::DateRange;
use crate::disk::{Disk, RealDisk};
use crate::entropy::Entropy;
use crate::world::{Address, DataClass, RegionId};

fn region(name: &str) -> RegionId {
    name.parse().unwrap()
}

fn disk() -> Arc<dyn Disk> {
    Arc::new(RealDisk)
}

fn vault_in(folder: &Path, name: &str, head_office: Option<HeadOfficePublicKey>) -> Vault {
    Vault::create(disk(), &folder.join(name), &region(name), head_office, Entropy::system()).unwrap()
}

struct Mailbox {
    _folder: tempfile::TempDir,
    vault: Vault,
    copy: Arc<OpenCopy>,
    keys: SealedCopyKeys,
    session: Session,
    directory: Directory,
    card: MailboxCard,
}

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

fn mailbox() -> Mailbox {
    let folder = tempfile::tempdir().unwrap();
    let vault = vault_in(folder.path(), "ie-dublin", None);
    let (directory, _) = vault.new_directory().unwrap();
    let verifier = Verifier::new("password", Cost::STORY);
    let mut card = directory.new_card(address("molly@post.example"), Some(verifier));
    let (copy, keys) = vault.new_copy(card.mailbox(), DataClass::Content).unwrap();
    card.add_copy(*copy.identity());
    let session = Session::open(Some(&card), "password").unwrap();
    Mailbox { _folder: folder, vault, copy: Arc::new(copy), keys, session, directory, card }
}

fn read(
    copy: &OpenCopy,
    clearance: &impl Reads,
    header: &ObjectHeader,
    body: &[u8],
) -> Result<Option<Vec<u8>>, VaultError> {
    let Some(mut opener) = copy.open_object(clearance, header)? else { return Ok(None) };
    let mut plain = Vec::new();
    let mut rest = body;
    while let Some(length) = opener.next_sealed_length() {
        let (chunk, later) = rest.split_at_checked(length).unwrap_or((rest, &[]));
        opener.open_next(chunk, &mut plain)?;
        rest = later;
    }
    Ok(Some(plain))
}

fn on(time: &str) -> ObjectDate {
    ObjectDate::On(time.parse().unwrap())
}

#[test]
fn bodies_of_every_length_come_back() {
    let m = mailbox();
    for length in [0, 1, 15, 16, 17, CHUNK_LENGTH - 1, CHUNK_LENGTH, CHUNK_LENGTH + 1, 3 * CHUNK_LENGTH] {
        let plain: Vec<u8> = (0..length).map(|i| (i * 7) as u8).collect();
        let (header, body) = m.copy.seal(&Delivery::new(), on("2013-12-04"), 1, &plain);
        assert_eq!(body.len() as u64, sealed_length(length as u64));
        assert_eq!(read(&m.copy, &m.session, &header, &body).unwrap().unwrap(), plain, "{length}");
        let again = ObjectHeader::from_bytes(&header.to_bytes());
        assert_eq!(again, header);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn pieces_seal_like_a_whole(
        length in 0..3 * CHUNK_LENGTH + 2,
        cuts in proptest::collection::vec(1..CHUNK_LENGTH * 2, 0..6),
    ) {
        let m = mailbox();
        let plain: Vec<u8> = (0..length).map(|i| (i % 251) as u8).collect();
        let mut sealer = OpenCopy::sealer(&m.copy, &Delivery::new(), on("2013-12-04"), 1);
        let mut body = Vec::new();
        let mut rest = plain.as_slice();
        for cut in cuts {
            let (piece, later) = rest.split_at(cut.min(rest.len()));
            sealer.push(piece, &mut body);
            rest = later;
        }
        sealer.push(rest, &mut body);
        let header = sealer.finish(&mut body);
        prop_assert_eq!(body.len() as u64, sealed_length(length as u64));
        prop_assert_eq!(read(&m.copy, &m.session, &header, &body).unwrap().unwrap(), plain);
    }

    #[test]
    fn a_flipped_bit_is_never_another_plaintext(length in 0usize..200, at: prop::sample::Index) {
        let m = mailbox();
        let plain = vec![7u8; length];
        let (header, mut body) = m.copy.seal(&Delivery::new(), on("2013-12-04"), 1, &plain);
        let mut head = header.to_bytes();
        let bit = at.index((head.len() + body.len()) * 8);
        let (byte, mask) = (bit / 8, 1u8 << (bit % 8));
        match byte.checked_sub(head.len()) {
            None => head[byte] ^= mask,
            Some(byte) => body[byte] ^= mask,
        }
        prop_assert!(read(&m.copy, &m.session, &ObjectHeader::from_bytes(&head), &body).is_err());
    }
}

#[test]
fn chunks_cannot_be_cut_off_added_swapped_or_repeated() {
    let m = mailbox();
    let plain: Vec<u8> = (0..3 * CHUNK_LENGTH).map(|i| (i / CHUNK_LENGTH) as u8).collect();
    let (header, body) = m.copy.seal(&Delivery::new(), on("2013-12-04"), 1, &plain);
    let chunk = |i: usize| &body[i * (CHUNK_LENGTH + 16)..(i + 1) * (CHUNK_LENGTH + 16)];
    let wrong: [Vec<&[u8]>; 5] = [
        vec![chunk(0), chunk(1)],
        vec![chunk(0), chunk(2)],
        vec![chunk(1), chunk(0), chunk(2)],
        vec![chunk(0), chunk(0), chunk(2)],
        vec![chunk(0), chunk(1), &chunk(2)[..100]],
    ];
    for parts in wrong {
        assert!(read(&m.copy, &m.session, &header, &parts.concat()).is_err());
    }
    let mut opener = m.copy.open_object(&m.session, &header).unwrap().unwrap();
    let mut out = Vec::new();
    for i in 0..3 {
        opener.open_next(chunk(i), &mut out).unwrap();
    }
    assert!(opener.open_next(chunk(2), &mut out).is_err(), "nothing follows the last chunk");
    assert_eq!(out, plain);
}

#[test]
fn nothing_of_a_chunk_is_handed_on_before_it_verifies() {
    let m = mailbox();
    let (header, mut body) = m.copy.seal(&Delivery::new(), on("2013-12-04"), 1, &[5; 1000]);
    *body.last_mut().unwrap() ^= 1;
    let mut opener = m.copy.open_object(&m.session, &header).unwrap().unwrap();
    let mut out = b"before".to_vec();
    assert!(opener.open_next(&body, &mut out).is_err());
    assert_eq!(out, b"before");
}

#[test]
fn an_object_opens_only_as_what_it_was_sealed_as() {
    let m = mailbox();
    let (header, body) = m.copy.seal(&Delivery::new(), on("2013-12-04"), 1, b"hello");
    let (other, _) = m.copy.seal(&Delivery::new(), on("2013-12-04"), 1, b"other");
    assert!(read(&m.copy, &m.session, &other, &body).is_err(), "another object's key");
    let mut renamed = header.clone();
    renamed.object = other.object;
    assert!(read(&m.copy, &m.session, &renamed, &body).is_err(), "another object's name");
    let mut newer = header.clone();
    newer.version = 2;
    assert!(read(&m.copy, &m.session, &newer, &body).is_err(), "another version");

    let identity = m.copy.identity();
    for wrong in [
        CopyIdentity { class: DataClass::Traffic, ..*identity },
        CopyIdentity { mailbox: MailboxId::from_bytes([9; 16]), ..*identity },
        CopyIdentity { copy: CopyId::from_bytes([9; 16]), ..*identity },
    ] {
        assert!(m.vault.open_copy(wrong, &m.keys).is_err(), "{wrong:?}");
    }
    let relabelled = SealedCopyKeys { generation: Generation(2), ..m.keys.clone() };
    assert!(m.vault.open_copy(*identity, &relabelled).is_err());
    assert!(m.vault.open_copy(*identity, &m.keys).is_ok());
}

#[test]
fn keys_of_one_region_open_nothing_of_another() {
    let m = mailbox();
    let folder = tempfile::tempdir().unwrap();
    let virginia = vault_in(folder.path(), "us-virginia", None);
    assert!(virginia.open_copy(*m.copy.identity(), &m.keys).is_err());

    // Not even with the same key bytes: a wrap names its region.
    let seed = Entropy::seeded("same");
    let open = |name: &str| {
        Vault::create(disk(), &folder.path().join(format!("{name}-2")), &region(name), None, seed.clone())
            .unwrap()
    };
    let (one, two) = (open("ie-dublin"), open("us-virginia"));
    let (copy, keys) = one.new_copy(MailboxId::from_bytes([1; 16]), DataClass::Content).unwrap();
    assert!(one.open_copy(*copy.identity(), &keys).is_ok());
    assert!(two.open_copy(*copy.identity(), &keys).is_err());
}

#[test]
fn head_office_opens_a_copy_exactly_where_custody_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let key =
        HeadOfficeKey::create(&RealDisk, &folder.path().join("head-office.key"), &Entropy::system()).unwrap();
    let key = {
        drop(key);
        HeadOfficeKey::open(&folder.path().join("head-office.key")).unwrap()
    };
    let provider = vault_in(folder.path(), "us-virginia", Some(key.public()));
    let (copy, keys) = provider.new_copy(MailboxId::from_bytes([1; 16]), DataClass::Content).unwrap();
    let opened_by = |keys: &SealedCopyKeys, of: &CopyIdentity, at: &str| {
        keys.wraps.iter().any(|wrap| key.opens(wrap, of, keys.generation, &region(at)))
    };
    assert!(opened_by(&keys, copy.identity(), "us-virginia"));
    assert!(!opened_by(&keys, copy.identity(), "ie-dublin"), "the wrap names its region");

    let trustee = vault_in(folder.path(), "de-frankfurt", None);
    let (copy, keys) = trustee.new_copy(MailboxId::from_bytes([1; 16]), DataClass::Content).unwrap();
    assert_eq!(keys.wraps.len(), 1);
    assert!(!opened_by(&keys, copy.identity(), "de-frankfurt"));
}

#[test]
fn a_region_key_is_followed_by_another_and_its_wraps_move() {
    let folder = tempfile::tempdir().unwrap();
    let vault = vault_in(folder.path(), "ie-dublin", None);
    let rotate = Rotate::new();
    let (copy, mut keys) = vault.new_copy(MailboxId::from_bytes([1; 16]), DataClass::Content).unwrap();
    let next = vault.make_epoch(&rotate).unwrap();
    assert_eq!((vault.current_epoch(), next), (Epoch(1), Epoch(2)));
    vault.use_epoch(next).unwrap();
    keys.wraps = vec![vault.rewrap_copy(&rotate, copy.identity(), &keys).unwrap()];
    assert_eq!(keys.wraps[0].recipient, Recipient::Region(Epoch(2)));
    vault.destroy_epoch(&rotate, Epoch(1)).unwrap();
    vault.open_copy(*copy.identity(), &keys).unwrap();

    let folder = folder.path().join("ie-dublin");
    let again = Vault::open(disk(), &folder, &region("ie-dublin"), None, Entropy::system()).unwrap();
    assert_eq!((again.current_epoch(), again.epochs()), (Epoch(2), vec![Epoch(2)]));
    again.open_copy(*copy.identity(), &keys).unwrap();
}

#[test]
fn a_new_generation_takes_the_objects_along_and_leaves_the_bodies() {
    let m = mailbox();
    let rotate = Rotate::new();
    let (header, body) = m.copy.seal(&Delivery::new(), on("2013-12-04"), 1, b"hello");
    let (next, _) = m.vault.next_generation(&rotate, &m.copy).unwrap();
    let moved = m.copy.rewrap(&rotate, &next, &header).unwrap();
    assert_eq!(moved.generation, Generation(2));
    assert_eq!(read(&next, &m.session, &moved, &body).unwrap().unwrap(), b"hello");
    assert!(read(&next, &m.session, &header, &body).is_err(), "the old wrap needs the old key");
    assert!(read(&m.copy, &m.session, &moved, &body).is_err());
    assert_eq!(next.index_tag("x", b"y"), m.copy.index_tag("x", b"y"), "rows keep their names");
}

#[test]
fn only_the_password_makes_a_session_and_it_opens_only_its_mailbox() {
    let m = mailbox();
    assert_eq!(Session::open(Some(&m.card), "guess").unwrap_err(), LoginFailed);
    assert_eq!(Session::open(None, "password").unwrap_err(), LoginFailed);
    let (header, body) = m.copy.seal(&Delivery::new(), on("2013-12-04"), 1, b"hello");
    let card = m.directory.new_card(address("x@post.example"), Some(Verifier::new("y", Cost::STORY)));
    let other = Session::open(Some(&card), "y").unwrap();
    assert!(read(&m.copy, &other, &header, &body).unwrap().is_none());
}

#[test]
fn a_card_opens_only_under_its_name() {
    let m = mailbox();
    let sealed = m.directory.seal(&m.card);
    let name = m.directory.card_name(m.card.account());
    let opened = m.directory.open(&name, &sealed).unwrap();
    assert_eq!(opened.copies(), m.card.copies());
    assert_eq!(opened.account(), m.card.account());
    let other = m.directory.card_name(&address("x@post.example"));
    assert!(m.directory.open(&other, &sealed).is_err());
    let text = String::from_utf8_lossy(&sealed).into_owned();
    assert!(!text.contains("molly"));
}

#[test]
fn a_release_covers_its_account_classes_and_dates_and_nothing_else() {
    let m = mailbox();
    let range = DateRange { from: "2013-01-01".parse().ok(), to: "2013-12-31".parse().ok() };
    let of =
        |account: &str, class| Release::for_test([1; 32], vec![(address(account), class, range)]).of(&m.card);
    let seal = |date| m.copy.seal(&Delivery::new(), date, 1, b"hello");
    let reads = |release: &MailboxRelease, date| {
        let (header, body) = seal(date);
        read(&m.copy, release, &header, &body).unwrap().is_some()
    };
    let release = of("molly@post.example", DataClass::Content);
    assert!(reads(&release, on("2013-01-01T00:00:00Z")));
    assert!(reads(&release, on("2013-12-31T23:59:59Z")));
    assert!(!reads(&release, on("2012-12-31T23:59:59Z")));
    assert!(!reads(&release, on("2014-01-01T00:00:00Z")));
    assert!(reads(&release, ObjectDate::Standing));
    assert!(!reads(&of("molly@post.example", DataClass::Traffic), on("2013-06-01")));
    assert!(!reads(&of("other@post.example", DataClass::Content), on("2013-06-01")));
}

#[test]
fn nothing_secret_prints() {
    let m = mailbox();
    let shown = format!("{:?} {:?} {:?} {:?}", m.vault, m.copy, m.directory, m.card);
    assert!(!shown.contains("molly"), "{shown}");
    assert!(shown.len() < 400, "{shown}");
}
