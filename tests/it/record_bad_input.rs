//! Proofs, checkpoints, tiles, openings and keys that were altered, truncated, reordered or are somebody else's: each is
//! refused, and each says something else.

use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD as STANDARD;
use futures_util::future::join_all;
use rogatory::diagnostic::SourceFile;
use rogatory::record::checkpoint::SignedCheckpoint;
use rogatory::record::entry::{EntryDraft, Slot};
use rogatory::record::key::{LogSigner, VerifierKey};
use rogatory::record::opening::Opening;
use rogatory::record::policy::{Accept, Policy};
use rogatory::record::proof::LogProof;
use rogatory::record::served::ServedLog;
use rogatory::record::storage::ServedFolder;
use serde_json::json;

use crate::record_testing::{Cast, Deployment, time};

/// What becomes of an input on its way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Damage {
    Altered,
    Truncated,
    Reordered,
    Foreign,
}

use Damage::*;

/// What was done to an input, and what is said of it; hashes are left out, because they say nothing here. There is a line for
/// every damage, but for those of which the test says why they come out like another, and no two say the same.
fn table(rows: Vec<(Damage, &str, String)>, alike: &[Damage]) -> String {
    let mut said: Vec<&str> = rows.iter().map(|(.., said)| said.as_str()).collect();
    said.sort_unstable();
    said.dedup();
    assert_eq!(said.len(), rows.len(), "two faults say the same: {rows:#?}");
    for damage in [Altered, Truncated, Reordered, Foreign] {
        let shown = rows.iter().any(|(of, ..)| *of == damage);
        assert_ne!(shown, alike.contains(&damage), "{damage:?}");
    }
    let line = |(damage, what, said): &(Damage, &str, String)| {
        format!("{damage:?}, {what}: {}\n", without_hashes(said))
    };
    rows.iter().map(line).collect()
}

