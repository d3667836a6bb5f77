//! The facts of a case, put together from the world, the demand as its issuer signed it, and what the provider knows
//! of the account. Head office and a region's node gather them in the same way, each from its own sources.

use std::collections::BTreeSet;

use super::question::{Codes, Facts, Holder, Location, Moments, Presence, Process, Role, Treaties};
use crate::clock::{Date, SimTime};
use crate::demand::{Demand, Place};
use crate::world::{
    Country, Entity, EntityRelation, Jurisdiction, KeyCustody, RegionId, TreatyKind, UnknownName, World,
};

/// What neither the world nor the demand says.
#[derive(Clone, Debug)]
pub struct Case<'a> {
    /// Where the item rests.
    pub place: &'a Place,
    pub holder: Holder,
    /// See [`Treaties::on`]; made once for a matter and a day, because it looks at every country.
    pub treaties: Treaties,
    pub received: SimTime,
    pub decided: SimTime,
    /// When the act was carried out, if it has been.
    pub executed: Option<SimTime>,
    /// True while a court's ban on telling anyone of this demand runs.
    pub secrecy_ordered: bool,
    /// True if the authority that was sent a copy said that nothing stands in the way.
    pub cleared: bool,
    /// How often the term of the demand was extended.
    pub extensions: u32,
}

/// Countries with the blocs whose law applies in them on a date.
pub fn codes<'c>(world: &World, countries: impl IntoIterator<Item = &'c Country>, date: Date) -> Codes {
    let mut codes = Codes::new();
    for country in countries {
        codes.insert(Jurisdiction::from(country));
        codes.extend(world.blocs_of(country, date).into_iter().cloned());
    }
    codes
}

impl Facts {
    /// Gathers the facts of one demand and one item. An authority, entity or region that is not in this world is an
    /// error.
    pub fn gather(world: &World, demand: &Demand, case: Case) -> Result<Facts, UnknownName> {
        // Which countries belong to which bloc is asked for the day of the decision.
        let date = case.decided.date_utc();
        let codes = |countries: &BTreeSet<&Country>| codes(world, countries.iter().copied(), date);
        let one = |country: &Country| codes(&BTreeSet::from([country]));
        let authority = world.roster().authority(&demand.issuing)?;
        let validator = demand
            .validating
            .as_ref()
            .map(|id| world.roster().authority(id).map(|validator| validator.kind()));
        let served = world.provider().entity(&demand.served_on)?;
        let mut bound_by: BTreeSet<_> = world.roster().above(authority.id()).into_iter().cloned().collect();
        if authority.binds_itself() {
            bound_by.insert(authority.id().clone());
        }
        let own: Vec<&Entity> = world
            .provider()
            .entities()
            .filter(|entity| entity.relation() != EntityRelation::IndependentTrustee)
            .collect();
        Ok(Facts {
            moments: Moments {
                issued: demand.issued,
                received: case.received,
                decided: case.decided,
                executed: case.executed.unwrap_or(case.decided),
            },
            process: Process {
                proof: demand.proof,
                issuer: authority.kind(),
                validator: validator.transpose()?,
                issuing_in: one(authority.country()),
                bound_by,
                on_behalf_of: demand.on_behalf_of.clone(),
                executes_for: demand.executes.as_ref().map(|request| request.requesting.clone()),
                emergency: demand.emergency,
                secrecy_ordered: case.secrecy_ordered,
                enforcing_notified: demand.enforcing.is_some(),
                cleared: case.cleared,
                term: demand.term,
                extensions: case.extensions,
                many_subjects: demand.accounts.len() > 1,
                offence_years: demand.offence.max_penalty_years,
                offence_listed: demand.offence.listed,
                offence_in: one(&demand.offence.place),
            },
            location: Location {
                rests_in: codes(&countries_of(world, case.place.regions())?),
                known: *case.place != Place::Unknown,
                moving: matches!(case.place, Place::Moving(_)),
            },
            presence: Presence {
                served_in: codes(&served.established_in().iter().chain([served.home()]).collect()),
                home_in: one(world.provider().head_office().home()),
                established_in: codes(&own.iter().flat_map(|entity| entity.established_in()).collect()),
                offers_in: codes(&own.iter().flat_map(|entity| entity.offers_in()).collect()),
            },
            retrievable_from: codes(&fetching(world, case.place.regions())),
            key_custody: custody(world, case.place)?,
            holder: case.holder,
            treaties: case.treaties,
        })
    }

