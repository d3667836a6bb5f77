//! Whoever has all the keys of every region but one, and head office's, and every file of that one but its keys.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rogatory::diagnostic::SourceFile;
use rogatory::disk::RealDisk;
use rogatory::entropy::Entropy;
use rogatory::provider::{Deployment, DeploymentOptions};
use rogatory::store::{Store, StoreError};
use rogatory::vault::{HeadOfficeKey, Vault, VaultError};
use rogatory::world::{DataClass, RegionId, World, WorldSource};
use sha2::{Digest, Sha256};

use crate::common::*;

const ACCOUNTS: [(&str, &str); 3] =
    [("dublin@post.example", "IE"), ("cork@post.example", "IE"), ("york@post.example", "US")];

/// The standard world, but Dublin alone holds its keys.
fn world() -> Arc<World> {
    let mut source = WorldSource::standard();
    let text = source.file("regions/ie-dublin.toml").unwrap().text().to_owned();
    let changed = text.replace("key-custody = \"provider\"", "key-custody = \"region\"");
    assert_ne!(changed, text);
    source.put("regions/ie-dublin.toml", SourceFile::new("regions/ie-dublin.toml", changed)).unwrap();
    Arc::new(World::from_source(source).unwrap())
}

/// A letter for the log, or for a file of its own; all of a kind are of one length.
fn letter(account: &str, number: usize, long: bool) -> Vec<u8> {
    let body = format!("{account:>20} {number:04} 0123456789\r\n").repeat(if long { 40_000 } else { 20 });
    format!("Subject: {number:04}\r\nMessage-ID: <{number:04}{account:>20}>\r\n\r\n{body}").into_bytes()
}

async fn set_up(data: &Path) {
    let options = DeploymentOptions { world: world(), ..options(data) };
    let mut deployment = Deployment::start(options).await.unwrap();
    for (account, country) in ACCOUNTS {
        open_account(&mut deployment.provider, account, country).await;
        for number in 0..6 {
            let new = mail(account, letter(account, number, number >= 4));
            deployment.provider.deliver(new).await.unwrap();
        }
    }
    deployment.stop().await;
}

fn dublin() -> RegionId {
    "ie-dublin".parse().unwrap()
}

fn open(folder: &Path) -> Result<Store, StoreError> {
    Store::open(folder, &dublin(), None, Entropy::system())
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            fs::copy(&path, target).unwrap();
        }
    }
}

/// Every file of a folder that holds a key, and the 32 bytes of it.
fn keys_in(folder: &Path, into: &mut Vec<(PathBuf, [u8; 32])>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            keys_in(&path, into);
        } else if let Ok(bytes) = fs::read(&path)
            && bytes.starts_with(b"rogatory key 1\n")
        {
            let secret = bytes[bytes.len() - 40..bytes.len() - 8].try_into().unwrap();
            into.push((path, secret));
        }
    }
}

