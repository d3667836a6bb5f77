use std::collections::{BTreeMap, BTreeSet};

use crate::law::Law;
use crate::mail::Story;
use crate::world::{Address, AuthorityId, EntityId, Jurisdiction, RegionId, World};

/// What a script may refer to: everything the world, the law books and the story hold, by name. Titles are what a
/// reader is shown beside the name.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Each with the name of its place: `Dublin`.
    pub regions: BTreeMap<RegionId, String>,
    /// Each with its full title.
    pub authorities: BTreeMap<AuthorityId, String>,
    pub entities: BTreeMap<EntityId, String>,
    pub jurisdictions: BTreeSet<Jurisdiction>,
    /// What an institution on a treaty route does with a request at a stage, by institution and stage.
    pub desks: BTreeMap<(AuthorityId, String), String>,
    /// The ids of the rules of all law books, of every date.
    pub rules: BTreeSet<String>,
    /// Accounts of the story, by their short names.
    pub story: BTreeMap<String, Address>,
}

impl Names {
    /// The names of a world, its law and its story.
    pub fn of(world: &World, law: &Law, story: &Story) -> Self {
        let countries = world.countries().map(|country| Jurisdiction::from(country.id()));
        let blocs = world.blocs().map(|bloc| bloc.id().clone());
        let provider = world.provider();
        let authorities = world.roster().authorities();
        let accounts = story.accounts().iter();
        Names {
            regions: world.regions().map(|region| (region.id().clone(), region.name().to_owned())).collect(),
            authorities: authorities.map(|body| (body.id().clone(), body.name().to_owned())).collect(),
            entities: provider
                .entities()
                .map(|entity| (entity.id().clone(), entity.name().to_owned()))
                .collect(),
            jurisdictions: law.jurisdictions().cloned().chain(countries).chain(blocs).collect(),
            desks: world
                .routes()
                .iter()
                .flat_map(|route| route.stages())
                .map(|desk| ((desk.institution().clone(), desk.name().to_owned()), desk.says().to_owned()))
                .collect(),
            rules: law.rules().map(|(_, rule)| rule.id.clone()).collect(),
            story: accounts.map(|account| (account.handle.clone(), account.address.clone())).collect(),
        }
    }

    /// The full title of an authority, or its id where there is none.
    pub fn authority<'a>(&'a self, id: &'a AuthorityId) -> &'a str {
        self.authorities.get(id).filter(|title| !title.is_empty()).map_or(id.as_str(), String::as_str)
    }

    /// The full name of an entity of the provider, or its id where there is none.
    pub fn entity<'a>(&'a self, id: &'a EntityId) -> &'a str {
        self.entities.get(id).filter(|title| !title.is_empty()).map_or(id.as_str(), String::as_str)
    }
}
