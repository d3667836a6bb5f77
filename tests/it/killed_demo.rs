//! The demo as a person runs it, killed without warning and started again.
#![cfg(target_os = "linux")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use rogatory::mail::Story;
use sha2::{Digest, Sha256};

use crate::program::{rogatory, run, text};

/// Killed whatever becomes of the test.
struct Demo {
    process: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Demo {
    fn start(data: &Path) -> Self {
        let mut command = rogatory(["demo", "--fast", "--data", data.to_str().unwrap()]);
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Demo { process, lines }
    }

    /// Reads on until a line contains `sign`.
    fn until(&mut self, sign: &str) {
        assert!(self.lines.any(|line| line.unwrap().contains(sign)), "the demo ended before `{sign}`");
    }

    /// SIGKILL, and no process is left a moment later.
    fn kill(mut self, data: &Path) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        let started = Instant::now();
        while processes_of(data) > 0 {
            assert!(started.elapsed() < Duration::from_secs(5), "a process was left behind");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Processes that were started for a data directory.
fn processes_of(data: &Path) -> usize {
    let marker = data.to_str().unwrap().as_bytes();
    let ours = |entry: std::fs::DirEntry| {
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        line.windows(marker.len()).any(|window| window == marker)
    };
    std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter(|entry| entry.path().join("exe").exists())
        .map(ours)
        .filter(|is_ours| *is_ours)
        .count()
}

/// Size and root of the record, as its checkpoint says.
fn head(data: &Path) -> (usize, String) {
    let checkpoint = std::fs::read_to_string(data.join("record/checkpoint")).unwrap();
    let mut lines = checkpoint.lines().skip(1);
    (lines.next().unwrap().parse().unwrap(), lines.next().unwrap().to_owned())
}

/// The root of the first `size` entries, from the entries alone (RFC 6962 section 2.1).
fn root_of_first(size: usize, data: &Path) -> String {
    let folder = data.join("record/tile/entries");
    let full = folder.join("000");
    let bytes = if full.exists() {
        std::fs::read(full).unwrap()
    } else {
        let partial = std::fs::read_dir(folder.join("000.p")).unwrap().map(|entry| entry.unwrap().path());
        let width =
            |path: &std::path::PathBuf| path.file_name().unwrap().to_str().unwrap().parse::<usize>().ok();
        std::fs::read(partial.filter(|path| width(path).is_some()).max_by_key(width).unwrap()).unwrap()
    };
    let mut leaves = Vec::new();
    let mut rest = bytes.as_slice();
    while let Some((length, after)) = rest.split_first_chunk::<2>() {
        let (leaf, after) = after.split_at(usize::from(u16::from_be_bytes(*length)));
        leaves.push(Sha256::new().chain_update([0]).chain_update(leaf).finalize().to_vec());
        rest = after;
    }
    base64::Engine::encode(&base64::prelude::BASE64_STANDARD, root(&leaves[..size]))
}

fn root(leaves: &[Vec<u8>]) -> Vec<u8> {
    if let [leaf] = leaves {
        return leaf.clone();
    }
    let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
    Sha256::new().chain_update([1]).chain_update(root(left)).chain_update(root(right)).finalize().to_vec()
}

fn verified(data: &Path) {
    let checked = run(&["record", "verify", "--data", data.to_str().unwrap()]);
    assert!(checked.status.success(), "{}{}", text(&checked.stdout), text(&checked.stderr));
}

#[test]
fn a_killed_demo_has_the_same_record_when_it_is_started_again() {
    let folder = tempfile::tempdir().unwrap();
    // While the mail is being delivered: all of it is there afterwards.
    let data = folder.path().join("early");
    let mut demo = Demo::start(&data);
    demo.until("outside witness serve");
    demo.kill(&data);
    let before = head(&data);
    let mut demo = Demo::start(&data);
    demo.until("messages in all");
    demo.until("The provider stays up");
    assert_eq!(head(&data), before);
    let molly = run(&["where", "molly@post.example", "--data", data.to_str().unwrap(), "--format", "json"]);
    let molly: serde_json::Value = serde_json::from_slice(&molly.stdout).unwrap();
    let content = molly["copies"].as_array().unwrap().iter().find(|copy| copy["class"] == "content").unwrap();
    let story = Story::standard().unwrap();
    assert_eq!(content["objects"], story.mailbox(&"molly@post.example".parse().unwrap()).count());
    demo.kill(&data);

    // In the middle of the play.
    let data = folder.path().join("demo");
    let mut demo = Demo::start(&data);
    demo.until("━━ 6 ━━");
    demo.kill(&data);
    let (size, root) = head(&data);
    assert_eq!(root_of_first(size, &data), root);
    let mut demo = Demo::start(&data);
    demo.until("The provider stays up");
    verified(&data);
    let stands = head(&data);
    assert!(stands.0 >= size);
    assert_eq!((root_of_first(size, &data), root_of_first(stands.0, &data)), (root, stands.1.clone()));

    // While it stands, after it answered.
    let listed = run(&["demand", "list", "--data", data.to_str().unwrap()]);
    assert!(text(&listed.stdout).contains("13-mag-2814"), "{}", text(&listed.stderr));
    demo.kill(&data);
    let mut demo = Demo::start(&data);
    demo.until("The provider stays up");
    assert_eq!(head(&data), stands);
    let again = run(&["demand", "list", "--data", data.to_str().unwrap()]);
    assert_eq!(text(&again.stdout), text(&listed.stdout));
    demo.kill(&data);
}
