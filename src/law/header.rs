//! The head of a law book, `config/law/<code>.toml`: whose law it is, what span it covers, which questions it has
//! rules for, and what it calls each class of data.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use serde::Deserialize;
use toml::Spanned;

use super::Question;
use super::names::{act_index, instrument_index};
use crate::clock::{Date, SimTime};
use crate::demand::{Act, InstrumentKind, Purpose, Term};
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::world::{DataClass, Jurisdiction, Source, SourceMark};

/// The format this program reads.
const FORMAT: u32 = 1;

/// The head of a law book, checked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Header {
    /// Whose law this is.
    pub jurisdiction: Jurisdiction,
    pub name: String,
    /// The first day the book speaks for.
    pub from: Date,
    /// The first day it no longer speaks for.
    pub until: Date,
    pub(super) zone: TimeZone,
    covers: BTreeMap<Covered, Vec<Cover>>,
    categories: BTreeMap<(DataClass, Purpose), Category>,
    /// How sure we are of what the law calls each class.
    marks: BTreeMap<DataClass, SourceMark>,
}

/// Whose process, act, instrument, and whether it is about data from now on.
type Covered = (ProcessOf, usize, usize, bool);

/// The days and the classes for which a book has rules; without an end, and without classes, all of them.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Cover {
    from: Option<Date>,
    until: Option<Date>,
    classes: Option<BTreeSet<DataClass>>,
}

impl Cover {
    fn has(&self, class: DataClass, day: Date) -> bool {
        self.from.is_none_or(|from| from <= day)
            && self.until.is_none_or(|until| day < until)
            && self.classes.as_ref().is_none_or(|classes| classes.contains(&class))
    }
}

/// What a book has to say about a class of data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Category {
    /// It has a word for it.
    Called(String),
    /// It has no rules for it, and this is why.
    NotCovered(String),
}

/// Whose authority issued the process, seen from the law book.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ProcessOf {
    Own,
    Foreign,
}

impl ProcessOf {
    pub(super) fn with_article(self) -> &'static str {
        match self {
            ProcessOf::Own => "its own",
            ProcessOf::Foreign => "a foreign",
        }
    }
}

impl Header {
    /// Reads and checks a head. `stem` is the file's name without its ending, which has to be the jurisdiction's code.
    pub(super) fn read(file: &SourceFile, stem: &str) -> Result<Header, Vec<Diagnostic>> {
        let raw: Raw = file.parse_toml().map_err(|error| vec![error])?;
        let mut errors = Vec::new();
        if *raw.format.get_ref() != FORMAT {
            let what = format!("law book format {} is not one this program reads", raw.format.get_ref());
            errors.push(file.at(raw.format.span(), what).help(format!("write `format = {FORMAT}`")));
        }
        let code = raw.jurisdiction.get_ref();
        if code.as_str().to_lowercase() != stem {
            let what = format!("the book of `{code}` is in a file called `{stem}.toml`");
            errors.push(
                file.at(raw.jurisdiction.span(), what)
                    .help(format!("name the files `{0}.toml` and `{0}.cedar`", code.as_str().to_lowercase())),
            );
        }
        let zone = TimeZone::get(raw.time_zone.get_ref()).unwrap_or_else(|_| {
            let what = format!("unknown time zone `{}`", raw.time_zone.get_ref());
            errors.push(file.at(raw.time_zone.span(), what).help("write a name such as `Europe/Dublin`"));
            TimeZone::UTC
        });
        if raw.from.get_ref() >= raw.until.get_ref() {
            let what = format!("the span ends on {} before it begins", raw.until.get_ref());
            errors.push(file.at(raw.until.span(), what).help("`until` is the first day no longer covered"));
        }
        let mut covers: BTreeMap<Covered, Vec<Cover>> = BTreeMap::new();
        for entry in &raw.covers {
            let cover = Cover { from: entry.from, until: entry.until, classes: entry.classes.clone() };
            for act in &entry.acts {
                for instrument in &entry.instruments {
                    for term in &entry.terms {
                        let future = *term == Term::FromNowOn;
                        let key = (entry.process, act_index(*act), instrument_index(*instrument), future);
                        covers.entry(key).or_default().push(cover.clone());
                    }
                }
            }
        }
        let categories = categories(file, &raw.categories, &mut errors);
        let sources = raw.categories.get_ref().iter();
        let marks = sources.filter_map(|(class, entry)| {
            let source: Source = entry.get_ref().source.as_deref()?.parse().ok()?;
            Some((*class.get_ref(), source.mark()))
        });
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Header {
            jurisdiction: raw.jurisdiction.into_inner(),
            name: raw.name,
            from: raw.from.into_inner(),
            until: raw.until.into_inner(),
            zone,
            covers,
            categories,
            marks: marks.collect(),
        })
    }

    /// How sure we are of what this law calls a class of data; none where it has no word for it.
    pub fn category_mark(&self, class: DataClass) -> Option<SourceMark> {
        self.marks.get(&class).copied()
    }

    pub(super) fn day(&self, time: SimTime) -> Date {
        time.date_in(&self.zone)
    }

    pub(super) fn spans(&self, date: Date) -> bool {
        self.from <= date && date < self.until
    }

    /// True if the book has rules for such a question on that day.
    pub(super) fn covers(&self, process: ProcessOf, question: &Question, day: Date) -> bool {
        let Question { act, instrument, class, .. } = question;
        let future = question.facts.process.term == Term::FromNowOn;
        let key = (process, act_index(*act), instrument_index(*instrument), future);
        self.covers.get(&key).is_some_and(|covers| covers.iter().any(|cover| cover.has(*class, day)))
    }

    /// The spans of days in which the book has rules for such questions about a class; an end that is absent is that of
    /// the book.
    pub(super) fn covered_days(
        &self,
        process: ProcessOf,
        act: Act,
        instrument: InstrumentKind,
        term: Term,
        class: DataClass,
    ) -> Vec<(Option<Date>, Option<Date>)> {
        let key = (process, act_index(act), instrument_index(instrument), term == Term::FromNowOn);
        let covers = self.covers.get(&key).into_iter().flatten();
        let about = |cover: &&Cover| cover.classes.as_ref().is_none_or(|classes| classes.contains(&class));
        covers.filter(about).map(|cover| (cover.from, cover.until)).collect()
    }

    /// The days on which it begins or ceases to have rules for some kind of question.
    pub(super) fn cover_days(&self) -> impl Iterator<Item = Date> {
        let days: BTreeSet<Date> =
            self.covers.values().flatten().flat_map(|cover| [cover.from, cover.until]).flatten().collect();
        days.into_iter()
    }

    /// True if the book has rules for this act on this instrument, whoever issued it.
    pub(super) fn covers_at_all(&self, act: Act, instrument: InstrumentKind) -> bool {
        let (act, instrument) = (act_index(act), instrument_index(instrument));
        self.covers.keys().any(|(_, a, i, _)| *a == act && *i == instrument)
    }

    pub(super) fn category(&self, class: DataClass, purpose: Purpose) -> Option<&Category> {
        self.categories.get(&(class, purpose))
    }

    /// Every word this book has for a class of data.
    pub(super) fn category_names(&self) -> BTreeSet<&str> {
        self.categories
            .values()
            .filter_map(|category| match category {
                Category::Called(name) => Some(name.as_str()),
                Category::NotCovered(_) => None,
            })
            .collect()
    }
}

