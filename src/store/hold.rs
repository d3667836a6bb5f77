//! Deleting, and holds that keep what is deleted.
//!
//! A hold belongs to a matter and is about one copy. While there is one, what is deleted cannot be read by its
//! owner any more, but stays where a permit can reach it, and no key is shredded.

use super::books::Books;
use super::delivery::remove_object;
use super::row::{ObjectRow, Space, Uid, key, object_key, uid_of};
use super::{Store, StoreError};
use crate::vault::{CopyId, CopyIdentity, MailboxCard, Session};
use crate::world::DataClass;

/// How many objects one transaction deals with, so that deliveries do not wait behind thousands.
pub(super) const STEP: usize = 256;

impl Store {
    /// Deletes objects of the owner's mailbox. They are unreadable when this returns; their keys are shredded
    /// with the copy's generation. Says how many there were.
    pub async fn delete(
        &self,
        session: &Session,
        copy: &CopyIdentity,
        uids: &[Uid],
    ) -> Result<usize, StoreError> {
        let id = copy.copy;
        if self.copy_row(id)?.identity.mailbox != session.mailbox() {
            return Err(StoreError::NotCovered { copy: id });
        }
        let mut deleted = 0;
        for step in uids.chunks(STEP) {
            let step = step.to_vec();
            let bytes = step.len() * 256;
            deleted += self
                .0
                .committer
                .transact(bytes, move |books| {
                    let mut deleted = 0;
                    for uid in step {
                        deleted += usize::from(remove_object(books, id, uid)?);
                        let row = books.copy_mut(id)?;
                        row.record = row.record.filter(|record| *record != uid);
                    }
                    Ok(deleted)
                })
                .await?;
        }
        Ok(deleted)
    }

    /// Keeps what is in a copy, for a matter. Holding twice is holding once.
    pub async fn hold(&self, card: &MailboxCard, class: DataClass, matter: &str) -> Result<(), StoreError> {
        let copy = card.copy(class).ok_or(StoreError::NotHere { class })?.copy;
        let row = self.hold_key(copy, matter);
        let sealed = self.0.directory.seal_note(&row, matter.as_bytes());
        let transaction = move |books: &mut Books| {
            if books.get(&row)?.is_none() {
                books.copy_mut(copy)?.holds += 1;
                books.put(row, sealed);
            }
            Ok(())
        };
        self.0.committer.transact(256, transaction).await
    }

    /// Ends a matter's hold. What only it kept is then as deleted as it would have been without.
    pub async fn lift(&self, card: &MailboxCard, class: DataClass, matter: &str) -> Result<(), StoreError> {
        let copy = card.copy(class).ok_or(StoreError::NotHere { class })?.copy;
        self.lift_row(copy, self.hold_key(copy, matter)).await
    }

    /// Ends a matter's holds but for those of the copies in `except`.
    pub async fn lift_others(&self, matter: &str, except: &[CopyId]) -> Result<(), StoreError> {
        let tag = self.hold_tag(matter);
        self.lift_all(|copy, found| found == tag && !except.contains(&copy)).await
    }

    /// Ends the holds of all matters but these.
    pub async fn keep_only_holds(&self, matters: &[String]) -> Result<(), StoreError> {
        let tags: Vec<[u8; 16]> = matters.iter().map(|matter| self.hold_tag(matter)).collect();
        self.lift_all(|_, found| !tags.contains(&found)).await
    }

    async fn lift_all(&self, over: impl Fn(CopyId, [u8; 16]) -> bool) -> Result<(), StoreError> {
        let all = key(Space::Hold, &[&[0; 32]])..=key(Space::Hold, &[&[255; 32]]);
        let mut rows = Vec::new();
        for row in self.0.reader.view()?.range(all) {
            let (name, _) = row?;
            let parts = name.get(1..).and_then(|name| name.split_first_chunk::<16>());
            let parts = parts.and_then(|(copy, tag)| Some((CopyId::from_bytes(*copy), tag.try_into().ok()?)));
            let (copy, tag) = parts.ok_or(StoreError::BadRow { what: "a hold" })?;
            if over(copy, tag) {
                rows.push((copy, name.to_vec()));
            }
        }
        for (copy, row) in rows {
            self.lift_row(copy, row).await?;
        }
        Ok(())
    }

    async fn lift_row(&self, copy: CopyId, row: Vec<u8>) -> Result<(), StoreError> {
        let transaction = move |books: &mut Books| {
            if books.get(&row)?.is_some() {
                let copy = books.copy_mut(copy)?;
                copy.holds = copy.holds.saturating_sub(1);
                books.delete(row);
            }
            Ok(())
        };
        self.0.committer.transact(256, transaction).await?;
        self.let_go(copy).await
    }

    /// The matters that hold a copy.
    pub fn holds(&self, card: &MailboxCard, class: DataClass) -> Result<Vec<String>, StoreError> {
        let copy = card.copy(class).ok_or(StoreError::NotHere { class })?.copy;
        let range =
            key(Space::Hold, &[copy.as_bytes(), &[0; 16]])..=key(Space::Hold, &[copy.as_bytes(), &[255; 16]]);
        let mut matters = Vec::new();
        for row in self.0.reader.view()?.range(range) {
            let (name, sealed) = row?;
            let matter = self.0.directory.open_note(&name, &sealed)?;
            matters.push(String::from_utf8_lossy(&matter).into_owned());
        }
        matters.sort();
        Ok(matters)
    }

    fn hold_key(&self, copy: CopyId, matter: &str) -> Vec<u8> {
        key(Space::Hold, &[copy.as_bytes(), &self.hold_tag(matter)])
    }

    fn hold_tag(&self, matter: &str) -> [u8; 16] {
        self.0.directory.keys().index_tag("hold", matter.as_bytes())
    }

    /// Gives up what was kept in a copy, if nothing holds it any more.
    pub(super) async fn let_go(&self, copy: CopyId) -> Result<(), StoreError> {
        loop {
            let range = object_key(Space::Kept, copy, Uid(0))..=object_key(Space::Kept, copy, Uid(u32::MAX));
            let mut step = Vec::new();
            for row in self.0.reader.view()?.range(range).take(STEP) {
                step.extend(uid_of(&row?.0));
            }
            if step.is_empty() {
                return Ok(());
            }
            let go_on = self
                .0
                .committer
                .transact(step.len() * 256, move |books| {
                    if books.copy(copy)?.holds > 0 {
                        return Ok(false);
                    }
                    for uid in step {
                        forget_kept(books, copy, uid)?;
                    }
                    Ok(true)
                })
                .await?;
            if !go_on {
                return Ok(());
            }
        }
    }
}

fn forget_kept(books: &mut Books, copy: CopyId, uid: Uid) -> Result<(), StoreError> {
    let kept = object_key(Space::Kept, copy, uid);
    let Some(bytes) = books.get(&kept)? else { return Ok(()) };
    let object = ObjectRow::from_bytes(&bytes)?;
    if let Some(generation) = books.copy_mut(copy)?.generation_mut(object.header.generation) {
        generation.kept = generation.kept.saturating_sub(1);
        generation.deleted += 1;
    }
    books.delete(kept);
    books.release_body(object.body);
    Ok(())
}
