//! Accounts and mail coming in.
//!
//! A message is sealed where its content rests. What other classes rest elsewhere (traffic data in another country,
//! for example) goes to those regions as rows, before the delivery is acknowledged.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::view::{CopyView, KeyHolder, WhereView};
use super::{Provider, ProviderError};
use crate::clock::SimTime;
use crate::directory::{Account, NewAccount};
use crate::region::{Body, Call, Card, ErrorCode, Password, Reply, Stored};
use crate::world::{Address, DataClass, RegionId};

/// A message on its way in.
#[derive(Clone, Debug)]
pub struct NewMail {
    pub to: Address,
    /// When it was received, where its own header does not say when it is from.
    pub received: Option<SimTime>,
    pub bytes: Bytes,
}

/// What an import did.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Imported {
    pub new: u64,
    /// The account had the very same message already.
    pub already_there: u64,
    /// Kept byte for byte, with something in the header that could not be read.
    pub malformed: u64,
    pub bytes: u64,
}

impl Provider {
    /// Opens accounts: each is placed, its copies are made in their regions, and it is written into the directory.
    pub async fn open_accounts(
        &mut self,
        accounts: impl IntoIterator<Item = (NewAccount, Option<Password>)>,
    ) -> Result<(), ProviderError> {
        let mut placed = Vec::new();
        for (new, password) in accounts {
            let account = self.directory.place(new, &self.world)?;
            self.make_copies(&account, password).await?;
            placed.push(account);
        }
        // Copies without an account are harmless; an account without copies would not be.
        self.cabinet.keep_accounts(placed.iter().cloned())?;
        for account in placed {
            self.directory.add(account)?;
        }
        Ok(())
    }

    async fn make_copies(&self, account: &Account, password: Option<Password>) -> Result<(), ProviderError> {
        let card = Card {
            address: account.address.clone(),
            name: account.holder.name.clone(),
            holder: account.holder.known(),
            created: account.holder.created,
        };
        for (region, classes) in account.by_region() {
            // The owner proves who they are at home, and nowhere else.
            let password = password.clone().filter(|_| account.home() == Some(&region));
            let call = Call::OpenMailbox { card: card.clone(), classes, password };
            self.call(&region, call).await?;
        }
        Ok(())
    }

    /// Delivers one message into an account. When it returns, the message and what follows from it are durable in
    /// every region that holds a copy.
    pub async fn deliver(&self, mail: NewMail) -> Result<Stored, ProviderError> {
        let account = self.directory.find(&mail.to)?;
        let home = account.home().ok_or_else(|| ProviderError::NoHome(mail.to.clone()))?;
        let here: Vec<DataClass> = [DataClass::Content, DataClass::Traffic, DataClass::AddressBook]
            .into_iter()
            .filter(|class| account.regions_of(*class).any(|region| region == home))
            .collect();
        let call = Call::Deliver { to: mail.to.clone(), classes: here, received: mail.received };
        let answer = self.link(home)?.call(call, Body::from(mail.bytes)).await;
        let answer = answer.map_err(|error| ProviderError::Region(home.clone(), error))?;
        let Reply::Stored(stored) = answer.reply else { return Err(ProviderError::Answer(home.clone())) };
        // Also when the message was there already: a crash may have come between this delivery and its rows, and a
        // row that is there already is not written twice.
        for (class, row) in
            [(DataClass::Traffic, &stored.traffic), (DataClass::AddressBook, &stored.contacts)]
        {
            for region in account.regions_of(class).filter(|region| *region != home) {
                let row = row.clone();
                let call = Call::PutRow { account: mail.to.clone(), class, date: stored.date, row };
                self.call(region, call).await?;
            }
        }
        Ok(stored)
    }

    /// The messages of an account for its owner, from the region where it is at home: how many, and an mbox.
    pub async fn export(&self, address: &Address, password: Password) -> Result<(u64, Body), ProviderError> {
        let account = self.directory.find(address)?;
        let home = account.home().ok_or_else(|| ProviderError::NoHome(address.clone()))?;
        let call = Call::Export { account: address.clone(), password };
        let answer = self.link(home)?.call(call, Body::empty()).await;
        let answer = answer.map_err(|error| match error.code {
            ErrorCode::Forbidden => ProviderError::Password(address.clone()),
            _ => ProviderError::Region(home.clone(), error),
        })?;
        match answer.reply {
            Reply::Mailbox { messages } => Ok((messages, answer.body)),
            _ => Err(ProviderError::Answer(home.clone())),
        }
    }

    /// Where every copy of an account rests, what it holds, and whose key opens it.
    pub async fn where_is(&self, address: &Address) -> Result<WhereView, ProviderError> {
        let account = self.directory.find(address)?;
        let misplaced = self.directory.misplaced(&self.world, self.now().date_utc());
        let mut copies = Vec::new();
        for (region, classes) in account.by_region() {
            let Reply::Copies { copies: held } =
                self.call(&region, Call::Copies { account: address.clone() }).await?
            else {
                return Err(ProviderError::Answer(region));
            };
            for copy in held.into_iter().filter(|copy| classes.contains(&copy.class)) {
                let mut keys = vec![KeyHolder::Region];
                keys.extend(copy.head_office_holds_key.then_some(KeyHolder::HeadOffice));
                copies.push(CopyView {
                    class: copy.class,
                    country: self.country_of(&region)?,
                    objects: copy.objects,
                    bytes: copy.bytes,
                    keys,
                    allowed: !misplaced.contains(&(address.clone(), copy.class, region.clone())),
                    region: region.clone(),
                });
            }
        }
        copies.sort_by(|a, b| (a.class, &a.region).cmp(&(b.class, &b.region)));
        let declared_country = account.holder.declared_country.clone();
        Ok(WhereView { account: address.clone(), declared_country, copies })
    }

    fn country_of(&self, region: &RegionId) -> Result<crate::world::Country, ProviderError> {
        let facts = self.world.region(region).map_err(|_| ProviderError::NoRegion(region.clone()))?;
        Ok(facts.country().clone())
    }
}

impl Imported {
    /// Adds what another import did.
    pub fn add(&mut self, other: &Imported) {
        self.new += other.new;
        self.already_there += other.already_there;
        self.malformed += other.malformed;
        self.bytes += other.bytes;
    }

    /// Counts one delivered message.
    pub fn count(&mut self, stored: &Stored, bytes: u64) {
        if stored.new {
            self.new += 1;
            self.bytes += bytes;
            self.malformed += u64::from(stored.malformed.is_some());
        } else {
            self.already_there += 1;
        }
    }
}