fn categories(
    file: &SourceFile,
    raw: &Spanned<BTreeMap<Spanned<DataClass>, Spanned<RawCategory>>>,
    errors: &mut Vec<Diagnostic>,
) -> BTreeMap<(DataClass, Purpose), Category> {
    let mut categories = BTreeMap::new();
    for (class, entry) in raw.get_ref() {
        let RawCategory { category, evidence, identify, not_covered, source } = entry.get_ref();
        let one = |name: &String| [Category::Called(name.clone()), Category::Called(name.clone())];
        let pair = match (category, evidence, identify, not_covered) {
            (Some(name), None, None, None) => one(name),
            (None, Some(evidence), Some(identify), None) => {
                [Category::Called(evidence.clone()), Category::Called(identify.clone())]
            }
            (None, None, None, Some(why)) if !why.trim().is_empty() => {
                [Category::NotCovered(why.clone()), Category::NotCovered(why.clone())]
            }
            _ => {
                let what = format!("the category of `{}` is not said in one way", class.get_ref());
                errors.push(
                    file.at(entry.span(), what)
                        .help("write `category`, or `evidence` with `identify`, or `not-covered` with why"),
                );
                continue;
            }
        };
        let said = source.as_deref().unwrap_or_default();
        if not_covered.is_none() && said.trim().is_empty() {
            let what = format!("the category of `{}` has no source", class.get_ref());
            errors.push(
                file.at(entry.span(), what).help("write `source = \"...\"`: where that reading comes from"),
            );
        } else if not_covered.is_none()
            && let Err(error) = said.parse::<Source>()
        {
            let what = format!("the source of the category of `{}`: {error}", class.get_ref());
            errors.push(file.at(entry.span(), what).help("write `source = \"verified: where it was read\"`"));
        }
        let [evidence, identify] = pair;
        let names = if evidence == identify { vec![&evidence] } else { vec![&evidence, &identify] };
        for name in names {
            if let Category::Called(name) = name
                && !is_category_name(name)
            {
                let what = format!("`{name}` is not a category name");
                errors.push(file.at(entry.span(), what).help("write lower-case letters and single dashes"));
            }
        }
        categories.insert((*class.get_ref(), Purpose::Evidence), evidence);
        categories.insert((*class.get_ref(), Purpose::Identify), identify);
    }
    for class in DataClass::ALL {
        if !categories.contains_key(&(class, Purpose::Evidence))
            && !raw.get_ref().keys().any(|key| *key.get_ref() == class)
        {
            let what = format!("the data class `{class}` has no category");
            errors.push(
                file.at(raw.span(), what)
                    .help(format!(
                        "add `{class} = {{ category = \"...\", source = \"...\" }}` under [categories]"
                    ))
                    .help("a class that this law has no rules for is `{ not-covered = \"why\" }`"),
            );
        }
    }
    categories
}

fn is_category_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('-')
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// The file as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Raw {
    format: Spanned<u32>,
    jurisdiction: Spanned<Jurisdiction>,
    name: String,
    time_zone: Spanned<String>,
    from: Spanned<Date>,
    until: Spanned<Date>,
    covers: Vec<RawCovers>,
    categories: Spanned<BTreeMap<Spanned<DataClass>, Spanned<RawCategory>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawCovers {
    process: ProcessOf,
    acts: Vec<Act>,
    instruments: Vec<InstrumentKind>,
    terms: Vec<Term>,
    /// The day of the decision; without it, from the first day of the book.
    from: Option<Date>,
    until: Option<Date>,
    classes: Option<BTreeSet<DataClass>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawCategory {
    category: Option<String>,
    evidence: Option<String>,
    identify: Option<String>,
    not_covered: Option<String>,
    source: Option<String>,
}
