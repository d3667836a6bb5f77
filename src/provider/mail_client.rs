//! A program that somebody sends and fetches mail with.
//!
//! It talks to the region where an account is at home, with a certificate of its own kind. Head office tells it which
//! region that is, and sees neither a message nor a password.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{ProviderError, RegionLink};
use crate::clock::SimTime;
use crate::region::{Body, Call, ErrorCode, Password, Reply, Stored, password_binding};
use crate::vault::{IntakeSession, Sealed};
use crate::world::{Address, DataClass, RegionId};

/// Where an account's mail goes, as head office says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Route {
    pub account: Address,
    pub home: RegionId,
    /// What of a message rests at home.
    pub here: Vec<DataClass>,
    /// What it leads to elsewhere.
    pub onward: Vec<(RegionId, DataClass)>,
}

/// The program's ends of the regions.
#[derive(Default)]
pub struct MailClient {
    regions: BTreeMap<RegionId, RegionLink>,
    intake: Mutex<BTreeMap<RegionId, Arc<IntakeSession>>>,
}

impl MailClient {
    /// The links have to be those of a [`Peer::Client`](crate::region::Peer::Client).
    pub fn new(regions: BTreeMap<RegionId, RegionLink>) -> Self {
        MailClient { regions, intake: Mutex::default() }
    }

    /// Adds a region, or takes another link to it.
    pub fn add(&mut self, region: RegionId, link: RegionLink) {
        self.regions.insert(region, link);
    }

    /// Where a region is to be found just now; `None` where it is in this process, or down.
    pub fn address(&self, region: &RegionId) -> Option<SocketAddr> {
        self.regions.get(region)?.address()
    }

    /// Delivers one message into an account. When it returns, the message and what follows from it are durable in every
    /// region that holds a copy. With the owner's password it is a copy of what they sent themselves.
    pub async fn deliver(
        &self,
        route: &Route,
        received: Option<SimTime>,
        message: Bytes,
        owner: Option<Password>,
    ) -> Result<Stored, ProviderError> {
        let Route { account, home, here, onward } = route;
        let call = Call::Deliver {
            to: account.clone(),
            classes: here.clone(),
            onward: onward.clone(),
            received,
            owner,
        };
        let answer = self.link(home)?.call(call, Body::from(message)).await;
        let answer = answer.map_err(|error| of_owner(error, home, account))?;
        let Reply::Stored(stored) = answer.reply else { return Err(ProviderError::Answer(home.clone())) };
        // Also when the message was there already: a crash may have come between this delivery and its rows, and a
        // row that is there already is not written twice.
        for onward in &stored.onward {
            let (region, class, row) = (&onward.region, onward.class, onward.row.clone());
            let call = Call::PutRow { account: account.clone(), class, row };
            let put = self.link(region)?.call(call, Body::empty()).await;
            put.map_err(|error| ProviderError::Region(region.clone(), error))?;
        }
        Ok(stored)
    }

    /// Sends one message between the provider's own mailboxes: a copy for its sender, in the sender's home region, and one
    /// for each recipient in theirs. With the sender's password, nothing goes out unless it is right. Says how many copies
    /// are new.
    pub async fn send(
        &self,
        sender: Option<(&Route, Option<Password>)>,
        recipients: &[Route],
        date: Option<SimTime>,
        message: Bytes,
    ) -> Result<u64, ProviderError> {
        let mut new = 0;
        let own = sender.as_ref().map(|(route, _)| route.account.clone());
        if let Some((route, password)) = sender {
            new += u64::from(self.deliver(route, date, message.clone(), password).await?.new);
        }
        let others = recipients.iter().filter(|route| own.as_ref() != Some(&route.account));
        let deliveries = others.map(|route| self.deliver(route, date, message.clone(), None));
        for stored in futures_util::future::try_join_all(deliveries).await? {
            new += u64::from(stored.new);
        }
        Ok(new)
    }

    /// The messages of an account for its owner: how many, and an mbox.
    pub async fn export(&self, route: &Route, password: Password) -> Result<(u64, Body), ProviderError> {
        let Route { account, home, .. } = route;
        let call = Call::Export { account: account.clone(), password };
        let answer = self.link(home)?.call(call, Body::empty()).await;
        let answer = answer.map_err(|error| of_owner(error, home, account))?;
        match answer.reply {
            Reply::Mailbox { messages } => Ok((messages, answer.body)),
            _ => Err(ProviderError::Answer(home.clone())),
        }
    }

    /// Seals an owner's first password to the region that will check it, so that whoever opens the account does not see it.
    pub async fn seal_password(
        &self,
        home: &RegionId,
        account: &Address,
        password: &Password,
    ) -> Result<Sealed, ProviderError> {
        let known = self.intake.lock().unwrap_or_else(PoisonError::into_inner).get(home).cloned();
        let session = match known {
            Some(session) => session,
            None => {
                let answer = self.link(home)?.call(Call::Intake, Body::empty()).await;
                let answer = answer.map_err(|error| ProviderError::Region(home.clone(), error))?;
                let Reply::Intake { key } = answer.reply else {
                    return Err(ProviderError::Answer(home.clone()));
                };
                let session = IntakeSession::with(&key).map_err(|_| ProviderError::Answer(home.clone()))?;
                let session = Arc::new(session);
                let mut sessions = self.intake.lock().unwrap_or_else(PoisonError::into_inner);
                sessions.insert(home.clone(), session.clone());
                session
            }
        };
        Ok(session.seal(&password_binding(home, account), password.expose().as_bytes()))
    }

    fn link(&self, region: &RegionId) -> Result<&RegionLink, ProviderError> {
        self.regions.get(region).ok_or_else(|| ProviderError::NoRegion(region.clone()))
    }
}

fn of_owner(error: crate::region::ServiceError, home: &RegionId, account: &Address) -> ProviderError {
    match error.code {
        ErrorCode::Forbidden => ProviderError::Password(account.clone()),
        _ => ProviderError::Region(home.clone(), error),
    }
}
