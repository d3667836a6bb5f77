//! Proofs, checkpoints, tiles, openings and keys that were altered, truncated, reordered or are somebody else's: each is
//! refused, and each says something else.

use std::path::Path;

use futures_util::future::join_all;
use rogatory::record::checkpoint::SignedCheckpoint;
use rogatory::record::entry::{EntryDraft, Slot};
use rogatory::record::key::VerifierKey;
use rogatory::record::opening::Opening;
use rogatory::record::policy::Accept;
use rogatory::record::proof::LogProof;
use rogatory::record::served::ServedLog;
use rogatory::record::storage::ServedFolder;
use serde_json::json;

use crate::record_testing::{Cast, Deployment, time};

/// What was done to an input, and what is said of it; hashes are left out, because they say nothing here.
fn table(rows: Vec<(&str, String)>) -> String {
    let mut said: Vec<&str> = rows.iter().map(|(_, said)| said.as_str()).collect();
    said.sort_unstable();
    said.dedup();
    assert_eq!(said.len(), rows.len(), "two faults say the same: {rows:#?}");
    rows.iter().map(|(what, said)| format!("{what}: {}\n", without_hashes(said))).collect()
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
    let other = LogProof::new(&deployment.log.prove(8).await.unwrap(), None).to_string();
    let stranger = deployment_of_a_stranger().await;
    let first_word = |text: &str| text.split_once("\n\n").unwrap().0.to_owned();
    let checkpoint = |text: &str| text.split_once("\n\n").unwrap().1.to_owned();
    insta::assert_snapshot!(table(vec![
        ("another version", said(&good.replacen("proof@v1", "proof@v2", 1))),
        ("without the entry", said(&good.replacen("extra ", "xtra ", 1))),
        ("entry cut", said(&good.replacen("extra ey", "extra e", 1))),
        ("entry altered", said(&good.replacen("extra eyJz", "extra eyJy", 1))),
        ("index of another entry", said(&good.replacen("index 7", "index 6", 1))),
        ("index that is no number", said(&good.replacen("index 7", "index seven", 1))),
        ("index beyond the log", said(&good.replacen("index 7", "index 300", 1))),
        ("hash cut", said(&good.replacen(path[3], &path[3][4..], 1))),
        ("cut before the checkpoint", said(&first_word(&good))),
        ("cut within the checkpoint", said(&good[..first_word(&good).len() + 20])),
        ("another log's checkpoint", said(&format!("{}\n\n{}", first_word(&good), checkpoint(&stranger)))),
        ("head altered", said(&good.replacen("\n300\n", "\n301\n", 1))),
    ]), @r"
    another version: the first line is `c2sp.org/tlog-proof@v2`, where `c2sp.org/tlog-proof@v1` is expected
    without the entry: no line `extra`, which has the entry itself
    entry cut: the line `extra` cannot be read: Invalid padding
    entry altered: the line `extra` cannot be read: unknown field `rimulated`, expected one of `simulated`, `leaf`, `opening` at line 1 column 12
    index of another entry: nothing proves that entry 6 is in the log of size 300 with root <hash>
    index that is no number: `index seven` is not `index` and a number
    index beyond the log: a proof of entry 300, in a log of 300, numbered from 0
    hash cut: `<hash>` is not the base64 of a hash
    cut before the checkpoint: no empty line between the proof and the checkpoint
    cut within the checkpoint: the checkpoint cannot be read: not a signed note: text, an empty line, and lines of the form `— name base64`
    another log's checkpoint: a checkpoint of the log `other.example/record`, where `rogatory.example/record` was expected
    head altered: the signature of the log `rogatory.example/record` is not over this checkpoint
    ");
    // What makes the path to the root another one is one fault, whichever way it came about.
    let no_path = said(&good.replacen(path[3], "", 1));
    assert!(no_path.starts_with("nothing proves that entry 7 is in the log"), "{no_path}");
    assert_eq!(said(&swap_lines(&good, 3, 4)), no_path);
    let others_path = first_word(&other).lines().skip(3).map(|line| format!("{line}\n")).collect::<String>();
    let head: String = good.split_inclusive('\n').take(3).collect();
    assert_eq!(said(&format!("{head}{others_path}\n{}", checkpoint(&good))), no_path);
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
    insta::assert_snapshot!(table(vec![
        ("empty", said("")),
        ("size with a zero in front", said(&good.replacen("\n300\n", "\n0300\n", 1))),
        ("size altered", said(&good.replacen("\n300\n", "\n299\n", 1))),
        ("another origin", said(&good.replacen("rogatory.example", "other.example", 1))),
        ("without the log's signature", said(&without(log_line))),
        ("a cosignature altered", said(&good.replacen(cosignature, &altered, 1)).replace(whose, "<witness>")),
        ("only the log's signature", said(&lines[..=log_line].concat())),
    ]), @r"
    empty: not a signed note: text, an empty line, and lines of the form `— name base64`
    size with a zero in front: not a checkpoint: a line each for origin, size and root hash
    size altered: the signature of the log `rogatory.example/record` is not over this checkpoint
    another origin: a checkpoint of the log `other.example/record`, where `rogatory.example/record` was expected
    without the log's signature: the log `rogatory.example/record` has not signed this checkpoint
    a cosignature altered: the cosignature of `<witness>` is not over this checkpoint
    only the log's signature: no quorum: cosigned by 0 of 11 witnesses ()
    ");
    assert_eq!(said(&good[..good.len() - 10]), said(""));
    assert_eq!(said(&swap_lines(&good, 1, 2)), said(&good.replacen("\n300\n", "\n0300\n", 1)));
    // The order of signatures means nothing.
    assert_eq!(said(&swap_lines(&good, log_line, log_line + 1)), "believed");
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
    insta::assert_snapshot!(table(vec![
        ("a hash altered", said("tile/0/000", &flip)),
        ("hashes cut", said("tile/0/000", &|bytes| bytes[..100].to_vec())),
        ("hashes at the edge altered", said("tile/0/001.p/44", &flip)),
        ("entries altered", said("tile/entries/000", &|mut bytes| {
            bytes[3 * 582 + 10] ^= 1;
            bytes
        })),
        ("entries at the edge cut", said("tile/entries/001.p/44", &|bytes| bytes[..582 * 40].to_vec())),
        ("no opening", said("opening/000", &|_| b"{}".to_vec())),
        ("checkpoint cut", said("checkpoint", &|bytes| bytes[..40].to_vec())),
        ("another log's checkpoint", said("checkpoint", &foreign("checkpoint"))),
    ]), @r"
    a hash altered: `tile/0/000` is damaged: it is not what the tree holds
    hashes cut: `tile/0/000` has 100 bytes, where 8192 are expected
    hashes at the edge altered: the tiles lead to size 300 with root <hash>, and `checkpoint` shows size 300 with root <hash>
    entries altered: `tile/entries/000` is damaged: it is not what the tree holds
    entries at the edge cut: `tile/entries/001` is damaged: it is not what the tree holds
    no opening: what is published for entry 0 is not an opening: missing field `entry` at line 1 column 2
    checkpoint cut: `checkpoint`: not a signed note: text, an empty line, and lines of the form `— name base64`
    another log's checkpoint: `checkpoint`: the log `rogatory.example/record` has not signed this checkpoint
    ");
    let damaged = said("tile/0/000", &flip);
    assert_eq!(said("tile/0/000", &swapped(32)), damaged);
    assert_eq!(said("tile/0/000", &foreign("tile/0/000")), damaged);
    let damaged = said("tile/entries/000", &swapped(582 * 3));
    assert_eq!(damaged, said("tile/entries/000", &foreign("tile/entries/000")));
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
    insta::assert_snapshot!(table(vec![
        ("a value altered", with(&|o| o["slots"]["note"]["value"] = json!("\"m\""))),
        ("salt cut", with(&|o| o["slots"]["note"]["salt"] = json!("AAAA"))),
        ("slots exchanged", with(&|o| {
            let kind = o["slots"]["kind"].take();
            o["slots"]["kind"] = o["slots"]["note"].take();
            o["slots"]["note"] = kind;
        })),
        ("a slot that is none", with(&|o| o["slots"]["verdict"] = o["slots"]["note"].clone())),
        ("without its entry", with(&|o| drop(o.as_object_mut().unwrap().remove("entry")))),
        ("another entry's", said(&opening(&next))),
    ]), @r"
    a value altered: the opening of slot `note` is not what entry 1 commits to
    salt cut: 3 bytes are not what belongs here
    slots exchanged: the opening of slot `kind` is not what entry 1 commits to
    a slot that is none: unknown variant `verdict`, expected one of `kind`, `matter`, `demand`, `instrument`, `parties`, `facts`, `law`, `positions`, `decision`, `grants`, `order`, `timing`, `production`, `route`, `note`, `public`, `reserved`
    without its entry: missing field `entry`
    another entry's: the opening of slot `kind` is not what entry 2 commits to
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
    insta::assert_snapshot!(table(vec![
        ("cut", said(&good[..good.len() - 8])),
        ("name and id exchanged", said(&format!("{id}+{name}+{key}"))),
        ("another's bytes", said(&format!("{name}+{id}+{witness_key}"))),
        ("a kind that nobody knows", said(&format!("{name}+{id}+BgAA"))),
        ("without a name", said(&format!("+{id}+{key}"))),
    ]), @r"
    cut: `rogatory.example/record+cc8799a4+AYsm8qHsvQBm0nzr0MDX/W4OkO3Fmvk88hqh` is not a verifier key of the form `name+id+base64`
    name and id exchanged: the id in `cc8799a4+rogatory.example/record+AYsm8qHsvQBm0nzr0MDX/W4OkO3Fmvk88hqhOjfnUT6F` is not that of its name and key
    another's bytes: the id in `rogatory.example/record+cc8799a4+BMChG1vXpazEtmFZs9b+BCzXEs/1PIkhmzdpHghGc2Fr` is not that of its name and key
    a kind that nobody knows: a key of kind 0x06, where 0x01 (log, Ed25519) and 0x04 (cosigner, Ed25519) are known
    without a name: `` is not a key name: it may not be empty, and has neither spaces nor `+`
    ");
}
