//! The world: regions, countries, courts and whom they bind, treaties, the provider's entities, the roster of
//! authorities and their keys, distances.
//!
//! A [`World`] is read once, from the files built into the binary or from a folder like them, and checked as a
//! whole. What refers to something that is not there, or contradicts something else, is an error where it was
//! written: no name ever stands for a default. After that everything here is a plain value that cannot change, and
//! a lookup either answers or says what is known.

mod authority;
mod changes;
mod citation;
mod class;
mod country;
mod dated;
mod entity;
mod geo;
mod id;
mod instrument;
mod load;
mod mark;
mod order;
mod placement;
mod places;
mod provider;
mod reading;
mod region;
mod roster;
mod route;
mod source;
mod stance;
mod treaty;
mod unknown;
mod witness;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

pub use authority::{Authority, AuthorityKind, BadRecipientKey, RecipientKey};
pub use changes::WorldChanges;
pub use citation::{BadSource, Source, SourcePart};
pub use class::{DataClass, UnknownClass};
pub use country::{Bloc, CountryFacts, Membership, OptOut, Standing};
pub use dated::Dated;
pub use entity::{Entity, EntityRelation};
pub use geo::{BadCoordinates, Coordinates, wan_delay};
pub use id::{Address, AuthorityId, BadName, Country, EntityId, Jurisdiction, RegionId, TreatyId, WitnessId};
pub use instrument::{InstrumentKind, UnknownInstrument};
pub use mark::SourceMark;
pub use order::OrderKind;
pub use placement::{Placement, PlacementRule, Site};
pub use provider::Provider;
pub use region::{KeyCustody, Region, StoreKind};
pub use roster::{RecipientSecret, Roster};
pub use route::{LocalOrderRule, Percentile, QUANTILES, Route, Stage};
pub use source::WorldSource;
pub use stance::{Conduct, Stance};
pub use treaty::{OtherDate, Treaty, TreatyKind};
pub use unknown::UnknownName;
pub use witness::{BadWitnessUrl, Elsewhere, OutsideWitness, WitnessUrl};

use crate::clock::{Date, SimTime};
use crate::diagnostic::Diagnostics;

/// Everything that stands still while demands come and go.
#[derive(Clone, Debug)]
pub struct World {
    source: WorldSource,
    blocs: BTreeMap<Jurisdiction, Bloc>,
    countries: BTreeMap<Country, CountryFacts>,
    regions: BTreeMap<RegionId, Region>,
    provider: Provider,
    roster: Roster,
    treaties: BTreeMap<TreatyId, Treaty>,
    routes: Vec<Route>,
}

impl World {
    /// The world built into the binary.
    pub fn standard() -> Result<Self, Diagnostics> {
        World::from_source(WorldSource::standard())
    }

    /// Reads `regions/` and `config/` under a folder.
    pub fn load(root: &Path) -> Result<Self, Diagnostics> {
        World::from_source(WorldSource::read(root)?)
    }

    /// Reads and checks a world from its texts.
    pub fn from_source(source: WorldSource) -> Result<Self, Diagnostics> {
        load::load(source)
    }

    /// The same world for a play, which asks nobody outside: whoever plays it makes every witness.
    pub fn with_all_witnesses_made_here(mut self) -> Self {
        self.roster.make_all_witnesses_here();
        self
    }

    /// The texts it was read from.
    pub fn source(&self) -> &WorldSource {
        &self.source
    }

    /// See [`WorldSource::digest`].
    pub fn digest(&self) -> [u8; 32] {
        self.source.digest()
    }

    /// See [`WorldSource::roster_digest`].
    pub fn roster_digest(&self) -> [u8; 32] {
        self.source.roster_digest()
    }

    /// All regions, in order of their ids.
    pub fn regions(&self) -> impl ExactSizeIterator<Item = &Region> {
        self.regions.values()
    }

    pub fn region(&self, id: &RegionId) -> Result<&Region, UnknownName> {
        self.regions
            .get(id)
            .ok_or_else(|| UnknownName::new("region", id.as_str(), self.regions.keys().map(RegionId::as_str)))
    }

