//! What the provider does for a duty of each kind.

use serde::{Deserialize, Serialize};

use super::duty::Duty;
use crate::clock::{Date, SimTime};
use crate::world::{Conduct, Provider, Stance};

/// The provider's stance on one day, as it goes into a decision's premise.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct StanceTable {
    pub compelled: Conduct,
    pub compelled_foreign: Conduct,
    pub conflict: Conduct,
    pub open: Conduct,
    pub free: Conduct,
    pub emergency: Conduct,
}

impl From<&Stance> for StanceTable {
    fn from(stance: &Stance) -> Self {
        StanceTable {
            compelled: stance.compelled,
            compelled_foreign: stance.compelled_foreign,
            conflict: stance.conflict,
            open: stance.open,
            free: stance.free,
            emergency: stance.emergency,
        }
    }
}

/// A change of some of the stance's cases; what is absent stays as it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct StanceChange {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compelled: Option<Conduct>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compelled_foreign: Option<Conduct>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflict: Option<Conduct>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<Conduct>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free: Option<Conduct>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emergency: Option<Conduct>,
}

/// The stance over time: the provider's own dated one, and the changes that it made as it went on.
#[derive(Clone, Debug)]
pub struct Stances<'w> {
    own: &'w Provider,
    changes: Vec<(SimTime, StanceChange)>,
}

impl<'w> Stances<'w> {
    /// Of a provider that made no change of its own dated stance.
    pub fn of(own: &'w Provider) -> Self {
        Stances { own, changes: Vec::new() }
    }

    /// With the changes it made, in order.
    pub fn with(self, changes: Vec<(SimTime, StanceChange)>) -> Self {
        Stances { changes, ..self }
    }

    /// The stance at a moment: of the changes those that had been made.
    pub fn on(&self, at: SimTime) -> StanceTable {
        let made = self.changes.iter().filter(|(from, _)| *from <= at);
        made.fold(StanceTable::from(self.own.stance(at)), |table, (_, change)| table.changed(change))
    }

    /// The first days whose noon in UTC sees another stance than the day before.
    pub fn days(&self) -> impl Iterator<Item = Date> {
        let own = self.own.stances().entries().filter_map(|(from, _)| from);
        let noon = |at: SimTime| at.plus_seconds(12 * 3600 - 1).date_utc();
        own.chain(self.changes.iter().map(move |(from, _)| noon(*from)))
    }
}

impl StanceTable {
    /// The stance after a change.
    pub fn changed(self, change: &StanceChange) -> Self {
        StanceTable {
            compelled: change.compelled.unwrap_or(self.compelled),
            compelled_foreign: change.compelled_foreign.unwrap_or(self.compelled_foreign),
            conflict: change.conflict.unwrap_or(self.conflict),
            open: change.open.unwrap_or(self.open),
            free: change.free.unwrap_or(self.free),
            emergency: change.emergency.unwrap_or(self.emergency),
        }
    }

    /// What the provider does. What is barred and not compelled is refused whatever the stance.
    pub fn conduct(&self, duty: Duty, only_abroad: bool, emergency: bool) -> Conduct {
        match duty {
            Duty::Barred => Conduct::Refuse,
            Duty::Undone | Duty::Moot => Conduct::Lapse,
            Duty::Compelled if only_abroad => self.compelled_foreign,
            Duty::Compelled => self.compelled,
            Duty::Conflicting => self.conflict,
            Duty::Open => self.open,
            Duty::Free if emergency => self.emergency,
            Duty::Free => self.free,
        }
    }
}

impl StanceChange {
    /// The cases that change, with what is done in each.
    pub fn cases(&self) -> impl Iterator<Item = (&'static str, Conduct)> {
        [
            ("compelled", self.compelled),
            ("compelled for data abroad", self.compelled_foreign),
            ("laws in conflict", self.conflict),
            ("law unsettled", self.open),
            ("free", self.free),
            ("emergency", self.emergency),
        ]
        .into_iter()
        .filter_map(|(case, conduct)| Some((case, conduct?)))
    }

    pub fn is_empty(&self) -> bool {
        self.cases().next().is_none()
    }
}
