//! The checks of the protocol that the models can do without, one at a time.

/// One check.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Check {
    Quorum,
    Fresh,
    OwnHead,
    Forked,
    ShownRemembered,
    Inclusion,
    LaterShown,
    Overtaken,
    Grant,
    Region,
    Issuer,
    Signature,
    Competence,
    Scope,
    Requester,
    Recipient,
    RecipientKey,
    Expired,
    TimeGoesBack,
    TimeRemembered,
    OwnLaw,
    Spent,
    SpentFirst,
    Marks,
    WentBack,
    QuorumOverlap,
    WitnessSmaller,
    WitnessExtends,
    WitnessRemembersFirst,
    WitnessEnrolledOnce,
    WitnessSilenced,
    SyncedFirst,
    OpenEpoch,
    ZeroWraps,
    DestroyedLast,
    CurrentGeneration,
    RetiredEmpty,
    RetiredUnheld,
    RewrapUnchanged,
}

/// Which model a check belongs to, and with which room to move it is missed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// Head office records what it should not, and forges permits.
    Grants,
    /// It forks the log, and witnesses may be cut off.
    Fork,
    /// And a day passes meanwhile.
    Day,
    /// All of that together.
    Everything,
    /// Simulated time moves.
    Clock,
    /// Mail arrives and the region dies within a release.
    Crash,
    /// The region is restored from a backup.
    Restore,
    /// Two histories, shown to witnesses in any order by whoever runs the log.
    Witnesses,
    /// The same, and a witness is restored from a backup; it is shown what it cosigned last.
    Restored,
    Mail,
}

/// A line of the table in docs/model.md.
pub struct Line {
    pub check: Check,
    pub place: Place,
    pub what: &'static str,
    /// Where the code does it.
    pub code: &'static str,
    /// The property that does not hold without it.
    pub property: &'static str,
}

pub const RECORDED: &str = "what is handed over was decided in an entry that a quorum cosigned";
pub const LAWFUL: &str = "it is what the instrument demands, from whom and for whom it may be";
pub const CURRENT: &str = "nothing that the region was shown had overtaken it";
pub const WITHIN_A_DAY: &str = "a stay that was cosigned a day ago holds everywhere";
pub const IN_TIME: &str = "nothing is handed over once the region was shown that the demand had expired";
pub const ONE_PRODUCTION: &str = "one permit, one production: what lay there when it was spent";
pub const ONE_HISTORY: &str =
    "two checkpoints with a quorum are one history, unless their whole overlap cheats";
pub const DURABLE: &str = "acknowledged mail can be read by its owner";
pub const HELD: &str = "what was deleted under a hold can be opened while it lasts";
pub const GONE: &str = "what was deleted is not listed again";

const fn line(
    check: Check,
    place: Place,
    what: &'static str,
    code: &'static str,
    property: &'static str,
) -> Line {
    Line { check, place, what, code, property }
}

const VERIFY: &str = "`record/permit/verify.rs`";

