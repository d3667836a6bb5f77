//! Results as TAP version 14 (<https://testanything.org/tap-version-14-specification.html>): a subtest for each script, a
//! test point for each expectation, and a YAML block under each that does not hold.

use std::fmt::Write;

use super::Played;
use super::played::{Test, Wrong};

/// All results as one stream.
pub fn tap(plays: &[Played]) -> String {
    let mut lines =
        vec!["TAP version 14".to_owned(), "# SIMULATED".to_owned(), format!("1..{}", plays.len())];
    for (place, play) in plays.iter().enumerate() {
        // In a comment nothing is escaped; readers compare the two names as they are meant.
        let name = one_line(&format!("{}: {}", play.report.script, play.report.title));
        lines.push(format!("# Subtest: {name}"));
        let name = escaped(&name);
        lines.extend(subtest(play).into_iter().map(|line| format!("    {line}")));
        let status = if play.report.holds() { "ok" } else { "not ok" };
        lines.push(format!("{status} {} - {name}", place + 1));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn subtest(play: &Played) -> Vec<String> {
    let tests = play.tests();
    let mut lines = vec![format!("1..{}", tests.len())];
    if let Some(row) = play.case() {
        // A comment: history is told and never fails a test.
        let (happened, says) = (row.case.outcome.as_str(), row.says);
        lines.push(format!("# happened: {happened}; Rogatory: {says}; {}", row.agreement()));
    }
    for (place, test) in tests.iter().enumerate() {
        let status = if test.result.is_ok() { "ok" } else { "not ok" };
        let name = escaped(&format!("{}: {}", test.place.replace("step-", "step "), test.name));
        lines.push(format!("{status} {} - {name}", place + 1));
        if let Err(wrong) = &test.result {
            lines.extend(diagnostic(play, test, wrong).into_iter().map(|line| format!("  {line}")));
        }
    }
    lines
}

fn diagnostic(play: &Played, test: &Test<'_>, wrong: &Wrong<'_>) -> Vec<String> {
    let mut lines = vec!["---".to_owned(), format!("verdict: {}", wrong.kind)];
    lines.push(format!("at: {}", quoted(&play.at(test.line))));
    lines.push("found:".to_owned());
    lines.extend(wrong.found.iter().map(|found| format!("  - {}", quoted(found))));
    lines.push("...".to_owned());
    lines
}

/// A description: a `#` would begin a directive.
fn escaped(text: &str) -> String {
    one_line(text).replace('\\', "\\\\").replace('#', "\\#")
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A double-quoted scalar of YAML on one line.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            c if c.is_control() => {
                // Writing to a string cannot fail.
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_to_a_reader_of_tap_is_escaped() {
        assert_eq!(escaped("a # SKIP \\ b\nc"), "a \\# SKIP \\\\ b c");
        assert_eq!(quoted("\"...\"\n \\ \u{1b}"), "\"\\\"...\\\"\\u000a \\\\ \\u001b\"");
    }
}
