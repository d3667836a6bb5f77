use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::law::Law;
use crate::mail::Story;
use crate::world::{
    Address, AuthorityId, Country, EntityId, Jurisdiction, RegionId, Roster, SourceMark, World,
};

/// What a script may refer to: everything the world, the law books and the story hold, by name. Titles are what a
/// reader is shown beside the name.
#[derive(Clone, Debug, Default)]
pub struct Names {
    /// Each with the name of its place: `Dublin`.
    pub regions: BTreeMap<RegionId, String>,
    /// Each with its full title.
    pub authorities: BTreeMap<AuthorityId, String>,
    pub entities: BTreeMap<EntityId, String>,
    /// Who may make which order; nothing is checked without it.
    pub roster: Option<Arc<Roster>>,
    pub jurisdictions: BTreeSet<Jurisdiction>,
    /// What an institution on a treaty route does with a request at a stage, by institution and stage.
    pub desks: BTreeMap<(AuthorityId, String), (String, SourceMark)>,
    /// How sure we are of how long a treaty route takes, by the requesting and the requested state.
    pub paces: BTreeMap<(Country, Country), SourceMark>,
    /// How sure we are of a text that the world cites: the basis of an order on a treaty route, a limit of use.
    pub cited: BTreeMap<String, SourceMark>,
    /// The ids of the rules of all law books, of every date, each with what its conditions look at.
    pub rules: BTreeMap<String, BTreeSet<String>>,
    /// Accounts of the story, by their short names.
    pub story: BTreeMap<String, Address>,
}

impl Names {
    /// Whether a cosigner of the record is a witness outside the provider.
    pub fn is_outside_witness(&self, id: &str) -> bool {
        self.roster.iter().flat_map(|roster| roster.witnesses()).any(|witness| witness.id().as_str() == id)
    }

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
            roster: Some(Arc::new(world.roster().clone())),
            jurisdictions: law.jurisdictions().cloned().chain(countries).chain(blocs).collect(),
            desks: world
                .routes()
                .iter()
                .flat_map(|route| route.stages())
                .map(|desk| {
                    let told = (desk.says().to_owned(), desk.source().mark());
                    ((desk.institution().clone(), desk.name().to_owned()), told)
                })
                .collect(),
            paces: world
                .routes()
                .iter()
                .map(|route| ((route.requesting().clone(), route.requested().clone()), route.source()))
                .collect(),
            cited: world
                .routes()
                .iter()
                .flat_map(|route| {
                    let order = route.order();
                    [
                        (order.basis.clone(), order.source.mark()),
                        (route.use_limit().to_owned(), route.use_limit_source().mark()),
                    ]
                })
                .collect(),
            rules: law
                .looked_at()
                .into_iter()
                .map(|(rule, facts)| (rule.to_owned(), facts.into_iter().map(str::to_owned).collect()))
                .collect(),
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
