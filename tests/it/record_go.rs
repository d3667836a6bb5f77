//! A log made here, checked by an implementation that shares no code with it: Go's `golang.org/x/mod/sumdb/{tlog,note}`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use futures_util::future::join_all;
use rogatory::record::entry::{EntryDraft, Slot};
use rogatory::record::proof::LogProof;
use serde_json::json;

use crate::record_testing::{Deployment, time};

/// Where Debian's `golang-golang-x-mod-dev` puts its source.
const GO_PATH: &str = "/usr/share/gocode";

/// The compiled checker; `None`, with a word why, where the tools are missing and nobody insists on them.
fn checker() -> Option<PathBuf> {
    let has_go = Command::new("go").arg("version").output().is_ok_and(|output| output.status.success());
    let has_module = Path::new(GO_PATH).join("src/golang.org/x/mod/sumdb/tlog").is_dir();
    if !has_go || !has_module {
        let missing =
            if has_go { "golang-golang-x-mod-dev" } else { "golang-go and golang-golang-x-mod-dev" };
        let what = format!("the log is not checked by Go: install {missing} (Debian packages)");
        assert!(std::env::var_os("ROGATORY_REQUIRE_TOOLS").is_none(), "{what}");
        // Past the test harness, which shows what a passing test prints to nobody.
        std::io::stderr().write_all(format!("SKIPPED: {what}\n").as_bytes()).unwrap();
        return None;
    }
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
    let program = target.join("checklog");
    let built = Command::new("go")
        .args(["build", "-o"])
        .arg(&program)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/go/checklog.go"))
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
    let Some(checker) = checker() else { return };
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