    /// Puts the item elsewhere: with the place go who can fetch it from there and who can use its key. A region that is not
    /// in this world is an error, and leaves the facts as they are.
    pub fn rest(&mut self, world: &World, place: &Place) -> Result<(), UnknownName> {
        let date = self.moments.decided.date_utc();
        let rests_in = codes(world, countries_of(world, place.regions())?, date);
        self.key_custody = custody(world, place)?;
        self.retrievable_from = codes(world, fetching(world, place.regions()), date);
        self.location =
            Location { rests_in, known: *place != Place::Unknown, moving: matches!(place, Place::Moving(_)) };
        Ok(())
    }
}

/// The countries on whose soil regions stand.
fn countries_of<'w>(world: &'w World, regions: &[RegionId]) -> Result<BTreeSet<&'w Country>, UnknownName> {
    regions.iter().map(|region| world.region(region).map(|region| region.country())).collect()
}

/// Countries from which somebody's own staff can fetch what rests in any of these regions. If nobody knows where an
/// item rests, whoever can fetch anything may be able to fetch it.
fn fetching<'w>(world: &'w World, regions: &[RegionId]) -> BTreeSet<&'w Country> {
    let can_fetch = |entity: &&Entity| {
        let within = entity.retrievable_from();
        if regions.is_empty() { !within.is_empty() } else { regions.iter().any(|r| within.contains(r)) }
    };
    world
        .provider()
        .entities()
        .filter(can_fetch)
        .flat_map(|entity| entity.established_in().iter().chain([entity.home()]))
        .collect()
}

/// Who can use the keys: only the regions if that is so in all of them, and it is known which they are.
fn custody(world: &World, place: &Place) -> Result<KeyCustody, UnknownName> {
    let regions: Vec<_> =
        place.regions().iter().map(|region| world.region(region)).collect::<Result<_, _>>()?;
    let only_regions =
        !regions.is_empty() && regions.iter().all(|region| region.key_custody() == KeyCustody::Region);
    Ok(if only_regions { KeyCustody::Region } else { KeyCustody::Provider })
}

impl Treaties {
    /// What was in force on a date between a state and every other. `state` is the one whose request a local order
    /// carries out, else the one on whose behalf the process was issued.
    pub fn on(world: &World, state: &Country, date: Date) -> Treaties {
        let (mut mlat_with, mut agreement_with) = (Codes::new(), Codes::new());
        for other in world.countries().map(|country| country.id()) {
            for treaty in world.treaties_between(state, other, date) {
                let with = match treaty.kind() {
                    TreatyKind::ExecutiveAgreement => &mut agreement_with,
                    _ => &mut mlat_with,
                };
                with.insert(other.into());
            }
        }
        Treaties { mlat_with, agreement_with }
    }

    /// [`Treaties::on`] for the state that a demand is made for.
    pub fn of(world: &World, demand: &Demand, date: Date) -> Treaties {
        let state = demand.executes.as_ref().map_or(&demand.on_behalf_of, |request| &request.requesting);
        Treaties::on(world, state, date)
    }
}

impl Holder {
    /// A holder of whom nothing is known but the country declared at sign-up, which nobody checked.
    pub fn declared(declared_in: Codes) -> Holder {
        Holder {
            resides_in: Codes::new(),
            residence_known: false,
            national_of: Codes::new(),
            nationality_known: false,
            declared_in,
            role: Role::Unknown,
            enterprise: false,
            consent: false,
        }
    }
}
