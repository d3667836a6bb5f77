//! Makes recorded decisions again, from what was recorded with them and by the law books that they name, and lists what
//! comes out otherwise.
//!
//! An entry's opening holds the premise of every item beside its decision. Whoever has the opening and the law books it
//! names needs nothing else, and in particular not the provider's word.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::decision::{ItemDecision, Premise, decide};
use super::docket::read_entry;
use super::event::Event;
use super::matter_id::MatterId;
use super::public::PublicEvent;
use crate::demand::{Act, Item};
use crate::law::Law;
use crate::record::about_log::AboutLog;
use crate::record::entry::{Leaf, Slot};
use crate::record::opening::{FullOpening, Opening};
use crate::record::policy::Quorum;
use crate::world::Address;

/// What came of auditing a record, or the openings that one has of it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AuditReport {
    /// Entries that were looked at, closed ones included.
    pub entries: u64,
    /// Entries that the record has.
    pub size: u64,
    /// How many of them hold decisions that were made again.
    pub decisions: u64,
    /// How many acts on items those decisions are about.
    pub items: u64,
    /// Entries that are closed, or not open far enough to tell whether they hold a decision that comes out the same.
    pub closed: Vec<u64>,
    /// Those of them of which the record says that what opened them was erased.
    pub erased: Vec<u64>,
    /// Decisions that were not made again, because the books that they were made by are not here: entries by revision.
    pub other_law: BTreeMap<String, Vec<u64>>,
    /// The revision of the books that were here from the start.
    pub law: String,
    /// Which witnesses cosigned the checkpoint that covers the entries; empty if there is none yet.
    pub cosigned_by: Vec<String>,
    /// True if one of them is an outsider.
    pub outsider: bool,
    /// Entries that no cosigned checkpoint covers.
    pub uncosigned: Vec<u64>,
    /// In the order of the entries; empty if every decision that was made again comes out the same.
    pub differences: Vec<Difference>,
}

impl AuditReport {
    /// True if every decision that is open was made again and comes out the same, and it is not so that what is closed keeps
    /// all of them from it.
    pub fn agrees(&self) -> bool {
        let blind = self.decisions == 0 && !self.closed.is_empty();
        self.differences.is_empty() && self.other_law.is_empty() && !blind
    }
}

/// Something that is not as it was recorded.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Difference {
    pub entry: u64,
    /// Which of the decision's acts on items, counted from 1; absent if it is about the entry as a whole.
    pub item: Option<usize>,
    pub what: String,
}

/// Finds law books by their revision.
pub type FindLaw<'a> = dyn Fn(&str) -> Option<Arc<Law>> + Send + Sync + 'a;

/// An auditor with the law books at hand, and a way to those of other revisions.
pub struct Auditor<'a> {
    law: &'a Law,
    find: Option<&'a FindLaw<'a>>,
    /// Books that were looked for; `None` for those that are nowhere.
    older: BTreeMap<String, Option<Arc<Law>>>,
    /// The accounts of each matter, in the order of its demand.
    accounts: BTreeMap<MatterId, Vec<Address>>,
    /// Of which matter each entry is, by its tag.
    tags: BTreeMap<u64, [u8; 32]>,
    /// Entries that say that a holder was told of others, and of which.
    tellings: BTreeMap<u64, Vec<u64>>,
    /// Entries that say that what opened others was erased, and of which.
    erasures: BTreeMap<u64, Vec<u64>>,
    report: AuditReport,
    /// How many entries a cosigned checkpoint covers.
    covered: u64,
}

impl<'a> Auditor<'a> {
    pub fn new(law: &'a Law) -> Self {
        let report = AuditReport { law: law.revision().to_owned(), ..AuditReport::default() };
        Auditor {
            law,
            find: None,
            older: BTreeMap::new(),
            accounts: BTreeMap::new(),
            tags: BTreeMap::new(),
            tellings: BTreeMap::new(),
            erasures: BTreeMap::new(),
            report,
            covered: 0,
        }
    }

    /// Looks for books of other revisions there.
    #[must_use]
    pub fn finding(mut self, find: &'a FindLaw<'a>) -> Self {
        self.find = Some(find);
        self
    }

    /// Notes how many entries the record has.
    #[must_use]
    pub fn of(mut self, size: u64) -> Self {
        self.report.size = size;
        self
    }

    /// Notes who cosigned the checkpoint that covers the entries below `size`.
    pub fn cosigned(&mut self, size: u64, quorum: &Quorum) {
        self.covered = size;
        self.report.cosigned_by = quorum.cosigners.iter().map(|one| one.witness.clone()).collect();
        self.report.outsider = quorum.outsider;
    }

