use serde::{Deserialize, Serialize};
use serde_spanned::Spanned;

use super::geo::HOW_TO_WRITE_COORDINATES;
use super::reading::Reading;
use super::{Coordinates, Country, EntityId, RegionId};

/// A place with its own node, store, keys and country.
#[derive(Clone, Debug)]
pub struct Region {
    id: RegionId,
    name: String,
    country: Country,
    coordinates: Coordinates,
    operator: EntityId,
    key_custody: KeyCustody,
    store: StoreKind,
}

/// Who can use the keys of the copies that rest in a region.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyCustody {
    /// The region and head office hold a wrap of every key.
    Provider,
    /// Only the region holds one, so its node can refuse.
    Region,
}

impl KeyCustody {
    pub const ALL: [KeyCustody; 2] = [KeyCustody::Provider, KeyCustody::Region];

    pub fn as_str(self) -> &'static str {
        match self {
            KeyCustody::Provider => "provider",
            KeyCustody::Region => "region",
        }
    }
}

/// The engine a region keeps its copies in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StoreKind {
    /// Embedded in the node.
    Fjall,
}

impl Region {
    pub fn id(&self) -> &RegionId {
        &self.id
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// On whose soil its bytes rest.
    pub fn country(&self) -> &Country {
        &self.country
    }

    pub fn coordinates(&self) -> Coordinates {
        self.coordinates
    }

    /// The entity whose staff run it.
    pub fn operator(&self) -> &EntityId {
        &self.operator
    }

    pub fn key_custody(&self) -> KeyCustody {
        self.key_custody
    }

    pub fn store(&self) -> StoreKind {
        self.store
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawRegion {
    pub id: Spanned<String>,
    name: Spanned<String>,
    country: Spanned<String>,
    coordinates: Spanned<RawCoordinates>,
    pub operator: Spanned<String>,
    pub key_custody: Spanned<KeyCustody>,
    store: RawStore,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawCoordinates {
    lat: f64,
    lon: f64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawStore {
    kind: StoreKind,
}

impl RawRegion {
    pub fn read(&self, id: RegionId, reading: &mut Reading) -> Option<Region> {
        let name = reading.line("name", &self.name);
        let country = reading.country(&self.country);
        let coordinates = Coordinates::new(self.coordinates.get_ref().lat, self.coordinates.get_ref().lon)
            .map_err(|error| {
                reading.wrong(self.coordinates.span(), error.to_string(), HOW_TO_WRITE_COORDINATES)
            })
            .ok();
        let operator = reading.entity(&self.operator);
        Some(Region {
            id,
            name: name?,
            country: country?,
            coordinates: coordinates?,
            operator: operator?,
            key_custody: *self.key_custody.get_ref(),
            store: self.store.kind,
        })
    }
}
