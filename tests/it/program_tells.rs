//! What a running demo tells about demands and mailboxes.

use crate::program::{run, running_demo, text};

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
