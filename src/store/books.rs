//! What the committer keeps, and what a transaction sees of it.
//!
//! Transactions run one after the other, each on what the ones before it left, also those of the same batch that
//! are not on the disk yet. A transaction checks everything before it changes anything: one that fails leaves the
//! books as they were.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use crate::vault::{CopyId, CopyIdentity, Epoch, Generation, SealedCopyKeys, Vault, VaultError};

use super::StoreError;
use super::engine::{Blob, BlobRef, Commit, LooseBody, Reader, RowChange, Writer};
use super::keys;
use super::row::{CopyRow, EpochRow, EpochState, GenerationRow, Space, key};

/// How many copies' states are kept at hand.
const COPIES_AT_HAND: usize = 1 << 16;

/// The body of an object on its way to the disk.
pub(super) enum Body {
    Whole(Blob),
    Loose(LooseBody),
}

pub(super) struct Books {
    writer: Writer,
    reader: Arc<Reader>,
    copies: HashMap<CopyId, CopyRow>,
    changed_copies: HashSet<CopyId>,
    epochs: BTreeMap<Epoch, EpochRow>,
    changed_epochs: BTreeSet<Epoch>,
    commit: Commit,
    /// Changes of rows other than the above.
    rows: HashMap<Vec<u8>, Option<Vec<u8>>>,
    bytes: usize,
}

impl Books {
    /// Reads the books out of the index, and erases slots that nothing refers to.
    pub fn open(mut writer: Writer, reader: Arc<Reader>) -> Result<Self, StoreError> {
        let mut epochs = BTreeMap::new();
        for row in reader.view()?.range(EpochRow::key(Epoch(0))..=EpochRow::key(Epoch(u32::MAX))) {
            let (key, value) = row?;
            let epoch = key.last_chunk().ok_or(StoreError::BadRow { what: "an epoch" })?;
            epochs.insert(Epoch(u32::from_be_bytes(*epoch)), EpochRow::from_bytes(&value)?);
        }
        let mut used = BTreeSet::new();
        for row in all_copies(&reader)? {
            used.extend(row?.generations.iter().map(|generation| generation.slot));
        }
        writer.keep_only_slots(&used)?;
        Ok(Books {
            commit: writer.begin(),
            writer,
            reader,
            copies: HashMap::new(),
            changed_copies: HashSet::new(),
            epochs,
            changed_epochs: BTreeSet::new(),
            rows: HashMap::new(),
            bytes: 0,
        })
    }

    /// About how many bytes wait to be committed.
    pub fn waiting_bytes(&self) -> usize {
        self.bytes
    }

    /// Puts everything that transactions changed on the disk.
    pub fn commit(&mut self) -> Result<(), StoreError> {
        let mut rows: Vec<RowChange> =
            self.rows.drain().map(|(key, value)| RowChange { key, value }).collect();
        for copy in self.changed_copies.drain() {
            if let Some(row) = self.copies.get(&copy) {
                rows.push(RowChange { key: CopyRow::key(copy), value: Some(row.to_bytes()) });
            }
        }
        for epoch in std::mem::take(&mut self.changed_epochs) {
            if let Some(row) = self.epochs.get(&epoch) {
                rows.push(RowChange { key: EpochRow::key(epoch), value: Some(row.to_bytes()) });
            }
        }
        if rows.is_empty() {
            return Ok(());
        }
        // Sorted, so that the same changes are the same bytes.
        rows.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        let commit = std::mem::replace(&mut self.commit, self.writer.begin());
        self.writer.commit(commit, rows)?;
        self.commit = self.writer.begin();
        self.bytes = 0;
        if self.copies.len() > COPIES_AT_HAND {
            self.copies.clear();
        }
        Ok(())
    }

