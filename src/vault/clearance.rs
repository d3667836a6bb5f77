//! Clearances: values that only a passed check can make, and that the vault asks for before it does anything.
//!
//! | clearance | made by | what it lets the vault do |
//! |---|---|---|
//! | [`Session`] | the owner's credential, checked here | open everything of one mailbox |
//! | [`MailboxRelease`] | a verified permit ([`Release`]) and the mailbox's card | open what the permit's items cover |
//! | [`Delivery`] | anyone | seal; it opens nothing |
//! | [`Rotate`] | anyone | wrap keys anew; it opens no mail |
//!
//! There is no clearance for an operator. Nothing outside this module can make one of the first two:
//!
//! ```compile_fail
//! # let mailbox = rogatory::vault::MailboxId::from_bytes([0; 16]);
//! let session = rogatory::vault::Session { mailbox };
//! ```

use super::card::MailboxCard;
use super::credential::Verifier;
use super::id::MailboxId;
use super::object::ObjectDate;
use super::wrap::CopyIdentity;
use crate::demand::{DateRange, Item};
use crate::record::permit::VerifiedPermit;
use crate::world::{Address, DataClass};

/// A clearance that opens. Implemented here and nowhere else.
pub trait Reads: private::Sealed + Send + Sync {
    /// True if something of this copy may be covered.
    fn covers_copy(&self, of: &CopyIdentity) -> bool;

    /// True if an object of this date in this copy is covered.
    fn covers(&self, of: &CopyIdentity, date: ObjectDate) -> bool;

    /// True if it also covers what the owner deleted and a hold keeps.
    fn covers_kept(&self) -> bool;
}

mod private {
    pub trait Sealed {}
    impl Sealed for super::Session {}
    impl Sealed for super::MailboxRelease {}
}

/// Seals, and cannot read.
#[derive(Clone, Copy, Debug)]
pub struct Delivery(());

impl Delivery {
    pub fn new() -> Self {
        Delivery(())
    }
}

impl Default for Delivery {
    fn default() -> Self {
        Delivery::new()
    }
}

/// Wraps keys anew, and opens no mail.
#[derive(Clone, Copy, Debug)]
pub struct Rotate(());

impl Rotate {
    pub fn new() -> Self {
        Rotate(())
    }
}

impl Default for Rotate {
    fn default() -> Self {
        Rotate::new()
    }
}

/// The owner of a mailbox, who has proved it to this region.
#[derive(Clone, Debug)]
pub struct Session {
    mailbox: MailboxId,
}

/// A login that failed. It does not tell whether the account or the password was wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no such account with this password")]
pub struct LoginFailed;

impl Session {
    /// Checks the owner's password against the card; `None` stands for an account that is not here.
    pub fn open(card: Option<&MailboxCard>, password: &str) -> Result<Session, LoginFailed> {
        match card.and_then(|card| Some((card, card.verifier()?))) {
            Some((card, verifier)) if verifier.matches(password) => Ok(Session { mailbox: card.mailbox() }),
            Some(_) => Err(LoginFailed),
            None => {
                Verifier::pretend(password);
                Err(LoginFailed)
            }
        }
    }

    pub fn mailbox(&self) -> MailboxId {
        self.mailbox
    }
}

impl Reads for Session {
    fn covers_copy(&self, of: &CopyIdentity) -> bool {
        of.mailbox == self.mailbox
    }

    fn covers(&self, of: &CopyIdentity, _: ObjectDate) -> bool {
        self.covers_copy(of)
    }

    fn covers_kept(&self) -> bool {
        false
    }
}

/// What one permit covers at this region; made by [`Vault::release`](super::Vault::release).
#[derive(Clone, Debug)]
pub struct Release {
    permit: [u8; 32],
    items: Vec<(Address, DataClass, DateRange)>,
    ciphertext_only: bool,
}

impl Release {
    /// The caller has made sure that the permit is for its region.
    pub(super) fn new(permit: &VerifiedPermit) -> Self {
        let items =
            permit.items().iter().map(|item| (item.account.clone(), item.class, item.range)).collect();
        Release { permit: *permit.permit_id().as_bytes(), items, ciphertext_only: permit.ciphertext_only() }
    }

    #[cfg(test)]
    pub(crate) fn for_test(permit: [u8; 32], items: Vec<(Address, DataClass, DateRange)>) -> Self {
        Release { permit, items, ciphertext_only: false }
    }

    /// The same permit, opening nothing of these items.
    #[must_use]
    pub fn without<'i>(mut self, kept_back: impl IntoIterator<Item = &'i Item>) -> Self {
        for item in kept_back {
            self.items.retain(|(account, class, _)| *account != item.account || *class != item.class);
        }
        self
    }

    /// Names the permit. One permit, one production.
    pub fn permit(&self) -> &[u8; 32] {
        &self.permit
    }

    /// True if the permit lets nothing be opened, only handed over as it is sealed.
    pub fn ciphertext_only(&self) -> bool {
        self.ciphertext_only
    }

    /// The accounts it is about, each once.
    pub fn accounts(&self) -> Vec<&Address> {
        let mut accounts: Vec<&Address> = self.items.iter().map(|(account, ..)| account).collect();
        accounts.sort();
        accounts.dedup();
        accounts
    }

    /// The part of it that opens something of the card's mailbox.
    pub fn of(&self, card: &MailboxCard) -> MailboxRelease {
        let opens = |account: &Address| account == card.account() && !self.ciphertext_only;
        let items = self.items.iter().filter(|(account, ..)| opens(account));
        MailboxRelease {
            mailbox: card.mailbox(),
            scope: items.map(|(_, class, range)| (*class, *range)).collect(),
        }
    }
}

/// What a permit covers of one mailbox: some classes, each over some range of dates.
#[derive(Clone, Debug)]
pub struct MailboxRelease {
    mailbox: MailboxId,
    scope: Vec<(DataClass, DateRange)>,
}

impl Reads for MailboxRelease {
    fn covers_copy(&self, of: &CopyIdentity) -> bool {
        of.mailbox == self.mailbox && self.scope.iter().any(|(class, _)| *class == of.class)
    }

    fn covers(&self, of: &CopyIdentity, date: ObjectDate) -> bool {
        let within = |range: &DateRange| match date {
            ObjectDate::On(time) => range.contains(time.date_utc()),
            ObjectDate::Standing => true,
        };
        of.mailbox == self.mailbox
            && self.scope.iter().any(|(class, range)| *class == of.class && within(range))
    }

    fn covers_kept(&self) -> bool {
        true
    }
}