    pub fn countries(&self) -> impl ExactSizeIterator<Item = &CountryFacts> {
        self.countries.values()
    }

    pub fn country(&self, id: &Country) -> Result<&CountryFacts, UnknownName> {
        self.countries.get(id).ok_or_else(|| {
            UnknownName::new("country", id.as_str(), self.countries.keys().map(Country::as_str))
        })
    }

    pub fn blocs(&self) -> impl ExactSizeIterator<Item = &Bloc> {
        self.blocs.values()
    }

    /// The civil date of an instant where a law applies: in the country, or at the seat of the bloc.
    pub fn legal_date(&self, law: &Jurisdiction, at: SimTime) -> Result<Date, UnknownName> {
        let zone = match self.blocs.get(law) {
            Some(bloc) => bloc.zone(),
            None => self.countries.get(law.as_str()).map(CountryFacts::zone).ok_or_else(|| {
                let known = self.countries.keys().map(Country::as_str);
                let known = known.chain(self.blocs.keys().map(Jurisdiction::as_str));
                UnknownName::new("jurisdiction", law.as_str(), known)
            })?,
        };
        Ok(at.date_in(zone))
    }

    /// The first instant of a civil date where a law applies; `None` for a law that is not of this world.
    pub fn start_of_day(&self, law: &Jurisdiction, date: Date) -> Option<SimTime> {
        let zone = match self.blocs.get(law) {
            Some(bloc) => bloc.zone(),
            None => self.countries.get(law.as_str())?.zone(),
        };
        Some(SimTime::start_of(date, zone))
    }

    /// True if a country was a member of a bloc on a date. A transition is not membership.
    pub fn member_of(&self, bloc: &Jurisdiction, country: &Country, date: Date) -> bool {
        self.countries.get(country).is_some_and(|facts| facts.is_member(bloc, date))
    }

    /// The blocs whose law applied in a country on a date: as a member, or in a transition.
    pub fn blocs_of(&self, country: &Country, date: Date) -> Vec<&Jurisdiction> {
        let facts = self.countries.get(country).into_iter();
        let mut blocs: Vec<_> = facts.flat_map(|facts| facts.blocs(date)).collect();
        blocs.sort_unstable();
        blocs
    }

    /// A country and the blocs whose law applied in it on a date: `{IE, EU}`.
    pub fn laws_of(&self, country: &Country, date: Date) -> BTreeSet<Jurisdiction> {
        let blocs = self.blocs_of(country, date).into_iter().cloned();
        blocs.chain([Jurisdiction::from(country)]).collect()
    }

    /// True if an act of a bloc bound a country on a date: its law applied there and the country had not opted out.
    pub fn bound_by_act(&self, bloc: &Jurisdiction, act: &str, country: &Country, date: Date) -> bool {
        self.countries.get(country).is_some_and(|facts| facts.is_bound(bloc, act, date))
    }

    pub fn provider(&self) -> &Provider {
        &self.provider
    }

    /// See [`Placement::regions_for`].
    pub fn regions_for(
        &self,
        class: DataClass,
        declared: &Country,
        date: Date,
    ) -> Result<Vec<RegionId>, UnknownName> {
        self.provider.placement().regions_for(class, declared, date)
    }

    pub fn roster(&self) -> &Roster {
        &self.roster
    }

    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// The treaty route by which one country asks another.
    pub fn route(&self, requesting: &Country, requested: &Country) -> Option<&Route> {
        self.routes.iter().find(|r| r.requesting() == requesting && r.requested() == requested)
    }

    /// Great-circle distance between two regions, in metres.
    pub fn distance(&self, a: &RegionId, b: &RegionId) -> Result<u64, UnknownName> {
        Ok(self.region(a)?.coordinates().metres_to(self.region(b)?.coordinates()))
    }

    /// One-way delay between two regions; see [`wan_delay`].
    pub fn wan_delay(&self, a: &RegionId, b: &RegionId) -> Result<Duration, UnknownName> {
        self.distance(a, b).map(wan_delay)
    }
}
