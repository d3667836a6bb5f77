//! What can happen to a matter. Each event is one entry of the record.
//!
//! The fields of an event are named as the slots of an entry, so that each goes under its own commitment and can be
//! opened to one reader without the others.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::decision::{ItemDecision, Premise};
use super::order::{Filing, Order, PaperId};
use super::route::RouteMove;
use crate::clock::SimTime;
use crate::demand::{Act, Demand, DemandId, Item, Outcome};
use crate::law::Position;
use crate::world::{Address, AuthorityId, EntityId, RegionId};

/// One event in the life of a demand, from receipt to end.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Event {
    /// The demand arrived and its signature is its issuer's.
    Received { demand: Box<Demand>, instrument: InstrumentNote, timing: SimTime },
    /// Intake found it wanting; it goes back with what is wrong.
    Returned { note: Vec<Finding>, timing: SimTime },
    /// Every item was put to every law that may have something to say.
    Decided { law: String, facts: Vec<Premise>, decision: Vec<ItemDecision>, timing: SimTime, note: Cause },
    /// A court or authority made an order in the matter.
    Ordered { order: Order, timing: SimTime },
    /// A party filed something in the matter.
    Filed { order: Filing, timing: SimTime },
    /// Every region that was shown a permit has answered.
    Delivered { production: Vec<RegionAnswer>, timing: SimTime },
    /// The authority took the treaty route, or the request moved along it.
    Routed { route: RouteMove, timing: SimTime },
    /// A later demand of the same authority took this one's place.
    Superseded { note: DemandId, timing: SimTime },
    /// Something was due, and the provider, who would have done it, could not.
    Missed { note: Vec<Lapse>, timing: SimTime },
    /// The holder of an account was told of these entries, which had been closed to them.
    Told { parties: Address, note: Vec<u64>, timing: SimTime },
}

/// What is kept in the record of the signed text: its digest, never the signature.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct InstrumentNote {
    /// SHA-256 of the signed text, in lower-case hexadecimal.
    pub digest: String,
    pub served_on: EntityId,
}

/// What intake found wrong with a demand.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Finding {
    pub what: String,
    /// What the authority can do about it.
    pub remedy: String,
}

/// Why a decision was made now.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    Received,
    Order(PaperId),
    Filing(PaperId),
    Stance,
    LawChanged,
    Superseded,
    Route,
    TimeLimit,
}

/// One act on one item that was due and not done in time.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Lapse {
    pub act: Act,
    pub item: Item,
    pub due: SimTime,
    pub for_want_of: Want,
    /// Since when the matter could not go on.
    pub since: SimTime,
}

/// What a matter cannot go on without.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Want {
    /// Enough witnesses who cosign the record.
    Quorum,
    /// A region's answer.
    Region(RegionId),
}

impl Want {
    /// As what something failed for want of: `a quorum of witnesses`.
    pub fn words(&self) -> String {
        match self {
            Want::Quorum => "a quorum of witnesses".to_owned(),
            Want::Region(region) => format!("an answer of region `{region}`"),
        }
    }
}

/// What one region did when it was shown its permit.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RegionAnswer {
    pub region: RegionId,
    pub items: Vec<Item>,
    pub answer: Answer,
}

/// Produced, or refused under the region's own law or checks.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    Produced {
        /// SHA-256 of the plaintext manifest, in lower-case hexadecimal.
        manifest: String,
        objects: u64,
        bytes: u64,
        /// True if only ciphertext was handed over.
        ciphertext: bool,
        sealed_to: AuthorityId,
        conditions: Vec<String>,
        /// What the region's own law holds against it, where the region could not refuse.
        objections: Vec<Position>,
    },
    Refused {
        why: String,
        positions: Vec<Position>,
    },
}

impl Answer {
    pub fn outcome(&self) -> Outcome {
        match self {
            Answer::Produced { objects: 0, .. } => Outcome::NoData,
            Answer::Produced { ciphertext: false, .. } => Outcome::Produced,
            Answer::Produced { ciphertext: true, .. } => Outcome::ProducedCiphertext,
            Answer::Refused { .. } => Outcome::Rejected,
        }
    }
}

/// An entry whose opened slots are not an event.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the opened slots are not an event: {0}")]
pub struct NotAnEvent(String);

impl NotAnEvent {
    pub(super) fn new(why: impl Into<String>) -> Self {
        NotAnEvent(why.into())
    }
}

impl Event {
    /// The event as slot names with their values.
    pub fn slots(&self) -> Map<String, Value> {
        match serde_json::to_value(self) {
            Ok(Value::Object(slots)) => slots,
            _ => unreachable!("an event serialises as an object with a kind"),
        }
    }

    /// Reads an event back from opened slots.
    pub fn from_slots(slots: Map<String, Value>) -> Result<Self, NotAnEvent> {
        serde_json::from_value(Value::Object(slots)).map_err(|error| NotAnEvent(error.to_string()))
    }

    /// When it happened, in simulated time.
    pub fn at(&self) -> SimTime {
        match self {
            Event::Received { timing, .. }
            | Event::Returned { timing, .. }
            | Event::Decided { timing, .. }
            | Event::Ordered { timing, .. }
            | Event::Filed { timing, .. }
            | Event::Delivered { timing, .. }
            | Event::Routed { timing, .. }
            | Event::Superseded { timing, .. }
            | Event::Missed { timing, .. }
            | Event::Told { timing, .. } => *timing,
        }
    }

    pub fn kind(&self) -> &'static str {
        match self {
            Event::Received { .. } => "received",
            Event::Returned { .. } => "returned",
            Event::Decided { .. } => "decided",
            Event::Ordered { .. } => "ordered",
            Event::Filed { .. } => "filed",
            Event::Delivered { .. } => "delivered",
            Event::Routed { .. } => "routed",
            Event::Superseded { .. } => "superseded",
            Event::Missed { .. } => "missed",
            Event::Told { .. } => "told",
        }
    }
}
