//! The life of keys: a new key for the region, and new keys for copies so that what was deleted is shredded.
//!
//! Both are done in steps, each a commit, and both go on where they stopped when they are called again.

use super::books::{Books, all_copies, read_keys};
use super::hold::STEP;
use super::row::{EpochRow, EpochState, ObjectRow, Space, Uid, object_key, uid_of};
use super::{Store, StoreError};
use crate::vault::{CopyId, Epoch, Generation, OpenCopy, Rotate, SealedCopyKeys};

/// What a rotation of the region's key did.
#[derive(Clone, PartialEq, Eq, Debug, Default, serde::Serialize)]
pub struct Rotated {
    /// Keys of copies that were wrapped anew.
    pub rewrapped: u64,
    /// Epochs whose keys are gone now.
    pub destroyed: Vec<u32>,
}

/// What became of the keys of deleted objects.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize)]
pub struct Shredded {
    /// Deleted objects that nothing opens any more, whatever is found on the disk.
    pub shredded: u64,
    /// Deleted objects whose keys stay because a hold needs their copy.
    pub held: u64,
}

impl Store {
    /// Gives the region a new key, wraps every copy's key under it, and destroys the keys of older epochs.
    /// Touches no object.
    pub async fn rotate_region_key(&self, rotate: &Rotate) -> Result<Rotated, StoreError> {
        self.begin_epoch(rotate).await?;
        self.finish_rotation(rotate).await
    }

    /// Makes a new epoch and closes the others: wraps are made under it from now on.
    pub async fn begin_epoch(&self, rotate: &Rotate) -> Result<Epoch, StoreError> {
        let new = self.0.vault.make_epoch(rotate)?;
        let vault = self.0.vault.clone();
        let transaction = move |books: &mut Books| {
            let open: Vec<(Epoch, EpochRow)> = books
                .epochs()
                .iter()
                .filter(|(_, row)| row.state == EpochState::Open)
                .map(|(epoch, row)| (*epoch, *row))
                .collect();
            for (epoch, row) in open {
                books.set_epoch(epoch, EpochRow { state: EpochState::Closed, ..row });
            }
            books.set_epoch(new, EpochRow { state: EpochState::Open, wraps: 0 });
            vault.use_epoch(new)?;
            Ok(new)
        };
        self.0.committer.transact(256, transaction).await
    }

    /// Wraps anew what is still wrapped under a closed epoch, and destroys the closed epochs' keys.
    pub async fn finish_rotation(&self, rotate: &Rotate) -> Result<Rotated, StoreError> {
        let mut done = Rotated::default();
        loop {
            let current = self.0.vault.current_epoch();
            let mut stragglers = 0;
            for row in all_copies(&self.0.reader)? {
                let row = row?;
                for generation in row.generations.iter().filter(|g| g.epoch != current) {
                    stragglers += 1;
                    let id = row.identity.copy;
                    let mut keys = match read_keys(&self.0.reader, id, generation) {
                        Ok(keys) => keys,
                        Err(error)
                            if self.copy_row(id)?.generations.iter().any(|g| g.slot == generation.slot) =>
                        {
                            return Err(error);
                        }
                        // It went while we looked.
                        Err(_) => continue,
                    };
                    keys.replace_region_wrap(self.0.vault.rewrap_copy(rotate, &row.identity, &keys)?);
                    done.rewrapped += u64::from(self.replace_keys(id, generation.slot, keys).await?);
                }
            }
            if stragglers == 0 {
                break;
            }
        }
        let epochs = self.0.committer.transact(256, |books| Ok(books.epochs().clone())).await?;
        for (epoch, row) in epochs {
            if row.state == EpochState::Closed {
                self.destroy_epoch(rotate, epoch).await?;
                done.destroyed.push(epoch.0);
            }
        }
        Ok(done)
    }

    /// Destroys the key of a closed epoch under which nothing is wrapped any more.
    async fn destroy_epoch(&self, rotate: &Rotate, epoch: Epoch) -> Result<(), StoreError> {
        let transaction = move |books: &mut Books| {
            let wraps = books.epochs().get(&epoch).map_or(0, |row| row.wraps);
            if wraps > 0 {
                return Err(StoreError::EpochInUse { epoch, wraps });
            }
            books.set_epoch(epoch, EpochRow { state: EpochState::Destroyed, wraps: 0 });
            Ok(())
        };
        self.0.committer.transact(256, transaction).await?;
        Ok(self.0.vault.destroy_epoch(rotate, epoch)?)
    }

    /// Puts keys in the place of the same generation's in `slot`; false if something else is there by now.
    async fn replace_keys(&self, copy: CopyId, slot: u32, keys: SealedCopyKeys) -> Result<bool, StoreError> {
        let transaction = move |books: &mut Books| {
            let is_open = books.is_open(&keys);
            let before = books.copy(copy)?.generations.iter().find(|g| g.slot == slot).cloned();
            let Some(before) = before.filter(|g| is_open && g.generation == keys.generation) else {
                return Ok(false);
            };
            let new = books.add_generation_row(copy, &keys)?;
            books.erase_generation(&before);
            if let Some(row) = books.copy_mut(copy)?.generation_mut(keys.generation) {
                (row.slot, row.epoch) = (new.slot, new.epoch);
            }
            Ok(true)
        };
        self.0.committer.transact(1024, transaction).await
    }

