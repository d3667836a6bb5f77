//! Offline verification: of a whole folder, and of one proof in one file.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use futures_util::future::join_all;
use proptest::prelude::*;
use rogatory::record::entry::{EntryDraft, Slot};
use rogatory::record::policy::{Accept, Policy};
use rogatory::record::proof::{LogProof, ProofError};
use rogatory::record::verify::{Verification, verify_folder, verify_journal, verify_superseded};
use serde_json::json;

use crate::record_testing::{Cast, Deployment, time};

const SIZE: u64 = 600;

/// What a log of 600 entries has to serve; other files are of earlier sizes.
const NEEDED: [&str; 9] = [
    "checkpoint",
    "tile/0/000",
    "tile/0/001",
    "tile/0/002.p/88",
    "tile/1/000.p/2",
    "tile/entries/000",
    "tile/entries/001",
    "tile/entries/002.p/88",
    "opening/000",
];

/// Who has an older checkpoint reads the partial tiles of its size.
#[test]
fn a_partial_tile_that_has_grown_since_is_held_against_what_it_grew_into() {
    let deployment = served();
    let copy = tempfile::tempdir().unwrap();
    copy_tree(&deployment.folder.path().join("record"), copy.path());
    let read = |path: &str| std::fs::read(copy.path().join(path)).unwrap();
    let older: Vec<(&str, Vec<u8>)> = vec![
        ("tile/0/000.p/9", read("tile/0/000")[..32 * 9].to_vec()),
        ("tile/0/002.p/50", read("tile/0/002.p/88")[..32 * 50].to_vec()),
        ("tile/1/000.p/1", read("tile/1/000.p/2")[..32].to_vec()),
        ("tile/entries/001.p/3", read("tile/entries/001")[..582 * 3].to_vec()),
        // Of a tree that no checkpoint shows, as after a crash: nobody reads it.
        ("tile/0/002.p/89", vec![7; 32 * 89]),
        ("tile/99/000.p/3", vec![7; 32 * 3]),
    ];
    let checked = |changed: &str, change: &dyn Fn(&mut Vec<u8>)| {
        for (path, bytes) in &older {
            let mut bytes = bytes.clone();
            if *path == changed {
                change(&mut bytes);
            }
            std::fs::create_dir_all(copy.path().join(path).parent().unwrap()).unwrap();
            std::fs::write(copy.path().join(path), bytes).unwrap();
        }
        let mut found = check(copy.path(), &deployment.cast.policy);
        assert_eq!(found.findings, []);
        verify_superseded(copy.path(), &mut found);
        found.findings.iter().map(|finding| format!("{finding}\n")).collect::<String>()
    };
    assert_eq!(checked("", &|_| ()), "");
    insta::assert_snapshot!(
        checked("tile/0/000.p/9", &|bytes| bytes[40] ^= 1),
        @"tile/0/000.p/9: bytes 32 to 64: not what it has grown into, `tile/0/000`"
    );
    insta::assert_snapshot!(
        checked("tile/0/002.p/50", &|bytes| bytes.truncate(100)),
        @"tile/0/002.p/50: it has 100 bytes, and 1600 of `tile/0/002.p/88` belong here"
    );
    insta::assert_snapshot!(
        checked("tile/1/000.p/1", &|bytes| bytes.push(0)),
        @"tile/1/000.p/1: it has 33 bytes, and 32 of `tile/1/000.p/2` belong here"
    );
    insta::assert_snapshot!(
        checked("tile/entries/001.p/3", &|bytes| bytes[582 * 2 + 9] ^= 1),
        @"tile/entries/001.p/3: bytes 1164 to 1746: not what it has grown into, `tile/entries/001`"
    );
}

/// A file, and what happens to its bytes.
type Damage<'a> = (&'a str, &'a dyn Fn(&mut Vec<u8>));

fn served() -> Deployment {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let deployment = Deployment::new("verify").await;
        let log = &deployment.log;
        let draft = |n: u64| EntryDraft::new(format!("m-{n}"), time("2014-01-01")).with(Slot::Note, json!(n));
        join_all((1..SIZE).map(|n| log.append(draft(n)))).await.into_iter().for_each(|l| drop(l.unwrap()));
        deployment.log.clone().close().await;
        deployment
    })
}

