//! What a running demo tells about demands and mailboxes.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use rogatory::provider::Deployment;

use crate::common::options_of_processes;
use crate::program::{rogatory, run, running_demo, text};

fn asked(arguments: &[&str]) -> String {
    let data = running_demo().data().display().to_string();
    let output = run(&[arguments, &["--data", &data]].concat());
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn a_demand_is_explained_in_words() {
    for matter in ["13-mag-2814", "18-mag-2713", "13-mag-2815"] {
        let told = asked(&["demand", "explain", matter]);
        assert!(!told.contains(['{', '}', '"']), "JSON in words:\n{told}");
        assert!(told.contains("entry") && told.contains("hands over") && told.contains("compels"), "{told}");
        // Every line fits where there is no terminal to ask.
        assert!(told.lines().all(|line| line.chars().count() <= 100), "{told}");
    }
    let told = asked(&["demand", "show", "13-mag-2814"]);
    assert!(told.contains("partly served") && told.contains("lapsed"), "{told}");
}

/// An auditor is given what makes a demand's decisions again, opens it with a key of their own, and makes them again.
#[test]
fn an_auditor_is_given_openings_and_audits_with_them() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (secret, given, open) = (at("own.key"), at("given"), at("open"));
    let key = text(&run(&["record", "new-key", "--out", &secret]).stdout).trim().to_owned();
    let slots = "kind,matter,demand,facts,law,decision";
    let give = |to: &str, more: &[&str]| {
        let data = running_demo().data().display().to_string();
        let demand = ["record", "give", to, "--demand", "13-mag-2815", "--show", slots];
        run(&[&demand[..], &["--out", &given, "--data", &data], more].concat())
    };
    for (to, more, why) in [
        ("auditor.example", &[][..], "--key"),
        ("auditor.example", &["--key", &key, "--until", "2013-01-01"][..], "name a later time with --until"),
        ("us-sdny", &["--key", &key][..], "leave --key out"),
        ("auditor.example", &["--key", "x25519:AAAA"][..], "x25519:AAAA"),
    ] {
        let output = give(to, more);
        assert!(!output.status.success(), "{to} {more:?}");
        assert!(text(&output.stderr).contains(why), "{to} {more:?}: {}", text(&output.stderr));
        assert!(!Path::new(&given).exists(), "{to} {more:?}");
    }

    let output = give("auditor.example", &["--key", &key, "--until", "2030-01-01"]);
    let told = text(&output.stdout);
    assert!(
        told.contains("for auditor.example, until 2030-01-01, sealed to the key"),
        "{told}{}",
        text(&output.stderr)
    );
    let mode = std::fs::metadata(&given).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // What somebody was given is never written over what another was.
    assert!(!give("auditor.example", &["--key", &key]).status.success());
    let listed = asked(&["record", "openings", "13-mag-2815"]);
    assert!(listed.contains("auditor.example"), "{listed}");

    let unsealed = run(&["record", "unseal", &given, "--key", &secret, "--out", &open]);
    assert!(unsealed.status.success(), "{}", text(&unsealed.stderr));
    let audited = asked(&["record", "audit", "--openings", &open]);
    assert!(
        audited.contains("all come out as recorded") && audited.contains("an outsider among them"),
        "{audited}"
    );
}

/// What is traced goes into a file as plain text.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_colour_is_written_where_there_is_no_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let options = options_of_processes(&folder.path().join("data"));
    Deployment::start(options).await.unwrap().stop().await;
    let region = folder.path().join("data/regions/ie-dublin").display().to_string();
    // It ends when nobody holds its standard input.
    let mut node = rogatory(["region", "--id", "ie-dublin", "--folder", &region]);
    let output = node.env("ROGATORY_LOG", "debug").stdin(Stdio::null()).output().unwrap();
    let traced = text(&output.stderr);
    assert!(traced.contains("DEBUG") && !traced.contains('\u{1b}'), "{traced}");
}

#[test]
fn listings_are_json_where_asked_for() {
    let all: serde_json::Value =
        serde_json::from_str(&asked(&["demand", "list", "--format", "json"])).unwrap();
    assert!(all.as_array().unwrap().iter().any(|matter| matter["demand"] == "13-mag-2814"));
    let one = asked(&["demand", "explain", "13-mag-2814", "--format", "json"]);
    let one: serde_json::Value = serde_json::from_str(&one).unwrap();
    assert_eq!(one["events"][0][1]["kind"], "received");
}

