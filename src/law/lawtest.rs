//! Law tests: questions with the answer a lawyer expects, as data files beside the law books.
//!
//! A file says which question it starts `like` and what is `given` in all its tests; each test changes some more facts
//! and names the position and the rules it expects. The rules matter as much as the position: they catch a right answer reached the wrong way.

use std::fmt;
use std::path::Path;

use serde::Deserialize;
use toml::{Spanned, Table, Value};

use super::load::files_in;
use super::{Explanation, Law, PositionKind, Question};
use crate::diagnostic::{Diagnostic, Diagnostics, SourceFile, nearest};
use crate::embedded;
use crate::world::Jurisdiction;

/// One question and the answer it should get.
#[derive(Clone, Debug)]
pub struct LawTest {
    /// File and name: `dublin.toml: the day the stay is lifted`.
    pub name: String,
    pub ask: Jurisdiction,
    pub question: Question,
    pub expect: PositionKind,
    /// Ids of the rules that have to apply: all of them and no other.
    pub rules: Vec<String>,
    /// Rules that must not apply, each with words that must stand in one of the conditions it fails.
    pub closed: Vec<(String, String)>,
    /// Where each rule is named, to be shown if there is none of that name.
    named: Vec<(String, Diagnostic)>,
}

/// How a test went.
#[derive(Clone, Debug)]
pub struct LawTestResult {
    pub test: LawTest,
    pub explanation: Explanation,
    /// What did not come out as expected; none if the test holds.
    pub wrong: Vec<String>,
}

impl LawTestResult {
    pub fn holds(&self) -> bool {
        self.wrong.is_empty()
    }
}

impl fmt::Display for LawTestResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", if self.holds() { "holds" } else { "DOES NOT HOLD" }, self.test.name)?;
        self.wrong.iter().try_for_each(|wrong| write!(f, "\n  {wrong}"))
    }
}

impl LawTest {
    /// The tests that were built into the program.
    pub fn standard() -> Result<Vec<LawTest>, Diagnostics> {
        let files = embedded::under("config/law/tests/").map(|(path, text)| SourceFile::new(path, text));
        LawTest::from_files(files.map(Ok))
    }

    /// Reads the tests of every `.toml` file of a folder that has any, in the order of file names.
    pub fn load(folder: &Path) -> Result<Vec<LawTest>, Diagnostics> {
        let paths = files_in(folder, &["toml"])?;
        LawTest::from_files(paths.iter().map(|path| SourceFile::read(path)))
    }

    fn from_files(
        files: impl Iterator<Item = Result<SourceFile, Diagnostic>>,
    ) -> Result<Vec<LawTest>, Diagnostics> {
        let (mut tests, mut errors) = (Vec::new(), Vec::new());
        let mut read_files = Vec::new();
        for file in files {
            match file {
                Ok(file) => read_files.push(file),
                Err(error) => errors.push(error),
            }
        }
        for file in &read_files {
            match read(file, &read_files) {
                Ok(found) => tests.extend(found),
                Err(error) => errors.push(error),
            }
        }
        Diagnostics::unless(errors.is_empty().then_some(tests), errors)
    }

    /// Finds rules that tests name and no book has: a test that expects such a rule could never hold, and one that expects
    /// it not to apply always would.
    pub fn misnamed(tests: &[LawTest], law: &Law) -> Result<(), Diagnostics> {
        let known: Vec<&str> = law.rules().map(|(_, rule)| rule.id.as_str()).collect();
        let named = tests.iter().flat_map(|test| &test.named);
        let unknown = named.filter(|(id, _)| !known.contains(&id.as_str()));
        let near = |id: &str| {
            let near = nearest(id, known.iter().copied());
            let near = near.map_or_else(String::new, |near| format!("did you mean `{near}`? "));
            format!("{near}`rogatory law at DATE` lists the rules of a day")
        };
        let errors: Vec<Diagnostic> = unknown.map(|(id, place)| place.clone().help(near(id))).collect();
        Diagnostics::unless(errors.is_empty().then_some(()), errors)
    }

    /// Asks the question and compares.
    pub fn run(&self, law: &Law) -> LawTestResult {
        let explanation = law.explain(&self.ask, &self.question);
        let position = &explanation.position;
        let mut wrong = Vec::new();
        if position.kind != self.expect {
            let gap = position.gap.as_ref().map_or(String::new(), |gap| format!(" ({gap})"));
            wrong.push(format!("expected {}, and {} says {}{gap}", self.expect, self.ask, position.kind));
        }
        let mut got: Vec<&str> = position.rules.iter().map(|hit| hit.id.as_str()).collect();
        let mut want: Vec<&str> = self.rules.iter().map(String::as_str).collect();
        got.sort_unstable();
        want.sort_unstable();
        if got != want {
            wrong.push(format!("expected the rules {want:?}, and {got:?} apply"));
        }
        for (rule, words) in &self.closed {
            let failed: Vec<&str> = explanation
                .verdicts
                .iter()
                .filter(|verdict| verdict.rule.id == *rule && !verdict.applies)
                .flat_map(|verdict| verdict.failed().map(|condition| condition.text.as_str()))
                .collect();
            if !failed.iter().any(|text| text.contains(words.as_str())) {
                wrong.push(format!(
                    "expected `{rule}` to fail on a condition with `{words}`, and it failed on {failed:?}"
                ));
            }
        }
        LawTestResult { test: self.clone(), explanation, wrong }
    }
}

