use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_spanned::Spanned;

use super::reading::Reading;
use super::{Country, EntityId, RegionId};

/// A legal entity of the provider, or a trustee that runs a region for it: whom a court can reach, and what that
/// entity can get.
#[derive(Clone, Debug)]
pub struct Entity {
    id: EntityId,
    name: String,
    relation: EntityRelation,
    home: Country,
    established_in: BTreeSet<Country>,
    offers_in: BTreeSet<Country>,
    operates: BTreeSet<RegionId>,
    retrievable_from: BTreeSet<RegionId>,
}

/// What an entity is to the provider.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EntityRelation {
    HeadOffice,
    /// An office of head office abroad: the same legal person.
    Branch,
    /// A legal person of its own that head office owns.
    Subsidiary,
    /// A legal person that head office can neither order nor look into.
    IndependentTrustee,
}

impl EntityRelation {
    pub fn as_str(self) -> &'static str {
        match self {
            EntityRelation::HeadOffice => "head-office",
            EntityRelation::Branch => "branch",
            EntityRelation::Subsidiary => "subsidiary",
            EntityRelation::IndependentTrustee => "independent-trustee",
        }
    }
}

impl Entity {
    pub fn id(&self) -> &EntityId {
        &self.id
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn relation(&self) -> EntityRelation {
        self.relation
    }

    /// The country whose law made it.
    pub fn home(&self) -> &Country {
        &self.home
    }

    /// Where a court finds it in person.
    pub fn established_in(&self) -> &BTreeSet<Country> {
        &self.established_in
    }

    /// Where it offers the service, established or not.
    pub fn offers_in(&self) -> &BTreeSet<Country> {
        &self.offers_in
    }

    /// The regions its staff run.
    pub fn operates(&self) -> &BTreeSet<RegionId> {
        &self.operates
    }

    /// The regions whose data its own staff can fetch, with those they run. Reading it takes a key as well.
    pub fn retrievable_from(&self) -> &BTreeSet<RegionId> {
        &self.retrievable_from
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawEntity {
    name: Spanned<String>,
    pub relation: Spanned<EntityRelation>,
    pub home: Spanned<String>,
    established_in: Spanned<Vec<Spanned<String>>>,
    #[serde(default)]
    offers_in: Vec<Spanned<String>>,
    #[serde(default)]
    pub retrievable_from: Vec<Spanned<String>>,
}

impl RawEntity {
    /// `operates` is what the regions' own files say.
    pub fn read(&self, id: EntityId, operates: BTreeSet<RegionId>, reading: &mut Reading) -> Option<Entity> {
        let name = reading.line("name", &self.name);
        let home = reading.country(&self.home);
        let established_in = reading.set(self.established_in.get_ref(), |r, text| r.country(text));
        let offers_in = reading.set(&self.offers_in, |r, text| r.country(text));
        let retrievable_from = reading.set(&self.retrievable_from, |r, text| r.region(text));
        if self.established_in.get_ref().is_empty() {
            let help = format!(
                "write where it has an establishment, at least its home: `[\"{}\"]`",
                self.home.get_ref()
            );
            reading.wrong(self.established_in.span(), format!("`{id}` is established nowhere"), help);
            return None;
        }
        let mut retrievable_from = retrievable_from?;
        retrievable_from.extend(operates.iter().cloned());
        Some(Entity {
            id,
            name: name?,
            relation: *self.relation.get_ref(),
            home: home?,
            established_in: established_in?,
            offers_in: offers_in?,
            operates,
            retrievable_from,
        })
    }
}
