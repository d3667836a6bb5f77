//! Counts: how much there is, and how far keys have got in their lives.

use serde::Serialize;

use super::books::{all_copies, read_keys};
use super::row::{EpochRow, EpochState, Space, key};
use super::{Store, StoreError};
use crate::vault::{CopyId, Epoch, MailboxCard, Recipient, SealedCopyKeys};
use crate::world::DataClass;

/// The state of all keys of a region.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct KeyStatus {
    pub epochs: Vec<EpochStatus>,
    /// Copies in the region, without its own directory.
    pub copies: u64,
    /// Copies whose keys head office can open too.
    pub copies_with_head_office: u64,
    pub objects: u64,
    /// Deleted objects that only a hold keeps.
    pub kept: u64,
    /// Deleted objects whose keys could still be found on the disk, until their copies are shredded.
    pub deleted_not_shredded: u64,
    /// Copies that are on their way from one key to the next, or wait there because of a hold.
    pub copies_between_keys: u64,
}

/// One of the region's successive keys.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct EpochStatus {
    pub epoch: u32,
    pub state: EpochState,
    /// Keys of copies that are wrapped under it.
    pub wraps: u64,
    /// Objects whose keys are wrapped under those.
    pub objects: u64,
    /// Of those wraps, how many a rotation has yet to move: all that are not under the open epoch.
    pub stragglers: u64,
}

/// How much is in one copy.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize)]
pub struct CopyCounts {
    pub objects: u64,
    /// Of their sealed bodies.
    pub sealed_bytes: u64,
    /// The number that the next object gets.
    pub next_uid: u32,
    pub modseq: u64,
    /// How many holds and unfinished productions need it.
    pub holds: u32,
}

impl Store {
    /// A copy's keys as they lie on the disk, oldest generation first: for whoever has a key to try.
    pub fn sealed_keys(
        &self,
        card: &MailboxCard,
        class: DataClass,
    ) -> Result<Vec<SealedCopyKeys>, StoreError> {
        let Some(copy) = card.copy(class) else { return Ok(Vec::new()) };
        self.with_copy_row(copy.copy, |row| {
            row.generations.iter().map(|row| read_keys(&self.0.reader, copy.copy, row)).collect()
        })
    }

    /// Counts keys and what is under them. Goes over all copies.
    pub fn key_status(&self) -> Result<KeyStatus, StoreError> {
        let mut status = KeyStatus {
            epochs: Vec::new(),
            copies: 0,
            copies_with_head_office: 0,
            objects: 0,
            kept: 0,
            deleted_not_shredded: 0,
            copies_between_keys: 0,
        };
        for row in
            self.0.reader.view()?.range(key(Space::Epoch, &[&[0; 4]])..=key(Space::Epoch, &[&[255; 4]]))
        {
            let (key, value) = row?;
            let epoch = key.last_chunk().ok_or(StoreError::BadRow { what: "an epoch" })?;
            let row = EpochRow::from_bytes(&value)?;
            status.epochs.push(EpochStatus {
                epoch: u32::from_be_bytes(*epoch),
                state: row.state,
                wraps: row.wraps,
                objects: 0,
                stragglers: if row.state == EpochState::Open { 0 } else { row.wraps },
            });
        }
        for row in all_copies(&self.0.reader)? {
            let row = row?;
            for generation in &row.generations {
                if let Some(epoch) = status.epochs.iter_mut().find(|e| Epoch(e.epoch) == generation.epoch) {
                    epoch.objects += generation.objects + generation.kept;
                }
                status.objects += generation.objects;
                status.kept += generation.kept;
                status.deleted_not_shredded += generation.deleted;
            }
            if row.identity.copy != CopyId::DIRECTORY {
                status.copies += 1;
                status.copies_with_head_office +=
                    u64::from(row.generations.iter().any(|g| g.head_office.is_some()));
                status.copies_between_keys += u64::from(row.generations.len() > 1);
            }
        }
        Ok(status)
    }

    /// How much is in a copy; `None` if no such class of the mailbox rests here.
    pub fn counts(&self, card: &MailboxCard, class: DataClass) -> Result<Option<CopyCounts>, StoreError> {
        let Some(copy) = card.copy(class) else { return Ok(None) };
        let row = self.copy_row(copy.copy)?;
        Ok(Some(CopyCounts {
            objects: row.objects(),
            sealed_bytes: row.sealed_bytes,
            next_uid: row.next_uid,
            modseq: row.modseq,
            holds: row.holds,
        }))
    }

    /// Who can open a copy's keys: its key custody.
    pub fn custody(&self, card: &MailboxCard, class: DataClass) -> Result<Vec<Recipient>, StoreError> {
        let copy = card.copy(class).ok_or(StoreError::NotHere { class })?;
        let row = self.copy_row(copy.copy)?;
        let mut recipients = Vec::new();
        for generation in &row.generations {
            recipients.push(Recipient::Region(generation.epoch));
            recipients.extend(generation.head_office.map(Recipient::HeadOffice));
        }
        recipients.sort();
        recipients.dedup();
        Ok(recipients)
    }
}