fn read(file: &SourceFile, files: &[SourceFile]) -> Result<Vec<LawTest>, Diagnostic> {
    // The question that others start from is no test itself.
    let table: Table = file.parse_toml()?;
    if !table.contains_key("test") {
        return Ok(Vec::new());
    }
    let raw: RawFile = file.parse_toml()?;
    let name = raw.like.get_ref().as_str();
    let mut base: Table = match files.iter().find(|other| other.path().file_name().is_some_and(|n| n == name))
    {
        Some(other) => other.parse_toml()?,
        None => {
            let names = files.iter().filter_map(|other| other.path().file_name()?.to_str());
            return Err(file
                .at(raw.like.span(), format!("no file `{name}` to start from"))
                .allowed(name, names));
        }
    };
    merge(&mut base, &raw.given);
    raw.test.iter().map(|test| read_test(file, &base, raw.ask.as_ref(), test)).collect()
}

fn read_test(
    file: &SourceFile,
    base: &Table,
    ask: Option<&Jurisdiction>,
    spanned: &Spanned<RawTest>,
) -> Result<LawTest, Diagnostic> {
    let raw = spanned.get_ref();
    let ask = raw.ask.as_ref().or(ask).ok_or_else(|| {
        file.at(spanned.span().start..spanned.span().start, format!("`{}` asks no law", raw.name))
            .help("write `ask = \"IE\"`, in the test or once at the head of the file")
    })?;
    let mut question = base.clone();
    if let Some(at) = &raw.at {
        for moment in ["decided", "executed"] {
            set(&mut question, &["facts", "moments", moment], Value::String(at.clone()));
        }
    }
    merge(&mut question, &raw.with);
    noons(&mut question);
    let question = Question::deserialize(question)
        .map_err(|error| file.at(spanned.span(), format!("the question of `{}`: {error}", raw.name)))?;
    let name = file.path().file_name().unwrap_or_default().to_string_lossy();
    Ok(LawTest {
        name: format!("{name}: {}", raw.name),
        ask: ask.clone(),
        question,
        expect: raw.expect,
        rules: raw.rules.iter().map(|rule| rule.get_ref().clone()).collect(),
        closed: raw.closed.iter().map(|c| (c.rule.get_ref().clone(), c.on.clone())).collect(),
        named: raw
            .rules
            .iter()
            .chain(raw.closed.iter().map(|closed| &closed.rule))
            .map(|rule| {
                let what = format!("no book has a rule `{}`", rule.get_ref());
                (rule.get_ref().clone(), file.at(rule.span(), what))
            })
            .collect(),
    })
}

fn set(table: &mut Table, path: &[&str], value: Value) {
    let [first, rest @ ..] = path else { return };
    if rest.is_empty() {
        table.insert((*first).to_owned(), value);
    } else if let Some(Value::Table(inner)) = table.get_mut(*first) {
        set(inner, rest, value);
    }
}

fn merge(into: &mut Table, changes: &Table) {
    for (key, change) in changes {
        match (into.get_mut(key), change) {
            (Some(Value::Table(inner)), Value::Table(change)) => merge(inner, change),
            _ => {
                into.insert(key.clone(), change.clone());
            }
        }
    }
}

/// A bare day among the moments stands for its noon in UTC, so that it is the same day in the courts we know of.
fn noons(question: &mut Table) {
    let moments = question
        .get_mut("facts")
        .and_then(|facts| facts.get_mut("moments"))
        .and_then(|moments| moments.as_table_mut());
    for (_, moment) in moments.into_iter().flatten() {
        if let Value::String(text) = moment
            && text.len() == 10
        {
            text.push_str("T12:00:00Z");
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawFile {
    /// Another file of the folder: the question that the tests start from.
    like: Spanned<String>,
    /// The law that the tests ask, where they name no other.
    ask: Option<Jurisdiction>,
    /// What all tests of the file change in that question.
    #[serde(default)]
    given: Table,
    test: Vec<Spanned<RawTest>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawTest {
    name: String,
    ask: Option<Jurisdiction>,
    /// The day it is decided and carried out.
    at: Option<String>,
    #[serde(default)]
    with: Table,
    expect: PositionKind,
    #[serde(default)]
    rules: Vec<Spanned<String>>,
    #[serde(default)]
    closed: Vec<RawClosed>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawClosed {
    rule: Spanned<String>,
    on: String,
}
