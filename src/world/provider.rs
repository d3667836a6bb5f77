use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use jiff::tz::TimeZone;
use serde::Deserialize;
use serde_spanned::Spanned;

use super::dated::RawEntry;
use super::entity::RawEntity;
use super::placement::RawPlacement;
use super::reading::Reading;
use super::stance::RawStance;
use super::{
    Country, Dated, Entity, EntityId, EntityRelation, Placement, Region, RegionId, Stance, UnknownName,
};
use crate::clock::SimTime;

/// The provider: its entities, its placement rules, its stance.
#[derive(Clone, Debug)]
pub struct Provider {
    pub(super) name: String,
    pub(super) domains: BTreeSet<String>,
    pub(super) entities: BTreeMap<EntityId, Entity>,
    pub(super) head_office: EntityId,
    pub(super) home_zone: TimeZone,
    pub(super) placement: Placement,
    pub(super) stance: Dated<Stance>,
}

impl Provider {
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The mail domains it serves.
    pub fn domains(&self) -> &BTreeSet<String> {
        &self.domains
    }

    pub fn entities(&self) -> impl Iterator<Item = &Entity> {
        self.entities.values()
    }

    pub fn entity(&self, id: &EntityId) -> Result<&Entity, UnknownName> {
        self.entities.get(id).ok_or_else(|| {
            UnknownName::new("entity", id.as_str(), self.entities.keys().map(EntityId::as_str))
        })
    }

    pub fn head_office(&self) -> &Entity {
        &self.entities[&self.head_office]
    }

    /// The countries in which the provider itself is established. A trustee is not the provider.
    pub fn establishments(&self) -> BTreeSet<&Country> {
        self.own_entities().flat_map(Entity::established_in).collect()
    }

    /// The countries in which the provider itself offers the service.
    pub fn markets(&self) -> BTreeSet<&Country> {
        self.own_entities().flat_map(Entity::offers_in).collect()
    }

    /// The provider's own entities whose staff can fetch the data of a region. Reading it takes a key as well.
    pub fn retrieving_from<'a>(&'a self, region: &'a RegionId) -> impl Iterator<Item = &'a Entity> {
        self.own_entities().filter(move |e| e.retrievable_from().contains(region))
    }

    fn own_entities(&self) -> impl Iterator<Item = &Entity> {
        self.entities.values().filter(|e| e.relation() != EntityRelation::IndependentTrustee)
    }

    /// The entities that a court of a country finds there in person, trustees among them.
    pub fn established_in<'a>(&'a self, country: &'a Country) -> impl Iterator<Item = &'a Entity> {
        self.entities.values().filter(move |e| e.established_in().contains(country))
    }

    /// The entities that offer the service in a country.
    pub fn offering_in<'a>(&'a self, country: &'a Country) -> impl Iterator<Item = &'a Entity> {
        self.entities.values().filter(move |e| e.offers_in().contains(country))
    }

    pub fn placement(&self) -> &Placement {
        &self.placement
    }

    /// The stance at an instant, by the civil date at head office.
    pub fn stance(&self, at: SimTime) -> &Stance {
        self.stance.at(at.date_in(&self.home_zone))
    }

    pub fn stances(&self) -> &Dated<Stance> {
        &self.stance
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawProvider {
    pub name: Spanned<String>,
    pub domains: Spanned<Vec<Spanned<String>>>,
    pub entities: BTreeMap<Spanned<String>, RawEntity>,
    pub placement: RawPlacement,
    pub stance: Spanned<Vec<Spanned<RawStance>>>,
}

impl RawProvider {
    pub fn read_domains(&self, reading: &mut Reading) -> Option<BTreeSet<String>> {
        let domains = reading.set(self.domains.get_ref(), |reading, text| {
            // The rule for a domain is the one for the right side of an address.
            match format!("postmaster@{}", text.get_ref()).parse::<super::Address>() {
                Ok(_) => Some(text.get_ref().clone()),
                Err(_) => {
                    let what = format!("`{}` is not a mail domain", text.get_ref());
                    reading.wrong(text.span(), what, "write it as in `post.example`");
                    None
                }
            }
        })?;
        if domains.is_empty() {
            let help = "write one, such as `domains = [\"post.example\"]`";
            reading.wrong(self.domains.span(), "a provider serves at least one mail domain", help);
            return None;
        }
        Some(domains)
    }

    pub fn read_stance(&self, reading: &mut Reading) -> Option<Dated<Stance>> {
        let entries = self.stance.get_ref().iter().map(|raw| RawEntry {
            from: raw.get_ref().from.as_ref(),
            span: raw.span(),
            value: Some(raw.get_ref().read()),
        });
        Dated::read("stance", self.stance.span(), entries.collect(), reading)
    }

    /// The one head office.
    pub fn head_office(&self, reading: &mut Reading) -> Option<EntityId> {
        let heads: Vec<&Spanned<String>> = self
            .entities
            .iter()
            .filter(|(_, raw)| *raw.relation.get_ref() == EntityRelation::HeadOffice)
            .map(|(id, _)| id)
            .collect();
        match heads.as_slice() {
            [head] => reading.entity(head),
            [] => {
                let help = "write `relation = \"head-office\"` in the entity that gives the others orders";
                reading.wrong(self.first_entity(), "no entity has `relation = \"head-office\"`", help);
                None
            }
            [first, second, ..] => {
                let what = format!("two head offices: `{}` and `{}`", first.get_ref(), second.get_ref());
                let help = "one entity is head office: give the other `relation = \"subsidiary\"`, or `\"branch\"` if \
                            both are one legal person";
                reading.wrong(second.span(), what, help);
                None
            }
        }
    }

    fn first_entity(&self) -> Range<usize> {
        self.entities.keys().next().map_or(self.name.span(), Spanned::span)
    }

    /// Facts about entities and regions that cannot all be true.
    pub fn contradictions(
        &self,
        entities: &BTreeMap<EntityId, Entity>,
        regions: &BTreeMap<RegionId, Region>,
        head_office: &EntityId,
        reading: &mut Reading,
    ) {
        for (key, raw) in &self.entities {
            let Some(entity) = entities.get(key.get_ref().as_str()) else { continue };
            if entity.relation() == EntityRelation::Branch
                && entities.get(head_office).is_some_and(|head| head.home() != entity.home())
            {
                let what = format!("branch `{}` has another home than head office", entity.id());
                reading.wrong(
                    raw.home.span(),
                    what,
                    "a branch is the same legal person; one made by another country's law is a `subsidiary`",
                );
            }
            for text in &raw.retrievable_from {
                let Some(region) = regions.get(text.get_ref().as_str()) else { continue };
                let operator = entities.get(region.operator());
                let trustee = operator.filter(|o| o.relation() == EntityRelation::IndependentTrustee);
                if let Some(trustee) = trustee.filter(|trustee| trustee.id() != entity.id()) {
                    let what = format!(
                        "`{}` cannot get data from `{}`: it is run by `{}`, an independent trustee",
                        entity.id(),
                        region.id(),
                        trustee.id(),
                    );
                    let help = format!(
                        "leave `{}` out of `retrievable-from`, or give the region another `operator`",
                        region.id()
                    );
                    reading.wrong(text.span(), what, help);
                }
            }
        }
    }
}
