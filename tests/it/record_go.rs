//! A log made here is checked, and a witness asked, by an implementation that shares no code with it: Go's
//! `golang.org/x/mod/sumdb/{tlog,note}`.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use futures_util::future::join_all;
use rogatory::record::entry::{EntryDraft, Slot};
use rogatory::record::proof::LogProof;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::program::{rogatory, run, text};
use crate::record_testing::{Deployment, time};

/// Where Debian's `golang-golang-x-mod-dev` puts its source.
const GO_PATH: &str = "/usr/share/gocode";

/// A program of `tests/go/`, compiled; `None`, with a word why, where the tools are missing and nobody insists on them.
fn compiled(name: &str, what: &str) -> Option<PathBuf> {
    let has_go = Command::new("go").arg("version").output().is_ok_and(|output| output.status.success());
    let has_module = Path::new(GO_PATH).join("src/golang.org/x/mod/sumdb/tlog").is_dir();
    if !has_go || !has_module {
        let missing =
            if has_go { "golang-golang-x-mod-dev" } else { "golang-go and golang-golang-x-mod-dev" };
        let what = format!("{what} by Go: install {missing} (Debian packages)");
        assert!(std::env::var_os("ROGATORY_REQUIRE_TOOLS").is_none(), "{what}");
        // Past the test harness, which shows what a passing test prints to nobody.
        std::io::stderr().write_all(format!("SKIPPED: {what}\n").as_bytes()).unwrap();
        return None;
    }
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let program = target.join(name);
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/go");
    let built = Command::new("go")
        .args(["build", "-o"])
        .arg(&program)
        .args([sources.join(format!("{name}.go")), sources.join("cosigner.go")])
        .envs([("GO111MODULE", "off"), ("GOPATH", GO_PATH), ("GOFLAGS", ""), ("CGO_ENABLED", "0")])
        .env("GOCACHE", target.join("go-cache"))
        .output()
        .unwrap();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    Some(program)
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&[output.stdout.as_slice(), &output.stderr].concat()).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_is_sound_by_another_implementation() {
    let Some(checker) = compiled("checklog", "the log is not checked") else { return };
    let deployment = Deployment::new("go").await;
    let log = &deployment.log;
    let served = deployment.folder.path().join("record");
    let beside = |name: &str| deployment.folder.path().join(name);
    let append = async |range: std::ops::Range<usize>| {
        let draft =
            |n: usize| EntryDraft::new(format!("m-{n}"), time("2014-01-01")).with(Slot::Note, json!(n));
        join_all(range.map(|n| log.append(draft(n)))).await.into_iter().for_each(|l| drop(l.unwrap()));
    };
    append(1..300).await;
    std::fs::copy(served.join("checkpoint"), beside("older")).unwrap();
    append(300..700).await;
    std::fs::write(beside("proof"), LogProof::new(&log.prove(555).await.unwrap(), None).to_string()).unwrap();
    // All eleven cosign in the end; wait for them, so that every key is tried.
    for _ in 0..500 {
        if log.published().unwrap().quorum.cosigners.len() == 11 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    log.clone().close().await;
    let policy = &deployment.cast.policy;
    let mut keys = format!("{}\n", policy.log());
    policy.witnesses().iter().for_each(|witness| keys.push_str(&format!("{}\n", witness.key)));
    std::fs::write(beside("keys"), keys).unwrap();

    let run = || {
        let mut command = Command::new(&checker);
        command.arg(&served).args(["keys", "older", "proof"].map(beside));
        command.output().unwrap()
    };
    let output = run();
    assert!(output.status.success(), "{}", said(&output));
    let root = log.head().hash;
    assert_eq!(
        said(&output),
        format!(
            "inclusion: 700 entries in the tree with root {root}\nsignatures: the log's and 11 of 11 witnesses'\n\
             consistency: from 300 to 700 entries\nproof: of entry 555\n"
        )
    );

    // It notices what is wrong: one altered byte each.
    let bad: [(PathBuf, usize, &str); 6] = [
        (served.join("tile/entries/001"), 1000, "entry 257 is not what the tree holds"),
        // Some versions of x/mod notice it when they read the tile, others only when the proof does not hold.
        (served.join("tile/0/000"), 40, ""),
        (served.join("tile/1/000.p/2"), 40, "tiles:"),
        (served.join("checkpoint"), 60, "checkpoint:"),
        (beside("older"), 60, "checkpoint:"),
        (beside("proof"), 30, "proof"),
    ];
    for (path, place, expected) in bad {
        let good = std::fs::read(&path).unwrap();
        let mut bytes = good.clone();
        bytes[place] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let output = run();
        std::fs::write(&path, good).unwrap();
        assert!(!output.status.success(), "{}", path.display());
        assert!(said(&output).contains(expected), "{}: {}", path.display(), said(&output));
    }
}

/// A log that was not made here, and a witness as its operator runs it.
#[test]
fn a_log_of_another_implementation_is_witnessed() {
    let Some(asker) = compiled("asklog", "no other log asks a witness") else { return };
    let folder = tempfile::tempdir().unwrap();
    let theirs = folder.path().join("w").display().to_string();
    let keys = said(&Command::new(&asker).arg("key").output().unwrap());
    let (signer, verifier) = keys.trim().split_once('\n').unwrap();
    let made = run(&["witness", "new", &theirs, "--name", "witness.example/w1"]);
    let witness = text(&made.stdout).trim().to_owned();
    assert!(run(&["witness", "trust", &theirs, verifier]).status.success());

    let mut running = rogatory(["witness", "run", &theirs, "--listen", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(running.stdout.take().unwrap()).read_line(&mut first).unwrap();
    let start = first.find("http://").unwrap_or_else(|| panic!("{first}"));
    let url = first[start..].split(';').next().unwrap();
    let asked = Command::new(&asker).args(["ask", url, signer, &witness]).output().unwrap();
    kill_process(Pid::from_child(&running), Signal::INT).unwrap();
    assert!(running.wait().unwrap().success());
    assert_eq!(
        said(&asked),
        "cosigned: 8 checkpoints, up to 700 entries\nrefused: an old size and two forks\n\
         shown: the newest checkpoint, signed by both\n"
    );
    // It remembers through its end, and what it did not refuse it signed.
    let shown = run(&["witness", "show", &theirs]);
    assert!(text(&shown.stdout).contains("700 entries"), "{}", text(&shown.stdout));
}
