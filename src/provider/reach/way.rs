//! The ways in which an authority could demand something, and what would come of each.

use std::collections::{BTreeMap, BTreeSet};

use super::{May, prices};
use crate::clock::SimTime;
use crate::demand::{
    Act, DateRange, Demand, InstrumentKind, Item, Offence, Outcome, Place, ProofLevel, Purpose, Term,
};
use crate::directory::{Account, CopyAt};
use crate::gate::{Duty, Premise, StanceTable, Standing, decide};
use crate::law::{Asking, HolderRecord, Law, Position, PositionKind, Treaties};
use crate::region::OwnLaw;
use crate::world::{
    Authority, AuthorityId, AuthorityKind, Country, Entity, EntityRelation, Jurisdiction, KeyCustody,
    RegionId, World,
};

/// An instrument in the hands of authorities of which every law is told the same: they sit in one country, are of one kind,
/// and follow the same courts. They differ in name, so one answer is the answer of all.
pub(super) struct Way<'w> {
    pub(super) authorities: Vec<&'w Authority>,
    pub(super) instrument: InstrumentKind,
}

/// What is asked on one day: under which law, of a provider of what stance.
pub(super) struct Inquiry<'i> {
    world: &'i World,
    law: &'i Law,
    stance: StanceTable,
    at: SimTime,
    /// The treaties of each state on that day, once they were looked up.
    treaties: BTreeMap<Country, Treaties>,
}

impl<'i> Inquiry<'i> {
    pub(super) fn on(world: &'i World, law: &'i Law, stance: StanceTable, at: SimTime) -> Self {
        Inquiry { world, law, stance, at, treaties: BTreeMap::new() }
    }
}

/// What came of a way, for whoever takes it.
pub(super) struct Taken {
    pub(super) demand: Demand,
    pub(super) duty: Duty,
    pub(super) outcome: Option<Outcome>,
    pub(super) positions: Vec<Position>,
    pub(super) refused_under: Vec<Jurisdiction>,
}

impl Taken {
    /// True if some law compels, whatever others say.
    fn is_compelled(&self) -> bool {
        self.positions.iter().any(|position| position.kind == PositionKind::Compels)
    }
}

/// Every way of some authorities of the roster, in its order.
pub(super) fn ways(world: &World, which: impl Fn(&AuthorityId) -> bool) -> Vec<Way<'_>> {
    type Alike<'w> = (&'w Country, AuthorityKind, BTreeSet<&'w AuthorityId>, InstrumentKind);
    let mut ways: Vec<(Alike<'_>, Way<'_>)> = Vec::new();
    for authority in world.roster().authorities().filter(|authority| which(authority.id())) {
        let mut follows = world.roster().above(authority.id());
        if authority.binds_itself() {
            follows.insert(authority.id());
        }
        for instrument in authority.instruments().iter().copied().filter(|kind| asks_for_data(*kind)) {
            let alike = (authority.country(), authority.kind(), follows.clone(), instrument);
            match ways.iter_mut().find(|(known, _)| *known == alike) {
                Some((_, way)) => way.authorities.push(authority),
                None => ways.push((alike, Way { authorities: vec![authority], instrument })),
            }
        }
    }
    ways.into_iter().map(|(_, way)| way).collect()
}

/// True of what a demand for data is made by. An order that answers a treaty request is the end of a route that begins with
/// another authority; what only keeps data, or asks for a capability, gives none.
fn asks_for_data(instrument: InstrumentKind) -> bool {
    !matches!(
        instrument,
        InstrumentKind::LocalOrder
            | InstrumentKind::PreservationLetter
            | InstrumentKind::EpocPr
            | InstrumentKind::CapabilityNotice
    )
}

