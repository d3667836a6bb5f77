use super::Policy;
use crate::record::checkpoint::CheckpointError;
use crate::world::Country;

/// Why a checkpoint is not enough to act on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QuorumError {
    #[error(transparent)]
    Checkpoint(CheckpointError),
    #[error("no quorum: cosigned by {} of {witnesses} witnesses ({})", cosigners.len(), cosigners.join(", "))]
    TooFew { cosigners: Vec<String>, witnesses: usize },
    #[error("no fresh quorum: {fresh} of {all} cosignatures are at most {age_max_seconds} seconds old")]
    Stale { fresh: usize, all: usize, age_max_seconds: i64 },
}

/// Why a policy is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    #[error(
        "no line `{0}`: a policy names the log by its key (`log`), its witnesses, and who of them are enough (`quorum`)"
    )]
    Missing(&'static str),
    #[error("no line `about {0}`")]
    NothingAbout(String),
    #[error("no independent witness is an outsider, and a quorum needs one")]
    NoOutsider,
    #[error("every independent witness is in the home country `{0}`, and a quorum needs one abroad")]
    AllAtHome(Country),
    #[error("{0} witnesses, where {max} are supported", max = Policy::WITNESSES_MAX)]
    TooMany(usize),
    #[error("{0} groups, where {max} are supported", max = Policy::GROUPS_MAX)]
    TooManyGroups(usize),
    #[error(
        "the groups are too intricate to tell whether two quorums could be disjoint; use fewer, or put more witnesses together"
    )]
    TooIntricate,
    #[error("the name or key of witness `{0}` appears twice")]
    Twice(String),
    #[error("witness `{0}` would sign as `{1}`, as another one does: nobody could tell them apart")]
    SignsAlike(String, String),
    #[error("`{0}` in a policy, where one word without spaces is allowed")]
    Word(String),
    #[error("the key of witness `{0}` is not a cosigner's")]
    NotACosigner(String),
    #[error("the key of log `{0}` is not a log's")]
    NotALog(String),
    #[error("all witnesses together are not a quorum")]
    OutOfReach,
    #[error("{} could be a quorum, and all the others another one: two histories could both be believed", .0.join(", "))]
    Disjoint(Vec<String>),
}
