use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::clock::SimTime;
use crate::law::{HolderRecord, Role};
use crate::world::{Address, Country, DataClass, EntityId, RegionId};

/// What is asked of somebody who opens an account. Nothing checks the declared country.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct NewAccount {
    pub address: Address,
    /// The entity of the provider that contracts.
    pub contracted_with: EntityId,
    pub name: String,
    pub declared_country: Country,
    /// Where the holder in fact lives, as far as anyone knows.
    #[serde(default)]
    pub residence: Option<Country>,
    #[serde(default)]
    pub nationality: Option<Country>,
    #[serde(default = "unknown")]
    pub role: Role,
    #[serde(default)]
    pub customer: Customer,
    pub created: SimTime,
}

fn unknown() -> Role {
    Role::Unknown
}

/// Who contracted: a person, or an organisation for its people.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Customer {
    #[default]
    Consumer,
    Enterprise,
}

/// One data class of an account, resting in one region.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
pub struct CopyAt {
    pub class: DataClass,
    pub region: RegionId,
}

/// An account with its copies.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Account {
    pub address: Address,
    pub holder: Holder,
    copies: Vec<CopyAt>,
}

/// What the provider knows of the account holder: its subscriber record.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Holder {
    pub name: String,
    pub contracted_with: EntityId,
    pub declared_country: Country,
    pub residence: Option<Country>,
    pub nationality: Option<Country>,
    pub role: Role,
    pub customer: Customer,
    pub created: SimTime,
}

impl Account {
    pub(super) fn placed(new: NewAccount, copies: Vec<CopyAt>) -> Self {
        Account {
            address: new.address,
            holder: Holder {
                name: new.name,
                contracted_with: new.contracted_with,
                declared_country: new.declared_country,
                residence: new.residence,
                nationality: new.nationality,
                role: new.role,
                customer: new.customer,
                created: new.created,
            },
            copies,
        }
    }

    pub fn copies(&self) -> &[CopyAt] {
        &self.copies
    }

    /// The regions that hold a copy of one class.
    pub fn regions_of(&self, class: DataClass) -> impl Iterator<Item = &RegionId> {
        self.copies.iter().filter(move |copy| copy.class == class).map(|copy| &copy.region)
    }

    /// The regions with the classes that rest in each.
    pub fn by_region(&self) -> BTreeMap<RegionId, Vec<DataClass>> {
        let mut regions: BTreeMap<RegionId, Vec<DataClass>> = BTreeMap::new();
        for copy in &self.copies {
            regions.entry(copy.region.clone()).or_default().push(copy.class);
        }
        regions
    }

    /// Where mail clients connect: the first region that holds its content.
    pub fn home(&self) -> Option<&RegionId> {
        self.regions_of(DataClass::Content).next()
    }
}

impl Holder {
    /// The facts a law may ask about.
    pub fn known(&self) -> HolderRecord {
        HolderRecord {
            declared_country: self.declared_country.clone(),
            residence: self.residence.clone(),
            nationality: self.nationality.clone(),
            role: self.role,
            enterprise: self.customer == Customer::Enterprise,
        }
    }
}