fn without_hashes(text: &str) -> String {
    let words = text.split(' ').map(|word| {
        let bare = word.trim_matches(|c: char| "`:,;".contains(c));
        let is_hash = bare.len() >= 40 && bare.ends_with('=');
        if is_hash { word.replacen(bare, "<hash>", 1) } else { word.to_owned() }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// A log of 300 entries.
async fn deployment(seed: &str) -> Deployment {
    let deployment = Deployment::new(seed).await;
    let draft = |n| EntryDraft::new(format!("m-{n}"), time("2014-01-01")).with(Slot::Note, json!(n));
    let logged = join_all((1..300).map(|n| deployment.log.append(draft(n)))).await;
    logged.into_iter().for_each(|logged| drop(logged.unwrap()));
    deployment
}

fn swap_lines(text: &str, a: usize, b: usize) -> String {
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    lines.swap(a, b);
    lines.concat()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn proofs() {
    let deployment = deployment("bad proofs").await;
    let policy = &deployment.cast.policy;
    let logged = deployment.log.prove(7).await.unwrap();
    let opening = logged.full.as_ref().unwrap().opening.subset(&[Slot::Note]);
    let good = LogProof::new(&logged, Some(opening)).to_string();
    let said = |text: &str| {
        let proven = LogProof::parse(text).and_then(|proof| proof.check(policy, Accept::NormalOnly));
        proven.map_or_else(|error| error.to_string(), |_| "believed".to_owned())
    };
    assert_eq!(said(&good), "believed");
    let path: Vec<&str> = good.split_inclusive('\n').collect();
    let extra = STANDARD.decode(path[1].trim_start_matches("extra ").trim_end()).unwrap();
    let extra = String::from_utf8(extra).unwrap().replace("\"simulated\":true", "\"simulated\":false");
    let unmarked = good.replace(path[1], &format!("extra {}\n", STANDARD.encode(extra)));
    let log_line = path.iter().position(|line| line.starts_with("— rogatory.example/record ")).unwrap();
    let next = deployment.log.prove(8).await.unwrap();
    let other = LogProof::new(&next, None).to_string();
    let its_opening = next.full.as_ref().unwrap().opening.subset(&[Slot::Note]);
    let stranger = deployment_of_a_stranger().await;
    let first_word = |text: &str| text.split_once("\n\n").unwrap().0.to_owned();
    let checkpoint = |text: &str| text.split_once("\n\n").unwrap().1.to_owned();
    insta::assert_snapshot!(table(vec![
        (Altered, "version", said(&good.replacen("proof@v1", "proof@v2", 1))),
        (Altered, "name of a line", said(&good.replacen("extra ", "xtra ", 1))),
        (Altered, "entry", said(&good.replacen("extra eyJz", "extra eyJy", 1))),
        (Altered, "index", said(&good.replacen("index 7", "index 6", 1))),
        (Altered, "index into no number", said(&good.replacen("index 7", "index seven", 1))),
        (Altered, "index to beyond the log", said(&good.replacen("index 7", "index 300", 1))),
        (Altered, "head", said(&good.replacen("\n300\n", "\n301\n", 1))),
        (Altered, "line ends", said(&good.replace('\n', "\r\n"))),
        (Altered, "mark of what is simulated", said(&unmarked)),
        (Truncated, "all", said("")),
        (Truncated, "entry", said(&good.replacen("extra ey", "extra e", 1))),
        (Truncated, "hash", said(&good.replacen(path[3], &path[3][4..], 1))),
        (Truncated, "path", said(&good.replacen(path[3], "", 1))),
        (Truncated, "before the checkpoint", said(&first_word(&good))),
        (Truncated, "within the checkpoint", said(&good[..first_word(&good).len() + 20])),
        (Truncated, "behind the log's signature", said(&path[..=log_line].concat())),
        (Reordered, "lines", said(&swap_lines(&good, 1, 2))),
        (Reordered, "hashes", said(&swap_lines(&good, 3, 4))),
        (Foreign, "checkpoint", said(&format!("{}\n\n{}", first_word(&good), checkpoint(&stranger)))),
        (Foreign, "opening", said(&LogProof::new(&logged, Some(its_opening)).to_string())),
    ], &[]), @r"
    Altered, version: the first line is `c2sp.org/tlog-proof@v2`, where `c2sp.org/tlog-proof@v1` is expected
    Altered, name of a line: the second line is `xtra <hash>`, where `extra` and the entry itself are expected
    Altered, entry: the line `extra` cannot be read: unknown field `rimulated`, expected one of `simulated`, `leaf`, `opening` at line 1 column 12
    Altered, index: nothing proves that entry 6 is in the log of size 300 with root <hash>
    Altered, index into no number: `index seven` is not `index` and a number
    Altered, index to beyond the log: a proof of entry 300, in a log of 300, numbered from 0
    Altered, head: the signature of the log `rogatory.example/record` is not over this checkpoint
    Altered, line ends: its lines end in CR LF, where LF is expected: something has rewritten the file as text
    Altered, mark of what is simulated: the line `extra` says that it is not simulated, and whatever this program proves is: the mark was removed
    Truncated, all: the file is empty
    Truncated, entry: the line `extra` cannot be read: Invalid padding
    Truncated, hash: `<hash>` is not the base64 of a hash
    Truncated, path: 8 hashes, where 9 lead from entry 7 to the root of a log of 300
    Truncated, before the checkpoint: no empty line between the proof and the checkpoint
    Truncated, within the checkpoint: the checkpoint cannot be read: the last line does not end: something is cut off
    Truncated, behind the log's signature: no quorum: cosigned by 0 of 11 witnesses ()
    Reordered, lines: the second line is `index 7`, where `extra` and the entry itself are expected
    Reordered, hashes: nothing proves that entry 7 is in the log of size 300 with root <hash>
    Foreign, checkpoint: a checkpoint of the log `other.example/record`, where `rogatory.example/record` was expected
    Foreign, opening: the opening is of entry 8, and the proof of entry 7
    ");
    // A hash does not say of what it is. A path that was altered, or that is another entry's, ends in another root as one in
    // another order does, and there is one thing to say of all three.
    let another_root = said(&swap_lines(&good, 3, 4));
    assert!(another_root.starts_with("nothing proves that entry 7 is in the log"), "{another_root}");
    let flipped = path[3].replacen(&path[3][..1], if path[3].starts_with('A') { "B" } else { "A" }, 1);
    assert_eq!(said(&good.replacen(path[3], &flipped, 1)), another_root);
    let others_path = first_word(&other).lines().skip(3).map(|line| format!("{line}\n")).collect::<String>();
    let head: String = good.split_inclusive('\n').take(3).collect();
    assert_eq!(said(&format!("{head}{others_path}\n{}", checkpoint(&good))), another_root);
}

async fn deployment_of_a_stranger() -> String {
    let stranger = Deployment::new("stranger").await;
    LogProof::new(&stranger.log.prove(0).await.unwrap(), None)
        .to_string()
        .replace("rogatory.example", "other.example")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn checkpoints() {
    let deployment = deployment("bad checkpoints").await;
    let policy = &deployment.cast.policy;
    let good = deployment.log.published().unwrap().checkpoint.to_string();
    let said = |text: &str| {
        let checked = SignedCheckpoint::parse(text).map_err(|error| error.to_string());
        let checked = checked
            .and_then(|note| policy.check(&note, Accept::NormalOnly).map_err(|error| error.to_string()));
        checked.map_or_else(|error| error, |_| "believed".to_owned())
    };
    assert_eq!(said(&good), "believed");
    let log_line = good.lines().position(|line| line.starts_with("— rogatory.example/record ")).unwrap();
    let lines: Vec<&str> = good.split_inclusive('\n').collect();
    let without = |place: usize| {
        let mut lines = lines.clone();
        lines.remove(place);
        lines.concat()
    };
    // The first cosignature, with its last bytes altered. Whose it is depends on who was first.
    let cosignature = lines[log_line + 1].trim_end();
    let whose = cosignature.split(' ').nth(1).unwrap();
    let altered = format!("{}AAA=", &cosignature[..cosignature.len() - 4]);
    let stranger = checkpoint_of_a_stranger(&good);
    let root = lines[2].trim_end();
    insta::assert_snapshot!(table(vec![
        (Altered, "size, a zero in front", said(&good.replacen("\n300\n", "\n0300\n", 1))),
        (Altered, "size", said(&good.replacen("\n300\n", "\n299\n", 1))),
        (Altered, "root into no hash", said(&good.replacen(root, &root[4..], 1))),
        (Altered, "origin", said(&good.replacen("rogatory.example", "other.example", 1))),
        (Altered, "cosignature", said(&good.replacen(cosignature, &altered, 1)).replace(whose, "<witness>")),
        (Truncated, "to nothing", said("")),
        (Truncated, "in its last line", said(&good[..good.len() - 10])),
        (Truncated, "behind the size", said(&good.replacen(lines[2], "", 1))),
        (Truncated, "behind the log's signature", said(&lines[..=log_line].concat())),
        (Reordered, "size and root", said(&swap_lines(&good, 1, 2))),
        (Foreign, "log of the same name", said(&stranger)),
    ], &[]), @r"
    Altered, size, a zero in front: the second line is `0300`, where the size of the log is expected, a number without zeros in front
    Altered, size: the signature of the log `rogatory.example/record` is not over this checkpoint
    Altered, root into no hash: the third line is `<hash>`, where the root of the log is expected, the base64 of a hash
    Altered, origin: a checkpoint of the log `other.example/record`, where `rogatory.example/record` was expected
    Altered, cosignature: the cosignature of `<witness>` is not over this checkpoint
    Truncated, to nothing: not a signed note: text, an empty line, and lines of the form `— name base64`
    Truncated, in its last line: the last line does not end: something is cut off
    Truncated, behind the size: not a checkpoint: a line each for origin, size and root hash
    Truncated, behind the log's signature: no quorum: cosigned by 0 of 11 witnesses ()
    Reordered, size and root: the second line is `<hash>`, where the size of the log is expected, a number without zeros in front
    Foreign, log of the same name: the log `rogatory.example/record` has not signed this checkpoint
    ");
    // The log's signature may be missing for any reason.
    assert_eq!(said(&without(log_line)), said(&stranger));
    // The order of signatures means nothing.
    assert_eq!(said(&swap_lines(&good, log_line, log_line + 1)), "believed");
}

/// The same head, signed by somebody who calls a log of theirs by the same name.
fn checkpoint_of_a_stranger(good: &str) -> String {
    let head = SignedCheckpoint::parse(good).unwrap().head();
    let signer = LogSigner::new("rogatory.example/record", &[9; 32]).unwrap();
    SignedCheckpoint::sign(&signer, head).to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tiles() {
    let good = deployment("bad tiles").await;
    let stranger = deployment("other tiles").await;
    let policy = &good.cast.policy;
    good.log.clone().close().await;
    stranger.log.clone().close().await;
    let record = good.folder.path().join("record");
    let others = stranger.folder.path().join("record");
    let said = |path: &str, change: &dyn Fn(Vec<u8>) -> Vec<u8>| {
        let path = record.join(path);
        let bytes = std::fs::read(&path).unwrap();
        std::fs::write(&path, change(bytes.clone())).unwrap();
        let proven = ServedLog::open(ServedFolder(record.clone()), policy, Accept::NormalOnly)
            .and_then(|mut log| log.prove(3).and_then(|_| log.prove(299)).and_then(|_| log.opening(0)));
        std::fs::write(&path, bytes).unwrap();
        proven.map_or_else(|error| error.to_string(), |_| "believed".to_owned())
    };
    assert_eq!(said("checkpoint", &|bytes| bytes), "believed");
    let swapped = |size: usize| {
        move |mut bytes: Vec<u8>| {
            let (a, b) = bytes.split_at_mut(size);
            a.swap_with_slice(&mut b[..size]);
            bytes
        }
    };
    let foreign = |path: &'static str| {
        let others = others.clone();
        move |_: Vec<u8>| std::fs::read(others.join(path)).unwrap()
    };
    let flip = |mut bytes: Vec<u8>| {
        bytes[10] ^= 1;
        bytes
    };
    let entries_swapped = said("tile/entries/000", &swapped(582 * 3));
    insta::assert_snapshot!(table(vec![
        (Altered, "hash", said("tile/0/000", &flip)),
        (Altered, "hash at the edge", said("tile/0/001.p/44", &flip)),
        (Altered, "opening", said("opening/000", &|_| b"{}".to_vec())),
        (Truncated, "hashes", said("tile/0/000", &|bytes| bytes[..100].to_vec())),
        (Truncated, "hashes at the edge", said("tile/0/001.p/44", &|bytes| bytes[..32 * 43].to_vec())),
        (Truncated, "entries, within one", said("tile/entries/000", &|bytes| bytes[..1000].to_vec())),
        (Truncated, "entries, behind one", said("tile/entries/001.p/44", &|bytes| bytes[..582 * 40].to_vec())),
        (Truncated, "checkpoint", said("checkpoint", &|bytes| bytes[..40].to_vec())),
        (Reordered, "entries", entries_swapped.clone()),
        (Foreign, "checkpoint", said("checkpoint", &foreign("checkpoint"))),
        (Foreign, "opening", said("opening/000", &foreign("opening/000"))),
    ], &[]), @r"
    Altered, hash: `tile/0/000` is damaged: it is not what the tree holds
    Altered, hash at the edge: the tiles lead to size 300 with root <hash>, and `checkpoint` shows size 300 with root <hash>
    Altered, opening: what is published for entry 0 is not an opening: missing field `entry` at line 1 column 2
    Truncated, hashes: `tile/0/000` has 100 bytes, where 8192 are expected
    Truncated, hashes at the edge: `tile/0/001.p/44` has 1376 bytes, where 1408 are expected
    Truncated, entries, within one: `tile/entries/000` ends within an entry
    Truncated, entries, behind one: `tile/entries/001.p/44` has 40 entries, where 44 are expected
    Truncated, checkpoint: `checkpoint`: the last line does not end: something is cut off
    Reordered, entries: `tile/entries/000` is damaged: it is not what the tree holds
    Foreign, checkpoint: `checkpoint`: the log `rogatory.example/record` has not signed this checkpoint
    Foreign, opening: the opening of slot `kind` is not what entry 0 commits to
    ");
    // A tile is measured by the one hash over it in the level above. Whatever is in it that does not belong there, altered, in
    // another order or another log's, there is one thing to say of it; and of each bundle of entries likewise.
    let damaged = said("tile/0/000", &flip);
    assert_eq!(said("tile/0/000", &swapped(32)), damaged);
    assert_eq!(said("tile/0/000", &foreign("tile/0/000")), damaged);
    assert_eq!(said("tile/entries/000", &foreign("tile/entries/000")), entries_swapped);
    let altered = |mut bytes: Vec<u8>| {
        bytes[3 * 582 + 10] ^= 1;
        bytes
    };
    assert_eq!(said("tile/entries/000", &altered), entries_swapped);
    let missing = remove(&record.join("tile/0/000"), || said("checkpoint", &|bytes| bytes));
    assert_eq!(missing, "`tile/0/000` is missing");
}

fn remove(path: &Path, then: impl Fn() -> String) -> String {
    let bytes = std::fs::read(path).unwrap();
    std::fs::remove_file(path).unwrap();
    let said = then();
    std::fs::write(path, bytes).unwrap();
    said
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openings() {
    let deployment = Deployment::new("bad openings").await;
    let draft = || {
        EntryDraft::new("m", time("2014-01-01"))
            .with(Slot::Kind, json!("decided"))
            .with(Slot::Note, json!("n"))
    };
    let logged = deployment.log.append(draft()).await.unwrap();
    let next = deployment.log.append(draft()).await.unwrap();
    let opening = |logged: &rogatory::record::log::Logged| {
        let full = logged.full.as_ref().unwrap();
        serde_json::to_value(full.opening.subset(&[Slot::Kind, Slot::Note])).unwrap()
    };
    let good = opening(&logged);
    let said = |value: &serde_json::Value| {
        let opening = serde_json::from_value::<Opening>(value.clone()).map_err(|error| error.to_string());
        let checked = opening.and_then(|o| o.check(&logged.leaf).map_err(|error| error.to_string()));
        checked.map_or_else(|error| error, |()| "believed".to_owned())
    };
    assert_eq!(said(&good), "believed");
    let with = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut value = good.clone();
        change(&mut value);
        said(&value)
    };
    let text = good.to_string();
    let cut = serde_json::from_str::<Opening>(&text[..text.len() - 10]).unwrap_err().to_string();
    insta::assert_snapshot!(table(vec![
        (Altered, "value", with(&|o| o["slots"]["note"]["value"] = json!("\"m\""))),
        (Altered, "name of a slot", with(&|o| o["slots"]["verdict"] = o["slots"]["note"].clone())),
        (Truncated, "file", cut),
        (Truncated, "salt", with(&|o| o["slots"]["note"]["salt"] = json!("AAAA"))),
        (Truncated, "entry", with(&|o| drop(o.as_object_mut().unwrap().remove("entry")))),
        (Reordered, "slots", with(&|o| {
            let kind = o["slots"]["kind"].take();
            o["slots"]["kind"] = o["slots"]["note"].take();
            o["slots"]["note"] = kind;
        })),
        (Foreign, "entry", said(&opening(&next))),
    ], &[]), @r"
    Altered, value: the opening of slot `note` is not what entry 1 commits to
    Altered, name of a slot: unknown variant `verdict`, expected one of `kind`, `matter`, `demand`, `instrument`, `parties`, `facts`, `law`, `positions`, `decision`, `grants`, `order`, `timing`, `production`, `route`, `note`, `public`, `reserved`
    Truncated, file: EOF while parsing a value at line 1 column 175
    Truncated, salt: 3 bytes are not what belongs here
    Truncated, entry: missing field `entry`
    Reordered, slots: the opening of slot `kind` is not what entry 1 commits to
    Foreign, entry: the opening of slot `kind` is not what entry 2 commits to
    ");
}

#[test]
fn keys() {
    let cast = Cast::new("bad keys");
    let good = cast.policy.log().to_string();
    let witness = cast.policy.witness("uni").unwrap().key.to_string();
    let said = |text: &str| {
        text.parse::<VerifierKey>().map_or_else(|error| error.to_string(), |_| "believed".to_owned())
    };
    assert_eq!((said(&good), said(&witness)), ("believed".into(), "believed".into()));
    let (name, rest) = good.split_once('+').unwrap();
    let (id, key) = rest.split_once('+').unwrap();
    let witness_key = witness.splitn(3, '+').nth(2).unwrap();
    let in_a_policy = |log: &str| {
        let text = cast.policy.to_text().replacen(&good, log, 1);
        Policy::read(&SourceFile::new("policy", text))
            .map_or_else(|error| error.to_string(), |_| "believed".into())
    };
    insta::assert_snapshot!(table(vec![
        (Altered, "name", said(&good.replacen("record", "recor", 1))),
        (Altered, "kind", said(&format!("{name}+{id}+BgAA"))),
        (Altered, "away with the name", said(&format!("+{id}+{key}"))),
        (Truncated, "bytes", said(&good[..good.len() - 8])),
        (Reordered, "name and id", said(&format!("{id}+{name}+{key}"))),
        (Foreign, "bytes", said(&format!("{name}+{id}+{witness_key}"))),
        (Foreign, "witness's in place of the log's", in_a_policy(&witness)),
    ], &[]), @r"
    Altered, name: the id in `rogatory.example/recor+cc8799a4+AYsm8qHsvQBm0nzr0MDX/W4OkO3Fmvk88hqhOjfnUT6F` is not that of its name and key
    Altered, kind: a key of kind 0x06, where 0x01 (log, Ed25519) and 0x04 (cosigner, Ed25519) are known
    Altered, away with the name: `` is not a key name: it may not be empty, and has neither spaces nor `+`
    Truncated, bytes: `rogatory.example/record+cc8799a4+AYsm8qHsvQBm0nzr0MDX/W4OkO3Fmvk88hqh` is not a verifier key of the form `name+id+base64`
    Reordered, name and id: the id in `cc8799a4+rogatory.example/record+AYsm8qHsvQBm0nzr0MDX/W4OkO3Fmvk88hqhOjfnUT6F` is not that of its name and key
    Foreign, bytes: the id in `rogatory.example/record+cc8799a4+BMChG1vXpazEtmFZs9b+BCzXEs/1PIkhmzdpHghGc2Fr` is not that of its name and key
    Foreign, witness's in place of the log's: policy:1:1: the key of log `rogatory.example/record/witness/uni` is not a log's
    ");
}
