//! Regions, countries, courts, treaties, the provider's entities, the roster of authorities.

mod class;
mod id;

pub use class::{DataClass, UnknownClass};
pub use id::{Address, AuthorityId, BadName, Country, EntityId, Jurisdiction, RegionId, WitnessId};
