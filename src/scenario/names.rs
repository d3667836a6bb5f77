use std::collections::{BTreeMap, BTreeSet};

use crate::world::{Address, AuthorityId, EntityId, Jurisdiction, RegionId};

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
    /// The ids of the rules of all law books, of every date.
    pub rules: BTreeSet<String>,
    /// Accounts of the story, by their short names.
    pub story: BTreeMap<String, Address>,
}

impl Names {
    /// The full title of an authority, or its id where there is none.
    pub fn authority<'a>(&'a self, id: &'a AuthorityId) -> &'a str {
        self.authorities.get(id).filter(|title| !title.is_empty()).map_or(id.as_str(), String::as_str)
    }

    /// The full name of an entity of the provider, or its id where there is none.
    pub fn entity<'a>(&'a self, id: &'a EntityId) -> &'a str {
        self.entities.get(id).filter(|title| !title.is_empty()).map_or(id.as_str(), String::as_str)
    }
}
