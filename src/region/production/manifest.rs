//! The list of what a production contains.

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::clock::SimTime;
use crate::demand::{DemandId, Item};
use crate::record::permit::PermitId;
use crate::world::{Address, AuthorityId, DataClass, RegionId};

/// `manifest.json`, the last file of a production. Its SHA-256 goes into the record.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Manifest {
    /// Always true: no court of the real world asked for this.
    pub simulated: bool,
    pub permit: PermitId,
    pub demand: DemandId,
    pub version: u32,
    /// The entry of the record that granted it.
    pub entry: u64,
    pub region: RegionId,
    pub requester: AuthorityId,
    pub recipient: AuthorityId,
    pub decided: SimTime,
    pub conditions: Vec<String>,
    pub items: Vec<Item>,
    pub files: Vec<ManifestFile>,
}

/// One file of a production.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ManifestFile {
    pub path: String,
    pub account: Address,
    pub class: DataClass,
    /// Of the plaintext.
    pub bytes: u64,
    /// SHA-256 of the plaintext, in lower-case hexadecimal.
    pub sha256: String,
}

impl Manifest {
    /// The exact bytes that are in the production and whose digest is recorded.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec_pretty(self).expect("a manifest has only string keys")
    }

    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

pub(in crate::region) fn hex_digest(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}
