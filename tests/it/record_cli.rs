//! `rogatory record`: proofs made in one place and checked in another.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output};

use rogatory::provider::SealedOpenings;
use rogatory::record::entry::{EntryDraft, Slot};
use rogatory::record::opening::{OpenedSlot, Opening};
use rogatory::region::production::SealedWriter;
use rogatory::world::{AuthorityId, RecipientKey, World};
use serde_json::json;

use crate::record_testing::{Cast, Deployment, time};

fn rogatory(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_rogatory")).current_dir(folder).args(args).output().unwrap()
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}", stderr(output));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A data folder whose record has three entries, of which the second is opened in part.
async fn data() -> Deployment {
    let deployment = Deployment::new("cli").await;
    let draft = EntryDraft::new("m", time("2014-01-01"))
        .with(Slot::Kind, json!("decided"))
        .with(Slot::Decision, json!({"outcome": "rejected"}));
    let logged = deployment.log.append(draft).await.unwrap();
    let opening = logged.full.unwrap().opening.subset(&[Slot::Kind, Slot::Decision]);
    deployment.log.publish_opening(opening).await.unwrap();
    deployment.log.append(EntryDraft::new("m", time("2014-01-02"))).await.unwrap();
    deployment.log.clone().close().await;
    deployment
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proof_convinces_on_another_machine() {
    let deployment = data().await;
    let folder = deployment.folder.path();
    let elsewhere = tempfile::tempdir().unwrap();
    let there = elsewhere.path();
    std::fs::copy(folder.join("record/policy"), there.join("policy")).unwrap();

    let proof = stdout(&rogatory(folder, &["record", "prove", "1", "--data", "."]));
    assert!(proof.starts_with("c2sp.org/tlog-proof@v1\n"));
    std::fs::write(there.join("decision.tlog-proof"), &proof).unwrap();
    let verify = |policy: &str| {
        rogatory(there, &["record", "verify", "decision.tlog-proof", "--policy", policy, "--format", "json"])
    };
    let told: serde_json::Value = serde_json::from_str(&stdout(&verify("policy"))).unwrap();
    assert_eq!((&told["entry"], &told["size"], &told["simulated"]), (&json!(1), &json!(3), &json!(true)));
    assert_eq!(told["opened"], json!({"kind": "decided", "decision": {"outcome": "rejected"}}));
    assert_eq!(told["quorum"]["outsider"], true);
    assert_eq!(told["month"], "2014-01");
    let text = stdout(&rogatory(there, &["record", "verify", "decision.tlog-proof", "--policy", "policy"]));
    assert!(text.contains("proven") && text.contains("SIMULATED"), "{text}");

    // Nothing is proven by a policy that came with it, nor by another log's.
    let bare = rogatory(there, &["record", "verify", "decision.tlog-proof"]);
    assert_eq!(bare.status.code(), Some(1));
    assert!(stderr(&bare).contains("--policy FILE"), "{}", stderr(&bare));
    std::fs::write(there.join("other"), Cast::new("another").policy.to_text()).unwrap();
    assert_eq!(verify("other").status.code(), Some(1));
    // Altered on the way.
    std::fs::write(there.join("decision.tlog-proof"), proof.replacen("index 1", "index 0", 1)).unwrap();
    let altered = verify("policy");
    assert_eq!(altered.status.code(), Some(1));
    assert!(stderr(&altered).contains("proves nothing: nothing proves that entry 0"), "{}", stderr(&altered));

    // An entry of which nothing is open is proven all the same; one that is not there is not.
    let closed = stdout(&rogatory(folder, &["record", "prove", "2", "--data", "."]));
    std::fs::write(there.join("decision.tlog-proof"), closed).unwrap();
    let told: serde_json::Value = serde_json::from_str(&stdout(&verify("policy"))).unwrap();
    assert_eq!((&told["entry"], &told["opened"]), (&json!(2), &json!({})));
    let none = rogatory(folder, &["record", "prove", "3", "--data", "."]);
    assert!(stderr(&none).contains("entry 3 does not exist; the log has 3"), "{}", stderr(&none));
    // What is closed is head office's to open, and head office does not run here.
    let closed = rogatory(folder, &["record", "prove", "2", "--show", "note", "--data", "."]);
    assert!(stderr(&closed).contains("no provider is running"), "{}", stderr(&closed));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_printed_as_others_read_them() {
    let deployment = data().await;
    let folder = deployment.folder.path();
    let keys = stdout(&rogatory(folder, &["record", "keys", "--data", "."]));
    let policy = &deployment.cast.policy;
    let lines: Vec<&str> = keys.lines().collect();
    assert_eq!(lines[0], policy.log().to_string());
    assert_eq!(lines.len(), 12);
    assert_eq!(lines[11], policy.witness("uni").unwrap().key.to_string());
    let json: serde_json::Value = serde_json::from_str(&stdout(&rogatory(
        folder,
        &["record", "keys", "--data", ".", "--format", "json"],
    )))
    .unwrap();
    assert_eq!(json["witnesses"]["uni"], lines[11]);

    let shown = stdout(&rogatory(folder, &["record", "show", "--data", ".", "--format", "json"]));
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["genesis"]["seeded"], true);
}

/// One message of bytes below 128, and the list of it.
fn archive_of(message: &[u8]) -> Vec<u8> {
    use sha2::{Digest, Sha256};
    let digest: String = Sha256::digest(message).iter().map(|byte| format!("{byte:02x}")).collect();
    let manifest = serde_json::json!({
        "simulated": true, "permit": format!("{}=", "A".repeat(43)), "demand": "13-mag-2814", "version": 1,
        "entry": 3, "region": "ie-dublin", "requester": "us-sdny", "recipient": "us-sdny",
        "decided": "2018-04-10T12:00:00Z", "conditions": [], "items": [],
        "files": [{ "path": "a.eml", "account": "molly@post.example", "class": "content",
                    "bytes": message.len(), "sha256": digest }],
    });
    let mut archive = tar::Builder::new(Vec::new());
    for (path, bytes) in [("a.eml", message), ("manifest.json", manifest.to_string().as_bytes())] {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        archive.append_data(&mut header, path, bytes).unwrap();
    }
    archive.into_inner().unwrap()
}

fn production_for_sdny(archive: &[u8]) -> Vec<u8> {
    let world = World::standard().unwrap();
    let court: AuthorityId = "us-sdny".parse().unwrap();
    let key = world.roster().authority(&court).unwrap().recipient_key();
    let permit = serde_json::from_str(&format!("\"{}=\"", "A".repeat(43))).unwrap();
    let mut writer = SealedWriter::begin(Vec::new(), permit, &court, key).unwrap();
    writer.write_all(archive).unwrap();
    writer.finish().unwrap()
}

#[test]
fn a_damaged_production_is_named_by_its_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let archive = archive_of(&[7; 90_000]);
    let mut bytes = production_for_sdny(&archive);
    let path = folder.path().join("p");
    std::fs::write(&path, &bytes).unwrap();
    let verify = || rogatory(folder.path(), &["record", "verify", "p"]);
    let text = stdout(&verify());
    assert!(text.contains("for us-sdny: 2 parts and 2 seals checked: sound"), "{text}");
    assert!(text.contains("1 files held against the manifest"), "{text}");

    // Sealed as it should be, and not what it says.
    let other = String::from_utf8_lossy(&archive).replacen("90000", "90001", 1).into_bytes();
    assert_eq!(other.len(), archive.len());
    std::fs::write(folder.path().join("other"), production_for_sdny(&other)).unwrap();
    let output = rogatory(folder.path(), &["record", "verify", "other"]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("other: `a.eml` has 90000 bytes, where the manifest says 90001"), "{text}");
    assert!(text.contains("NOT sound"), "{text}");

    let length = bytes.len();
    bytes[length - 10] ^= 1;
    std::fs::write(&path, &bytes).unwrap();
    let output = verify();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stdout).unwrap();
    // What is left of the archive for the second part, its tag, and the length before it.
    let second = length - (archive.len() - 65_536 + 16 + 4);
    assert!(text.contains(&format!("p: bytes {second} to {length}: part 2 is altered")), "{text}");
    assert!(text.contains("NOT sound"), "{text}");
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
}