    /// The books of another revision than those at hand.
    fn other_books(&mut self, revision: &str) -> Option<Arc<Law>> {
        let find = self.find?;
        let found = self.older.entry(revision.to_owned());
        found.or_insert_with(|| find(revision).filter(|law| law.revision() == revision)).clone()
    }

    /// Takes an entry of which everything is open, with its leaf from the record.
    pub fn take_full(&mut self, full: &FullOpening, leaf: &Leaf) {
        if self.take(&full.opening, leaf) {
            self.check_grants(full);
        }
    }

    /// Entries that others name, and of which nothing was seen yet; for [`Auditor::see`].
    pub fn unseen(&self) -> BTreeSet<u64> {
        let named = self
            .tellings
            .iter()
            .chain(&self.erasures)
            .flat_map(|(entry, of)| of.iter().filter(move |of| *of < entry));
        named.copied().filter(|of| !self.tags.contains_key(of)).collect()
    }

    /// Notes of which matter an entry is. Its leaf says so, whether or not anything of it is open.
    pub fn see(&mut self, entry: u64, leaf: &Leaf) {
        self.tags.insert(entry, *leaf.matter_tag());
    }

    /// Takes an entry of which nothing is open.
    pub fn take_closed(&mut self, entry: u64, leaf: &Leaf) {
        self.see(entry, leaf);
        self.note_closed(entry);
    }

    fn note_closed(&mut self, entry: u64) {
        self.report.entries += 1;
        self.report.closed.push(entry);
    }

    /// Takes an entry of which some is open. True if it is a decision that could be made again.
    pub fn take(&mut self, opening: &Opening, leaf: &Leaf) -> bool {
        let entry = opening.entry();
        if entry >= self.covered {
            self.report.uncosigned.push(entry);
        }
        if let Err(error) = opening.check(leaf) {
            self.report.entries += 1;
            self.differ(entry, None, error.to_string());
            return false;
        }
        self.see(entry, leaf);
        if let Some(AboutLog::Erased(erased)) = AboutLog::read(opening) {
            self.erasures.insert(entry, erased.entries);
        }
        self.check_public(opening);
        let open = |slot| opening.value(slot).ok().flatten();
        match open(Slot::Kind) {
            None => {
                self.note_closed(entry);
                return false;
            }
            Some(kind) if kind != "decided" => {
                self.report.entries += 1;
                return false;
            }
            Some(_) => {}
        }
        let (Some(law), Some(facts), Some(decision)) =
            (open(Slot::Law), open(Slot::Facts), open(Slot::Decision))
        else {
            self.note_closed(entry);
            return false;
        };
        self.report.entries += 1;
        let revision = law.as_str().unwrap_or_default().to_owned();
        let other;
        let law = if revision == self.law.revision() {
            self.law
        } else {
            other = self.other_books(&revision);
            let Some(law) = other.as_deref() else {
                self.report.other_law.entry(revision).or_default().push(entry);
                return false;
            };
            law
        };
        let (premises, decisions) = match (
            serde_json::from_value::<Vec<Premise>>(facts),
            serde_json::from_value::<Vec<Value>>(decision),
        ) {
            (Ok(premises), Ok(decisions)) => (premises, decisions),
            (Err(error), _) => {
                self.differ(entry, None, format!("its premises cannot be read: {error}"));
                return false;
            }
            (_, Err(error)) => {
                self.differ(entry, None, format!("its decisions cannot be read: {error}"));
                return false;
            }
        };
        if premises.len() != decisions.len() {
            let what = format!("{} premises, and {} decisions", premises.len(), decisions.len());
            self.differ(entry, None, what);
        }
        self.report.decisions += 1;
        for (place, (premise, recorded)) in premises.iter().zip(&decisions).enumerate() {
            self.report.items += 1;
            let again = serde_json::to_value(decide(law, premise)).unwrap_or_default();
            for (field, recorded, again) in fields_that_differ(recorded, &again) {
                self.differ(
                    entry,
                    Some(place + 1),
                    format!("`{field}` was recorded as {recorded}, and is {again}"),
                );
            }
        }
        true
    }

    /// What the public may read of an entry follows from the entry. Checked as far as that is open, and once the receipt of
    /// its matter was seen, which says which account is meant by which number.
    fn check_public(&mut self, opening: &Opening) {
        let Ok((matter, event)) = read_entry(opening) else { return };
        if let Event::Received { demand, .. } = &event {
            self.accounts.insert(matter.clone(), demand.accounts.clone());
        }
        if let Event::Told { note, .. } = &event {
            self.tellings.insert(opening.entry(), note.clone());
        }
        let (Some(accounts), Ok(Some(recorded))) = (self.accounts.get(&matter), opening.value(Slot::Public))
        else {
            return;
        };
        let again = serde_json::to_value(PublicEvent::of(&event, accounts)).unwrap_or_default();
        if recorded != again {
            let what = "what the public may read of it is not what the entry says".to_owned();
            self.differ(opening.entry(), None, what);
        }
    }

