//! From what is open of each entry to numbers.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    AbroadRow, ClassRow, Customer, DemandRow, Figures, MissedRow, OtherRow, PublicEntry, PublicEvent, Wanting,
};
use crate::clock::Date;
use crate::demand::{Act, InstrumentKind, Outcome};
use crate::gate::{PublicPlace, Want, counted_in_bands};
use crate::world::{Country, DataClass, World};

/// One demand, as it stood on a day.
pub struct Case {
    pub received: Date,
    pub country: Country,
    pub instrument: InstrumentKind,
    pub accounts: u64,
    executes: Option<Country>,
    emergency: bool,
    acts: Vec<Act>,
    returned: bool,
    enterprise: bool,
    items: BTreeMap<(Act, PublicPlace), Item>,
    /// What was due and not done in time, and for want of what.
    missed: BTreeSet<(Wanting, Act, PublicPlace)>,
}

/// What came of one act on one item so far.
#[derive(Clone, Copy)]
enum Item {
    /// Nothing yet, or a release that no region has answered for.
    Pending,
    Came(Outcome),
}

/// What came of a demand as a whole. The first that applies counts: who got content got content, whatever else.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Came {
    Content,
    NonContent,
    Pending,
    Treaty,
    Rejected,
    Lapsed,
    NoData,
}

/// The demands whose receipt is open, each as of the end of a day.
pub fn cases(entries: &[PublicEntry], day: Date) -> Vec<Case> {
    let mut open: BTreeMap<[u8; 32], usize> = BTreeMap::new();
    let mut cases: Vec<Case> = Vec::new();
    for entry in entries.iter().filter(|entry| entry.event.date() <= day) {
        if let Some(case) = Case::received(&entry.event) {
            open.insert(entry.matter_tag, cases.len());
            cases.push(case);
        } else if let Some(place) = open.get(&entry.matter_tag) {
            cases[*place].take(&entry.event);
        }
    }
    cases
}

impl Case {
    fn received(event: &PublicEvent) -> Option<Self> {
        let PublicEvent::Received {
            date, on_behalf_of, instrument, accounts, acts, emergency, executes, ..
        } = event
        else {
            return None;
        };
        Some(Case {
            received: *date,
            country: on_behalf_of.clone(),
            instrument: *instrument,
            accounts: *accounts as u64,
            executes: executes.clone(),
            emergency: *emergency,
            acts: acts.clone(),
            returned: false,
            enterprise: false,
            items: BTreeMap::new(),
            missed: BTreeSet::new(),
        })
    }

    fn take(&mut self, event: &PublicEvent) {
        match event {
            PublicEvent::Returned { .. } => self.returned = true,
            PublicEvent::Decided { items, .. } => {
                for item in items {
                    self.enterprise |= item.enterprise;
                    let came = match item.outcome {
                        // Granted is not handed over.
                        Some(outcome) if item.act != Act::Disclose || !outcome.is_production() => {
                            Item::Came(outcome)
                        }
                        _ => Item::Pending,
                    };
                    self.items.insert((item.act, item.place.clone()), came);
                }
            }
            PublicEvent::Delivered { answers, .. } => {
                for answer in answers {
                    for place in &answer.items {
                        self.items.insert((Act::Disclose, place.clone()), Item::Came(answer.outcome));
                    }
                }
            }
            PublicEvent::Missed { items, .. } => {
                let missed = items.iter().map(|lapse| {
                    let wanting = match lapse.for_want_of {
                        Want::Quorum => Wanting::Quorum,
                        Want::Region(_) => Wanting::Region,
                    };
                    (wanting, lapse.act, lapse.place.clone())
                });
                self.missed.extend(missed);
            }
            PublicEvent::Received { .. }
            | PublicEvent::Ordered { .. }
            | PublicEvent::Filed { .. }
            | PublicEvent::Routed { .. }
            | PublicEvent::Superseded { .. }
            | PublicEvent::Told { .. } => {}
        }
    }

    fn disclosed(&self) -> impl Iterator<Item = (&PublicPlace, Item)> {
        let disclosing = self.items.iter().filter(|((act, _), _)| *act == Act::Disclose);
        disclosing.map(|((_, place), item)| (place, *item))
    }

    fn came(&self) -> Came {
        if self.returned {
            return Came::Rejected;
        }
        let (mut pending, mut treaty, mut rejected, mut lapsed, mut produced) = Default::default();
        for (place, item) in self.disclosed() {
            match item {
                Item::Came(outcome) if outcome.is_production() => {
                    if place.class == DataClass::Content {
                        return Came::Content;
                    }
                    produced = true;
                }
                Item::Came(Outcome::TreatyOpen | Outcome::Routed) => treaty = true,
                Item::Came(Outcome::Rejected | Outcome::Narrowed | Outcome::Redirected) => rejected = true,
                Item::Came(Outcome::Lapsed) => lapsed = true,
                Item::Came(Outcome::NoData | Outcome::Ended) => {}
                Item::Pending | Item::Came(_) => pending = true,
            }
        }
        match (produced, pending, treaty, rejected, lapsed) {
            (true, ..) => Came::NonContent,
            (_, true, ..) => Came::Pending,
            (_, _, true, ..) => Came::Treaty,
            (_, _, _, true, _) => Came::Rejected,
            (.., true) => Came::Lapsed,
            // Nothing was decided about any item yet.
            _ if self.items.is_empty() => Came::Pending,
            _ => Came::NoData,
        }
    }

