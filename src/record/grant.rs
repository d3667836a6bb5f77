use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::clock::SimTime;
use crate::demand::{DemandId, Item};
use crate::world::{AuthorityId, RegionId};

/// What one region may release, and to whom.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct GrantTerms {
    pub demand: DemandId,
    /// The version of the demand.
    pub version: u32,
    /// SHA-256 of the body of the instrument that this answers.
    #[serde(with = "crate::base64_bytes")]
    pub instrument_digest: [u8; 32],
    pub region: RegionId,
    /// Never wider than the demand; the region checks that itself.
    pub items: Vec<Item>,
    /// The authority that issued the demand.
    pub requester: AuthorityId,
    /// The authority whose recipient key the production is sealed to.
    pub recipient: AuthorityId,
    pub decided: SimTime,
    /// True if only ciphertext is handed over.
    pub ciphertext: bool,
    /// What the recipient is bound to, such as a use limit.
    pub conditions: Vec<String>,
}

/// A grant at its place: the terms, and the entry that holds their hash.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// The index of the entry.
    pub entry: u64,
    pub terms: GrantTerms,
}

/// The exact JSON text of a grant and its salt. The entry's `grants` slot maps each region to the hash of its grant, so
/// that a region can be shown its own and learns nothing of the others'.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedGrant {
    text: String,
    #[serde(with = "crate::base64_bytes")]
    salt: [u8; 32],
}

impl SealedGrant {
    pub fn new(grant: &Grant, salt: [u8; 32]) -> Self {
        SealedGrant { text: serde_json::to_string(grant).expect("a grant has only string keys"), salt }
    }

    /// SHA-256(`rogatory grant v1\n` ‖ salt ‖ text).
    pub fn hash(&self) -> [u8; 32] {
        let mut hasher = Sha256::new();
        hasher.update(b"rogatory grant v1\n");
        hasher.update(self.salt);
        hasher.update(self.text.as_bytes());
        hasher.finalize().into()
    }

    /// Reads the text. To be believed only when the hash is in a proven entry.
    pub fn read(&self) -> Result<Grant, serde_json::Error> {
        serde_json::from_str(&self.text)
    }
}
