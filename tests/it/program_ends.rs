//! How the program ends: when its reader goes away, when it is interrupted, when it is asked for help.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::program::{rogatory, run, text};

fn spawn(arguments: &[&str]) -> Child {
    rogatory(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn interrupt(child: &Child) {
    kill_process(Pid::from_child(child), Signal::INT).unwrap();
}

#[test]
fn a_reader_that_goes_away_ends_every_command_quietly() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("demo").display().to_string();
    let commands: [&[&str]; 4] = [
        &["scenario", "run", "dublin-warrant"],
        &["scenario", "run", "dublin-warrant", "--format", "json"],
        &["scenario", "schema"],
        // It would stay up if it did not notice.
        &["demo", "--fast", "--data", &data],
    ];
    for command in commands {
        let mut child = spawn(command);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        lines.next().unwrap().unwrap();
        drop(lines);
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(0), ""), "{command:?}");
    }
}

#[test]
fn an_interrupted_play_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = rogatory(["scenario", "run", "dublin-warrant", "--pace"])
        .env("TMPDIR", folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("━━ 1 ━━")));
    interrupt(&child);
    let mut said = String::new();
    child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
    assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(1), "error: interrupted\n"));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn ctrl_c_is_how_a_demo_ends() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("demo");
    // Started again it goes on with the play, and stays up.
    for round in ["in the play", "staying up"] {
        let pace = if round == "in the play" { None } else { Some("--fast") };
        let arguments = ["demo", "--data", data.to_str().unwrap()];
        let mut child = spawn(&arguments.into_iter().chain(pace).collect::<Vec<_>>());
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let sign = if round == "in the play" { "━━ 1 ━━" } else { "The provider stays up" };
        assert!(lines.any(|line| line.unwrap().contains(sign)), "{round}");
        interrupt(&child);
        let last = lines.map(Result::unwrap).filter(|line| line.starts_with("stopped")).count();
        let mut said = String::new();
        child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        assert_eq!((child.wait().unwrap().code(), said.as_str(), last), (Some(0), "", 1), "{round}");
        assert!(!data.join("head-office/address").exists());
    }
}

#[test]
fn colour_is_for_terminals_and_for_who_asks() {
    let mut plain = rogatory(["scenario", "run", "dublin-warrant-gdpr"]);
    let mut asked = rogatory(["scenario", "run", "dublin-warrant-gdpr"]);
    let mut refused = rogatory(["scenario", "run", "dublin-warrant-gdpr"]);
    asked.env("CLICOLOR_FORCE", "1");
    refused.env("NO_COLOR", "1");
    let coloured = [&mut plain, &mut asked, &mut refused].map(|command| {
        let output = command.output().unwrap();
        assert!(output.status.success());
        text(&output.stdout).contains('\u{1b}')
    });
    assert_eq!(coloured, [false, true, false]);
}

#[test]
fn help_teaches_with_examples() {
    for command in ["demo", "scenario", "demand", "where", "reach", "record", "mail", "keys"] {
        let help = run(&[command, "--help"]);
        assert_eq!(help.status.code(), Some(0));
        let help = text(&help.stdout);
        let examples: Vec<&str> = help.lines().skip_while(|line| *line != "Examples:").skip(1).collect();
        assert!(examples.iter().any(|line| line.contains(&format!("rogatory {command}"))), "{help}");
        assert!(help.lines().all(|line| line.chars().count() <= 110), "{help}");
    }
    let help = run(&["--help"]);
    assert!(text(&help.stdout).contains("First steps:"));
    // Asked nothing, it says what it can be asked.
    assert_eq!(run(&[]).status.code(), Some(2));
}