/// Every check, and what is found without it.
pub const TABLE: [Line; 39] = [
    line(Check::Quorum, Place::Grants, "a quorum cosigned the checkpoint", "`Policy::check`", RECORDED),
    line(Check::Fresh, Place::Day, "and lately", "`Policy::check_fresh`", WITHIN_A_DAY),
    line(Check::OwnHead, Place::Fork, "no older than the region's own head", VERIFY, CURRENT),
    line(Check::Forked, Place::Fork, "extends the region's own head", VERIFY, CURRENT),
    line(
        Check::ShownRemembered,
        Place::Fork,
        "what a permit shows is the region's own head from then on",
        "`Node::heed`",
        CURRENT,
    ),
    line(Check::Inclusion, Place::Grants, "the entry is in the tree", VERIFY, RECORDED),
    line(Check::LaterShown, Place::Grants, "every later entry is shown", VERIFY, CURRENT),
    line(Check::Overtaken, Place::Grants, "no later entry is of the same matter", VERIFY, CURRENT),
    line(Check::Grant, Place::Grants, "the grant is the one in the entry", VERIFY, RECORDED),
    line(Check::Region, Place::Grants, "the grant is to this region", VERIFY, LAWFUL),
    line(Check::Issuer, Place::Grants, "the issuer is on the region's roster", VERIFY, LAWFUL),
    line(Check::Signature, Place::Grants, "the issuer signed the instrument", VERIFY, LAWFUL),
    line(Check::Competence, Place::Grants, "the issuer may issue it", VERIFY, LAWFUL),
    line(Check::Scope, Place::Grants, "what is granted was demanded", VERIFY, LAWFUL),
    line(Check::Requester, Place::Grants, "the requester is the issuer", VERIFY, LAWFUL),
    line(Check::Recipient, Place::Grants, "the recipient is the instrument's", VERIFY, LAWFUL),
    line(Check::RecipientKey, Place::Grants, "the recipient's key is from the roster", VERIFY, LAWFUL),
    line(Check::Expired, Place::Clock, "the demand has not expired", VERIFY, IN_TIME),
    line(Check::TimeGoesBack, Place::Clock, "time does not go back", VERIFY, IN_TIME),
    line(
        Check::TimeRemembered,
        Place::Clock,
        "the moment is on the disk before it is acted on",
        "`TimeMemory::remember`",
        IN_TIME,
    ),
    line(Check::OwnLaw, Place::Grants, "the region's own law lets it", "`Node::judge`", LAWFUL),
    line(Check::Spent, Place::Crash, "the permit is not spent", "`Store::begin_release`", ONE_PRODUCTION),
    line(
        Check::SpentFirst,
        Place::Crash,
        "it is spent before anything is opened",
        "`Store::begin_release`",
        ONE_PRODUCTION,
    ),
    line(
        Check::Marks,
        Place::Crash,
        "with how far the copies went then",
        "`store::release::spend`",
        ONE_PRODUCTION,
    ),
    line(
        Check::WentBack,
        Place::Restore,
        "the log notices a witness that is behind what it cosigned",
        "`Collector::take_answer`, `Provider::show_permit`",
        ONE_PRODUCTION,
    ),
    line(
        Check::QuorumOverlap,
        Place::Witnesses,
        "any two quorums have a witness in common",
        "`Policy::check_sound`",
        ONE_HISTORY,
    ),
    line(
        Check::WitnessSmaller,
        Place::Witnesses,
        "a witness signs no smaller head",
        "`Witness::consider`",
        ONE_HISTORY,
    ),
    line(
        Check::WitnessExtends,
        Place::Witnesses,
        "nor one that does not extend its own",
        "`Witness::consider`",
        ONE_HISTORY,
    ),
    line(
        Check::WitnessRemembersFirst,
        Place::Witnesses,
        "it remembers before it signs",
        "`Witness::consider`",
        ONE_HISTORY,
    ),
    line(
        Check::WitnessEnrolledOnce,
        Place::Witnesses,
        "one that lost its memory does not begin again by itself",
        "`FileState::open`",
        ONE_HISTORY,
    ),
    line(
        Check::WitnessSilenced,
        Place::Restored,
        "one that was restored is silent when it is shown what it signed",
        "`Inner::check_memory`",
        ONE_HISTORY,
    ),
    line(
        Check::SyncedFirst,
        Place::Mail,
        "mail is acknowledged after the sync",
        "`store::committer::run`",
        DURABLE,
    ),
    line(
        Check::OpenEpoch,
        Place::Mail,
        "a wrap is stored under an open epoch only",
        "`Books::is_open`",
        DURABLE,
    ),
    line(
        Check::ZeroWraps,
        Place::Mail,
        "an epoch goes at zero wraps only",
        "`Store::destroy_epoch`",
        DURABLE,
    ),
    line(
        Check::DestroyedLast,
        Place::Mail,
        "its key goes after that is on the disk",
        "`Store::destroy_epoch`",
        DURABLE,
    ),
    line(
        Check::CurrentGeneration,
        Place::Mail,
        "mail is stored under the current generation only",
        "`store::delivery::put_parts`",
        DURABLE,
    ),
    line(
        Check::RetiredEmpty,
        Place::Mail,
        "a generation goes when nothing is wrapped under it",
        "`Store::retire`",
        DURABLE,
    ),
    line(Check::RetiredUnheld, Place::Mail, "and nothing of what a hold keeps", "`Store::retire`", HELD),
    line(
        Check::RewrapUnchanged,
        Place::Mail,
        "a key is wrapped anew only where the object is as it was",
        "`Store::rewrap_objects`",
        GONE,
    ),
];
