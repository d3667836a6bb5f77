//! The door through which what a file says becomes what the program knows.

use std::borrow::Borrow;
use std::collections::BTreeSet;
use std::fmt::Display;
use std::ops::Range;
use std::str::FromStr;

use serde_spanned::Spanned;
use toml::Value;
use toml::value::Datetime;

use super::{AuthorityId, Country, EntityId, Jurisdiction, RegionId, TreatyId};
use crate::clock::Date;
use crate::diagnostic::{Diagnostic, SourceFile};

/// A date as a file gives it. Whether it is one is for [`Reading::date`] to say.
pub(super) type RawDate = Spanned<Value>;

/// Every name that a file may refer to, gathered before any reference is followed.
#[derive(Default)]
pub(super) struct Names {
    pub countries: BTreeSet<Country>,
    pub blocs: BTreeSet<Jurisdiction>,
    pub regions: BTreeSet<RegionId>,
    pub entities: BTreeSet<EntityId>,
    pub authorities: BTreeSet<AuthorityId>,
    pub courts: BTreeSet<AuthorityId>,
    pub treaties: BTreeSet<TreatyId>,
}

/// One file being read. A wrong value is noted and becomes `None`, so that a reader hears of all of them at once.
pub(super) struct Reading<'a> {
    pub file: &'a SourceFile,
    pub names: &'a Names,
    pub findings: &'a mut Vec<Diagnostic>,
}

impl Reading<'_> {
    /// Notes an error at a place in the file, with a line that says what to write instead.
    pub fn wrong(&mut self, span: Range<usize>, what: impl Into<String>, help: impl Into<String>) {
        self.findings.push(self.file.at(span, what).help(help));
    }

    /// Reads a value that has a grammar of its own.
    pub fn parse<T: FromStr<Err: Display>>(&mut self, text: &Spanned<String>) -> Option<T> {
        match text.get_ref().parse() {
            Ok(value) => Some(value),
            Err(error) => {
                // What it says is what is allowed.
                self.findings.push(self.file.at(text.span(), error.to_string()));
                None
            }
        }
    }

    /// Reads a value that has to be one of a set.
    pub fn one_of<K: Ord + Clone + Borrow<str>>(
        &mut self,
        kind: &str,
        text: &Spanned<String>,
        allowed: &BTreeSet<K>,
    ) -> Option<K> {
        let found = text.get_ref().as_str();
        let known = allowed.get(found).cloned();
        if known.is_none() {
            let what = format!("unknown {kind} `{found}`");
            self.findings.push(self.file.at(text.span(), what).allowed(found, allowed.iter().map(K::borrow)));
        }
        known
    }

    pub fn country(&mut self, text: &Spanned<String>) -> Option<Country> {
        let names = self.names;
        self.one_of("country", text, &names.countries)
    }

    pub fn bloc(&mut self, text: &Spanned<String>) -> Option<Jurisdiction> {
        let names = self.names;
        self.one_of("bloc", text, &names.blocs)
    }

    pub fn region(&mut self, text: &Spanned<String>) -> Option<RegionId> {
        let names = self.names;
        self.one_of("region", text, &names.regions)
    }

    pub fn entity(&mut self, text: &Spanned<String>) -> Option<EntityId> {
        let names = self.names;
        self.one_of("entity", text, &names.entities)
    }

    /// An authority on the roster; if there is none of that name, the courts are what is suggested.
    pub fn court(&mut self, text: &Spanned<String>) -> Option<AuthorityId> {
        let names = self.names;
        match names.authorities.get(text.get_ref().as_str()) {
            Some(id) => Some(id.clone()),
            None => self.one_of("court", text, &names.courts),
        }
    }

    /// `kind` is how the place speaks of it: an authority, an institution.
    pub fn authority(&mut self, kind: &str, text: &Spanned<String>) -> Option<AuthorityId> {
        let names = self.names;
        self.one_of(kind, text, &names.authorities)
    }

    pub fn treaty(&mut self, text: &Spanned<String>) -> Option<TreatyId> {
        let names = self.names;
        self.one_of("treaty", text, &names.treaties)
    }

    /// Reads a list in which nothing may stand twice.
    pub fn set<K: Ord>(
        &mut self,
        list: &[Spanned<String>],
        mut read: impl FnMut(&mut Self, &Spanned<String>) -> Option<K>,
    ) -> Option<BTreeSet<K>> {
        let mut set = BTreeSet::new();
        let mut whole = true;
        for text in list {
            match read(self, text) {
                Some(value) => {
                    if !set.insert(value) {
                        let what = format!("`{}` is listed twice", text.get_ref());
                        self.wrong(text.span(), what, "leave one of them out");
                        whole = false;
                    }
                }
                None => whole = false,
            }
        }
        whole.then_some(set)
    }

    /// Reads a TOML date without a time of day.
    pub fn date(&mut self, value: &RawDate) -> Option<Date> {
        let read = match value.get_ref() {
            Value::Datetime(Datetime { date: Some(date), time: None, offset: None }) => {
                i16::try_from(date.year).ok().and_then(|year| {
                    Date::new(year, i8::try_from(date.month).ok()?, i8::try_from(date.day).ok()?).ok()
                })
            }
            _ => None,
        };
        if read.is_none() {
            let what = format!("`{}` is not a date", value.get_ref());
            self.wrong(value.span(), what, "write `2018-03-23`, without quotes and without a time of day");
        }
        read
    }

    /// [`Reading::date`] of a value that may be absent. The outer `None` means that it was wrong.
    pub fn date_if(&mut self, value: Option<&RawDate>) -> Option<Option<Date>> {
        match value {
            Some(value) => self.date(value).map(Some),
            None => Some(None),
        }
    }

    /// Reads a line of text that must not be empty.
    pub fn line(&mut self, kind: &str, text: &Spanned<String>) -> Option<String> {
        let line = text.get_ref();
        if line.trim().is_empty() || line.contains(char::is_control) {
            self.wrong(
                text.span(),
                format!("`{line}` is not a {kind}"),
                "write one line of text that says something",
            );
            return None;
        }
        Some(line.clone())
    }
}