    /// True for process that is told of in bands only.
    pub fn is_banded(&self, world: &World) -> bool {
        counted_in_bands(world, &self.country, self.instrument)
    }
}

/// Counts the demands that were received in a span.
pub fn figures(cases: &[Case], world: &World, from: Date, to: Date) -> Figures {
    let mut demands: BTreeMap<(Country, InstrumentKind, Option<Country>), DemandRow> = BTreeMap::new();
    let mut classes: BTreeMap<(Country, InstrumentKind, DataClass, String), u64> = BTreeMap::new();
    let mut others: BTreeMap<(Country, InstrumentKind, Act), OtherRow> = BTreeMap::new();
    let mut abroad: BTreeMap<Customer, AbroadRow> = BTreeMap::new();
    let mut missed: BTreeMap<(Country, InstrumentKind, Wanting), MissedRow> = BTreeMap::new();
    let within = |case: &&Case| (from..=to).contains(&case.received) && !case.is_banded(world);
    for case in cases.iter().filter(within) {
        let (country, instrument) = (case.country.clone(), case.instrument);
        for wanting in case.missed.iter().map(|(wanting, ..)| *wanting).collect::<BTreeSet<_>>() {
            let row = missed.entry((country.clone(), instrument, wanting)).or_insert(MissedRow {
                country: country.clone(),
                instrument,
                for_want_of: wanting,
                demands: 0,
                items: 0,
            });
            row.demands += 1;
            row.items += case.missed.iter().filter(|(other, ..)| *other == wanting).count() as u64;
        }
        if !case.acts.contains(&Act::Disclose) {
            let Some(act) = case.acts.first().copied() else { continue };
            let row = others.entry((country.clone(), instrument, act)).or_insert(OtherRow {
                country,
                instrument,
                act,
                demands: 0,
                accounts: 0,
                done: 0,
            });
            let done =
                |item: &Item| matches!(item, Item::Came(Outcome::Kept | Outcome::Done | Outcome::Ended));
            row.demands += 1;
            row.accounts += case.accounts;
            row.done += u64::from(case.items.values().any(done));
            continue;
        }
        let key = (country.clone(), instrument, case.executes.clone());
        let came = case.came();
        demands.entry(key).or_insert_with(|| DemandRow::empty(case)).add(case, came);
        for (place, item) in case.disclosed() {
            let outcome = match item {
                Item::Came(outcome) => outcome.to_string(),
                Item::Pending => "pending".to_owned(),
            };
            *classes.entry((country.clone(), instrument, place.class, outcome)).or_default() += 1;
        }
        let home = world.provider().head_office().home();
        if instrument == InstrumentKind::Warrant && country == *home && case.content_is_abroad(world) {
            let customer = if case.enterprise { Customer::Enterprise } else { Customer::Consumer };
            let row = abroad.entry(customer).or_insert(AbroadRow {
                country: home.clone(),
                customer,
                warrants: 0,
                content: 0,
            });
            row.warrants += 1;
            row.content += u64::from(came == Came::Content);
        }
    }
    Figures {
        demands: demands.into_values().collect(),
        classes: classes
            .into_iter()
            .map(|((country, instrument, class, outcome), items)| ClassRow {
                country,
                instrument,
                class,
                outcome,
                items,
            })
            .collect(),
        others: others.into_values().collect(),
        abroad: abroad.into_values().collect(),
        missed: missed.into_values().collect(),
    }
}

impl Case {
    /// True if content was asked for and all of it that there is rests outside the demanding state.
    fn content_is_abroad(&self, world: &World) -> bool {
        let content = self.disclosed().filter(|(place, _)| place.class == DataClass::Content);
        let regions: BTreeSet<_> = content.flat_map(|(place, _)| &place.regions).collect();
        let here = |region: &crate::world::RegionId| {
            world.region(region).is_ok_and(|region| *region.country() == self.country)
        };
        !regions.is_empty() && !regions.into_iter().any(here)
    }
}

impl DemandRow {
    fn empty(case: &Case) -> Self {
        DemandRow {
            country: case.country.clone(),
            instrument: case.instrument,
            executes: case.executes.clone(),
            demands: 0,
            accounts: 0,
            emergency: 0,
            content: 0,
            non_content: 0,
            no_data: 0,
            rejected: 0,
            treaty: 0,
            lapsed: 0,
            pending: 0,
        }
    }

    fn add(&mut self, case: &Case, came: Came) {
        self.demands += 1;
        self.accounts += case.accounts;
        self.emergency += u64::from(case.emergency);
        let column = match came {
            Came::Content => &mut self.content,
            Came::NonContent => &mut self.non_content,
            Came::NoData => &mut self.no_data,
            Came::Rejected => &mut self.rejected,
            Came::Treaty => &mut self.treaty,
            Came::Lapsed => &mut self.lapsed,
            Came::Pending => &mut self.pending,
        };
        *column += 1;
    }
}
