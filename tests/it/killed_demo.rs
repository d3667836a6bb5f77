//! The demo as a person runs it, killed without warning and started again.
#![cfg(target_os = "linux")]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use rogatory::mail::Story;

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

fn verified(data: &Path) {
    let checked = run(&["record", "verify", "--data", data.to_str().unwrap()]);
    assert!(checked.status.success(), "{}{}", text(&checked.stdout), text(&checked.stderr));
}

/// Size and root of a record that nobody interrupted.
fn whole() -> (usize, String) {
    let played = run(&["scenario", "run", "dublin-warrant", "--format", "json"]);
    assert!(played.status.success(), "{}", text(&played.stderr));
    let report: serde_json::Value = serde_json::from_slice(&played.stdout).unwrap();
    let root = report["record"]["root"].as_str().unwrap();
    let bytes: Vec<u8> =
        (0..root.len()).step_by(2).map(|at| u8::from_str_radix(&root[at..at + 2], 16).unwrap()).collect();
    let root = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, bytes);
    (report["record"]["size"].as_u64().unwrap() as usize, root)
}

#[test]
fn a_killed_demo_has_the_same_record_when_it_is_started_again() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("demo");
    // While the mail is being delivered: all of it is there afterwards, and everybody is counted.
    let mut demo = Demo::start(&data);
    demo.until("outside witness serve");
    demo.kill(&data);
    let story = Story::standard().unwrap();
    let mut demo = Demo::start(&data);
    demo.until(&format!("{} people have their mail", story.accounts().len()));

    // In the middle of the play, twice.
    demo.until("━━ 6 ━━");
    demo.kill(&data);
    let mut demo = Demo::start(&data);
    demo.until("The play was stopped and goes on");
    demo.until("━━ 11 ━━");
    demo.kill(&data);
    let mut demo = Demo::start(&data);
    demo.until("The play was stopped and goes on");
    demo.until("The provider stays up");
    verified(&data);
    let stands = head(&data);
    assert_eq!(stands, whole());
    let molly = run(&["where", "molly@post.example", "--data", data.to_str().unwrap(), "--format", "json"]);
    let molly: serde_json::Value = serde_json::from_slice(&molly.stdout).unwrap();
    let content = molly["copies"].as_array().unwrap().iter().find(|copy| copy["class"] == "content").unwrap();
    assert_eq!(content["objects"], story.mailbox(&"molly@post.example".parse().unwrap()).count());

    // While it stands, after it answered: what it suggests to ask for is there.
    let listed = run(&["demand", "list", "--data", data.to_str().unwrap()]);
    for demand in ["13-mag-2814", "18-mag-2713"] {
        assert!(text(&listed.stdout).contains(demand), "{}", text(&listed.stderr));
    }
    demo.kill(&data);
    let mut demo = Demo::start(&data);
    demo.until("the play is over in this record");
    demo.until("The provider stays up");
    assert_eq!(head(&data), stands);
    let again = run(&["demand", "list", "--data", data.to_str().unwrap()]);
    assert_eq!(text(&again.stdout), text(&listed.stdout));
    demo.kill(&data);
}
