//! Who may read a mailbox, who can, and at what price: three answers, worked out apart.
//!
//! *May* is what the gate would decide if an authority of the roster demanded one class today, with the instrument
//! it could issue. *Can* is who holds a key that opens the copy, whatever the law says. *Price* is what a law that
//! bars or leaves it open threatens.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::view::KeyHolder;
use crate::clock::SimTime;
use crate::demand::{
    Act, DateRange, Demand, Disposition, InstrumentKind, Item, Offence, Outcome, ProofLevel, Purpose, Term,
};
use crate::directory::Account;
use crate::gate::{Duty, Premise, StanceTable, Standing, decide};
use crate::law::{Asking, Law, Position, PositionKind};
use crate::world::{
    Address, AuthorityId, Country, DataClass, EntityId, EntityRelation, Jurisdiction, KeyCustody, RegionId,
    World,
};

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
    pub duty: Duty,
    pub outcome: Option<Outcome>,
    pub positions: Vec<Position>,
    /// What laws that bar, or leave it open, threaten.
    pub price: Vec<Price>,
}

/// A penalty that a law attaches.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct Price {
    pub jurisdiction: Jurisdiction,
    pub rule: String,
    pub penalty: String,
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

/// Works out who may and who can.
pub fn reach(world: &World, law: &Law, stance: StanceTable, account: &Account, at: SimTime) -> ReachView {
    let mut may = Vec::new();
    for copy in account.copies() {
        let item = Item {
            account: account.address.clone(),
            class: copy.class,
            range: DateRange::ALL,
            place: crate::demand::Place::Region(copy.region.clone()),
        };
        for authority in world.roster().authorities() {
            for instrument in authority.instruments() {
                let demand = hypothetical(
                    world,
                    account,
                    authority.id(),
                    authority.country(),
                    *instrument,
                    copy.class,
                    at,
                );
                let Some(demand) = demand else { continue };
                may.extend(may_obtain(world, law, stance, account, &item, &copy.region, demand, at));
            }
        }
    }
    let can = account.copies().iter().flat_map(|copy| holders(world, copy.class, &copy.region)).collect();
    ReachView { account: account.address.clone(), at, may, can }
}

/// The demand an authority would make: on the entity of the provider in its own country, else on head office, at
/// the level of proof its instrument asks for.
fn hypothetical(
    world: &World,
    account: &Account,
    authority: &AuthorityId,
    country: &Country,
    instrument: InstrumentKind,
    class: DataClass,
    at: SimTime,
) -> Option<Demand> {
    if matches!(
        instrument,
        InstrumentKind::LocalOrder
            | InstrumentKind::PreservationLetter
            | InstrumentKind::EpocPr
            | InstrumentKind::CapabilityNotice
    ) {
        return None;
    }
    let provider = world.provider();
    let here = provider
        .established_in(country)
        .find(|entity| entity.relation() != EntityRelation::IndependentTrustee)
        .unwrap_or_else(|| provider.head_office());
    let proof = match instrument {
        InstrumentKind::Warrant | InstrumentKind::LocalOrder => ProofLevel::ProbableCause,
        InstrumentKind::CourtOrder => ProofLevel::ArticulableFacts,
        InstrumentKind::Epoc | InstrumentKind::EpocPr => ProofLevel::ReasonableGrounds,
        InstrumentKind::Subpoena
        | InstrumentKind::NationalSecurityLetter
        | InstrumentKind::CivilSubpoena
        | InstrumentKind::Requisition
        | InstrumentKind::Directive => ProofLevel::Relevance,
        InstrumentKind::PreservationLetter | InstrumentKind::CapabilityNotice => ProofLevel::None,
    };
    Some(Demand {
        id: "what-if".parse().ok()?,
        version: 1,
        instrument,
        basis: String::new(),
        issuing: authority.clone(),
        validating: None,
        enforcing: None,
        on_behalf_of: country.clone(),
        served_on: here.id().clone(),
        issued: at,
        valid_until: None,
        return_by: None,
        proof,
        offence: Offence {
            description: "a serious offence".to_owned(),
            max_penalty_years: 10,
            listed: false,
            place: country.clone(),
        },
        acts: vec![Act::Disclose],
        accounts: vec![account.address.clone()],
        classes: vec![class],
        range: DateRange::ALL,
        term: Term::Stored,
        purpose: Purpose::Evidence,
        emergency: false,
        secret_until: None,
        deliver_to: authority.clone(),
        relates: None,
        executes: None,
    })
}

#[expect(clippy::too_many_arguments, reason = "each is one of the facts that are never mixed")]
fn may_obtain(
    world: &World,
    law: &Law,
    stance: StanceTable,
    account: &Account,
    item: &Item,
    region: &RegionId,
    demand: Demand,
    at: SimTime,
) -> Option<May> {
    let holder = account.holder.known();
    let asking = Asking {
        world,
        demand: &demand,
        act: Act::Disclose,
        item,
        holder: &holder,
        consent: false,
        cleared: false,
        extensions: 0,
        received: at,
        decided: at,
    };
    let premise = Premise {
        act: Act::Disclose,
        item: item.clone(),
        question: asking.question().ok()?,
        asked: asking.concerned(),
        standing: Standing { live_since: Some(at), ..Standing::default() },
        stance,
        only_abroad: asking.only_abroad(),
        emergency: false,
        has_data: true,
        treaty: asking.treaty_route(),
        return_by: None,
        superseded: false,
        routed: false,
    };
    let decision = decide(law, &premise);
    let price = prices(&decision.positions);
    Some(May {
        authority: demand.issuing,
        country: demand.on_behalf_of,
        instrument: demand.instrument,
        served_on: demand.served_on,
        class: item.class,
        region: region.clone(),
        duty: decision.duty,
        outcome: decision.outcome,
        positions: decision.positions,
        price,
    })
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
                Some(Price { jurisdiction: position.jurisdiction.clone(), rule: rule.id.clone(), penalty })
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
    /// In one word, what the authority would get.
    pub fn in_short(&self) -> &'static str {
        match self.outcome {
            Some(outcome) => outcome.as_str(),
            None => Disposition::Pending.as_str(),
        }
    }
}
