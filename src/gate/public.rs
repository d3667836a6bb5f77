//! What anybody may read of an event once its matter may be told of at all.
//!
//! It names no account, no person, no case and no offence: accounts are numbered in the order of the demand. It stands in
//! the entry under a commitment of its own, beside the event itself, so that it can be opened alone; and it follows from
//! the event, so that an auditor can check that it says the same.

use serde::{Deserialize, Serialize};

use super::event::{Answer, Event, Want};
use super::order::{FilingKind, Party};
use super::route::RouteMove;
use crate::clock::Date;
use crate::demand::{Act, InstrumentKind, Item, Outcome};
use crate::gate::Duty;
use crate::world::{Address, Conduct, Country, DataClass, OrderKind, RegionId};

/// An event as the public may read it. Dates are in UTC.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum PublicEvent {
    Received {
        date: Date,
        on_behalf_of: Country,
        instrument: InstrumentKind,
        version: u32,
        accounts: usize,
        classes: Vec<DataClass>,
        acts: Vec<Act>,
        emergency: bool,
        /// The state whose request a local order carries out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        executes: Option<Country>,
    },
    Returned {
        date: Date,
    },
    Decided {
        date: Date,
        items: Vec<PublicItem>,
    },
    Ordered {
        date: Date,
        effect: OrderKind,
    },
    Filed {
        date: Date,
        by: Party,
        kind: FilingKind,
    },
    Delivered {
        date: Date,
        answers: Vec<PublicAnswer>,
    },
    Routed {
        date: Date,
        step: PublicStep,
    },
    Superseded {
        date: Date,
    },
    Missed {
        date: Date,
        items: Vec<PublicLapse>,
    },
    Told {
        date: Date,
        /// Which of the demand's accounts, counted from 1.
        account: usize,
    },
}

/// One item without a name.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PublicPlace {
    /// Which of the demand's accounts, counted from 1.
    pub account: usize,
    pub class: DataClass,
    /// Where it rests; empty if nobody knows.
    pub regions: Vec<RegionId>,
}

/// One act on one item, and what was decided about it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PublicItem {
    #[serde(flatten)]
    pub place: PublicPlace,
    pub act: Act,
    /// The account belongs to a business or another organisation.
    pub enterprise: bool,
    pub duty: Duty,
    pub conduct: Option<Conduct>,
    pub outcome: Option<Outcome>,
    pub treaty: Option<String>,
}

/// One act on one item that was due and not done in time.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PublicLapse {
    #[serde(flatten)]
    pub place: PublicPlace,
    pub act: Act,
    pub due: Date,
    pub for_want_of: Want,
}

/// What came of showing one region its permit.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PublicAnswer {
    pub region: RegionId,
    pub items: Vec<PublicPlace>,
    pub outcome: Outcome,
}

/// A step of a request between two states.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PublicStep {
    Taken,
    Reached,
    Ordered,
    Failed,
    Completed,
}

/// What is open to the public of one entry.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PublicEntry {
    pub entry: u64,
    /// What entries of one matter share, as the entry itself shows it.
    #[serde(with = "crate::base64_bytes")]
    pub matter_tag: [u8; 32],
    pub event: PublicEvent,
}

impl PublicEvent {
    /// What may be read of an event in the matter of a demand for these accounts.
    pub fn of(event: &Event, accounts: &[Address]) -> Self {
        let date = event.at().date_utc();
        match event {
            Event::Received { demand, .. } => PublicEvent::Received {
                date,
                on_behalf_of: demand.on_behalf_of.clone(),
                instrument: demand.instrument,
                version: demand.version,
                accounts: demand.accounts.len(),
                classes: demand.classes.clone(),
                acts: demand.acts.clone(),
                emergency: demand.emergency,
                executes: demand.executes.as_ref().map(|executes| executes.requesting.clone()),
            },
            Event::Returned { .. } => PublicEvent::Returned { date },
            Event::Decided { facts, decision, .. } => {
                let items = decision.iter().map(|item| PublicItem {
                    place: PublicPlace::of(&item.item, accounts),
                    act: item.act,
                    enterprise: facts
                        .iter()
                        .any(|p| p.item.account == item.item.account && p.question.facts.holder.enterprise),
                    duty: item.duty,
                    conduct: item.conduct,
                    outcome: item.outcome,
                    treaty: item.treaty.clone(),
                });
                PublicEvent::Decided { date, items: items.collect() }
            }
            Event::Ordered { order, .. } => PublicEvent::Ordered { date, effect: order.effect.kind() },
            Event::Filed { order, .. } => PublicEvent::Filed { date, by: order.by, kind: order.kind },
            Event::Delivered { production, .. } => {
                let answers = production.iter().map(|answer| PublicAnswer {
                    region: answer.region.clone(),
                    items: answer.items.iter().map(|item| PublicPlace::of(item, accounts)).collect(),
                    outcome: Answer::outcome(&answer.answer),
                });
                PublicEvent::Delivered { date, answers: answers.collect() }
            }
            Event::Routed { route, .. } => {
                let step = match route {
                    RouteMove::Taken { .. } => PublicStep::Taken,
                    RouteMove::Reached { .. } => PublicStep::Reached,
                    RouteMove::Ordered { .. } => PublicStep::Ordered,
                    RouteMove::Failed { .. } => PublicStep::Failed,
                    RouteMove::Completed { .. } => PublicStep::Completed,
                };
                PublicEvent::Routed { date, step }
            }
            Event::Superseded { .. } => PublicEvent::Superseded { date },
            Event::Missed { note, .. } => {
                let items = note.iter().map(|lapse| PublicLapse {
                    place: PublicPlace::of(&lapse.item, accounts),
                    act: lapse.act,
                    due: lapse.due.date_utc(),
                    for_want_of: lapse.for_want_of.clone(),
                });
                PublicEvent::Missed { date, items: items.collect() }
            }
            Event::Told { parties, .. } => PublicEvent::Told { date, account: number(parties, accounts) },
        }
    }

    pub fn date(&self) -> Date {
        match self {
            PublicEvent::Received { date, .. }
            | PublicEvent::Returned { date }
            | PublicEvent::Decided { date, .. }
            | PublicEvent::Ordered { date, .. }
            | PublicEvent::Filed { date, .. }
            | PublicEvent::Delivered { date, .. }
            | PublicEvent::Routed { date, .. }
            | PublicEvent::Superseded { date }
            | PublicEvent::Missed { date, .. }
            | PublicEvent::Told { date, .. } => *date,
        }
    }
}

/// Which of a demand's accounts it is, counted from 1; 0 if it is none of them.
fn number(account: &Address, accounts: &[Address]) -> usize {
    accounts.iter().position(|one| one == account).map_or(0, |place| place + 1)
}

impl PublicPlace {
    fn of(item: &Item, accounts: &[Address]) -> Self {
        PublicPlace {
            account: number(&item.account, accounts),
            class: item.class,
            regions: item.place.regions().to_vec(),
        }
    }
}
