//! What the provider tells of itself: plain values that are shown, sent and compared.

use serde::{Deserialize, Serialize};

use super::given::ClosedTo;
use super::telling::ToldView;
use crate::clock::SimTime;
use crate::demand::{DemandId, Disposition, Item};
use crate::gate::{Event, Finding, ItemDecision, Lapse, MatterId, Meter, RouteState};
use crate::world::{Address, AuthorityId, Country, DataClass, RegionId};

/// A matter as it stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct MatterView {
    pub matter: MatterId,
    pub demand: DemandId,
    pub issuing: AuthorityId,
    pub received: SimTime,
    pub disposition: Disposition,
    pub superseded_by: Option<DemandId>,
    /// What was due and not done in time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lapses: Vec<Lapse>,
    /// What was wrong on the face of the demand, if it was sent back.
    pub returned_for: Vec<Finding>,
    /// Why it does not go on for now, if a region or the witnesses do not answer. Nothing is released meanwhile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delayed_by: Option<String>,
    /// In how many seconds of real time it is tried again by itself; absent while it is, and where nothing delays it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tried_again_in: Option<u64>,
    pub items: Vec<ItemDecision>,
    /// What the newest decision grants and the region that holds it has not handed over yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unanswered: Vec<Item>,
    /// What contempt has cost so far.
    pub fines: Vec<Meter>,
    pub route: Option<RouteState>,
    /// The entry that holds the newest decision.
    pub entry: Option<u64>,
    /// SHA-256 of the law books it was decided by.
    pub law: Option<String>,
    /// Which account holders were told of it, and when.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub told_to: Vec<ToldView>,
    /// What keeps others from being told of it, or of what came of it since.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub closed: Vec<ClosedTo>,
    /// True if the public may read of every entry of it.
    #[serde(default)]
    pub published: bool,
    /// The entry from which on it cannot be read back, because an opening was erased or lost. Nothing more happens in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unreadable_from: Option<u64>,
}

/// An event that was recorded, with the head of the record after it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Recorded {
    pub matter: MatterId,
    pub entry: u64,
    pub event: Event,
    /// Root of the record, in lower-case hexadecimal.
    pub root: String,
    pub cosigned_by: Vec<String>,
}

/// The head of the record.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RecordHead {
    pub size: u64,
    /// Root hash in lower-case hexadecimal.
    pub root: String,
}

/// Where an account's data rests: every copy, its place, its key.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct WhereView {
    pub account: Address,
    pub declared_country: Country,
    pub copies: Vec<CopyView>,
}

/// One copy, its place and its key.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CopyView {
    pub class: DataClass,
    pub region: RegionId,
    pub country: Country,
    pub objects: u64,
    pub bytes: u64,
    /// Who can use its key.
    pub keys: Vec<KeyHolder>,
    /// False if its placement does not allow it to rest here.
    pub allowed: bool,
}

/// Whose key opens a copy.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeyHolder {
    Region,
    HeadOffice,
}

impl KeyHolder {
    pub fn as_str(self) -> &'static str {
        match self {
            KeyHolder::Region => "region",
            KeyHolder::HeadOffice => "head office",
        }
    }
}
