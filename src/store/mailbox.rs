//! Mailboxes: making them, finding them, logging in.

use std::sync::Arc;

use super::row::{Space, key};
use super::{Store, StoreError};
use crate::vault::{CopyIdentity, MailboxCard, Rotate, SealedCopyKeys, Session, Verifier};
use crate::world::{Address, DataClass};

impl Store {
    /// Makes a mailbox for an account, with one copy for each class that rests here.
    pub async fn create_mailbox(
        &self,
        account: &Address,
        classes: &[DataClass],
        verifier: Option<Verifier>,
    ) -> Result<Arc<MailboxCard>, StoreError> {
        let card = self.0.directory.new_card(account.clone(), verifier);
        self.put_card(None, card, classes).await?.ok_or(StoreError::MailboxExists)
    }

    /// Adds copies for the classes that the mailbox has none of here yet.
    pub async fn add_copies(
        &self,
        account: &Address,
        classes: &[DataClass],
    ) -> Result<Arc<MailboxCard>, StoreError> {
        loop {
            let (sealed, card) = self.read_card(account)?.ok_or(StoreError::NoSuchMailbox)?;
            let missing: Vec<DataClass> =
                classes.iter().copied().filter(|class| card.copy(*class).is_none()).collect();
            if missing.is_empty() {
                return Ok(Arc::new(card));
            }
            if let Some(card) = self.put_card(Some(sealed), card, &missing).await? {
                return Ok(card);
            }
        }
    }

    /// Stores a card with new copies on it, in place of `before`; `None` if something else is there by now.
    async fn put_card(
        &self,
        before: Option<Vec<u8>>,
        mut card: MailboxCard,
        new: &[DataClass],
    ) -> Result<Option<Arc<MailboxCard>>, StoreError> {
        let mut copies = Vec::new();
        for class in new {
            if card.copy(*class).is_none() {
                let (open, keys) = self.0.vault.new_copy(card.mailbox(), *class)?;
                card.add_copy(*open.identity());
                copies.push((*open.identity(), keys));
            }
        }
        let row = key(Space::Card, &[&self.0.directory.card_name(card.account())]);
        let sealed = self.0.directory.seal(&card);
        loop {
            let (row, before, sealed, offered) =
                (row.clone(), before.clone(), sealed.clone(), copies.clone());
            let outcome = self.0.committer.transact(sealed.len(), move |books| {
                if books.get(&row)? != before {
                    return Ok(Put::Changed);
                }
                for (_, keys) in &offered {
                    if !books.is_open(keys) {
                        return Ok(Put::EpochClosed);
                    }
                }
                for (identity, keys) in &offered {
                    books.add_copy(*identity, keys)?;
                }
                books.put(row, sealed);
                Ok(Put::Done)
            });
            match outcome.await? {
                Put::Done => {
                    let card = Arc::new(card);
                    self.0.cards.put(card.account().clone(), card.clone());
                    return Ok(Some(card));
                }
                Put::Changed => return Ok(None),
                Put::EpochClosed => self.rewrap_all(&mut copies)?,
            }
        }
    }

    /// Wraps keys that are not stored yet under the epoch that came up meanwhile.
    fn rewrap_all(&self, copies: &mut [(CopyIdentity, SealedCopyKeys)]) -> Result<(), StoreError> {
        for (identity, keys) in copies {
            let wrap = self.0.vault.rewrap_copy(&Rotate::new(), identity, keys)?;
            keys.replace_region_wrap(wrap);
        }
        Ok(())
    }

    /// The account's mailbox at this region, if it has one.
    pub fn mailbox(&self, account: &Address) -> Result<Option<Arc<MailboxCard>>, StoreError> {
        if let Some(card) = self.0.cards.get(account) {
            return Ok(Some(card));
        }
        let Some((_, card)) = self.read_card(account)? else { return Ok(None) };
        let card = Arc::new(card);
        self.0.cards.put(account.clone(), card.clone());
        Ok(Some(card))
    }

    /// Every mailbox at this region, in no order.
    pub fn mailboxes(&self) -> Result<Vec<MailboxCard>, StoreError> {
        let all = key(Space::Card, &[&[0; 16]])..=key(Space::Card, &[&[255; 16]]);
        let mut cards = Vec::new();
        for row in self.0.reader.view()?.range(all) {
            let (name, sealed) = row?;
            let name = name.last_chunk().ok_or(StoreError::BadRow { what: "a mailbox card" })?;
            cards.push(self.0.directory.open(name, &sealed)?);
        }
        Ok(cards)
    }

    fn read_card(&self, account: &Address) -> Result<Option<(Vec<u8>, MailboxCard)>, StoreError> {
        let name = self.0.directory.card_name(account);
        let Some(sealed) = self.0.reader.get(&key(Space::Card, &[&name]))? else { return Ok(None) };
        let card = self.0.directory.open(&name, &sealed)?;
        Ok(Some((sealed.to_vec(), card)))
    }

    /// Checks an owner's password. Takes a while on purpose, so it belongs on a thread that may wait.
    pub fn log_in(&self, account: &Address, password: &str) -> Result<Session, StoreError> {
        let card = self.mailbox(account)?;
        Ok(Session::open(card.as_deref(), password)?)
    }
}

enum Put {
    Done,
    Changed,
    EpochClosed,
}
