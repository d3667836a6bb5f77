//! Mailbox cards: what a region knows of an account that rests there, sealed in the region's directory.
//!
//! A card ties an account's address to its copies. A permit names accounts, keys open copies; the card is the
//! only bridge between them, and it is authenticated: whoever can change bytes on the disk cannot make one
//! account's permit open another's copy.

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::VaultError;
use super::copy::OpenCopy;
use super::credential::Verifier;
use super::id::{CopyId, MailboxId};
use super::wrap::{CopyIdentity, class_code, class_from_code};
use crate::world::{Address, DataClass};

/// A region's directory, opened: finds an account's card by its address.
pub struct Directory(OpenCopy);

/// What a region knows of one account.
#[derive(Clone)]
pub struct MailboxCard {
    account: Address,
    mailbox: MailboxId,
    copies: Vec<CopyIdentity>,
    verifier: Option<Verifier>,
}

impl Directory {
    pub(super) fn new(keys: OpenCopy) -> Self {
        Directory(keys)
    }

    /// The directory's keys, which are kept and rotated like a copy's.
    pub fn keys(&self) -> &OpenCopy {
        &self.0
    }

    /// The name under which the account's card lies in the index.
    pub fn card_name(&self, account: &Address) -> [u8; 16] {
        self.0.index_tag("account", account.as_str().as_bytes())
    }

    /// A card for an account without copies.
    pub fn new_card(&self, account: Address, verifier: Option<Verifier>) -> MailboxCard {
        let mailbox = MailboxId::from_bytes(self.0.index_tag("mailbox", account.as_str().as_bytes()));
        MailboxCard { account, mailbox, copies: Vec::new(), verifier }
    }

    /// Seals a note that lies in the index as the row named `name`, and opens only there.
    pub(crate) fn seal_note(&self, name: &[u8], note: &[u8]) -> Vec<u8> {
        self.0.seal_value(&[b"note v1".as_slice(), name].concat(), note)
    }

    pub(crate) fn open_note(&self, name: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        self.0.open_value(&[b"note v1".as_slice(), name].concat(), sealed)
    }

    pub fn seal(&self, card: &MailboxCard) -> Vec<u8> {
        let copies = card.copies.iter().map(|c| (class_code(c.class), *c.copy.as_bytes())).collect();
        let stored = StoredCard { account: card.account.clone(), copies, verifier: card.verifier.clone() };
        let plain = Zeroizing::new(serde_json::to_vec(&stored).expect("a card is plain data"));
        self.0.seal_value(&card_binding(&self.card_name(&card.account)), &plain)
    }

    pub fn open(&self, name: &[u8; 16], sealed: &[u8]) -> Result<MailboxCard, VaultError> {
        let failed = || VaultError::DoesNotOpen { what: "a mailbox card", of: self.0.id() };
        let plain = self.0.open_value(&card_binding(name), sealed)?;
        let stored: StoredCard = serde_json::from_slice(&plain).map_err(|_| failed())?;
        let mut card = self.new_card(stored.account, stored.verifier);
        for (class, copy) in stored.copies {
            let class = class_from_code(class).ok_or_else(failed)?;
            card.copies.push(CopyIdentity { copy: CopyId::from_bytes(copy), mailbox: card.mailbox, class });
        }
        Ok(card)
    }
}

impl fmt::Debug for Directory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Directory(…)")
    }
}

fn card_binding(name: &[u8; 16]) -> Vec<u8> {
    [b"card v1".as_slice(), name].concat()
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredCard {
    account: Address,
    copies: Vec<(u8, [u8; 16])>,
    verifier: Option<Verifier>,
}

impl MailboxCard {
    pub fn account(&self) -> &Address {
        &self.account
    }

    pub fn mailbox(&self) -> MailboxId {
        self.mailbox
    }

    /// The mailbox's copies at this region, at most one per class.
    pub fn copies(&self) -> &[CopyIdentity] {
        &self.copies
    }

    pub fn copy(&self, class: DataClass) -> Option<&CopyIdentity> {
        self.copies.iter().find(|copy| copy.class == class)
    }

    /// Puts another copy on the card; a class has at most one.
    pub fn add_copy(&mut self, copy: CopyIdentity) {
        debug_assert!(copy.mailbox == self.mailbox && self.copy(copy.class).is_none());
        self.copies.push(copy);
    }

    pub(super) fn verifier(&self) -> Option<&Verifier> {
        self.verifier.as_ref()
    }
}

impl fmt::Debug for MailboxCard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MailboxCard({}, {} copies)", self.mailbox, self.copies.len())
    }
}
