//! What rests here, and what has to stay.

use super::super::call::CopyStatus;
use super::super::error::{ErrorCode, ServiceError};
use super::{Node, store_error};
use crate::demand::Item;
use crate::vault::{MailboxCard, Recipient};
use crate::world::{Address, DataClass};

impl Node {
    /// How many objects each item's copy has, or that there is no such copy: an empty one and a lost one are not the
    /// same. Dates of objects are sealed, so a date range is not looked at.
    pub(super) fn count(&self, items: &[Item]) -> Result<Vec<Option<u64>>, ServiceError> {
        let count = |item: &Item| {
            let Some(card) = self.store.mailbox(&item.account).map_err(store_error)? else { return Ok(None) };
            let counts = self.store.counts(&card, item.class).map_err(store_error)?;
            Ok(counts.map(|counts| counts.objects))
        };
        items.iter().map(count).collect()
    }

    /// Every copy that rests here, whatever head office believes.
    pub(super) fn mailboxes(&self) -> Result<Vec<(Address, Vec<DataClass>)>, ServiceError> {
        let cards = self.store.mailboxes().map_err(store_error)?;
        let classes =
            |card: &MailboxCard| card.copies().iter().map(|copy| copy.class).collect::<Vec<DataClass>>();
        Ok(cards.iter().map(|card| (card.account().clone(), classes(card))).collect())
    }

    pub(super) fn copies(&self, account: &Address) -> Result<Vec<CopyStatus>, ServiceError> {
        let card = self.mailbox(account)?;
        let status = |class: DataClass| {
            let counts = self.store.counts(&card, class).map_err(store_error)?;
            let head_office_holds_key = self.head_office_holds_key(&card, class)?;
            Ok(counts.map(|counts| CopyStatus {
                class,
                objects: counts.objects,
                bytes: counts.sealed_bytes,
                head_office_holds_key,
            }))
        };
        card.copies().iter().filter_map(|copy| status(copy.class).transpose()).collect()
    }

    /// Whether some wrap of a copy's key is for head office: the fact of key custody itself.
    pub(super) fn head_office_holds_key(
        &self,
        card: &MailboxCard,
        class: DataClass,
    ) -> Result<bool, ServiceError> {
        let recipients = self.store.custody(card, class).map_err(store_error)?;
        Ok(recipients.iter().any(|recipient| matches!(recipient, Recipient::HeadOffice(_))))
    }

    /// Keeps for a matter what is in these items' copies, and in no others.
    pub(super) async fn hold(&self, matter: &str, items: &[Item]) -> Result<(), ServiceError> {
        let mut held = Vec::new();
        for item in items {
            let card = self.mailbox(&item.account)?;
            let copy = card.copy(item.class).ok_or_else(|| {
                let what = format!("no `{}` of `{}` rests in {}", item.class, item.account, self.region);
                ServiceError::new(ErrorCode::NotFound, what)
            })?;
            self.store.hold(&card, item.class, matter).await.map_err(store_error)?;
            held.push(copy.copy);
        }
        self.store.lift_others(matter, &held).await.map_err(store_error)
    }
}
