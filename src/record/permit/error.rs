use crate::clock::SimTime;
use crate::demand::{BadInstrument, DemandId, InstrumentKind};
use crate::record::TreeHead;
use crate::record::checkpoint::CheckpointError;
use crate::record::entry::LeafError;
use crate::record::opening::OpeningError;
use crate::record::policy::QuorumError;
use crate::world::{Address, AuthorityId, DataClass, RegionId};

/// Why a region refuses a permit. Each check has its own variant, so that a test, and a person, can tell them apart.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PermitError {
    #[error("the permit cannot be read: {0}")]
    Unreadable(String),

    // The checkpoint.
    #[error("the checkpoint cannot be read: {0}")]
    Checkpoint(CheckpointError),
    #[error(transparent)]
    Quorum(QuorumError),

    // The entry and the tree.
    #[error("entry {entry} is not in a checkpoint of size {size}")]
    NotYetLogged { entry: u64, size: u64 },
    #[error("the permit's entry is not a leaf: {0}")]
    Leaf(LeafError),
    #[error("entry {0} is not proven to be in the checkpoint")]
    Inclusion(u64),
    #[error("the grants of the entry do not open: {0}")]
    Opening(OpeningError),
    #[error("the checkpoint is of size {permit}, and this region has cosigned {own}; show a newer one")]
    OlderThanOwnHead { permit: u64, own: u64 },
    #[error("the checkpoint shows {permit}, and this region has cosigned {own}: the log is forked")]
    Forked { permit: TreeHead, own: TreeHead },
    #[error("the consistency proof starts at size {found}, and this region's own head is of size {own}")]
    ConsistencyStart { found: u64, own: u64 },

    // Entries after the permit's own.
    #[error("{found} entries are shown after the permit's own, and the checkpoint has {expected}")]
    LaterCount { found: u64, expected: u64 },
    #[error("{found} entries follow the permit's own, where {allowed} are allowed; record the decision anew")]
    TooManyLater { found: u64, allowed: u64 },
    #[error("the entries shown after {0} do not lead to the checkpoint")]
    LaterProof(u64),
    #[error("entry {0}, after the permit's own, is not a leaf: {1}")]
    LaterLeaf(u64, LeafError),
    #[error("entry {0} is of the same matter and newer: the decision is overtaken")]
    Overtaken(u64),

    // The grant.
    #[error("the entry grants nothing to region `{0}`")]
    NoGrant(RegionId),
    #[error("the grant is not the one that the entry holds for region `{0}`")]
    GrantHash(RegionId),
    #[error("the grant cannot be read: {0}")]
    Grant(String),
    #[error("the grant stands in entry {found}, and the permit proves entry {expected}")]
    GrantEntry { found: u64, expected: u64 },
    #[error("the grant is for region `{found}`, and this is `{expected}`")]
    Region { found: RegionId, expected: RegionId },

    // The instrument.
    #[error("the grant answers another instrument than the one shown")]
    InstrumentDigest,
    #[error("the instrument names no issuer: {0}")]
    NoIssuer(BadInstrument),
    #[error("`{0}` is not on this region's roster of authorities")]
    UnknownIssuer(AuthorityId),
    #[error("the instrument of `{0}` does not verify: {1}")]
    Instrument(AuthorityId, BadInstrument),
    #[error("`{issuer}` is not competent to issue an instrument of kind `{kind}`")]
    NotCompetent { issuer: AuthorityId, kind: InstrumentKind },
    #[error(
        "the grant answers version {found_version} of demand `{found}`, and the instrument is version {version} of `{demand}`"
    )]
    Demand { found: DemandId, found_version: u32, demand: DemandId, version: u32 },
    #[error("decided at {decided}, before the instrument was issued at {issued}")]
    DecidedBeforeIssued { decided: SimTime, issued: SimTime },

    // The moment, in simulated time.
    #[error("it is said to be {now}, and this region was shown {reached} before: time does not go back")]
    TimeGoesBack { now: SimTime, reached: SimTime },
    #[error("decided at {decided}, and it is said to be {now}")]
    DecidedInFuture { decided: SimTime, now: SimTime },
    #[error("the grant says that it was decided at {decided}, and its entry is of {}-{:02}", .month.0, .month.1)]
    Month { decided: SimTime, month: (u16, u8) },
    #[error("decided at {decided} by entry {entry}, and {reached} had come when the log had {size} entries")]
    DatedBack { entry: u64, decided: SimTime, reached: SimTime, size: u64 },
    #[error("it is said to be {now}, and entry {entry} is of {}-{:02}", .month.0, .month.1)]
    BehindRecord { entry: u64, month: (u16, u8), now: SimTime },
    #[error("the demand was valid until {until}, and it is {now}")]
    Expired { until: SimTime, now: SimTime },

    // The scope, recomputed from the signed demand.
    #[error("the demand does not ask for disclosure")]
    NotDisclosure,
    #[error("the grant names nothing to release")]
    NoItems,
    #[error("the demand does not name the account `{0}`")]
    Account(Address),
    #[error("the demand does not ask for `{0}`")]
    Class(DataClass),
    #[error("the grant covers dates of `{0}` that the demand does not")]
    Range(Address),
    #[error("the grant names an item that does not rest in region `{0}`")]
    Place(RegionId),

    // The people.
    #[error("the grant is to `{found}`, and the instrument was issued by `{expected}`")]
    Requester { found: AuthorityId, expected: AuthorityId },
    #[error("the grant delivers to `{found}`, and the instrument to `{expected}`")]
    Recipient { found: AuthorityId, expected: AuthorityId },
    #[error("this region's roster has no recipient key of `{0}`")]
    NoRecipientKey(AuthorityId),
}
