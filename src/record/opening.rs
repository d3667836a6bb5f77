use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::grant::SealedGrant;
use super::leaf::Leaf;
use super::slot::{Slot, commitment};
use crate::world::RegionId;

/// The clear values and salts of some of an entry's commitments. Showing an opening publishes those values and says
/// nothing about the other slots.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opening {
    entry: u64,
    slots: BTreeMap<Slot, OpenedSlot>,
}

/// One value with the salt it was committed under.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenedSlot {
    #[serde(with = "crate::base64_bytes")]
    pub salt: [u8; 32],
    /// The exact text of a JSON value, or empty where the slot was not used.
    pub value: String,
}

impl Opening {
    pub fn new(entry: u64, slots: BTreeMap<Slot, OpenedSlot>) -> Self {
        Opening { entry, slots }
    }

    /// The index of the entry that this opens.
    pub fn entry(&self) -> u64 {
        self.entry
    }

    pub fn slots(&self) -> impl Iterator<Item = (Slot, &OpenedSlot)> {
        self.slots.iter().map(|(slot, opened)| (*slot, opened))
    }

    pub fn slot(&self, slot: Slot) -> Option<&OpenedSlot> {
        self.slots.get(&slot)
    }

    /// An opening of those of `slots` that this one has.
    #[must_use]
    pub fn subset(&self, slots: &[Slot]) -> Opening {
        let slots = self.slots.iter().filter(|(slot, _)| slots.contains(slot));
        Opening { entry: self.entry, slots: slots.map(|(slot, opened)| (*slot, opened.clone())).collect() }
    }

    /// An opening of those of `slots` that this one has and its entry uses.
    #[must_use]
    pub fn used(&self, slots: &[Slot]) -> Opening {
        let mut used = self.subset(slots);
        used.slots.retain(|_, opened| !opened.value.is_empty());
        used
    }

    /// The value of a slot: `None` if the slot is not open or was not used. To be believed after [`Opening::check`].
    pub fn value(&self, slot: Slot) -> Result<Option<serde_json::Value>, OpeningError> {
        match self.slots.get(&slot) {
            None => Ok(None),
            Some(opened) if opened.value.is_empty() => Ok(None),
            Some(opened) => serde_json::from_str(&opened.value)
                .map(Some)
                .map_err(|error| OpeningError::Value { slot, error: error.to_string() }),
        }
    }

    /// Checks every open slot against the leaf. That the leaf is the one at [`Opening::entry`] is for the caller to prove.
    pub fn check(&self, leaf: &Leaf) -> Result<(), OpeningError> {
        for (slot, opened) in &self.slots {
            if commitment(*slot, &opened.salt, opened.value.as_bytes()) != *leaf.commitment(*slot) {
                return Err(OpeningError::Commitment { entry: self.entry, slot: *slot });
            }
        }
        Ok(())
    }
}

/// Everything that opens an entry: all sixteen slots, and each region's grant. This is what the keeper of the record has to
/// keep secret, and never lose.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FullOpening {
    pub opening: Opening,
    pub grants: BTreeMap<RegionId, SealedGrant>,
}

/// Where full openings are kept.
pub trait OpeningStore: Send + Sync + 'static {
    /// Keeps the openings of a batch, durably when it returns. It is called before the entries exist: after a crash or a
    /// failure there may be openings of entries that never came to be, and a later call with the same index replaces them.
    fn put(&self, batch: &[Arc<FullOpening>]) -> io::Result<()>;

    /// The opening of an entry, if it was kept and not erased.
    fn get(&self, entry: u64) -> io::Result<Option<FullOpening>>;

    /// Erases what opens these entries, for good and durably when it returns. The entries stay in the log; what was not
    /// kept is no error.
    fn erase(&self, entries: &[u64]) -> io::Result<()>;
}

/// Openings that are lost when the process ends: for tests and scenarios that never restart.
#[derive(Default)]
pub struct MemoryOpenings(Mutex<BTreeMap<u64, Arc<FullOpening>>>);

impl OpeningStore for MemoryOpenings {
    fn put(&self, batch: &[Arc<FullOpening>]) -> io::Result<()> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(batch.iter().map(|full| (full.opening.entry(), full.clone())));
        Ok(())
    }

    fn get(&self, entry: u64) -> io::Result<Option<FullOpening>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(kept.get(&entry).map(|full| full.as_ref().clone()))
    }

    fn erase(&self, entries: &[u64]) -> io::Result<()> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|entry, _| !entries.contains(entry));
        Ok(())
    }
}

/// Why an opening does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpeningError {
    #[error("the opening of slot `{slot}` is not what entry {entry} commits to")]
    Commitment { entry: u64, slot: Slot },
    #[error("the value of slot `{slot}` is not JSON: {error}")]
    Value { slot: Slot, error: String },
}