/// What is opened is somebody's mail: only who opened it reads it.
#[test]
fn an_opened_production_is_private_to_who_opened_it() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let production = production_for_sdny(b"an archive");
    let place = folder.path().join("d/authorities/us-sdny");
    std::fs::create_dir_all(&place).unwrap();
    std::fs::write(place.join("us-sdny.w-1.ie-dublin.0000.production"), production).unwrap();
    // By its name in the data folder, or by its path.
    let named = ["record", "open", "us-sdny.w-1.ie-dublin.0000", "--data", "d", "--out", "a.tar"];
    stdout(&rogatory(folder.path(), &named));
    let path = "d/authorities/us-sdny/us-sdny.w-1.ie-dublin.0000.production";
    stdout(&rogatory(folder.path(), &["record", "open", path, "--out", "b.tar"]));
    for out in ["a.tar", "b.tar"] {
        let out = folder.path().join(out);
        assert_eq!(std::fs::read(&out).unwrap(), b"an archive");
        assert_eq!(std::fs::metadata(&out).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let none = rogatory(folder.path(), &["record", "open", "w-2", "--data", "d", "--out", "c.tar"]);
    assert!(stderr(&none).contains("us-sdny.w-1.ie-dublin.0000.production"), "{}", stderr(&none));
}

/// Whose policy the record was measured by is part of the answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_says_whose_policy_it_trusts() {
    let deployment = data().await;
    let folder = deployment.folder.path();
    let elsewhere = tempfile::tempdir().unwrap();
    let policy = elsewhere.path().join("policy");
    std::fs::copy(folder.join("record/policy"), &policy).unwrap();
    let policy = policy.to_str().unwrap();
    let beside = stdout(&rogatory(folder, &["record", "verify", "--data", "."]));
    assert!(beside.contains("lies beside the record") && beside.contains("--policy"), "{beside}");
    let given = stdout(&rogatory(folder, &["record", "verify", "--data", ".", "--policy", policy]));
    assert!(given.contains(policy) && !given.contains("beside"), "{given}");
    for (arguments, beside) in [(&[][..], true), (&["--policy", policy][..], false)] {
        let json = ["record", "verify", "--data", ".", "--format", "json"];
        let told = rogatory(folder, &[&json[..], arguments].concat());
        let told: serde_json::Value = serde_json::from_str(&stdout(&told)).unwrap();
        assert_eq!(told["policy"]["beside-the-record"], beside);
    }
}

