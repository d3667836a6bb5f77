//! What courts and parties do to a demand after it was received.
//!
//! An order changes one matter and never the law: what a ruling means for other demands is a dated rule in a law
//! book. What the papers of a matter add up to is a [`super::Standing`].

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::clock::SimTime;
use crate::demand::Item;
use crate::world::{AuthorityId, DataClass, OrderKind, RegionId};

/// The name of an order or filing inside its matter: `stay-2014-08-01`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PaperId(String);

impl PaperId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text that is not the name of an order or filing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the name of an order or filing: 1 to 64 of a-z, 0-9 and dashes")]
pub struct BadPaperId(String);

impl FromStr for PaperId {
    type Err = BadPaperId;

    fn from_str(text: &str) -> Result<Self, BadPaperId> {
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if fits { Ok(PaperId(text.to_owned())) } else { Err(BadPaperId(text.to_owned())) }
    }
}

impl TryFrom<String> for PaperId {
    type Error = BadPaperId;

    fn try_from(text: String) -> Result<Self, BadPaperId> {
        text.parse()
    }
}

impl From<PaperId> for String {
    fn from(id: PaperId) -> String {
        id.0
    }
}

impl fmt::Display for PaperId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for PaperId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which items of a demand are meant. An empty list means all.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Selector {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<DataClass>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<RegionId>,
}

impl Selector {
    pub fn selects(&self, item: &Item) -> bool {
        let class = self.classes.is_empty() || self.classes.contains(&item.class);
        let region = self.regions.is_empty()
            || item.place.regions().iter().any(|region| self.regions.contains(region));
        class && region
    }

    /// True if some item could be selected by both.
    pub fn meets(&self, other: &Selector) -> bool {
        fn meet<T: PartialEq>(one: &[T], other: &[T]) -> bool {
            one.is_empty() || other.is_empty() || one.iter().any(|thing| other.contains(thing))
        }
        meet(&self.classes, &other.classes) && meet(&self.regions, &other.regions)
    }
}

/// An amount of money for each day, in whole units of a currency (ISO 4217).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PerDay {
    pub amount: u64,
    pub currency: String,
}

/// An order of a court or authority in one matter.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Order {
    pub id: PaperId,
    pub by: AuthorityId,
    pub effect: OrderEffect,
    #[serde(default)]
    pub on: Selector,
    pub from: SimTime,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<SimTime>,
    /// The parties agreed to it, as with a contempt that opens the way to an appeal.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_stipulation: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<String>,
}

/// What an order does.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OrderEffect {
    /// Commands compliance, or confirms a command under attack.
    Compels,
    /// Forbids compliance.
    Bars,
    /// Stays the duty; nothing is due meanwhile.
    Suspends,
    /// Ends earlier orders from now on, such as a stay.
    Lifts(Vec<PaperId>),
    /// Narrows the demand to the selected items: the rest is no longer demanded.
    Modifies,
    /// Undoes earlier orders. What those had ended holds again, unless this order names it too.
    Vacates(Vec<PaperId>),
    /// Undoes the demand itself for the selected items.
    Quashes,
    /// Ends the case over the selected items as moot: nothing is left to decide. The demand is neither confirmed nor
    /// undone, and nobody waits for an answer to it any more.
    Dismisses,
    /// Holds the provider in contempt; with an amount, a meter runs until the order ends.
    Fines(Option<PerDay>),
    /// Forbids telling anyone of the demand, until the order ends.
    Silences,
    /// Ends every ban on telling that rests on the demand itself or on an earlier order. What a law forbids by itself is
    /// not an order's to end.
    Unseals,
}

impl OrderEffect {
    pub fn kind(&self) -> OrderKind {
        match self {
            OrderEffect::Compels => OrderKind::Compels,
            OrderEffect::Bars => OrderKind::Bars,
            OrderEffect::Suspends => OrderKind::Suspends,
            OrderEffect::Lifts(_) => OrderKind::Lifts,
            OrderEffect::Modifies => OrderKind::Modifies,
            OrderEffect::Vacates(_) => OrderKind::Vacates,
            OrderEffect::Quashes => OrderKind::Quashes,
            OrderEffect::Dismisses => OrderKind::Dismisses,
            OrderEffect::Fines(_) => OrderKind::Fines,
            OrderEffect::Silences => OrderKind::Silences,
            OrderEffect::Unseals => OrderKind::Unseals,
        }
    }

    pub fn as_str(&self) -> &'static str {
        self.kind().as_str()
    }

    /// The earlier orders this one ends.
    pub fn ends(&self) -> &[PaperId] {
        match self {
            OrderEffect::Lifts(ids) | OrderEffect::Vacates(ids) => ids,
            _ => &[],
        }
    }
}

/// Who filed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Party {
    Provider,
    Authority,
    AccountHolder,
    ThirdParty,
}

/// What was filed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FilingKind {
    Motion,
    Objection,
    Appeal,
    Brief,
    Consent,
    Waiver,
    /// An authority asks for one more term of the same length or the one the law has next.
    Extension,
    Report,
}

/// A filing of a party in one matter.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filing {
    pub id: PaperId,
    pub by: Party,
    pub kind: FilingKind,
    #[serde(default)]
    pub on: Selector,
    pub filed: SimTime,
    /// True if the duty is suspended until a court rules on it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub suspends: bool,
}

/// An order or a filing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Paper {
    Order(Order),
    Filing(Filing),
}

impl Paper {
    pub fn id(&self) -> &PaperId {
        match self {
            Paper::Order(order) => &order.id,
            Paper::Filing(filing) => &filing.id,
        }
    }
}
