//! Where a matter is put to the law.
//!
//! The desk gathers what one decision depends on from the demand, the world, the directory and the matter's own
//! history, and has it decided. It changes nothing and remembers nothing.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::decision::{ItemDecision, Premise, decide};
use super::matter::Matter;
use super::stance::StanceTable;
use super::standing::Standing;
use crate::clock::SimTime;
use crate::demand::{Act, DateRange, Demand, Item, Place};
use crate::directory::Directory;
use crate::law::{Asking, HolderRecord, Law};
use crate::world::{Address, DataClass, World};

/// How many objects of an item rest where it says; asked of the regions before a decision.
pub type Holdings = BTreeMap<Item, u64>;

/// What a decision is made from.
pub struct Desk<'a> {
    pub world: &'a World,
    pub law: &'a Law,
    pub directory: &'a Directory,
    pub stance: StanceTable,
    pub now: SimTime,
}

impl Desk<'_> {
    /// The items a matter is about: one for every copy of what it asks for. The books of a business are no copies of
    /// anybody's mailbox; they rest where the provider says that it keeps them, and what the law holds on them can be
    /// asked all the same.
    pub fn items(&self, matter: &Matter) -> Vec<Item> {
        let demand = matter.demand();
        let mut items: Vec<Item> = demand
            .accounts
            .iter()
            .flat_map(|account| self.directory.items(account, &demand.classes, demand.range))
            .collect();
        if demand.classes.contains(&DataClass::BusinessRecord) {
            items.extend(demand.accounts.iter().flat_map(|account| self.books(account, demand.range)));
        }
        items.sort();
        items
    }

    fn books(&self, account: &Address, range: DateRange) -> Vec<Item> {
        let class = DataClass::BusinessRecord;
        let Some(holder) = self.directory.get(account).map(|account| &account.holder) else {
            return Vec::new();
        };
        let regions = self.world.regions_for(class, &holder.declared_country, self.now.date_utc());
        let item = |region| Item { account: account.clone(), class, range, place: Place::Region(region) };
        regions.unwrap_or_default().into_iter().map(item).collect()
    }

    /// Gathers the premise of every act on every item that is not settled.
    pub fn premises(&self, matter: &Matter, holdings: &Holdings) -> Vec<Premise> {
        let items = self.items(matter);
        let mut acts = matter.demand().acts.clone();
        acts.sort();
        acts.dedup();
        acts.into_iter()
            .flat_map(|act| items.iter().filter_map(move |item| self.premise(matter, act, item, holdings)))
            .collect()
    }

    fn premise(&self, matter: &Matter, act: Act, item: &Item, holdings: &Holdings) -> Option<Premise> {
        if act == Act::Disclose && matter.is_settled(item) {
            return None;
        }
        let account = self.directory.get(&item.account)?;
        let mut standing = Standing::of(matter.papers(), item, matter.received(), self.now);
        if act == Act::Notify {
            standing.barred_by.extend(standing.silenced_by.iter().cloned());
        }
        let holder = account.holder.known();
        let demand = self.demand_as_ordered(matter, &standing);
        let asking = self.asking(matter, &demand, act, item, &holder, &standing);
        Some(Premise {
            act,
            question: asking.question().ok()?,
            asked: asking.concerned(),
            standing,
            stance: self.stance,
            only_abroad: asking.only_abroad(),
            emergency: matter.demand().emergency,
            has_data: holdings.get(item).is_some_and(|objects| *objects > 0),
            treaty: asking.treaty_route(),
            return_by: matter.demand().return_by,
            superseded: matter.superseded_by().is_some(),
            routed: matter.route().is_some_and(|route| act == Act::Disclose && route.covers(item)),
            item: item.clone(),
        })
    }

    /// The demand, with the ban on telling that a court has ended left out.
    pub(super) fn demand_as_ordered<'m>(&self, matter: &'m Matter, standing: &Standing) -> Cow<'m, Demand> {
        let mut demand = Cow::Borrowed(matter.demand());
        if standing.unsealed_by.is_some() {
            demand.to_mut().secret_until = Some(self.now);
        }
        demand
    }

    pub(super) fn asking<'q>(
        &'q self,
        matter: &Matter,
        demand: &'q Demand,
        act: Act,
        item: &'q Item,
        holder: &'q HolderRecord,
        standing: &Standing,
    ) -> Asking<'q> {
        Asking {
            world: self.world,
            demand,
            act,
            item,
            holder,
            consent: standing.consent,
            cleared: demand.enforcing.as_ref().is_some_and(|e| standing.confirmed_by.contains(e)),
            extensions: standing.extensions,
            received: matter.received(),
            decided: self.now,
        }
    }

    /// Decides every premise.
    pub fn decide(&self, premises: &[Premise]) -> Vec<ItemDecision> {
        premises.iter().map(|premise| decide(self.law, premise)).collect()
    }
}
