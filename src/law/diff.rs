//! What changed: the law from one day to another, and its reading from one revision of the books to another.
//!
//! The two are never mixed. When the law changes, a rule gets another version with days of its own, and what held before
//! stands in the book as it was. When the law was read wrongly, the rule is corrected where it stands, for all of its days:
//! that shows only between two revisions of the books.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::book::Article;
use super::rule::Rule;
use super::{Book, Law};
use crate::clock::Date;
use crate::world::Jurisdiction;

/// A rule that holds otherwise on a later day than on an earlier one.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct LawChange<'l> {
    pub jurisdiction: &'l Jurisdiction,
    /// The version that held on the earlier day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<&'l Rule>,
    /// The version that holds on the later one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<&'l Rule>,
    /// Versions that came and went between the two days.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub between: Vec<&'l Rule>,
}

/// A version of a rule that two revisions of the books read differently.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Correction<'l> {
    pub jurisdiction: &'l Jurisdiction,
    pub id: &'l str,
    /// The first day of the version, which with its id is its name.
    pub from: Option<Date>,
    /// True if only the later revision has it.
    pub added: bool,
    /// True if only the earlier one has it.
    pub removed: bool,
    /// Where both have it: what they say differently.
    pub parts: Vec<Part>,
}

/// One part of a rule in two revisions.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Part {
    /// The name of the annotation, or `conditions`.
    pub name: &'static str,
    /// True if a decision can turn on it; else it is for the reader.
    pub decides: bool,
    /// What the earlier revision has and the later one has not.
    pub before: Vec<String>,
    pub after: Vec<String>,
}

impl Law {
    /// The rules that came, went or changed between two days, in the order of the books.
    pub fn changes(&self, earlier: Date, later: Date) -> Vec<LawChange<'_>> {
        let mut changes = Vec::new();
        for (jurisdiction, book) in &self.books {
            let mut seen: BTreeSet<&str> = BTreeSet::new();
            for article in &book.articles {
                let id = article.rule.id.as_str();
                if !seen.insert(id) {
                    continue;
                }
                let versions =
                    || book.articles.iter().map(|article| &*article.rule).filter(move |rule| rule.id == id);
                let on = |day: Date| versions().find(|rule| rule.holds_on(day));
                let (before, after) = (on(earlier), on(later));
                let within = |rule: &&Rule| {
                    rule.from.is_some_and(|from| earlier < from)
                        && rule.until.is_some_and(|until| until <= later)
                };
                let between: Vec<&Rule> = versions().filter(within).collect();
                let same = before.map(|rule| rule.from) == after.map(|rule| rule.from);
                if !same || !between.is_empty() {
                    changes.push(LawChange { jurisdiction, before, after, between });
                }
            }
        }
        changes
    }

    /// What these books read otherwise than an earlier revision of them, in the order of the books. The law itself is not
    /// asked: a corrected reading holds for every day of its rule.
    pub fn corrections<'l>(&'l self, earlier: &'l Law) -> Vec<Correction<'l>> {
        let mut corrections = Vec::new();
        let versions = |book: Option<&'l Book>| -> BTreeMap<(&'l str, Option<Date>), &'l Article> {
            let articles = book.into_iter().flat_map(|book| &book.articles);
            articles.map(|article| ((article.rule.id.as_str(), article.rule.from), &**article)).collect()
        };
        let codes: BTreeSet<&Jurisdiction> = self.books.keys().chain(earlier.books.keys()).collect();
        for jurisdiction in codes {
            let (old, new) =
                (versions(earlier.books.get(jurisdiction)), versions(self.books.get(jurisdiction)));
            let names: BTreeSet<&(&str, Option<Date>)> = old.keys().chain(new.keys()).collect();
            for name @ (id, from) in names {
                let (old, new) = (old.get(name), new.get(name));
                let parts = match (old, new) {
                    (Some(old), Some(new)) => parts(old, new),
                    _ => Vec::new(),
                };
                let (added, removed) = (old.is_none(), new.is_none());
                if added || removed || !parts.is_empty() {
                    corrections.push(Correction { jurisdiction, id, from: *from, added, removed, parts });
                }
            }
        }
        corrections
    }

    /// The jurisdictions whose head (what it covers, and what it calls the data) is not what it was in an earlier revision,
    /// or whose book is new or gone.
    pub fn heads_changed<'l>(&'l self, earlier: &'l Law) -> Vec<&'l Jurisdiction> {
        let codes: BTreeSet<&Jurisdiction> = self.books.keys().chain(earlier.books.keys()).collect();
        let head = |law: &'l Law, code: &Jurisdiction| law.books.get(code).map(|book| &book.header);
        codes.into_iter().filter(|code| head(self, code) != head(earlier, code)).collect()
    }
}

fn parts(old: &Article, new: &Article) -> Vec<Part> {
    let (before, after) = (&*old.rule, &*new.rule);
    let word = |name, decides, before: String, after: String| {
        (before != after).then_some(Part { name, decides, before: vec![before], after: vec![after] })
    };
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
    let time = |rule: &Rule, after: bool| {
        let time = if after { rule.after } else { rule.within };
        time.map_or("none".to_owned(), |time| time.to_string())
    };
    let until = |rule: &Rule| rule.until.map_or("open".to_owned(), |until| until.to_string());
    let source = |rule: &Rule| rule.source.to_string();
    let (had, has) = (conditions(old), conditions(new));
    let only = |these: &[String], those: &[String]| -> Vec<String> {
        these.iter().filter(|one| !those.contains(one)).cloned().collect()
    };
    let conditions =
        Part { name: "conditions", decides: true, before: only(&had, &has), after: only(&has, &had) };
    [
        word("effect", true, before.effect.to_string(), after.effect.to_string()),
        word("keyed", true, before.keyed.to_string(), after.keyed.to_string()),
        word("until", true, until(before), until(after)),
        word("within", true, time(before, false), time(after, false)),
        word("after", true, time(before, true), time(after, true)),
        (!conditions.before.is_empty() || !conditions.after.is_empty()).then_some(conditions),
        word("weight", false, before.weight.to_string(), after.weight.to_string()),
        word("says", false, before.says.clone(), after.says.clone()),
        word("cite", false, before.cite.clone(), after.cite.clone()),
        word("source", false, source(before), source(after)),
        word("penalty", false, or_none(&before.penalty), or_none(&after.penalty)),
        word("remedy", false, or_none(&before.remedy), or_none(&after.remedy)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What a rule is about and when it applies, one thing a line.
fn conditions(article: &Article) -> Vec<String> {
    let acts = article.acts.iter().map(|act| format!("about the act {act}"));
    let instruments = article.instruments.iter().flatten().map(|kind| format!("about the instrument {kind}"));
    let category = article.category.iter().map(|name| format!("about {name}"));
    let clause = |clause: &super::clause::Clause| {
        format!("{} {}", if clause.unless { "unless" } else { "when" }, clause.text)
    };
    acts.chain(instruments).chain(category).chain(article.clauses.iter().map(clause)).collect()
}
