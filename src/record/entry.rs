//! What is appended: drafts, and entries that are sealed at their place. A leaf and its slots are described in files of their
//! own, which know nothing of drafts.

use std::collections::BTreeMap;
use std::sync::Arc;

use data_encoding::HEXLOWER;

use super::grant::{Grant, GrantTerms, SealedGrant};
use super::opening::{FullOpening, OpenedSlot, Opening};
use super::secret::RecordSecret;
use crate::clock::SimTime;

pub use super::leaf::{Leaf, LeafError};
pub use super::slot::{Slot, UnknownSlot, commitment};

/// What is to be appended: values for some slots, the matter, the moment, and grants for regions.
///
/// The grants become the `grants` slot when the entry's index is known, because each names the entry it stands in.
#[derive(Clone, PartialEq, Debug)]
pub struct EntryDraft {
    matter: String,
    time: SimTime,
    slots: BTreeMap<Slot, serde_json::Value>,
    grants: Vec<GrantTerms>,
}

impl EntryDraft {
    /// An entry of a matter at a moment of simulated time, with every slot empty.
    pub fn new(matter: impl Into<String>, time: SimTime) -> Self {
        EntryDraft { matter: matter.into(), time, slots: BTreeMap::new(), grants: Vec::new() }
    }

    /// Fills a slot. [`Slot::Grants`] is filled by [`EntryDraft::granting`] only.
    #[must_use]
    pub fn with(mut self, slot: Slot, value: serde_json::Value) -> Self {
        self.slots.insert(slot, value);
        self
    }

    /// Adds one region's grant; at most one per region.
    #[must_use]
    pub fn granting(mut self, terms: GrantTerms) -> Self {
        self.grants.push(terms);
        self
    }

    pub fn matter(&self) -> &str {
        &self.matter
    }

    pub fn time(&self) -> SimTime {
        self.time
    }

    /// Turns the draft into the leaf at `index`, with everything that is needed to open it. The same draft, index and
    /// secret always give the same bytes.
    pub fn seal(&self, index: u64, secret: &RecordSecret) -> Result<SealedEntry, DraftError> {
        if self.slots.contains_key(&Slot::Grants) {
            return Err(DraftError::GrantsAsValue);
        }
        let month = month_number(self.time).ok_or(DraftError::Time(self.time))?;
        let mut grants = BTreeMap::new();
        let mut grant_hashes = BTreeMap::new();
        for terms in &self.grants {
            let salt = secret.grant_salt(index, &terms.region);
            let grant = SealedGrant::new(&Grant { entry: index, terms: terms.clone() }, salt);
            if grant_hashes.insert(terms.region.clone(), HEXLOWER.encode(&grant.hash())).is_some() {
                return Err(DraftError::TwoGrants(terms.region.to_string()));
            }
            grants.insert(terms.region.clone(), grant);
        }

        let mut opened = BTreeMap::new();
        let mut commitments = [[0; 32]; 16];
        for slot in Slot::ALL {
            let value = match (slot, self.slots.get(&slot)) {
                (Slot::Grants, _) if grant_hashes.is_empty() => String::new(),
                (Slot::Grants, _) => serde_json::to_string(&grant_hashes).expect("a map of strings is JSON"),
                (_, Some(value)) => value.to_string(),
                (_, None) => String::new(),
            };
            let salt = secret.slot_salt(index, slot);
            commitments[usize::from(slot.index())] = commitment(slot, &salt, value.as_bytes());
            opened.insert(slot, OpenedSlot { salt, value });
        }
        let leaf = Leaf { matter_tag: secret.matter_tag(&self.matter), month, commitments };
        let opening = Opening::new(index, opened);
        Ok(SealedEntry { leaf, full: Arc::new(FullOpening { opening, grants }) })
    }
}

/// A draft at its place in the log: the leaf, which becomes public, and what opens it, which does not.
#[derive(Clone, PartialEq, Debug)]
pub struct SealedEntry {
    pub leaf: Leaf,
    pub full: Arc<FullOpening>,
}

/// Why a draft cannot become an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DraftError {
    #[error("the slot `grants` is filled from the grants of the draft, not with a value")]
    GrantsAsValue,
    #[error("two grants for region `{0}` in one entry, where each region has at most one")]
    TwoGrants(String),
    #[error("{0} does not fit a leaf, which holds months of the years 1 to 5460")]
    Time(SimTime),
}

