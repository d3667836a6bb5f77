use super::Report;
use crate::scenario::case::CaseRow;
use crate::scenario::expectation::Verdict;
use crate::scenario::report::Check;
use crate::scenario::script::Script;

/// A script with what came of it.
#[derive(Clone, Debug)]
pub struct Played {
    pub script: Script,
    pub report: Report,
}

/// What a machine counts as a test: one expectation, or that the play came to its end at all.
pub struct Test<'p> {
    /// Where it was asked, as part of a name: `step-4`, `2014-08-28`, or `play`.
    pub place: String,
    /// One in its place.
    pub name: String,
    /// The line of the script; absent for the play as a whole.
    pub line: Option<usize>,
    pub result: Result<(), Wrong<'p>>,
}

/// Why a test did not pass.
pub struct Wrong<'p> {
    /// `failed`, `unmatched`, `unreached` or `stopped`.
    pub kind: &'static str,
    /// The answer was another; otherwise the question could not be asked.
    pub is_answer: bool,
    pub found: Vec<&'p str>,
}

impl Played {
    /// The line of the table of cases, if the script is about a real one.
    pub fn case(&self) -> Option<CaseRow> {
        let case = self.script.case.as_ref()?;
        Some(CaseRow::of(case, &self.script, &self.report))
    }

    /// The script's name without its folder and ending.
    pub fn name(&self) -> String {
        self.script.path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// The name with the title, which another script may have too: `c01, In re Warrant (Microsoft)`.
    pub fn label(&self) -> String {
        format!("{}, {}", self.name(), self.report.title)
    }

    /// Everything that can pass or fail, in the order in which it was asked. The first is the play itself, so that a
    /// script without expectations is a test too, and one that broke off after its last expectation does not pass.
    pub fn tests(&self) -> Vec<Test<'_>> {
        let whole = Test {
            place: "play".to_owned(),
            name: "the play comes to its end".to_owned(),
            line: self.report.stopped.as_ref().and_then(|stop| stop.line),
            result: match &self.report.stopped {
                None => Ok(()),
                Some(stop) => {
                    Err(Wrong { kind: "stopped", is_answer: false, found: vec![stop.why.as_str()] })
                }
            },
        };
        let mut tests = vec![whole];
        for scene in &self.report.scenes {
            let place = match scene.step {
                Some(step) => format!("step-{step}"),
                None => scene.at.time().to_string(),
            };
            for check in &scene.checks {
                let name = format!("{}: {}", check.subject, check.expected.join(", "));
                // Who reads the results tells tests apart by their names.
                let same = |test: &&Test| {
                    let rest = test.name.strip_prefix(&name);
                    test.place == place && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(" ("))
                };
                let name = match tests.iter().filter(same).count() {
                    0 => name,
                    before => format!("{name} ({})", before + 1),
                };
                let result = wrong(check).map_or(Ok(()), Err);
                tests.push(Test { place: place.clone(), name, line: Some(check.line), result });
            }
        }
        tests
    }

    /// `dublin-warrant.toml:88`, or the file alone.
    pub fn at(&self, line: Option<usize>) -> String {
        line.map_or(self.report.script.clone(), |line| format!("{}:{line}", self.report.script))
    }
}

fn wrong(check: &Check) -> Option<Wrong<'_>> {
    Some(match &check.verdict {
        Verdict::Held => return None,
        Verdict::Failed { found } => {
            Wrong { kind: "failed", is_answer: true, found: found.iter().map(String::as_str).collect() }
        }
        Verdict::Unmatched { why } => Wrong { kind: "unmatched", is_answer: true, found: vec![why] },
        Verdict::Unreached => Wrong {
            kind: "unreached",
            is_answer: false,
            found: vec!["the play ended before it could be asked"],
        },
    })
}
