//! What is known while a script is read, and what is wrong with it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use super::moment::Moment;
use super::names::Names;
use super::raw::{RawSelector, Text};
use crate::demand::{Demand, DemandId};
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::gate::{Paper, PaperId, Selector};
use crate::world::{Address, AuthorityId, EntityId, Jurisdiction, RegionId};

/// Reads one file, and gathers what is wrong instead of stopping at the first error. A function that returns `None`
/// has said why in `errors`.
pub(super) struct Reader<'a> {
    pub(super) file: &'a SourceFile,
    pub(super) names: &'a Names,
    pub(super) errors: Vec<Diagnostic>,
    /// The script's accounts, by the names it may use for them.
    pub(super) accounts: BTreeMap<String, Address>,
    /// The demands, among them those that a treaty route will bring, with the step that begins them.
    pub(super) matters: BTreeMap<DemandId, usize>,
    /// The orders and filings of each matter, with their step.
    pub(super) papers: BTreeMap<DemandId, BTreeMap<PaperId, usize>>,
    /// The demands that the script itself makes, and the papers entered in each so far.
    pub(super) demands: BTreeMap<DemandId, Demand>,
    pub(super) entered: BTreeMap<DemandId, Vec<Paper>>,
    /// Something that could not be read may have had any name, so a name that is not found proves nothing any more.
    pub(super) lost: bool,
    /// The number of the step from which one looks back: only what had begun by then can be named.
    pub(super) step: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(file: &'a SourceFile, names: &'a Names) -> Self {
        Reader {
            file,
            names,
            errors: Vec::new(),
            accounts: BTreeMap::new(),
            matters: BTreeMap::new(),
            papers: BTreeMap::new(),
            demands: BTreeMap::new(),
            entered: BTreeMap::new(),
            lost: false,
            step: 0,
        }
    }

    pub(super) fn selector(&mut self, raw: &RawSelector) -> Selector {
        let regions = raw.regions.iter().filter_map(|region| self.region(region)).collect();
        Selector { classes: raw.classes.clone(), regions }
    }

    pub(super) fn matter(&mut self, text: &Text) -> Option<DemandId> {
        let id: DemandId = self.parse(text)?;
        let step = self.step;
        let begun: BTreeSet<DemandId> =
            self.matters.iter().filter(|(_, from)| **from <= step).map(|(id, _)| id.clone()).collect();
        if begun.contains(&id) {
            return Some(id);
        }
        if self.lost {
            return None;
        }
        self.unknown("matter", text, begun.iter().map(DemandId::as_str))
            .help("a matter begins with the `demand` of that `id`, and can be named from then on");
        None
    }

    /// A new matter, under an id that none had before.
    pub(super) fn new_matter(&mut self, text: &Text) -> Option<DemandId> {
        let id: DemandId = self.parse(text)?;
        if self.matters.insert(id.clone(), self.step).is_some() {
            self.error(text.span(), format!("a second demand with the id `{id}`"))
                .help("give each its own id");
            return None;
        }
        Some(id)
    }

    pub(super) fn paper(&mut self, matter: &DemandId, text: &Text) -> Option<PaperId> {
        let id: PaperId = self.parse(text)?;
        let step = self.step;
        let papers = self.papers.get(matter).into_iter().flatten();
        let papers: BTreeSet<PaperId> =
            papers.filter(|(_, from)| **from <= step).map(|(id, _)| id.clone()).collect();
        if papers.contains(&id) {
            return Some(id);
        }
        if self.lost {
            return None;
        }
        self.unknown("order or filing", text, papers.iter().map(PaperId::as_str))
            .help(format!("it has to stand in matter `{matter}`, before it is named"));
        None
    }

    /// A new order or filing, under an id that none in its matter had before.
    pub(super) fn new_paper(&mut self, matter: &DemandId, text: &Text) -> Option<PaperId> {
        let id: PaperId = self.parse(text)?;
        if self.papers.entry(matter.clone()).or_default().insert(id.clone(), self.step).is_some() {
            self.error(text.span(), format!("a second order or filing `{id}` in matter `{matter}`"))
                .help("give each its own id");
            return None;
        }
        Some(id)
    }

    pub(super) fn account_named(&mut self, text: &Text) -> Option<Address> {
        let found = self
            .accounts
            .get(text.get_ref())
            .or_else(|| self.accounts.values().find(|address| address.as_str() == text.get_ref()));
        if found.is_some() || self.lost {
            return found.cloned();
        }
        let accounts = self.accounts.clone();
        self.unknown("account", text, accounts.keys().map(String::as_str))
            .help("an account is opened with `[[account]]`, and named by its name or address");
        None
    }

    pub(super) fn region(&mut self, text: &Text) -> Option<RegionId> {
        let names = self.names;
        self.known("region", text, names.regions.keys(), RegionId::as_str)
    }

    pub(super) fn authority(&mut self, text: &Text) -> Option<AuthorityId> {
        let names = self.names;
        self.known("authority", text, names.authorities.keys(), AuthorityId::as_str)
    }

    pub(super) fn entity(&mut self, text: &Text) -> Option<EntityId> {
        let names = self.names;
        self.known("entity of the provider", text, names.entities.keys(), EntityId::as_str)
    }

    pub(super) fn jurisdiction(&mut self, text: &Text) -> Option<Jurisdiction> {
        let names = self.names;
        self.known("jurisdiction", text, names.jurisdictions.iter(), Jurisdiction::as_str)
    }

    pub(super) fn known<'k, T: Clone + 'k>(
        &mut self,
        kind: &str,
        text: &Text,
        known: impl Iterator<Item = &'k T> + Clone,
        as_str: fn(&T) -> &str,
    ) -> Option<T> {
        let found = known.clone().find(|name| as_str(name) == text.get_ref());
        if found.is_none() {
            self.unknown(kind, text, known.map(as_str));
        }
        found.cloned()
    }

    pub(super) fn parse<T: FromStr<Err: fmt::Display>>(&mut self, text: &Text) -> Option<T> {
        match text.get_ref().parse() {
            Ok(value) => Some(value),
            Err(error) => {
                self.error(text.span(), error.to_string());
                None
            }
        }
    }

    /// `Some(None)` where there is nothing to parse.
    pub(super) fn parse_optional<T: FromStr<Err: fmt::Display>>(
        &mut self,
        text: Option<&Text>,
    ) -> Option<Option<T>> {
        inside_out(text.map(|text| self.parse(text)))
    }

    pub(super) fn parse_after(&mut self, text: &Text, earlier: Option<(Moment, &str)>) -> Option<Moment> {
        let moment: Moment = self.parse(text)?;
        match earlier {
            Some((earlier, what)) if moment.time() < earlier.time() => {
                self.error(text.span(), format!("`{moment}` is earlier than {what}, at `{earlier}`"))
                    .help("time only goes forward; put it in its place");
                None
            }
            _ => Some(moment),
        }
    }

    pub(super) fn error(&mut self, span: Range<usize>, what: impl Into<String>) -> Advice<'_> {
        self.errors.push(self.file.at(span, what));
        Advice(&mut self.errors)
    }

    pub(super) fn unknown<'n>(
        &mut self,
        kind: &str,
        text: &Text,
        allowed: impl Iterator<Item = &'n str>,
    ) -> Advice<'_> {
        let found = text.get_ref();
        let error = self.file.at(text.span(), format!("unknown {kind} `{found}`"));
        let allowed: Vec<&str> = allowed.collect();
        let error = if allowed.is_empty() {
            error.help(format!("there is no {kind} to name yet"))
        } else {
            error.allowed(found, allowed)
        };
        self.errors.push(error);
        Advice(&mut self.errors)
    }

    pub(super) fn line(&self, span: Range<usize>) -> usize {
        self.file.at(span, "").place().map_or(0, |(line, _)| line)
    }
}

/// The error that was just noted, so that advice can be added to it.
pub(super) struct Advice<'a>(&'a mut Vec<Diagnostic>);

impl Advice<'_> {
    pub(super) fn help(self, line: impl Into<String>) {
        if let Some(error) = self.0.pop() {
            self.0.push(error.help(line));
        }
    }
}

/// The first line of a table: its span starts at the header, and may end far below.
pub(super) fn header(span: Range<usize>) -> Range<usize> {
    span.start..span.start
}

/// Turns "there may be one, and it may be wrong" inside out: `None` if it is wrong.
pub(super) fn inside_out<T>(value: Option<Option<T>>) -> Option<Option<T>> {
    match value {
        None => Some(None),
        Some(value) => value.map(Some),
    }
}
