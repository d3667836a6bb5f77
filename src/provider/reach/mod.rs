//! Who may read a mailbox, who can, and at what price: three answers, worked out apart.
//!
//! *May* is about the front door: what would come of it if an authority of the roster demanded one class that day, by an
//! instrument it could issue, as well founded as such an instrument can be. The law says what the duty is, the provider's
//! stance what the gate decides, and then a machine has its say: where head office holds no key, the region's node asks its
//! own country's law, and refuses what that law does not let it give. *Can* is who holds a key that opens the copy,
//! whatever the law says. *Price* is what a law that bars or leaves it open threatens.

mod sweep;
mod way;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::view::KeyHolder;
use crate::clock::SimTime;
use crate::demand::{Disposition, InstrumentKind, Outcome};
use crate::directory::Account;
use crate::gate::{Duty, StanceTable};
use crate::law::{Law, Position, PositionKind};
use crate::world::{
    Address, AuthorityId, Country, DataClass, EntityId, Jurisdiction, KeyCustody, RegionId, SourceMark, World,
};

pub use sweep::{Prospect, SweepView, Turn, WayChange, sweep};
use way::{Inquiry, Way, ways};

/// Everything `reach` says about one account on one day.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ReachView {
    pub account: Address,
    pub at: SimTime,
    pub may: Vec<May>,
    pub can: Vec<Can>,
}

/// What an authority could obtain, of one copy, by one instrument.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct May {
    pub authority: AuthorityId,
    /// The authority's own.
    pub country: Country,
    pub instrument: InstrumentKind,
    /// The entity of the provider that it would serve.
    pub served_on: EntityId,
    pub class: DataClass,
    pub region: RegionId,
    /// What the law makes of it.
    pub duty: Duty,
    /// What would come of it in the end, the region's own answer included.
    pub outcome: Option<Outcome>,
    pub positions: Vec<Position>,
    /// Laws of the region's country under which its node would refuse what the gate would grant, because head office holds
    /// no key there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refused_under: Vec<Jurisdiction>,
    /// What laws that bar, or leave it open, threaten.
    pub price: Vec<Price>,
}

/// A penalty that a law attaches.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Price {
    pub jurisdiction: Jurisdiction,
    pub rule: String,
    pub penalty: String,
    /// How sure we are of the least sure part of the rule that it stands in.
    pub mark: SourceMark,
}

/// Who holds a key that opens a copy.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Can {
    pub class: DataClass,
    pub region: RegionId,
    pub who: KeyHolder,
    pub entity: EntityId,
    /// True if nothing forces this holder to leave an entry in the record. Whoever runs a node can go round it.
    pub unrecorded: bool,
    pub why: String,
}

/// What one authority could obtain of one mailbox.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Obtainable {
    pub account: Address,
    /// Every way that the authority has, also those that lead to nothing.
    pub ways: Vec<May>,
}

/// What one authority could obtain, of every mailbox there is.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ByView {
    pub authority: AuthorityId,
    pub at: SimTime,
    pub mailboxes: Vec<Obtainable>,
}

/// Works out who may and who can.
pub fn reach(world: &World, law: &Law, stance: StanceTable, account: &Account, at: SimTime) -> ReachView {
    let mut inquiry = Inquiry::on(world, law, stance, at);
    let ways = ways(world, |_| true);
    let mut may = Vec::new();
    for copy in account.copies() {
        for way in &ways {
            may.extend(way.taken(&mut inquiry, account, copy));
        }
    }
    let can = account.copies().iter().flat_map(|copy| holders(world, copy.class, &copy.region)).collect();
    ReachView { account: account.address.clone(), at, may, can }
}

/// Works out what one authority could obtain of each of many accounts.
pub fn reach_by<'a>(
    world: &World,
    law: &Law,
    stance: StanceTable,
    authority: &AuthorityId,
    accounts: impl Iterator<Item = &'a Account>,
    at: SimTime,
) -> ByView {
    let mut inquiry = Inquiry::on(world, law, stance, at);
    let ways: Vec<Way<'_>> = ways(world, |id| id == authority);
    let mut of = |account: &Account| {
        let taken = account.copies().iter().flat_map(|copy| {
            let taken = ways.iter().map(|way| way.taken(&mut inquiry, account, copy));
            taken.flatten().collect::<Vec<May>>()
        });
        Obtainable { account: account.address.clone(), ways: taken.collect() }
    };
    ByView { authority: authority.clone(), at, mailboxes: accounts.map(&mut of).collect() }
}

/// What the laws that bar or leave it open threaten.
pub fn prices(positions: &[Position]) -> Vec<Price> {
    let against = |position: &&Position| matches!(position.kind, PositionKind::Bars | PositionKind::Open);
    let prices: BTreeSet<Price> = positions
        .iter()
        .filter(against)
        .flat_map(|position| {
            position.rules.iter().filter_map(|rule| {
                let penalty = rule.penalty.clone()?;
                let (jurisdiction, mark) = (position.jurisdiction.clone(), rule.source.mark());
                Some(Price { jurisdiction, rule: rule.id.clone(), penalty, mark })
            })
        })
        .collect();
    prices.into_iter().collect()
}

fn holders(world: &World, class: DataClass, region: &RegionId) -> Vec<Can> {
    let Ok(facts) = world.region(region) else { return Vec::new() };
    let operator = Can {
        class,
        region: region.clone(),
        who: KeyHolder::Region,
        entity: facts.operator().clone(),
        unrecorded: true,
        why: "runs the node and holds the region's key; the software asks for a permit, and whoever runs it could \
              change the software"
            .to_owned(),
    };
    let mut holders = vec![operator];
    if facts.key_custody() == KeyCustody::Provider {
        holders.push(Can {
            class,
            region: region.clone(),
            who: KeyHolder::HeadOffice,
            entity: world.provider().head_office().id().clone(),
            unrecorded: true,
            why: "holds a wrap of the copy's key; with the region's ciphertext it needs no permit".to_owned(),
        });
    }
    holders
}

impl May {
    /// True if the authority would get something.
    pub fn obtains(&self) -> bool {
        self.outcome.is_some_and(Outcome::is_production)
    }

    /// True if some law says that it has to be given, whatever others say.
    pub fn is_compelled_by_a_law(&self) -> bool {
        self.positions.iter().any(|position| position.kind == PositionKind::Compels)
    }

    /// In one word, what the authority would get.
    pub fn in_short(&self) -> &'static str {
        match self.outcome {
            Some(outcome) => outcome.as_str(),
            None => Disposition::Pending.as_str(),
        }
    }
}