impl Way<'_> {
    /// The country of its authorities.
    pub(super) fn country(&self) -> Option<&Country> {
        self.authorities.first().map(|authority| authority.country())
    }

    /// What each of its authorities would get of one copy.
    pub(super) fn taken(&self, inquiry: &mut Inquiry<'_>, account: &Account, copy: &CopyAt) -> Vec<May> {
        let Some(taken) = self.try_all(inquiry, account, copy) else { return Vec::new() };
        let price = prices(&taken.positions);
        let may = |authority: &&Authority| May {
            authority: authority.id().clone(),
            country: authority.country().clone(),
            instrument: self.instrument,
            served_on: taken.demand.served_on.clone(),
            class: copy.class,
            region: copy.region.clone(),
            duty: taken.duty,
            outcome: taken.outcome,
            positions: taken.positions.clone(),
            refused_under: taken.refused_under.clone(),
            price: price.clone(),
        };
        self.authorities.iter().map(may).collect()
    }

    /// What would come of it with each entity that could be served: the first that leads to something, else the first of
    /// which some law says that it has to answer, else the first.
    pub(super) fn try_all(
        &self,
        inquiry: &mut Inquiry<'_>,
        account: &Account,
        copy: &CopyAt,
    ) -> Option<Taken> {
        let authority = self.authorities.first()?;
        let mut best: Option<Taken> = None;
        for entity in self.addressees(inquiry.world, authority.country(), inquiry.at) {
            let demand = self.hypothetical(inquiry, authority, entity, account, copy)?;
            let taken = inquiry.take(account, copy, demand)?;
            if taken.outcome.is_some_and(Outcome::is_production) {
                return Some(taken);
            }
            if best.as_ref().is_none_or(|best| !best.is_compelled() && taken.is_compelled()) {
                best = Some(taken);
            }
        }
        best
    }

    /// Whom an authority would serve: the provider's entity in its own country, else head office. A European order goes to
    /// an entity in another state of a bloc that both belong to, where the provider has one.
    fn addressees<'a>(&self, world: &'a World, country: &'a Country, at: SimTime) -> Vec<&'a Entity> {
        let provider = world.provider();
        let own = |entity: &&Entity| entity.relation() != EntityRelation::IndependentTrustee;
        let usual = provider.established_in(country).find(own).unwrap_or_else(|| provider.head_office());
        if self.instrument != InstrumentKind::Epoc {
            return vec![usual];
        }
        let date = at.date_utc();
        let blocs = world.blocs_of(country, date);
        let shares = |entity: &&Entity| {
            !entity.established_in().contains(country)
                && entity
                    .established_in()
                    .iter()
                    .any(|other| world.blocs_of(other, date).iter().any(|bloc| blocs.contains(bloc)))
        };
        let abroad: Vec<&Entity> = provider.entities().filter(own).filter(shares).collect();
        if abroad.is_empty() { vec![usual] } else { abroad }
    }

    /// The demand that an authority would make, on the most that its instrument can rest on, with all done that the law asks of
    /// it: where another authority has to be told, that one was, and lets the time pass.
    fn hypothetical(
        &self,
        inquiry: &Inquiry<'_>,
        authority: &Authority,
        served: &Entity,
        account: &Account,
        copy: &CopyAt,
    ) -> Option<Demand> {
        let instrument = self.instrument;
        let proof = match instrument {
            InstrumentKind::Warrant | InstrumentKind::LocalOrder => ProofLevel::ProbableCause,
            InstrumentKind::CourtOrder | InstrumentKind::Epoc | InstrumentKind::EpocPr => {
                ProofLevel::ReasonableGrounds
            }
            InstrumentKind::Subpoena
            | InstrumentKind::NationalSecurityLetter
            | InstrumentKind::CivilSubpoena
            | InstrumentKind::Requisition
            | InstrumentKind::Directive => ProofLevel::Relevance,
            InstrumentKind::PreservationLetter | InstrumentKind::CapabilityNotice => ProofLevel::None,
        };
        let enforcing = (instrument == InstrumentKind::Epoc)
            .then(|| {
                inquiry
                    .world
                    .roster()
                    .central_authority(served.home())
                    .map(|authority| authority.id().clone())
            })
            .flatten();
        let country = authority.country();
        Some(Demand {
            id: "what-if".parse().ok()?,
            version: 1,
            instrument,
            basis: String::new(),
            issuing: authority.id().clone(),
            validating: None,
            enforcing,
            on_behalf_of: country.clone(),
            served_on: served.id().clone(),
            issued: inquiry.at,
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
            classes: vec![copy.class],
            range: DateRange::ALL,
            term: Term::Stored,
            purpose: Purpose::Evidence,
            emergency: false,
            secret_until: None,
            deliver_to: authority.id().clone(),
            relates: None,
            executes: None,
        })
    }
}

impl Inquiry<'_> {
    fn take(&mut self, account: &Account, copy: &CopyAt, demand: Demand) -> Option<Taken> {
        let (world, at) = (self.world, self.at);
        let item = Item {
            account: account.address.clone(),
            class: copy.class,
            range: DateRange::ALL,
            place: Place::Region(copy.region.clone()),
        };
        let holder = account.holder.known();
        let asking = Asking {
            world,
            demand: &demand,
            act: Act::Disclose,
            item: &item,
            holder: &holder,
            consent: false,
            cleared: demand.enforcing.is_some(),
            extensions: 0,
            received: at,
            decided: at,
        };
        let treaties = self.treaties.entry(demand.on_behalf_of.clone());
        let treaties = treaties.or_insert_with(|| Treaties::of(world, &demand, at.date_utc())).clone();
        let premise = Premise {
            act: Act::Disclose,
            item: item.clone(),
            question: asking.question_under(treaties).ok()?,
            asked: asking.concerned(),
            standing: Standing { live_since: Some(at), ..Standing::default() },
            stance: self.stance,
            only_abroad: asking.only_abroad(),
            emergency: false,
            has_data: true,
            treaty: asking.treaty_route(),
            return_by: None,
            superseded: false,
            routed: false,
        };
        let decision = decide(self.law, &premise);
        let granted = decision.outcome.is_some_and(Outcome::is_production);
        let refused_under = match granted {
            true => self.refused_under(&demand, &item, &holder, &copy.region)?,
            false => Vec::new(),
        };
        let outcome = if refused_under.is_empty() { decision.outcome } else { Some(Outcome::Rejected) };
        Some(Taken { duty: decision.duty, outcome, positions: decision.positions, refused_under, demand })
    }

    /// The laws of the region's country that keep its node from giving what the gate granted that day. A node of which head
    /// office holds the keys as well cannot refuse, whatever its country's law says.
    fn refused_under(
        &self,
        demand: &Demand,
        item: &Item,
        holder: &HolderRecord,
        region: &RegionId,
    ) -> Option<Vec<Jurisdiction>> {
        if self.world.region(region).ok()?.key_custody() == KeyCustody::Provider {
            return Some(Vec::new());
        }
        let own = OwnLaw { world: self.world, law: self.law, region };
        let objections = own.objections(demand, item, holder, self.at, self.at).ok()?;
        Some(objections.into_iter().map(|position| position.jurisdiction).collect())
    }
}