fn check(folder: &Path, policy: &Policy) -> Verification {
    verify_folder(folder, policy, Accept::NormalOnly, &mut |_, _| {})
}

fn paths(found: &Verification) -> BTreeSet<&str> {
    found.findings.iter().map(|finding| finding.path.as_str()).collect()
}

#[test]
fn every_damaged_place_is_named_and_checking_goes_on() {
    let deployment = served();
    let folder = deployment.folder.path().join("record");
    let policy = &deployment.cast.policy;
    let found = check(&folder, policy);
    assert_eq!(found.findings, []);
    assert_eq!((found.entries, found.openings), (SIZE, 1));
    assert!(found.quorum.unwrap().outsider);

    let damage = |changes: &[Damage<'_>]| {
        let copy = tempfile::tempdir().unwrap();
        copy_tree(&folder, copy.path());
        for (path, change) in changes {
            let mut bytes = std::fs::read(copy.path().join(path)).unwrap();
            change(&mut bytes);
            std::fs::write(copy.path().join(path), bytes).unwrap();
        }
        check(copy.path(), policy)
    };
    let lines = |found: &Verification| {
        found.findings.iter().map(|finding| format!("{finding}\n")).collect::<String>()
    };

    // Two places at once, each found, and told which of entry and hash it is.
    let found = damage(&[
        ("tile/entries/000", &|bytes| bytes[582 * 7 + 100] ^= 1),
        ("tile/0/001", &|bytes| bytes[32 * 3 + 5] ^= 1),
    ]);
    insta::assert_snapshot!(lines(&found), @r"
    tile/entries/000: bytes 4076 to 4656: entry 7 is damaged; its hash in `tile/0/000` is not
    tile/0/001: bytes 96 to 128: the hash of entry 259 is damaged; the entry is not
    ");
    let found = damage(&[("tile/1/000.p/2", &|bytes| bytes[40] ^= 1)]);
    insta::assert_snapshot!(lines(&found), @"tile/1/000.p/2: bytes 32 to 64: not the hash of `tile/0/001`");
    let found = damage(&[("tile/entries/002.p/88", &|bytes| bytes.truncate(582 * 80 + 10))]);
    assert_eq!(found.findings.len(), 16, "{}", lines(&found));
    insta::assert_snapshot!(found.findings[0], @"tile/entries/002.p/88: bytes 46562 to 47142: the file ends at byte 46570 within entry 592");
    let found = damage(&[("tile/entries/002.p/88", &|bytes| bytes[582 * 3 + 1] = 0)]);
    insta::assert_snapshot!(lines(&found), @"tile/entries/002.p/88: bytes 1746 to 1748: entry 515 has a wrong length");
    let found = damage(&[("tile/entries/002.p/88", &|bytes| bytes.push(0))]);
    insta::assert_snapshot!(lines(&found), @"tile/entries/002.p/88: bytes 51216 to 51217: nothing belongs behind the last entry");
    let found = damage(&[("tile/0/000", &|bytes| bytes.truncate(100))]);
    insta::assert_snapshot!(lines(&found), @"tile/0/000: `tile/0/000` has 100 bytes, where 8192 are expected");
    let found = damage(&[("opening/000", &|bytes| {
        let text = String::from_utf8(bytes.clone()).unwrap().replace("seeded\\\":true", "seeded\\\":false");
        assert_ne!(text.as_bytes(), bytes);
        *bytes = text.into_bytes();
    })]);
    insta::assert_snapshot!(lines(&found), @"opening/000: the opening of slot `facts` is not what entry 0 commits to");
    let found = damage(&[("checkpoint", &|bytes| bytes.clear())]);
    insta::assert_snapshot!(lines(&found), @"checkpoint: not a signed note: text, an empty line, and lines of the form `— name base64`; without it nothing says how large the log is");

    // An opening that fits its entry, and lies at the place of another; and one where none belongs.
    let copy = tempfile::tempdir().unwrap();
    copy_tree(&folder, copy.path());
    for path in ["opening/005", "opening/x002"] {
        std::fs::copy(folder.join("opening/000"), copy.path().join(path)).unwrap();
    }
    insta::assert_snapshot!(lines(&check(copy.path(), policy)), @r"
    opening/005: of entry 0, whose opening is `opening/000`
    opening/x002: of entry 0, whose opening is `opening/000`
    ");
    // What says whom to believe lies beside the tiles, and entry 0 says what it was.
    let found = damage(&[("policy", &|bytes| {
        let text = String::from_utf8(bytes.clone()).unwrap().replace("quorum normal", "quorum outsider");
        assert_ne!(text.as_bytes(), bytes);
        *bytes = text.into_bytes();
    })]);
    insta::assert_snapshot!(lines(&found), @"policy: not the policy that entry 0 names: witnesses or quorums were changed");

    // Another log's keys.
    let foreign = Cast::new("foreign").policy;
    let found = check(&folder, &foreign);
    assert_eq!(paths(&found), BTreeSet::from(["checkpoint", "opening/000"]));
    assert_eq!(found.quorum, None);
    assert_eq!(found.entries, SIZE);

    for path in NEEDED {
        let copy = tempfile::tempdir().unwrap();
        copy_tree(&folder, copy.path());
        std::fs::remove_file(copy.path().join(path)).unwrap();
        let found = check(copy.path(), policy);
        assert_eq!(paths(&found), BTreeSet::from([path]), "{path}");
        if path == "tile/entries/000" {
            insta::assert_snapshot!(lines(&found), @r"
            tile/entries/000: missing
            tile/entries/000: 1 opening cannot be held against the entries that are lost here
            ");
            assert_eq!(found.openings, 0);
        }
    }
    // A bundle and its hashes, both gone: the rest is checked all the same.
    let copy = tempfile::tempdir().unwrap();
    copy_tree(&folder, copy.path());
    for path in ["tile/0/001", "tile/entries/001"] {
        std::fs::remove_file(copy.path().join(path)).unwrap();
    }
    let found = check(copy.path(), policy);
    assert_eq!(paths(&found), BTreeSet::from(["tile/0/001", "tile/entries/001"]));
    assert_eq!(found.entries, SIZE - 256);

    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(64));
    let copy = tempfile::tempdir().unwrap();
    copy_tree(&folder, copy.path());
    runner
        .run(&(0..NEEDED.len(), any::<prop::sample::Index>(), 0..8u8), |(file, byte, bit)| {
            let path = copy.path().join(NEEDED[file]);
            let good = std::fs::read(&path).unwrap();
            let mut bytes = good.clone();
            let byte = byte.index(bytes.len());
            bytes[byte] ^= 1 << bit;
            std::fs::write(&path, &bytes).unwrap();
            let found = check(copy.path(), policy);
            std::fs::write(&path, good).unwrap();
            // In a signed note, a signature by nobody we know is to be ignored.
            let ignored = NEEDED[file] == "checkpoint" && found.quorum.is_some();
            prop_assert!(
                ignored || paths(&found).contains(NEEDED[file]),
                "{} {byte} {bit}: {:?}",
                NEEDED[file],
                found
            );
            if let Some(bytes) = found.findings.first().and_then(|finding| finding.bytes.clone()) {
                prop_assert!(bytes.contains(&(byte as u64)));
            }
            Ok(())
        })
        .unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_file_proves_one_entry() {
    let deployment = Deployment::new("proof").await;
    let policy = &deployment.cast.policy;
    let draft =
        EntryDraft::new("m", time("2014-01-01")).with(Slot::Note, json!("n")).with(Slot::Law, json!("l"));
    let logged = deployment.log.append(draft).await.unwrap();
    let shown = logged.full.as_ref().unwrap().opening.subset(&[Slot::Law]);
    let proof = LogProof::new(&logged, Some(shown.clone()));
    let text = proof.to_string();
    assert_eq!(LogProof::parse(&text).unwrap(), proof);
    let proven = proof.check(policy, Accept::NormalOnly).unwrap();
    assert_eq!((proven.index, &proven.leaf, &proven.opening), (1, &logged.leaf, &Some(shown)));
    assert!(!text.contains("\\\"n\\\""));

    let with = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        LogProof::parse(&text.replacen(from, to, 1))
            .and_then(|proof| proof.check(policy, Accept::NormalOnly))
            .unwrap_err()
    };
    assert!(matches!(with("tlog-proof@v1", "tlog-proof@v2"), ProofError::FirstLine(_)));
    assert!(matches!(with("extra ", "extra"), ProofError::NoExtra(_)));
    assert!(matches!(with("extra ", "extra !"), ProofError::Extra(_)));
    assert!(matches!(with("index 1", "index 01"), ProofError::Index(_)));
    assert!(matches!(with("index 1", "index 0"), ProofError::Inclusion { index: 0, .. }));
    assert!(matches!(with("index 1\n", "index 1\nx\n"), ProofError::Hash(_)));
    assert!(matches!(with("\n\n", "\n"), ProofError::NoEmptyLine | ProofError::Hash(_)));
    assert!(matches!(with("\n2\n", "\n3\n"), ProofError::Quorum(_)));
    let bare: String = text.split_inclusive('\n').filter(|line| !line.contains("/witness/")).collect();
    let bare = LogProof::parse(&bare).unwrap();
    assert!(matches!(bare.check(policy, Accept::NormalOnly), Err(ProofError::Quorum(_))));

    let other = deployment.log.prove(0).await.unwrap();
    let wrong = LogProof::new(&other, logged.full.as_ref().map(|full| full.opening.clone()));
    assert!(matches!(wrong.check(policy, Accept::NormalOnly), Err(ProofError::OtherEntry { found: 1, .. })));
}

fn copy_tree(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target: PathBuf = to.join(path.file_name().unwrap());
        if path.is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy_tree(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_journal_is_told_from_a_torn_one() {
    let deployment = Deployment::new("journal").await;
    for n in 1..20 {
        deployment.log.append(EntryDraft::new(format!("m-{n}"), time("2014-01-01"))).await.unwrap();
    }
    deployment.log.clone().close().await;
    let folder = deployment.folder.path();
    let path = folder.join("own/journal");
    let sound = check(&folder.join("record"), &deployment.cast.policy);
    let look = |change: &dyn Fn(&mut Vec<u8>)| {
        let good = std::fs::read(&path).unwrap();
        let mut bytes = good.clone();
        change(&mut bytes);
        std::fs::write(&path, bytes).unwrap();
        let mut found = sound.clone();
        verify_journal(&path, &mut found);
        std::fs::write(&path, good).unwrap();
        found.findings
    };
    assert_eq!(look(&|_| {}), []);
    // A header of 91 bytes, then records of 4 + 8 + 40 + 582 + 32: the seventh holds entry 6.
    const RECORD: usize = 666;
    let seventh = 91 + 6 * RECORD;
    let [found] = look(&|bytes| bytes[seventh + 300] ^= 1).try_into().unwrap();
    assert_eq!(found.bytes, Some(seventh as u64..91 + 20 * RECORD as u64));
    assert!(found.what.starts_with("no whole record follows entry 5, and `checkpoint` shows 20"), "{found}");
    // What a crash leaves behind the last record is no damage.
    assert_eq!(look(&|bytes| bytes[91 + 20 * RECORD..][..50].fill(7)), []);
    let [found] = look(&|bytes| bytes[20] ^= 1).try_into().unwrap();
    assert_eq!((found.bytes, found.what.as_str()), (Some(0..91), "the head of the journal is damaged"));
    let [found] = look(&|bytes| bytes.truncate(91)).try_into().unwrap();
    assert_eq!(found.bytes, Some(91..91));
    std::fs::remove_file(&path).unwrap();
    let mut found = sound.clone();
    verify_journal(&path, &mut found);
    assert!(found.findings[0].what.starts_with("cannot be read"));
}
