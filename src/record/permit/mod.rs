mod error;
mod reached;
mod verified;
mod verify;

use serde::{Deserialize, Serialize};

pub use super::grant::{Grant, GrantTerms, SealedGrant};
pub use error::PermitError;
pub use reached::Reached;
pub use verified::{PermitId, VerifiedPermit};
pub use verify::{Expectations, InstrumentRoster, verify};

use super::Hash;
use super::opening::OpenedSlot;
use crate::demand::SignedInstrument;

/// Everything a region needs to convince itself that a release was decided, recorded and not overtaken.
///
/// Nothing in it is believed because head office sent it: the instrument is signed by its issuer, the grant is hashed in an
/// entry, the entry and all later ones are proven in a checkpoint, and the checkpoint is cosigned by a quorum.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Permit {
    pub instrument: SignedInstrument,
    pub grant: SealedGrant,
    /// The index of the entry that holds the grant's hash.
    pub entry: u64,
    /// That entry's leaf, encoded.
    #[serde(with = "crate::base64_bytes")]
    pub leaf: Vec<u8>,
    /// The opening of the leaf's `grants` slot.
    pub grants: OpenedSlot,
    /// Proves the leaf in the checkpoint (RFC 6962 section 2.1.1).
    pub inclusion: Vec<Hash>,
    /// A signed note with cosignatures.
    pub checkpoint: String,
    /// Proves that the checkpoint extends the region's own newest head (RFC 6962 section 2.1.2).
    pub consistency: Consistency,
    pub later: Later,
}

/// A proof that a tree extends an earlier one.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consistency {
    /// The size of the earlier tree; 0 needs no proof.
    pub from: u64,
    pub proof: Vec<Hash>,
}

/// Every entry after the permit's own, up to the size of the checkpoint.
///
/// A tree is computed from the roots of the complete subtrees at its left and the leaves at its right. So all later leaves
/// together need one proof, and none of them can be left out or exchanged.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Later {
    /// The roots of the complete subtrees that cover all entries up to and with the permit's own, largest first: one for
    /// each bit that is set in their number.
    pub before: Vec<Hash>,
    /// Encoded, in their order.
    pub leaves: Vec<EncodedLeaf>,
}

/// The bytes of a leaf, as base64.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EncodedLeaf(#[serde(with = "crate::base64_bytes")] pub Vec<u8>);

impl Permit {
    /// How many entries may follow the permit's own before the decision has to be recorded anew.
    pub const LATER_MAX: usize = 1024;

    /// JSON, as it travels to a region.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a permit has only string keys")
    }

    /// Reads [`Permit::to_bytes`]; nothing is checked but the shape.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PermitError> {
        serde_json::from_slice(bytes).map_err(|error| PermitError::Unreadable(error.to_string()))
    }
}
