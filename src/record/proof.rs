//! One entry's proof in one file (C2SP tlog-proof), checked on any machine with public keys only.
//!
//! The `extra` line is ours to define: JSON with the stamp `simulated`, the leaf, and an opening of whichever slots its holder wants to show.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::checkpoint::{CheckpointError, SignedCheckpoint, parse_size};
use super::entry::{Leaf, LeafError};
use super::log::Logged;
use super::opening::{Opening, OpeningError};
use super::policy::{Accept, Policy, Quorum, QuorumError};
use super::tree::{check_inclusion, inclusion_length};
use super::{Hash, TreeHead};

/// What a `.tlog-proof` file begins with.
pub const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";

/// A proof as it is written down. Nothing in it is believed before [`LogProof::check`].
#[derive(Clone, PartialEq, Debug)]
pub struct LogProof {
    index: u64,
    inclusion: Vec<Hash>,
    checkpoint: SignedCheckpoint,
    extra: Extra,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Extra {
    simulated: bool,
    #[serde(with = "crate::base64_bytes")]
    leaf: Vec<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    opening: Option<Opening>,
}

/// What a checked proof proves.
#[derive(Clone, PartialEq, Debug)]
pub struct Proven {
    /// True unless somebody altered the proof: there is no other kind yet. It is not covered by any signature.
    pub simulated: bool,
    pub index: u64,
    pub leaf: Leaf,
    /// Opened slots, each checked against the leaf.
    pub opening: Option<Opening>,
    pub head: TreeHead,
    pub quorum: Quorum,
}

impl LogProof {
    /// The proof of an entry that was logged, showing `opening` of it.
    pub fn new(logged: &Logged, opening: Option<Opening>) -> Self {
        LogProof {
            index: logged.index,
            inclusion: logged.inclusion.clone(),
            checkpoint: logged.published.checkpoint.clone(),
            extra: Extra { simulated: true, leaf: logged.leaf.encode().to_vec(), opening },
        }
    }

    /// Reads the text of a `.tlog-proof` file.
    pub fn parse(text: &str) -> Result<Self, ProofError> {
        if text.is_empty() {
            return Err(ProofError::Empty);
        }
        if text.contains('\r') {
            return Err(ProofError::CarriageReturn);
        }
        let (head, note) = text.split_once("\n\n").ok_or(ProofError::NoEmptyLine)?;
        let mut lines = head.split('\n');
        let first = lines.next().unwrap_or_default();
        if first != FIRST_LINE {
            return Err(ProofError::FirstLine(first.to_owned()));
        }
        let line = lines.next().unwrap_or_default();
        let extra = line.strip_prefix("extra ").ok_or_else(|| ProofError::NoExtra(line.to_owned()))?;
        let extra = STANDARD.decode(extra).map_err(|error| ProofError::Extra(error.to_string()))?;
        let extra: Extra =
            serde_json::from_slice(&extra).map_err(|error| ProofError::Extra(error.to_string()))?;
        if !extra.simulated {
            return Err(ProofError::NotSimulated);
        }
        let line = lines.next().unwrap_or_default();
        let index = line
            .strip_prefix("index ")
            .and_then(parse_size)
            .ok_or_else(|| ProofError::Index(line.to_owned()))?;
        let hashes = lines.map(|line| Hash::parse(line).ok_or_else(|| ProofError::Hash(line.to_owned())));
        let inclusion = hashes.collect::<Result<Vec<_>, _>>()?;
        let checkpoint = SignedCheckpoint::parse(note).map_err(ProofError::Checkpoint)?;
        Ok(LogProof { index, inclusion, checkpoint, extra })
    }

    /// Checks everything: the log's signature, the quorum, that the leaf is at its index, and that the opening opens it.
    pub fn check(&self, policy: &Policy, accept: Accept) -> Result<Proven, ProofError> {
        let quorum = policy.check(&self.checkpoint, accept).map_err(ProofError::Quorum)?;
        let head = self.checkpoint.head();
        if self.index >= head.size {
            return Err(ProofError::BeyondLog { index: self.index, size: head.size });
        }
        let leaf = Leaf::decode(&self.extra.leaf).map_err(ProofError::Leaf)?;
        let (found, expected) = (self.inclusion.len(), inclusion_length(self.index, head.size));
        if found != expected {
            return Err(ProofError::PathLength { index: self.index, size: head.size, found, expected });
        }
        if !check_inclusion(&self.inclusion, head, self.index, leaf.hash()) {
            return Err(ProofError::Inclusion { index: self.index, head });
        }
        if let Some(opening) = &self.extra.opening {
            if opening.entry() != self.index {
                return Err(ProofError::OtherEntry { found: opening.entry(), expected: self.index });
            }
            opening.check(&leaf).map_err(ProofError::Opening)?;
        }
        Ok(Proven {
            simulated: self.extra.simulated,
            index: self.index,
            leaf,
            opening: self.extra.opening.clone(),
            head,
            quorum,
        })
    }
}

/// The text of a `.tlog-proof` file.
impl fmt::Display for LogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let extra = serde_json::to_vec(&self.extra).map_err(|_| fmt::Error)?;
        writeln!(f, "{FIRST_LINE}\nextra {}\nindex {}", STANDARD.encode(extra), self.index)?;
        for hash in &self.inclusion {
            writeln!(f, "{hash}")?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

/// Why a file proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    #[error("the first line is `{0}`, where `{FIRST_LINE}` is expected")]
    FirstLine(String),
    #[error("the file is empty")]
    Empty,
    #[error("its lines end in CR LF, where LF is expected: something has rewritten the file as text")]
    CarriageReturn,
    #[error("no empty line between the proof and the checkpoint")]
    NoEmptyLine,
    #[error(
        "the line `extra` says that it is not simulated, and whatever this program proves is: the mark was removed"
    )]
    NotSimulated,
    #[error("the second line is `{0}`, where `extra` and the entry itself are expected")]
    NoExtra(String),
    #[error("the line `extra` cannot be read: {0}")]
    Extra(String),
    #[error("`{0}` is not `index` and a number")]
    Index(String),
    #[error("`{0}` is not the base64 of a hash")]
    Hash(String),
    #[error("the checkpoint cannot be read: {0}")]
    Checkpoint(CheckpointError),
    #[error(transparent)]
    Quorum(QuorumError),
    #[error("the entry is not a leaf: {0}")]
    Leaf(LeafError),
    #[error("a proof of entry {index}, in a log of {size}, numbered from 0")]
    BeyondLog { index: u64, size: u64 },
    #[error("{found} hashes, where {expected} lead from entry {index} to the root of a log of {size}")]
    PathLength { index: u64, size: u64, found: usize, expected: usize },
    #[error("nothing proves that entry {index} is in the log of {head}")]
    Inclusion { index: u64, head: TreeHead },
    #[error("the opening is of entry {found}, and the proof of entry {expected}")]
    OtherEntry { found: u64, expected: u64 },
    #[error(transparent)]
    Opening(OpeningError),
}