/// A rule of which a part was not read is shown with the weaker mark wherever its citation is.
#[test]
fn what_was_not_read_is_marked_so_wherever_it_is_cited() {
    let told = asked(&["demand", "explain", "13-mag-2814"]);
    let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(told.contains("18 U.S.C. 2703(c)(1)(A) · binding · in part from memory"), "{told}");
    let output = run(&["scenario", "run", "config/scenarios/dublin-treaty-2016.toml"]);
    let told = text(&output.stdout);
    let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
    for marked in [
        "are no slower; modelling choice)",
        "(treaty art. 3, 2008 Act s. 3). (from memory)",
        "(2008 Act s. 75). (from memory)",
        "unless Ireland consents (art. 7) (from memory)",
    ] {
        assert!(told.contains(marked), "no `{marked}` in:\n{told}");
    }
}

/// The door of section 2703(h) is named by the engine, with every condition that keeps it shut.
#[test]
fn what_could_be_filed_and_why_it_cannot_is_told() {
    let told = asked(&["demand", "explain", "18-mag-2713"]);
    let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
    let door = told.find("us-2703-h would open a motion to quash or modify within 14 days").expect("no door");
    let door: String = told[door..].chars().take(900).collect();
    assert!(door.contains("agreement_with: none") && door.contains("nationality_known: no"), "{door}");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (path, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
        match path.is_dir() {
            true => copy(&path, &to.join(name)),
            false => drop(std::fs::copy(&path, to.join(name)).unwrap()),
        }
    }
}

fn edit(path: &Path, old: &str, new: &str) {
    let found = std::fs::read_to_string(path).unwrap();
    assert_eq!(found.matches(old).count(), 1, "`{old}` in {}", path.display());
    std::fs::write(path, found.replace(old, new)).unwrap();
}

/// A provider in a world of its own is told of by the names of that world, and what would change a decision is searched
/// there, from wherever it is asked.
#[test]
fn what_is_told_of_a_provider_goes_by_its_own_world() {
    let folder = tempfile::tempdir().unwrap();
    for part in ["config", "regions"] {
        copy(Path::new(part), &folder.path().join("own").join(part));
    }
    let own = folder.path().join("own/config");
    let magistrate = "U.S. Magistrate Judge, Southern District of New York";
    edit(&own.join("authorities/us-sdny-magistrate.toml"), magistrate, "Magistrate of another world");
    let elsewhere = "rests-in = [{ nearest = \"declared-country\", among = [\"us-virginia\", \"ie-dublin\", \"de-frankfurt\"] }]";
    edit(&own.join("provider.toml"), "rests-in = [{ nearest = \"declared-country\" }]", elsewhere);
    let played = rogatory(["demo", "--fast", "--exit", "--config", "own", "--data", "demo"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(text(&played.stdout).contains("18-mag-2713"), "{}", text(&played.stderr));
    let data = folder.path().join("demo").display().to_string();
    let ask = |arguments: &[&str]| {
        let output = run(&[arguments, &["--data", &data]].concat());
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    };
    for command in ["show", "explain"] {
        let told = ask(&["demand", command, "18-mag-2713"]);
        assert!(told.contains("Magistrate of another world"), "{told}");
    }
    let why = ask(&["demand", "explain", "18-mag-2713", "--format", "json"]);
    assert!(why.contains("declared to live in DE") && !why.contains("declared to live in BR"), "{why}");
    let told = ask(&["reach", "molly@post.example", "--at", "2018-06-01", "--all"]);
    assert!(told.contains("Magistrate of another world"), "{told}");
}

/// What is said of one mailbox fits a screen, on every day on which something of it changed.
#[test]
fn the_reach_for_a_mailbox_fits_a_screen() {
    for account in ["molly@post.example", "geraint@post.example"] {
        for day in ["2014-08-30", "2016-08-01", "2018-06-01", "2020-12-31", "2024-06-01", "2026-09-01"] {
            let told = asked(&["reach", account, "--at", day]);
            assert!(told.lines().count() <= 50, "{} lines:\n{told}", told.lines().count());
            let all = asked(&["reach", account, "--at", day, "--all"]);
            assert!(all.lines().count() > told.lines().count(), "{all}");
        }
    }
}