fn month_number(time: SimTime) -> Option<u16> {
    let date = time.date_utc();
    let month = i32::from(date.year()) * 12 + i32::from(date.month()) - 1;
    u16::try_from(month).ok().filter(|month| *month >= 12)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::entropy::Entropy;

    fn secret() -> RecordSecret {
        RecordSecret::draw(&Entropy::seeded("entry tests"))
    }

    fn draft() -> EntryDraft {
        EntryDraft::new("m-1", "2013-12-04T15:00:00Z".parse().unwrap())
            .with(Slot::Kind, json!("decision"))
            .with(Slot::Facts, json!({"home": "ie-dublin", "n": 1}))
    }

    #[test]
    fn the_bytes_of_a_leaf_never_change() {
        let sealed = draft().seal(7, &secret()).unwrap();
        let bytes = sealed.leaf.encode();
        assert_eq!(bytes.len(), 580);
        assert_eq!(bytes[0], 1);
        assert_eq!(bytes[33..36], [0x5e, 0x67, 16]); // 2013 * 12 + 11
        assert_eq!(sealed.leaf.month(), (2013, 12));
        insta::assert_snapshot!(sealed.leaf.hash(), @"ozSUlsqaxKKYhxcYY8N8ixxRK3mlHYy7jUDi8PAAd9I=");
    }

    #[test]
    fn salts_hide_equal_values() {
        let (a, b) = (draft().seal(1, &secret()).unwrap(), draft().seal(2, &secret()).unwrap());
        for slot in Slot::ALL {
            assert_ne!(a.leaf.commitment(slot), b.leaf.commitment(slot), "{slot}");
        }
        assert_eq!(a.leaf.matter_tag(), b.leaf.matter_tag());
        let other = EntryDraft::new("m-2", draft().time()).seal(1, &secret()).unwrap();
        assert_ne!(a.leaf.matter_tag(), other.leaf.matter_tag());
    }

    #[test]
    fn an_opening_opens_its_own_leaf_only() {
        let (a, b) = (draft().seal(1, &secret()).unwrap(), draft().seal(2, &secret()).unwrap());
        assert!(a.full.opening.check(&a.leaf).is_ok());
        assert!(a.full.opening.check(&b.leaf).is_err());
        let part = a.full.opening.subset(&[Slot::Facts]);
        assert_eq!(part.slots().count(), 1);
        assert!(part.check(&a.leaf).is_ok());
        assert_eq!(part.value(Slot::Facts).unwrap().unwrap()["home"], "ie-dublin");
        assert_eq!(part.value(Slot::Kind).unwrap(), None);
    }

    #[test]
    fn bad_drafts_are_refused() {
        let grants = draft().with(Slot::Grants, json!({})).seal(1, &secret());
        assert_eq!(grants.unwrap_err(), DraftError::GrantsAsValue);
        let late = EntryDraft::new("m", "9999-01-01".parse().unwrap()).seal(1, &secret());
        assert!(matches!(late.unwrap_err(), DraftError::Time(_)));
    }

    #[test]
    fn every_slot_has_its_own_name() {
        for (place, slot) in Slot::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(slot.index()), place);
            assert_eq!(slot.as_str().parse::<Slot>().unwrap(), slot);
            assert_eq!(serde_json::to_value(slot).unwrap(), slot.as_str());
        }
        assert!("verdict".parse::<Slot>().is_err());
    }

    #[test]
    fn each_fault_of_a_leaf_has_its_own_error() {
        let good = draft().seal(7, &secret()).unwrap().leaf.encode().to_vec();
        let with = |place: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[place] = byte;
            Leaf::decode(&bytes).unwrap_err()
        };
        assert_eq!(Leaf::decode(&[]), Err(LeafError::Length { found: 0 }));
        assert_eq!(Leaf::decode(&good[..579]), Err(LeafError::Length { found: 579 }));
        assert_eq!(Leaf::decode(&[&good[..], &[0]].concat()), Err(LeafError::Length { found: 581 }));
        assert_eq!(with(0, 2), LeafError::Version(2));
        let mut early = good.clone();
        early[33..35].copy_from_slice(&[0, 11]);
        assert_eq!(Leaf::decode(&early), Err(LeafError::Month(11)));
        assert_eq!(with(35, 15), LeafError::Slots(15));
        assert_eq!(with(37, 31), LeafError::CommitmentLength { slot: Slot::Kind, found: 31 });
        assert_eq!(with(36 + 34 * 15, 1), LeafError::CommitmentLength { slot: Slot::Public, found: 288 });
    }

    proptest! {
        #[test]
        fn leaves_round_trip(tag: [u8; 32], month in 12u16.., commitments: [[u8; 32]; 16]) {
            let leaf = Leaf { matter_tag: tag, month, commitments };
            prop_assert_eq!(Leaf::decode(&leaf.encode()).unwrap(), leaf);
        }

        #[test]
        fn whatever_decodes_encodes_to_the_same_bytes(mut bytes in prop::collection::vec(any::<u8>(), 570..590)) {
            if let Ok(leaf) = Leaf::decode(&bytes) {
                prop_assert_eq!(leaf.encode().to_vec(), bytes.clone());
            }
            // Nearly right bytes reach further into the parser than random ones.
            bytes.resize(Leaf::BYTES, 0);
            bytes[0] = 1;
            bytes[35] = 16;
            for place in bytes[36..].chunks_exact_mut(34) {
                place[..2].copy_from_slice(&[0, 32]);
            }
            if let Ok(leaf) = Leaf::decode(&bytes) {
                prop_assert_eq!(leaf.encode().to_vec(), bytes);
            }
        }

        #[test]
        fn any_subset_of_an_opening_opens(mask: u16, index: u64, text in ".{0,40}") {
            let sealed = draft().with(Slot::Note, json!(text)).seal(index, &secret()).unwrap();
            let slots: Vec<Slot> = Slot::ALL.into_iter().filter(|s| mask & (1 << s.index()) != 0).collect();
            let opening = sealed.full.opening.subset(&slots);
            prop_assert_eq!(opening.slots().count(), slots.len());
            prop_assert!(opening.check(&sealed.leaf).is_ok());
            let json = serde_json::to_string(&opening).unwrap();
            prop_assert_eq!(serde_json::from_str::<Opening>(&json).unwrap(), opening);
        }
    }
}