#[test]
fn openings_that_were_given_open_with_the_readers_own_key_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let there = folder.path();
    let key = |file: &str| stdout(&rogatory(there, &["record", "new-key", "--out", file])).trim().to_owned();
    let own: RecipientKey = key("own.key").parse().unwrap();
    key("other.key");
    let opened =
        BTreeMap::from([(Slot::Kind, OpenedSlot { salt: [7; 32], value: "\"decided\"".to_owned() })]);
    let opening = Opening::new(3, opened);
    let until = Some(time("2014-06-30"));
    let seal = |to: &str, key: &RecipientKey| {
        SealedOpenings::seal(std::slice::from_ref(&opening), to.to_owned(), key, time("2014-01-01"), until)
    };
    let sealed = serde_json::to_string(&seal("auditor.example", &own).unwrap()).unwrap();
    std::fs::write(there.join("given"), &sealed).unwrap();
    let unseal = |more: &[&str]| rogatory(there, &[&["record", "unseal", "given"], more].concat());
    let told = stdout(&unseal(&["--key", "own.key", "--out", "open"]));
    assert!(told.contains("1 opening for auditor.example") && told.contains("until 2014-06-30"), "{told}");
    let written: Opening =
        serde_json::from_slice(&std::fs::read(there.join("open/3.json")).unwrap()).unwrap();
    assert_eq!(written, opening);
    // Another key, none, what is no key, and a longer term than was given.
    let refused = |more: &[&str], why: &str| {
        let output = unseal(more);
        assert_eq!(output.status.code(), Some(1), "{more:?}");
        assert!(stderr(&output).contains(why), "{more:?}: {}", stderr(&output));
    };
    refused(&["--key", "other.key", "--out", "no"], "is sealed to `auditor.example`");
    refused(&["--out", "no"], "name its file with --key");
    refused(&["--key", "given", "--out", "no"], "is no secret key");
    std::fs::write(there.join("given"), sealed.replacen("2014-06-30", "2019-06-30", 1)).unwrap();
    refused(&["--key", "own.key", "--out", "no"], "it was altered");
    std::fs::write(there.join("given"), "{}").unwrap();
    refused(&["--key", "own.key", "--out", "no"], "no sealed openings");
    assert!(!there.join("no").exists());
    // What a court of the demo was given opens without a file, because its key is public.
    let world = World::standard().unwrap();
    let court = world.roster().authority(&"us-sdny".parse().unwrap()).unwrap();
    let sealed = seal("us-sdny", court.recipient_key()).unwrap();
    std::fs::write(there.join("given"), serde_json::to_string(&sealed).unwrap()).unwrap();
    assert!(stdout(&unseal(&["--out", "court"])).contains("for us-sdny"));
}
