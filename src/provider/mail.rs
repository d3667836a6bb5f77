//! Accounts and mail coming in.
//!
//! A message is sealed where its content rests. What other classes rest elsewhere (traffic data in another country,
//! for example) goes to those regions as rows, sealed to them, before the delivery is acknowledged. Messages and
//! passwords go through the provider's [`MailClient`](super::MailClient), never over head office's own links.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::view::{CopyView, KeyHolder, WhereView};
use super::{Provider, ProviderError, Route};
use crate::clock::SimTime;
use crate::directory::{Account, NewAccount};
use crate::region::{Body, Call, Card, Password, Reply, Stored};
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
            let password = match password.as_ref().filter(|_| account.home() == Some(&region)) {
                Some(password) => Some(self.mail.seal_password(&region, &account.address, password).await?),
                None => None,
            };
            let call = Call::OpenMailbox { card: card.clone(), classes, password };
            self.call(&region, call).await?;
        }
        Ok(())
    }

    /// Where an account's mail goes.
    pub fn route(&self, address: &Address) -> Result<Route, ProviderError> {
        let account = self.directory.find(address)?;
        let home = account.home().ok_or_else(|| ProviderError::NoHome(address.clone()))?;
        let of_mail = [DataClass::Content, DataClass::Traffic, DataClass::AddressBook];
        let here =
            of_mail.into_iter().filter(|class| account.regions_of(*class).any(|region| region == home));
        let onward = [DataClass::Traffic, DataClass::AddressBook].into_iter().flat_map(|class| {
            let elsewhere = account.regions_of(class).filter(|region| *region != home);
            elsewhere.map(move |region| (region.clone(), class))
        });
        Ok(Route {
            account: address.clone(),
            home: home.clone(),
            here: here.collect(),
            onward: onward.collect(),
        })
    }

    /// Where a region is to be found by a mail client, if it is a process of its own and running.
    pub fn region_address(&self, region: &RegionId) -> Option<std::net::SocketAddr> {
        self.mail.address(region)
    }

    /// Delivers one message into an account, as a mail client in this process.
    pub async fn deliver(&self, mail: NewMail) -> Result<Stored, ProviderError> {
        self.mail.deliver(&self.route(&mail.to)?, mail.received, mail.bytes, None).await
    }

    /// Sends one message, as a mail client in this process: a copy for the sender and one for each recipient, as far as
    /// they have accounts here. Says how many copies are new.
    pub async fn send(
        &self,
        from: &Address,
        to: &[Address],
        date: Option<SimTime>,
        message: Bytes,
    ) -> Result<u64, ProviderError> {
        let own = |address: &Address| self.directory.get(address).is_some();
        let sender = if own(from) { Some(self.route(from)?) } else { None };
        let recipients = to.iter().filter(|to| own(to)).map(|to| self.route(to));
        let recipients = recipients.collect::<Result<Vec<_>, _>>()?;
        self.mail.send(sender.as_ref().map(|route| (route, None)), &recipients, date, message).await
    }

    /// The messages of an account for its owner, as a mail client in this process: how many, and an mbox.
    pub async fn export(&self, address: &Address, password: Password) -> Result<(u64, Body), ProviderError> {
        self.mail.export(&self.route(address)?, password).await
    }

    /// Where every copy of an account rests, what it holds, and whose key opens it.
    pub async fn where_is(&self, address: &Address) -> Result<WhereView, ProviderError> {
        let account = self.directory.find(address)?;
        let misplaced = self.directory.misplaced(&self.world, self.now().date_utc());
        let mut copies = Vec::new();
        for (region, classes) in account.by_region() {
            let Reply::Copies { copies: held } =
                self.ask(&region, Call::Copies { account: address.clone() }).await?
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
