//! Accounts, and which copies of them rest where.
//!
//! The directory is what head office knows: who holds an account, what they declared, and in which region each data
//! class of it rests. It holds no mail and no key to any.

mod account;

use std::collections::BTreeMap;

use crate::clock::Date;
use crate::demand::{DateRange, Item, Place};
use crate::world::{Address, DataClass, RegionId, World};

pub use account::{Account, CopyAt, Customer, Holder, NewAccount};

/// Why an account cannot be opened or found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DirectoryError {
    #[error("`{0}` has an account already")]
    Exists(Address),
    #[error("no account `{0}` at this provider{1}")]
    Unknown(Address, Suggestion),
    #[error(
        "no region may hold the {class} of an account that declares `{country}`: see the placement rules"
    )]
    Unplaced { class: DataClass, country: String },
}

/// The account that was perhaps meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion(Option<Address>);

impl std::fmt::Display for Suggestion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.0 {
            Some(near) => write!(f, "; did you mean `{near}`?"),
            None => Ok(()),
        }
    }
}

/// All accounts of the provider.
#[derive(Debug, Default)]
pub struct Directory {
    accounts: BTreeMap<Address, Account>,
}

impl Directory {
    /// A directory of the accounts that were recorded before.
    pub fn of(accounts: impl IntoIterator<Item = Account>) -> Self {
        let accounts = accounts.into_iter().map(|account| (account.address.clone(), account)).collect();
        Directory { accounts }
    }

    /// Works out where a new account's copies rest by the placement rules of its day. Nothing is stored yet: see
    /// [`Directory::add`].
    pub fn place(&self, new: NewAccount, world: &World) -> Result<Account, DirectoryError> {
        if self.accounts.contains_key(&new.address) {
            return Err(DirectoryError::Exists(new.address));
        }
        let date = new.created.date_utc();
        let mut copies = Vec::new();
        for class in [DataClass::Content, DataClass::Traffic, DataClass::Subscriber, DataClass::AddressBook] {
            let regions = world.regions_for(class, &new.declared_country, date).unwrap_or_default();
            if regions.is_empty() {
                let country = new.declared_country.to_string();
                return Err(DirectoryError::Unplaced { class, country });
            }
            copies.extend(regions.into_iter().map(|region| CopyAt { class, region }));
        }
        Ok(Account::placed(new, copies))
    }

    /// Takes in an account that was placed.
    pub fn add(&mut self, account: Account) -> Result<(), DirectoryError> {
        if self.accounts.contains_key(&account.address) {
            return Err(DirectoryError::Exists(account.address));
        }
        self.accounts.insert(account.address.clone(), account);
        Ok(())
    }

    pub fn get(&self, address: &Address) -> Option<&Account> {
        self.accounts.get(address)
    }

    /// The account, or an error that names the nearest one.
    pub fn find(&self, address: &Address) -> Result<&Account, DirectoryError> {
        self.get(address).ok_or_else(|| {
            let near =
                crate::diagnostic::nearest(address.as_str(), self.accounts.keys().map(Address::as_str));
            let near = near.and_then(|near| near.parse().ok());
            DirectoryError::Unknown(address.clone(), Suggestion(near))
        })
    }

    pub fn accounts(&self) -> impl Iterator<Item = &Account> {
        self.accounts.values()
    }

    /// One item for every copy of the classes asked for: what a decision is made about.
    pub fn items(&self, address: &Address, classes: &[DataClass], range: DateRange) -> Vec<Item> {
        let Some(account) = self.get(address) else { return Vec::new() };
        account
            .copies()
            .iter()
            .filter(|copy| classes.contains(&copy.class))
            .map(|copy| Item {
                account: address.clone(),
                class: copy.class,
                range,
                place: Place::Region(copy.region.clone()),
            })
            .collect()
    }

    /// Copies that rest where their placement does not allow; normally none.
    pub fn misplaced(&self, world: &World, date: Date) -> Vec<(Address, DataClass, RegionId)> {
        let misplaced = |account: &Account| {
            account
                .copies()
                .iter()
                .filter(|copy| {
                    let allowed = world.regions_for(copy.class, &account.holder.declared_country, date);
                    let allowed = allowed.unwrap_or_default();
                    !allowed.contains(&copy.region)
                })
                .map(|copy| (account.address.clone(), copy.class, copy.region.clone()))
                .collect::<Vec<_>>()
        };
        self.accounts.values().flat_map(misplaced).collect()
    }
}
