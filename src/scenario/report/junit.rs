//! Results as JUnit XML, as build servers read it: a suite for each script, a test case for each expectation.
//!
//! It keeps to what all of them share, the schema of Jenkins' xUnit plug-in (`junit-10.xsd`): an answer that was another
//! is a `failure`, a question that could not be asked an `error`. No `time` is given, because the clock of a play is
//! simulated; where a script and its line are is in the text of what went wrong, since not all readers take a `file`.

use super::Played;
use super::markup::Markup;
use super::played::{Test, Wrong};
use crate::scenario::case::CaseRow;

/// All results as one document.
pub fn junit(plays: &[Played]) -> String {
    let suites: Vec<(&Played, Vec<Test<'_>>)> = plays.iter().map(|play| (play, play.tests())).collect();
    let all = || suites.iter().flat_map(|(_, tests)| tests);
    let mut xml = Markup::new("<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
    let (failures, errors) = (count(all(), true), count(all(), false));
    let counts = [
        ("name", "rogatory scenario"),
        ("tests", &all().count().to_string()),
        ("failures", &failures),
        ("errors", &errors),
    ];
    xml.block("testsuites", &counts, |xml| {
        for (play, tests) in &suites {
            suite(xml, play, tests);
        }
    });
    xml.finish()
}

fn suite(xml: &mut Markup, play: &Played, tests: &[Test<'_>]) {
    let label = play.label();
    let attributes = [
        // Two cases may have one title, and build servers take a name for the whole identity.
        ("name", label.as_str()),
        ("file", &play.report.script),
        ("tests", &tests.len().to_string()),
        ("failures", &count(tests, true)),
        ("errors", &count(tests, false)),
        ("skipped", "0"),
    ];
    xml.block("testsuite", &attributes, |xml| {
        xml.block("properties", &[], |xml| {
            let mut property = |name: &str, value: &str| {
                xml.empty("property", &[("name", name), ("value", value)]);
                xml.line();
            };
            property("simulated", "true");
            property("seed", &play.report.seed);
            if let Some(head) = &play.report.record {
                property("record-size", &head.size.to_string());
                property("record-root", &head.root);
            }
            if let Some(row) = play.case() {
                case(&row, property);
            }
        });
        for test in tests {
            test_case(xml, play, test);
        }
    });
}

/// History is told and never fails a test.
fn case(row: &CaseRow, mut property: impl FnMut(&str, &str)) {
    property("case", &row.case.name);
    property("case-court", &row.case.court);
    property("case-date", &row.case.date.to_string());
    property("case-role", row.case.role.as_str());
    property("case-happened", row.case.outcome.as_str());
    property("case-rogatory-says", row.says.as_str());
    property("case-by", &row.by.join(", "));
    property("case-agrees", row.agreement());
}

fn test_case(xml: &mut Markup, play: &Played, test: &Test<'_>) {
    let class = format!("{}.{}", play.name(), test.place);
    let attributes = [("classname", class.as_str()), ("name", &test.name)];
    match &test.result {
        Ok(()) => xml.empty("testcase", &attributes),
        Err(wrong) => xml.block("testcase", &attributes, |xml| {
            let element = if wrong.is_answer { "failure" } else { "error" };
            let message = wrong.found.join("; ");
            let text = format!("{}: {message}", play.at(test.line));
            xml.leaf(element, &[("type", wrong.kind), ("message", &message)], &text);
        }),
    }
    xml.line();
}

fn count<'t>(tests: impl IntoIterator<Item = &'t Test<'t>>, is_answer: bool) -> String {
    let counts = |test: &&Test| matches!(&test.result, Err(Wrong { is_answer: is, .. }) if *is == is_answer);
    tests.into_iter().filter(counts).count().to_string()
}