    /// No grant goes beyond what was decided to be handed over.
    fn check_grants(&mut self, full: &FullOpening) {
        let entry = full.opening.entry();
        let decisions = full.opening.value(Slot::Decision).ok().flatten().unwrap_or_default();
        let decisions: Vec<ItemDecision> = serde_json::from_value(decisions).unwrap_or_default();
        let produced = |item: &Item| {
            decisions.iter().any(|decision| {
                decision.item == *item
                    && decision.act == Act::Disclose
                    && decision.outcome.is_some_and(|outcome| outcome.is_production())
            })
        };
        for (region, grant) in &full.grants {
            match grant.read() {
                Err(error) => {
                    self.differ(
                        entry,
                        None,
                        format!("the grant for region `{region}` cannot be read: {error}"),
                    );
                }
                Ok(grant) => {
                    let beyond = grant.terms.items.iter().filter(|item| !produced(item)).count();
                    if beyond > 0 {
                        let what = format!(
                            "region `{region}` was granted {beyond} items that were not decided to be produced"
                        );
                        self.differ(entry, None, what);
                    }
                }
            }
        }
    }

    fn differ(&mut self, entry: u64, item: Option<usize>, what: String) {
        self.report.differences.push(Difference { entry, item, what });
    }

    /// A holder is told of entries that were there, and of the same matter.
    fn check_tellings(&mut self) {
        for (entry, named) in std::mem::take(&mut self.tellings) {
            for of in named {
                let what = match self.tags.get(&of) {
                    _ if of >= entry => "comes no earlier than the telling",
                    None => "was not found in the record",
                    Some(tag) if self.tags.get(&entry) != Some(tag) => "is of another matter",
                    Some(_) => continue,
                };
                self.differ(
                    entry,
                    None,
                    format!("it says that a holder was told of entry {of}, which {what}"),
                );
            }
        }
    }

    /// What was erased is all of one matter up to then, and nothing else: so nobody can call erased what is only withheld.
    fn check_erasures(&mut self) {
        let mut erased = BTreeSet::new();
        for (entry, named) in std::mem::take(&mut self.erasures) {
            let tag = named.first().and_then(|first| self.tags.get(first)).copied();
            let wrong = named.iter().find_map(|of| match self.tags.get(of) {
                _ if *of == 0 || *of >= entry => {
                    Some(format!("{of}, which is not an earlier entry of a matter"))
                }
                None => Some(format!("{of}, which was not found in the record")),
                found if found.copied() != tag => {
                    Some(format!("{of}, which is of another matter than the first"))
                }
                Some(_) => None,
            });
            let all: BTreeSet<u64> = named.iter().copied().collect();
            let same =
                |(of, other): &(&u64, &[u8; 32])| **of < entry && Some(**other) == tag && !all.contains(of);
            let left = self.tags.iter().find(same).map(|(of, _)| *of);
            match (wrong, left) {
                (Some(wrong), _) => {
                    self.differ(entry, None, format!("it says that what opens others was erased: {wrong}"))
                }
                (None, Some(left)) => {
                    let what = format!(
                        "it says that what opens a matter was erased, and leaves out entry {left} of that matter"
                    );
                    self.differ(entry, None, what);
                }
                (None, None) => erased.extend(named),
            }
        }
        self.report.erased =
            self.report.closed.iter().copied().filter(|entry| erased.contains(entry)).collect();
    }

    pub fn report(mut self) -> AuditReport {
        self.check_tellings();
        self.check_erasures();
        self.report.differences.sort_by_key(|difference| difference.entry);
        self.report
    }
}

/// The fields of two objects that are not equal, with both values; absent is null.
fn fields_that_differ(recorded: &Value, again: &Value) -> Vec<(String, Value, Value)> {
    let fields = |value: &Value| value.as_object().cloned().unwrap_or_default();
    let (mut recorded, again) = (fields(recorded), fields(again));
    let mut differ: Vec<(String, Value, Value)> = Vec::new();
    for (field, value) in again {
        let before = recorded.remove(&field).unwrap_or_default();
        if before != value {
            differ.push((field, before, value));
        }
    }
    differ.extend(recorded.into_iter().map(|(field, value)| (field, value, Value::Null)));
    differ
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.item {
            Some(item) => write!(f, "entry {}, item {item}: {}", self.entry, self.what),
            None => write!(f, "entry {}: {}", self.entry, self.what),
        }
    }
}
