//! Whether anybody may be told of a demand.
//!
//! Every law that the demand is put to is asked about the act `notify`, as about any other act, and the orders of the
//! matter are heard. What comes out free may be told. A law that bars it, an order, and doubt all keep it closed, for as
//! long as they hold: till a date, till an order, or for good.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::desk::Desk;
use super::duty::Duty;
use super::matter::Matter;
use super::order::{OrderEffect, Paper, PaperId};
use super::standing::Standing;
use crate::clock::SimTime;
use crate::demand::{Act, Demand, InstrumentKind, Item, Place};
use crate::law::{HolderRecord, PositionKind, Role};
use crate::world::{Address, Country, DataClass, Jurisdiction, World};

/// What keeps a demand from being told, at one moment; nothing of it is set where it may be told.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Secrecy {
    /// Rules that bar it, with the law each is of.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub rules: BTreeSet<(Jurisdiction, String)>,
    /// Orders that forbid it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub orders: BTreeSet<PaperId>,
    /// Laws in which it is unsettled whether it may be told, or which have no rules on it here. Doubt stays silent.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub unsettled: BTreeSet<Jurisdiction>,
    /// When all of it ends by itself; absent where it ends by an order or not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<SimTime>,
}

impl Secrecy {
    /// True if it may be told.
    pub fn is_over(&self) -> bool {
        self.rules.is_empty() && self.orders.is_empty() && self.unsettled.is_empty()
    }

    /// In words: which rules, orders and doubts, and until when.
    pub fn sentence(&self, day: impl Fn(SimTime) -> String) -> String {
        let mut why: Vec<String> = self.rules.iter().map(|(law, rule)| format!("{rule} ({law})")).collect();
        why.extend(self.orders.iter().map(|order| format!("the order `{order}`")));
        why.extend(self.unsettled.iter().map(|law| format!("unsettled in {law}")));
        let end = match self.until {
            Some(until) => format!("until {}", day(until)),
            None => "with no end but by an order, if that".to_owned(),
        };
        format!("{}, {end}", why.join(", "))
    }

    /// What keeps both of two demands closed that tell of each other.
    #[must_use]
    pub fn and(mut self, other: Secrecy) -> Self {
        self.until = match (self.is_over(), other.is_over()) {
            (true, _) => other.until,
            (false, true) => self.until,
            (false, false) => self.until.zip(other.until).map(|(one, two)| one.max(two)),
        };
        self.rules.extend(other.rules);
        self.orders.extend(other.orders);
        self.unsettled.extend(other.unsettled);
        self
    }
}

/// True for process of which the law of the demanding state lets nobody publish how much there is, but in bands.
pub fn counted_in_bands(world: &World, state: &Country, kind: InstrumentKind) -> bool {
    world.country(state).is_ok_and(|country| country.is_banded(kind))
}

impl Desk<'_> {
    /// What keeps the holder of an account from being told of a matter now.
    pub fn secrecy(&self, matter: &Matter, account: &Address) -> Secrecy {
        let mut items = self.items(matter);
        items.retain(|item| item.account == *account);
        if items.is_empty() {
            // A demand that was sent back may be for what nobody has. The laws of whoever demands it speak all the same.
            items.push(Item {
                account: account.clone(),
                class: matter.demand().classes.first().copied().unwrap_or(DataClass::Subscriber),
                range: matter.demand().range,
                place: Place::Unknown,
            });
        }
        let holder = match self.directory.get(account) {
            Some(account) => account.holder.known(),
            None => HolderRecord {
                declared_country: matter.demand().on_behalf_of.clone(),
                residence: None,
                nationality: None,
                role: Role::Unknown,
                enterprise: false,
            },
        };
        let mut secrecy = Secrecy::default();
        for item in &items {
            secrecy = secrecy.and(self.secrecy_of(matter, item, &holder));
        }
        secrecy
    }

    fn secrecy_of(&self, matter: &Matter, item: &Item, holder: &HolderRecord) -> Secrecy {
        let standing = Standing::of(matter.papers(), item, matter.received(), self.now);
        let demand = self.demand_as_ordered(matter, &standing);
        let mut secrecy = self.bars(matter, &demand, item, holder, &standing);
        secrecy.orders.extend(standing.silenced_by.iter().cloned());
        if secrecy.is_over() {
            return secrecy;
        }
        // Would the law still keep it closed if the demand itself asked for no secrecy any more?
        let mut ends = Vec::new();
        if !secrecy.rules.is_empty() || !secrecy.unsettled.is_empty() {
            let mut open = demand.into_owned();
            let own_end = open.secret_until.replace(self.now);
            let without = self.bars(matter, &open, item, holder, &standing);
            ends.push(own_end.filter(|end| *end > self.now && without.is_over()));
        }
        ends.extend(matter.papers().iter().filter_map(|paper| match paper {
            Paper::Order(order) if standing.silenced_by.contains(&order.id) => Some(order.until),
            _ => None,
        }));
        secrecy.until = ends.into_iter().collect::<Option<Vec<_>>>().and_then(|ends| ends.into_iter().max());
        secrecy
    }

    /// What the laws hold against it.
    fn bars(
        &self,
        matter: &Matter,
        demand: &Demand,
        item: &Item,
        holder: &HolderRecord,
        standing: &Standing,
    ) -> Secrecy {
        let asking = self.asking(matter, demand, Act::Notify, item, holder, standing);
        let asked = asking.concerned();
        let mut secrecy = Secrecy::default();
        let Ok(question) = asking.question() else {
            secrecy.unsettled.extend(asked);
            return secrecy;
        };
        let positions = self.law.positions(&asked, &question);
        if matches!(Duty::of(&positions, &Standing::default()), Duty::Free | Duty::Compelled) {
            return secrecy;
        }
        for position in positions {
            match position.kind {
                PositionKind::Bars => {
                    let rules = position.rules.iter().map(|rule| rule.id.clone());
                    secrecy.rules.extend(rules.map(|rule| (position.jurisdiction.clone(), rule)));
                }
                PositionKind::Open | PositionKind::NotCovered => {
                    secrecy.unsettled.insert(position.jurisdiction);
                }
                PositionKind::Compels | PositionKind::Allows | PositionKind::Silent => {}
            }
        }
        secrecy
    }
}

impl Matter {
    /// The instants at which a ban on telling may begin or end by itself.
    pub fn secrecy_turns(&self) -> impl Iterator<Item = SimTime> {
        let orders = self.papers().iter().filter_map(|paper| match paper {
            Paper::Order(order) if matches!(order.effect, OrderEffect::Silences | OrderEffect::Unseals) => {
                Some([Some(order.from), order.until])
            }
            _ => None,
        });
        self.demand().secret_until.into_iter().chain(orders.flatten().flatten())
    }
}