/// A folder in which a stolen secret passes for the first key of Dublin.
fn disguised(secret: &[u8; 32], folder: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let mut bytes = b"rogatory key 1\nregion ie-dublin\n1\n".to_vec();
    bytes.extend_from_slice(secret);
    let check = Sha256::digest(&bytes);
    bytes.extend_from_slice(&check[..8]);
    fs::create_dir_all(folder).unwrap();
    let path = folder.join("region-1.key");
    fs::write(&path, bytes).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// What the owner of an account reads, or why not.
fn read(store: &Store, account: &str) -> Vec<Result<Vec<u8>, StoreError>> {
    let session = store.log_in(&address(account), account).unwrap();
    let card = store.mailbox(&address(account)).unwrap().unwrap();
    let objects = store.objects(&session, card.copy(DataClass::Content).unwrap()).unwrap();
    objects.map(|object| object.and_then(rogatory::store::Object::read)).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_keys_of_all_other_regions_and_head_office_open_nothing_in_dublin() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    set_up(&data).await;
    let dublins = data.join("regions/ie-dublin/store");
    let mut stolen = Vec::new();
    for region in fs::read_dir(data.join("regions")).unwrap().map(|region| region.unwrap().path()) {
        if !region.ends_with("ie-dublin") {
            keys_in(&region, &mut stolen);
        }
    }
    keys_in(&data.join("head-office"), &mut stolen);
    assert!(stolen.len() >= 9 * 3 + 3, "{stolen:?}");
    let mut own = Vec::new();
    keys_in(&dublins.join("keys"), &mut own);
    let [(_, own)] = own.as_slice() else { panic!("Dublin has one key") };

    // Every copy that rests in Dublin, tried with every key. Dublin's own, put in the same way, opens each.
    let store = open(&dublins).unwrap();
    let head_office = HeadOfficeKey::open(&data.join("head-office/wrap.key")).unwrap();
    let vault = |name: String, secret: &[u8; 32]| {
        let folder = folder.path().join("vaults").join(name);
        disguised(secret, &folder);
        Vault::open(Arc::new(RealDisk), &folder, &dublin(), None, Entropy::system()).unwrap()
    };
    let honest = vault("own".to_owned(), own);
    let thieves: Vec<(PathBuf, Vault)> = stolen
        .iter()
        .enumerate()
        .map(|(at, (path, secret))| (path.clone(), vault(at.to_string(), secret)))
        .collect();
    let mut copies = 0;
    for (account, _) in &ACCOUNTS[..2] {
        let card = store.mailbox(&address(account)).unwrap().unwrap();
        for copy in card.copies() {
            let sealed = store.sealed_keys(&card, copy.class).unwrap();
            assert_eq!(sealed.len(), 1);
            for keys in &sealed {
                assert!(honest.open_copy(*copy, keys).is_ok());
                for (path, thief) in &thieves {
                    let opened = thief.open_copy(*copy, keys);
                    assert!(matches!(opened, Err(VaultError::DoesNotOpen { .. })), "{}", path.display());
                }
                for wrap in &keys.wraps {
                    assert!(!head_office.opens(wrap, copy, keys.generation, &dublin()));
                }
                copies += 1;
            }
        }
    }
    assert!(copies >= 2);
    assert!(read(&store, ACCOUNTS[0].0).iter().all(Result::is_ok));
    drop(store);

    // And with the program itself, on all of Dublin's files: not even the list of mailboxes opens.
    for (path, secret) in &stolen {
        let at = folder.path().join("whole");
        copy_folder(&dublins, &at);
        fs::remove_dir_all(at.join("keys")).unwrap();
        disguised(secret, &at.join("keys"));
        let opened = open(&at);
        let refused = matches!(opened, Err(StoreError::Vault(VaultError::DoesNotOpen { .. })));
        assert!(refused, "{}: {opened:?}", path.display());
        fs::remove_dir_all(at).unwrap();
    }
    let at = folder.path().join("control");
    copy_folder(&dublins, &at);
    fs::remove_dir_all(at.join("keys")).unwrap();
    disguised(own, &at.join("keys"));
    assert_eq!(read(&open(&at).unwrap(), ACCOUNTS[1].0).len(), 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ciphertext_in_another_ones_place_does_not_open() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    set_up(&data).await;
    let store = data.join("regions/ie-dublin/store");
    let contents = |store: &Path| -> Vec<Result<Vec<u8>, StoreError>> {
        let store = open(store).unwrap();
        ACCOUNTS[..2].iter().flat_map(|(account, _)| read(&store, account)).collect()
    };
    assert!(contents(&store).iter().all(Result::is_ok));

    // Files of their own: two of each account, all of one length. Each takes the next one's place.
    let mut files: Vec<PathBuf> =
        fs::read_dir(store.join("bodies")).unwrap().map(|e| e.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "body"));
    files.sort();
    assert_eq!(files.len(), 4);
    let bytes: Vec<Vec<u8>> = files.iter().map(|path| fs::read(path).unwrap()).collect();
    assert!(bytes.iter().all(|other| other.len() == bytes[0].len()));
    for (at, path) in files.iter().enumerate() {
        fs::write(path, &bytes[(at + 1) % 4]).unwrap();
    }
    let found = contents(&store);
    assert_eq!(found.iter().filter(|read| read.is_err()).count(), 4, "{found:?}");
    for (path, bytes) in files.iter().zip(&bytes) {
        fs::write(path, bytes).unwrap();
    }

    // In the log: the bodies of all letters that are of one length, each in the next one's place.
    let log = store.join("bodies/00000001.log");
    let mut text = fs::read(&log).unwrap();
    let mut places: Vec<std::ops::Range<usize>> = blobs(&text);
    let mut lengths: Vec<usize> = places.iter().map(ExactSizeIterator::len).collect();
    lengths.sort();
    let letters = *lengths.last().unwrap();
    places.retain(|place| place.len() == letters);
    assert_eq!(places.len(), 8, "{lengths:?}");
    let before: Vec<Vec<u8>> = places.iter().map(|place| text[place.clone()].to_vec()).collect();
    for (at, place) in places.iter().enumerate() {
        text[place.clone()].copy_from_slice(&before[(at + 1) % before.len()]);
    }
    fs::write(&log, text).unwrap();
    let found = contents(&store);
    assert_eq!(found.iter().filter(|read| read.is_err()).count(), 8, "{found:?}");
    assert_eq!(found.len(), 12);
}

/// Where the blobs of a log lie, by what `src/store/engine/frame.rs` says of a frame.
fn blobs(log: &[u8]) -> Vec<std::ops::Range<usize>> {
    let number = |at: usize| u32::from_le_bytes(log[at..at + 4].try_into().unwrap()) as usize;
    let (mut places, mut at) = (Vec::new(), 40);
    while log.get(at..at + 4) == Some(b"RgFr") {
        let (count, blob_bytes, row_bytes) = (number(at + 4), number(at + 16), number(at + 24));
        let mut blob = at + 40;
        let table = blob + blob_bytes;
        for entry in 0..count {
            let length = number(table + 12 * entry);
            places.push(blob..blob + length);
            blob += length;
        }
        at = table + 12 * count + row_bytes;
    }
    places
}
