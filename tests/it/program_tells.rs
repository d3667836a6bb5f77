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
