use std::io;
use std::sync::Arc;

use crate::record::TreeHead;
use crate::record::entry::DraftError;
use crate::record::journal::JournalError;
use crate::record::opening::OpeningError;
use crate::record::permit::Permit;
use crate::record::storage::TileError;
use crate::world::RegionId;

/// Why an append was not answered with a proof.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppendError {
    #[error("the draft cannot become an entry: {0}")]
    Draft(#[from] DraftError),
    /// The entry is in the log; nothing may be done on the strength of it yet.
    #[error("entry {index} is in the log, and no quorum of witnesses has cosigned it: {reason}")]
    NoQuorum { index: u64, reason: String },
    /// Whether the entry is in the log shows after the next start at the latest.
    #[error("the record cannot be written: {0}")]
    Storage(Arc<io::Error>),
    /// Nothing was appended meanwhile.
    #[error("the record cannot be read back after a failed write: {0}; the next entry tries again")]
    Broken(Arc<LogError>),
    #[error("another process appends to this log; this one has stopped")]
    TakenOver,
    #[error("entry {index} does not exist; the log has {size}")]
    NotInLog { index: u64, size: u64 },
    #[error("the entry cannot be proven: {0}")]
    Proof(#[source] Arc<TileError>),
    #[error("the log was closed")]
    Closed,
}

impl From<TileError> for AppendError {
    fn from(error: TileError) -> Self {
        AppendError::Proof(Arc::new(error))
    }
}

/// Why a log cannot be opened or read.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    #[error("there is a log already")]
    Exists,
    #[error("there is no log here; it has to be created first")]
    NoLog,
    /// Two histories under one key would be a fork.
    #[error(
        "the log's own folder has no journal, and the served folder has a checkpoint of this log; put the journal back"
    )]
    JournalLost,
    #[error("the log has no entry 0: its creation was interrupted; create it again")]
    NoGenesis,
    #[error("the log's key is `{key}`, and the policy is for `{policy}`")]
    ForeignKey { key: String, policy: String },
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error(transparent)]
    Tile(#[from] TileError),
    #[error("the record's disk: {0}")]
    Io(#[from] io::Error),
    #[error("the tiles show {tiles}, and the journal goes on from {journal}")]
    Base { tiles: TreeHead, journal: TreeHead },
    #[error("a batch of the journal leads to {found}, and it says {said}")]
    Batch { found: TreeHead, said: TreeHead },
    #[error(
        "the served checkpoint shows {published}, and this log has {own}: its folder was rewound, and a log never is"
    )]
    Rewound { published: TreeHead, own: TreeHead },
    #[error("the served checkpoint shows {published}, and this log has {own}: they are two histories")]
    Forked { published: TreeHead, own: TreeHead },
    #[error("entry 0 cannot be written: {0}")]
    Genesis(#[source] AppendError),
    #[error(transparent)]
    Append(AppendError),
    #[error(transparent)]
    Opening(OpeningError),
    #[error("nothing is published yet")]
    NothingPublished,
    #[error("entry {0} cannot be opened: its opening was erased or lost")]
    NoOpening(u64),
    #[error("entry 0 says which log this is: its opening is not erased")]
    GenesisStaysOpen,
    #[error("entry {entry} grants nothing to region `{region}`")]
    NoGrant { entry: u64, region: RegionId },
    #[error("{later} entries follow, where a permit has room for {max}; record the decision anew", max = Permit::LATER_MAX)]
    TooManyLater { later: u64 },
    #[error("a task of the record stopped")]
    Stopped,
}
