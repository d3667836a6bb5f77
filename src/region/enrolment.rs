//! What a region node is told once, when it becomes part of a deployment.
//!
//! It is in the node's own folder from then on. A node believes its own enrolment and not what it is told later:
//! which log it watches, whose cosignatures make a quorum, which laws it applies.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::versioned::{self, NotRead};
use crate::clock::SystemClock;
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::disk::{Disk, write_whole};
use crate::entropy::Entropy;
use crate::record::TreeHead;
use crate::record::key::{Cosigner, KeyError, VerifierKey};
use crate::record::policy::Policy;
use crate::record::witness::{FileState, StateError, Witness, WitnessState};
use crate::vault::{IntakeKey, IntakePublicKey, KeyFileError, component_entropy};
use crate::world::RegionId;

const FORMAT: u32 = 1;

/// `enrolment.json` in a node's folder.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Enrolment {
    format: u32,
    /// The region.
    pub id: String,
    /// The log, its witnesses and quorums, as the text of a policy.
    pub policy: String,
    /// Head office's public key, where key custody gives it a wrap; in base64.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional_key")]
    pub head_office: Option<[u8; 32]>,
    /// The intake keys of the regions: what goes to one of them goes sealed to the key that stands here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub intake: BTreeMap<RegionId, IntakePublicKey>,
    /// The folder of the world and the law books, if they are not those built into the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<PathBuf>,
    /// The seed of a deployment that replays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seed: Option<String>,
}

/// Why a node cannot be enrolled, or its enrolment not be read.
#[derive(Debug, thiserror::Error)]
pub enum EnrolmentError {
    #[error("`{}` cannot be read or written: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("`{}` is not an enrolment: {why}", path.display())]
    Unreadable { path: PathBuf, why: String },
    #[error("`{}` has format {found}, and this program reads format {FORMAT}: use the program that wrote it, or a newer one", path.display())]
    Format { path: PathBuf, found: u32 },
    #[error("`{}` enrols `{found}`, and this is `{expected}`", path.display())]
    Other { path: PathBuf, found: String, expected: String },
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    State(#[from] StateError),
    #[error("the policy it was enrolled with cannot be read: {0}")]
    Policy(Diagnostic),
}

impl Enrolment {
    pub fn new(id: &str, policy: &Policy) -> Self {
        Enrolment {
            format: FORMAT,
            id: id.to_owned(),
            policy: policy.to_text(),
            head_office: None,
            intake: BTreeMap::new(),
            config: None,
            seed: None,
        }
    }

    /// Writes it, once: a node that is enrolled stays with the log it was enrolled for.
    pub fn write(&self, disk: &dyn Disk, folder: &Path) -> Result<(), EnrolmentError> {
        let path = path(folder);
        let failed = |error| EnrolmentError::Io { path: path.clone(), source: error };
        let text = serde_json::to_vec_pretty(self).map_err(|error| failed(error.into()))?;
        write_whole(disk, &path, &text).map_err(failed)
    }

    pub fn read(folder: &Path, id: &str) -> Result<Self, EnrolmentError> {
        let path = path(folder);
        let bytes =
            std::fs::read(&path).map_err(|error| EnrolmentError::Io { path: path.clone(), source: error })?;
        let enrolment: Enrolment = versioned::read(&bytes, FORMAT).map_err(|error| match error {
            NotRead::Unreadable(why) => EnrolmentError::Unreadable { path: path.clone(), why },
            NotRead::Format(found) => EnrolmentError::Format { path: path.clone(), found },
        })?;
        if enrolment.id != id {
            let (found, expected) = (enrolment.id, id.to_owned());
            return Err(EnrolmentError::Other { path, found, expected });
        }
        Ok(enrolment)
    }

    pub fn is_there(folder: &Path) -> bool {
        path(folder).exists()
    }

    /// The policy, parsed.
    pub fn policy(&self) -> Result<Policy, EnrolmentError> {
        Policy::read(&SourceFile::new("policy", self.policy.clone())).map_err(EnrolmentError::Policy)
    }

    /// Where the node's own secrets come from when it is made.
    pub fn entropy(&self) -> Entropy {
        self.seed.as_deref().map_or_else(Entropy::system, Entropy::seeded)
    }
}

fn path(folder: &Path) -> PathBuf {
    folder.join("enrolment.json")
}

/// The key a node cosigns with. Made from the node's own secret; `name` is its name in signature lines.
pub fn cosigner(
    disk: &dyn Disk,
    folder: &Path,
    id: &str,
    name: &str,
    entropy: &Entropy,
) -> Result<Cosigner, EnrolmentError> {
    let own = component_entropy(disk, folder, id, &entropy.child(id))?;
    Ok(Cosigner::new(name, &own.draw("cosigning key", name.as_bytes()))?)
}

/// Makes a node's folder and its secret, and gives out what others may know: its cosigning key.
pub fn prepare(
    disk: &dyn Disk,
    folder: &Path,
    id: &str,
    name: &str,
    entropy: &Entropy,
) -> Result<VerifierKey, EnrolmentError> {
    let cosigner = cosigner(disk, folder, id, name, entropy)?;
    let state = witness_state(folder);
    // A witness that is enrolled has a memory; one that lost it is not given an empty one.
    if !state.exists() && !Enrolment::is_there(folder) {
        FileState::enrol(disk, &state)?;
    }
    Ok(cosigner.verifier().clone())
}

/// The key that others seal to what is for this region alone.
pub fn intake_key(
    disk: &dyn Disk,
    folder: &Path,
    id: &str,
    entropy: &Entropy,
) -> Result<IntakePublicKey, EnrolmentError> {
    Ok(IntakeKey::draw(&component_entropy(disk, folder, id, &entropy.child(id))?).public())
}

/// The witness in a node's folder, watching the log it was enrolled for.
pub fn witness(
    disk: &dyn Disk,
    folder: &Path,
    cosigner: Cosigner,
    policy: &Policy,
) -> Result<Witness, EnrolmentError> {
    let state = FileState::open(disk, &witness_state(folder))?;
    Ok(Witness::new(cosigner, policy.log().clone(), Box::new(state), Arc::new(SystemClock))?)
}

/// The size of the head in the memory of the witness in a node's folder; `None` if that memory is lost or unreadable.
pub fn remembered(disk: &dyn Disk, folder: &Path) -> Option<u64> {
    let state = FileState::open(disk, &witness_state(folder)).ok()?;
    Some(state.load().ok()?.head.size)
}

/// Gives the witness in a node's folder a new memory, which begins with `head`.
pub fn remember_again(disk: &dyn Disk, folder: &Path, head: TreeHead) -> Result<(), EnrolmentError> {
    FileState::enrol_again(disk, &witness_state(folder), head)?;
    Ok(())
}

pub(super) fn witness_state(folder: &Path) -> PathBuf {
    folder.join("witness.state")
}

mod optional_key {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Key(#[serde(with = "crate::base64_bytes")] [u8; 32]);

    pub fn serialize<S: Serializer>(key: &Option<[u8; 32]>, serializer: S) -> Result<S::Ok, S::Error> {
        key.map(Key).serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<[u8; 32]>, D::Error> {
        Ok(Option::<Key>::deserialize(deserializer)?.map(|key| key.0))
    }
}