    pub fn checkpoint(&mut self) -> Result<(), StoreError> {
        Ok(self.writer.checkpoint()?)
    }

    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match self.rows.get(key) {
            Some(change) => Ok(change.clone()),
            None => Ok(self.reader.get(key)?.map(|value| value.to_vec())),
        }
    }

    pub fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.bytes += key.len() + value.len();
        self.rows.insert(key, Some(value));
    }

    pub fn delete(&mut self, key: Vec<u8>) {
        self.bytes += key.len();
        self.rows.insert(key, None);
    }

    /// The state of a copy.
    pub fn copy(&mut self, copy: CopyId) -> Result<&CopyRow, StoreError> {
        self.load(copy).map(|row| &*row)
    }

    /// The state of a copy, to be changed.
    pub fn copy_mut(&mut self, copy: CopyId) -> Result<&mut CopyRow, StoreError> {
        self.load(copy)?;
        self.changed_copies.insert(copy);
        self.load(copy)
    }

    fn load(&mut self, copy: CopyId) -> Result<&mut CopyRow, StoreError> {
        use std::collections::hash_map::Entry;
        match self.copies.entry(copy) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => {
                let bytes = self.reader.get(&CopyRow::key(copy))?.ok_or(StoreError::NoSuchCopy { copy })?;
                Ok(entry.insert(CopyRow::from_bytes(&bytes)?))
            }
        }
    }

    pub fn add_body(&mut self, body: Body) -> BlobRef {
        match body {
            Body::Whole(blob) => {
                self.bytes += blob.bytes.len();
                self.commit.add(blob)
            }
            Body::Loose(body) => self.commit.add_loose(body),
        }
    }

    /// Gives up a body that no row refers to any more.
    pub fn release_body(&mut self, place: BlobRef) {
        self.commit.released.push(place);
    }

    pub fn epochs(&self) -> &BTreeMap<Epoch, EpochRow> {
        &self.epochs
    }

    pub fn set_epoch(&mut self, epoch: Epoch, row: EpochRow) {
        self.epochs.insert(epoch, row);
        self.changed_epochs.insert(epoch);
    }

    /// True if wraps may be added under the epoch that these keys are wrapped under.
    pub fn is_open(&self, keys: &SealedCopyKeys) -> bool {
        let row = keys.region_epoch().and_then(|epoch| self.epochs.get(&epoch));
        row.is_some_and(|row| row.state == EpochState::Open)
    }

    /// Makes a copy. The caller has checked [`Books::is_open`].
    pub fn add_copy(&mut self, identity: CopyIdentity, keys: &SealedCopyKeys) -> Result<(), StoreError> {
        let generation = self.add_generation_row(identity.copy, keys)?;
        self.copies.insert(identity.copy, CopyRow::new(identity, generation));
        self.changed_copies.insert(identity.copy);
        Ok(())
    }

    /// Writes a generation's keys to the key table. The caller has checked [`Books::is_open`].
    pub fn add_generation_row(
        &mut self,
        copy: CopyId,
        keys: &SealedCopyKeys,
    ) -> Result<GenerationRow, StoreError> {
        let epoch = region_epoch(copy, keys)?;
        let slot = self.writer.write_slot(&keys::to_slot(copy, keys))?;
        self.count_wraps(epoch, 1);
        Ok(GenerationRow {
            generation: keys.generation,
            slot,
            epoch,
            head_office: keys.head_office_key(),
            objects: 0,
            kept: 0,
            deleted: 0,
        })
    }

    /// Erases a generation's keys from the key table, once the commit that gives them up is on the disk.
    pub fn erase_generation(&mut self, row: &GenerationRow) {
        self.commit.erased.push(row.slot);
        self.count_wraps(row.epoch, -1);
    }

    fn count_wraps(&mut self, epoch: Epoch, change: i64) {
        if let Some(row) = self.epochs.get_mut(&epoch) {
            row.wraps = row.wraps.saturating_add_signed(change);
            self.changed_epochs.insert(epoch);
        }
    }

    /// What a new store begins with: the first epoch, and the region's directory.
    pub fn begin(&mut self, vault: &Vault) -> Result<(), StoreError> {
        if self.get(&CopyRow::key(CopyId::DIRECTORY))?.is_some() {
            return Ok(());
        }
        self.set_epoch(vault.current_epoch(), EpochRow { state: EpochState::Open, wraps: 0 });
        let (directory, keys) = vault.new_directory()?;
        self.add_copy(*directory.keys().identity(), &keys)?;
        self.commit()
    }
}

/// The state of every copy, in the order of their ids.
pub(super) fn all_copies(
    reader: &Reader,
) -> Result<impl Iterator<Item = Result<CopyRow, StoreError>> + use<>, StoreError> {
    let range = key(Space::Copy, &[&[0; 16]])..=key(Space::Copy, &[&[255; 16]]);
    Ok(reader.view()?.range(range).map(|row| CopyRow::from_bytes(&row?.1)))
}

/// The sealed keys of one generation of a copy.
pub(super) fn read_keys(
    reader: &Reader,
    copy: CopyId,
    row: &GenerationRow,
) -> Result<SealedCopyKeys, StoreError> {
    let slot = reader.read_slot(row.slot)?.ok_or(StoreError::BadRow { what: "a slot of the key table" })?;
    keys::from_slot(copy, row.generation, &slot)
}

fn region_epoch(copy: CopyId, keys: &SealedCopyKeys) -> Result<Epoch, StoreError> {
    Ok(keys.region_epoch().ok_or(VaultError::NotForThisRegion { copy })?)
}

/// Names a generation in an error.
pub(super) fn no_such_generation(copy: CopyId, generation: Generation) -> StoreError {
    StoreError::NoSuchGeneration { copy, generation }
}