    /// Shreds what was deleted, in every copy that something was deleted from.
    pub async fn shred_deleted(&self, rotate: &Rotate) -> Result<Shredded, StoreError> {
        let mut done = Shredded::default();
        for row in all_copies(&self.0.reader)? {
            let row = row?;
            let left_over = row.generations.len() > 1;
            if left_over || row.generations.iter().any(|g| g.deleted > 0) {
                let copy = self.shred(rotate, row.identity.copy).await?;
                done.shredded += copy.shredded;
                done.held += copy.held;
            }
        }
        Ok(done)
    }

    /// Gives a copy a new key, wraps the keys of its objects under it, and destroys the old one, so that nothing
    /// opens what was deleted, whatever is found on the disk. With a hold, the old key stays until the next time.
    pub async fn shred(&self, rotate: &Rotate, copy: CopyId) -> Result<Shredded, StoreError> {
        let row = self.copy_row(copy)?;
        // A crash may have left an older generation half-way; then that is what is to be finished.
        if row.generations.len() == 1 || row.current().deleted > 0 {
            self.begin_generation(rotate, copy).await?;
        }
        let row = self.copy_row(copy)?;
        let (newest, older) = row.generations.split_last().ok_or(StoreError::BadRow { what: "a copy" })?;
        let current = self.open_generation(&row, newest)?;
        let mut done = Shredded::default();
        for old in older {
            let old_keys = self.open_generation(&row, old)?;
            for space in [Space::Object, Space::Kept] {
                self.rewrap_objects(rotate, space, &old_keys, &current).await?;
            }
            let retired = self.retire(copy, old.generation).await?;
            done.shredded += retired.shredded;
            done.held += retired.held;
        }
        Ok(done)
    }

    async fn begin_generation(&self, rotate: &Rotate, copy: CopyId) -> Result<(), StoreError> {
        let row = self.copy_row(copy)?;
        let before = row.current().generation;
        let open = self.open_generation(&row, row.current())?;
        let (_, mut keys) = self.0.vault.next_generation(rotate, &open)?;
        loop {
            let offered = keys.clone();
            let transaction = move |books: &mut Books| {
                if books.copy(copy)?.current().generation != before {
                    return Ok(true);
                }
                if !books.is_open(&offered) {
                    return Ok(false);
                }
                let new = books.add_generation_row(copy, &offered)?;
                books.copy_mut(copy)?.generations.push(new);
                Ok(true)
            };
            if self.0.committer.transact(1024, transaction).await? {
                self.0.keys.forget(&copy);
                return Ok(());
            }
            keys.replace_region_wrap(self.0.vault.rewrap_copy(rotate, &row.identity, &keys)?);
        }
    }

    /// Wraps the keys of objects under the current generation. None is added under the old one meanwhile: the
    /// committer refuses it.
    async fn rewrap_objects(
        &self,
        rotate: &Rotate,
        space: Space,
        old: &OpenCopy,
        new: &OpenCopy,
    ) -> Result<(), StoreError> {
        let copy = old.id();
        let mut next = Some(Uid(1));
        while let Some(from) = next {
            let range = object_key(space, copy, from)..=object_key(space, copy, Uid(u32::MAX));
            let mut step = Vec::new();
            next = None;
            for row in self.0.reader.view()?.range(range) {
                let (key, value) = row?;
                if step.len() == STEP {
                    next = uid_of(&key);
                    break;
                }
                let object = ObjectRow::from_bytes(&value)?;
                if object.header.generation == old.generation() {
                    let header = old.rewrap(rotate, new, &object.header)?;
                    step.push((key.to_vec(), object.header, header));
                }
            }
            if step.is_empty() {
                continue;
            }
            let transaction = move |books: &mut Books| {
                for (key, before, header) in step {
                    let Some(bytes) = books.get(&key)? else { continue };
                    let mut object = ObjectRow::from_bytes(&bytes)?;
                    if object.header != before {
                        continue;
                    }
                    let row = books.copy_mut(copy)?;
                    for (generation, gone) in [(before.generation, true), (header.generation, false)] {
                        if let Some(row) = row.generation_mut(generation) {
                            let count = match space {
                                Space::Kept => &mut row.kept,
                                _ => &mut row.objects,
                            };
                            *count = if gone { count.saturating_sub(1) } else { *count + 1 };
                        }
                    }
                    object.header = header;
                    books.put(key, object.to_bytes());
                }
                Ok(())
            };
            self.0.committer.transact(STEP * 256, transaction).await?;
        }
        Ok(())
    }

    /// Destroys the key of a generation under which no object's key is wrapped any more, unless a hold needs the
    /// copy.
    async fn retire(&self, copy: CopyId, generation: Generation) -> Result<Shredded, StoreError> {
        let transaction = move |books: &mut Books| {
            let row = books.copy(copy)?;
            let held = row.holds > 0;
            let Some(old) = row.generations.iter().find(|g| g.generation == generation).cloned() else {
                return Ok(Shredded::default());
            };
            if held || old.objects > 0 || old.kept > 0 {
                return Ok(Shredded { shredded: 0, held: old.deleted });
            }
            books.copy_mut(copy)?.generations.retain(|g| g.generation != generation);
            books.erase_generation(&old);
            Ok(Shredded { shredded: old.deleted, held: 0 })
        };
        self.0.committer.transact(256, transaction).await
    }
}
