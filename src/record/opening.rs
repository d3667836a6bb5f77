use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::entry::{Leaf, Slot, commitment};

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

/// Why an opening does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpeningError {
    #[error("the opening of slot `{slot}` is not what entry {entry} commits to")]
    Commitment { entry: u64, slot: Slot },
    #[error("the value of slot `{slot}` is not JSON: {error}")]
    Value { slot: Slot, error: String },
}
