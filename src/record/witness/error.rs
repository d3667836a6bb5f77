use super::state::StateError;
use crate::record::TreeHead;
use crate::record::checkpoint::CheckpointError;

/// Why a witness does not cosign.
#[derive(Debug, thiserror::Error)]
pub enum WitnessError {
    #[error("this witness does not know the log `{0}`")]
    ForeignLog(String),
    #[error("the checkpoint is not the log's: {0}")]
    Unsigned(CheckpointError),
    #[error("the old size {old} is above the checkpoint's, {new}")]
    OldAboveNew { old: u64, new: u64 },
    #[error("the root of an empty tree is not the hash of nothing")]
    EmptyRoot,
    #[error("the checkpoint is of size {offered}, smaller than {own}, which this witness has cosigned")]
    Smaller { offered: u64, own: u64 },
    #[error("the checkpoint shows {offered}, and this witness has cosigned {own}: the log is forked")]
    Forked { offered: TreeHead, own: TreeHead, old: u64 },
    #[error("asked with old size {old}, and this witness is at {own}")]
    Conflict { old: u64, own: u64 },
    #[error("a proof of {0} hashes from the empty tree, where none is needed or allowed")]
    ProofFromNothing(usize),
    #[error("nothing proves that the checkpoint of {offered} extends {own}, which this witness has cosigned")]
    Inconsistent { offered: TreeHead, own: TreeHead },
    #[error(
        "this witness remembers {own}, and there is a cosignature of its own on {seen}: it was restored from a backup and \
         stays silent until it is enrolled again"
    )]
    Silenced { own: TreeHead, seen: TreeHead },
    #[error("the witness cannot keep its memory: {0}")]
    State(#[from] StateError),
}

impl WitnessError {
    /// A word for logs and reports.
    pub fn name(&self) -> &'static str {
        match self {
            WitnessError::ForeignLog(_) => "foreign-log",
            WitnessError::Unsigned(_) => "unsigned",
            WitnessError::OldAboveNew { .. } => "old-above-new",
            WitnessError::EmptyRoot => "empty-root",
            WitnessError::Smaller { .. } => "smaller",
            WitnessError::Forked { .. } => "forked",
            WitnessError::Conflict { .. } => "conflict",
            WitnessError::ProofFromNothing(_) => "proof-from-nothing",
            WitnessError::Inconsistent { .. } => "inconsistent",
            WitnessError::Silenced { .. } => "silenced",
            WitnessError::State(_) => "state",
        }
    }

    /// The size that the witness is at, where the log asked from another one: it may ask again from there.
    pub fn conflict(&self) -> Option<u64> {
        match self {
            WitnessError::Conflict { own, .. } | WitnessError::Smaller { own, .. } => Some(*own),
            WitnessError::Forked { own, old, .. } if *old != own.size => Some(own.size),
            _ => None,
        }
    }

    /// The HTTP status that C2SP tlog-witness gives to this.
    pub fn status(&self) -> u16 {
        match self {
            WitnessError::ForeignLog(_) => 404,
            WitnessError::Unsigned(_) => 403,
            WitnessError::OldAboveNew { .. } => 400,
            WitnessError::Smaller { .. } | WitnessError::Conflict { .. } => 409,
            WitnessError::Forked { own, old, .. } if *old != own.size => 409,
            WitnessError::EmptyRoot
            | WitnessError::Forked { .. }
            | WitnessError::ProofFromNothing(_)
            | WitnessError::Inconsistent { .. } => 422,
            WitnessError::Silenced { .. } | WitnessError::State(_) => 503,
        }
    }
}
