//! What a stage tells of its world: plain values to show and to compare with what was expected.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::clock::SimTime;
use crate::demand::{Act, DemandId, Disposition, Item, Outcome};
use crate::gate::{Cause, Duty, ItemDecision, Meter, PaperId, RouteMove};
use crate::law::{Hearing, Position};
use crate::provider::{self, KeyHolder, Price};
use crate::world::{Address, AuthorityId, Conduct, Country, DataClass, EntityId, RegionId};

/// A matter as it stands now.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct MatterView {
    pub matter: DemandId,
    pub disposition: Disposition,
    /// What was wrong on the face of the demand, if it was sent back.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub returned_for: Vec<String>,
    pub items: Vec<ItemView>,
    /// What is granted and was not handed over yet.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unanswered: Vec<Item>,
    /// What contempt has cost so far.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fines: Vec<Meter>,
    /// Which account holders were told of it, and when.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub told_to: Vec<provider::ToldView>,
    /// What keeps others from being told.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub closed: Vec<provider::ClosedTo>,
    /// True if the public may read of every entry of it.
    pub published: bool,
}

/// One act on one item, and all that was decided about it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ItemView {
    pub act: Act,
    pub item: Item,
    pub positions: Vec<Position>,
    pub duty: Duty,
    /// When it is, or was, due; absent while suspended and where nothing is compelled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<SimTime>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub suspended_by: Vec<PaperId>,
    /// Absent where nothing is left to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub conduct: Option<Conduct>,
    /// Absent while it is still fought over.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// The treaty named to the authority, if the item is not produced and there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub treaty: Option<String>,
}

impl MatterView {
    /// True if it is granted and the region that holds it has not answered yet.
    pub fn is_unanswered(&self, item: &ItemView) -> bool {
        item.act == Act::Disclose && self.unanswered.contains(&item.item)
    }

    /// What changed since it was last seen about who was told of it, one sentence each.
    pub fn telling(&self, before: Option<&MatterView>, day: impl Fn(SimTime) -> String) -> Vec<String> {
        let told =
            self.told_to.iter().filter(|told| !before.is_some_and(|before| before.told_to.contains(told)));
        let told = told.map(|told| format!("{} was told of it on {}", told.account, day(told.at)));
        let closed =
            self.closed.iter().filter(|closed| !before.is_some_and(|before| before.closed.contains(closed)));
        let closed = closed
            .map(|closed| format!("{} may not be told of it: {}", closed.account, closed.by.sentence(&day)));
        told.chain(closed).collect()
    }
}

impl From<provider::MatterView> for MatterView {
    fn from(matter: provider::MatterView) -> Self {
        MatterView {
            matter: matter.demand,
            disposition: matter.disposition,
            returned_for: matter.returned_for.iter().map(|f| format!("{}: {}", f.what, f.remedy)).collect(),
            items: matter.items.into_iter().map(ItemView::from).collect(),
            unanswered: matter.unanswered,
            fines: matter.fines,
            told_to: matter.told_to,
            closed: matter.closed,
            published: matter.published,
        }
    }
}

impl From<ItemDecision> for ItemView {
    fn from(decision: ItemDecision) -> Self {
        ItemView {
            act: decision.act,
            item: decision.item,
            positions: decision.positions,
            duty: decision.duty,
            due: decision.due,
            suspended_by: decision.suspended_by,
            conduct: decision.conduct,
            outcome: decision.outcome,
            treaty: decision.treaty,
        }
    }
}

/// How it stands with one rule in the newest decision on one act and item.
#[derive(Clone, Debug, PartialEq)]
pub struct HeardRule {
    pub act: Act,
    pub item: Item,
    pub rule: String,
    pub hearing: Hearing,
}

impl HeardRule {
    /// True if it is about this item and this rule.
    pub fn is_of(&self, item: &ItemView, rule: &str) -> bool {
        self.rule == rule && self.act == item.act && self.item == item.item
    }
}

/// Something that came about on the stage, with the simulated time it bears.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Happening {
    pub at: SimTime,
    #[serde(flatten)]
    pub what: Happened,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Happened {
    /// An entry of the record, with the head that its permit rests on.
    Recorded {
        entry: u64,
        matter: DemandId,
        kind: String,
        /// Of a decision: why it was made now.
        #[serde(skip_serializing_if = "Option::is_none")]
        cause: Option<Cause>,
        root: String,
        cosigned_by: Vec<String>,
    },
    /// A region was shown a permit and handed something over.
    Produced {
        matter: DemandId,
        region: RegionId,
        classes: Vec<DataClass>,
        objects: u64,
        bytes: u64,
        /// Only ciphertext: no key was within control.
        ciphertext: bool,
        sealed_to: AuthorityId,
        conditions: Vec<String>,
        /// What the region's own law holds against it, where the region could not refuse.
        objections: Vec<String>,
    },
    /// A region was shown a permit and refused.
    Refused { matter: DemandId, region: RegionId, why: String },
    /// A request of one state to another moved on.
    Routed {
        matter: DemandId,
        #[serde(flatten)]
        step: RouteMove,
    },
    /// Legal process reached the provider that the script did not write: the local order that answers a request.
    Received { matter: DemandId, from: AuthorityId, what: String },
    /// Time ran out for something.
    TimeLimit { matter: DemandId, what: String },
}

/// One copy of an account, its place and its key.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CopyView {
    pub class: DataClass,
    pub region: RegionId,
    pub country: Country,
    /// Who can use its key.
    pub keys: Vec<KeyHolder>,
    pub objects: u64,
    pub bytes: u64,
}

/// Who may, and who can, read one copy, and at what price.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ReachView {
    pub class: DataClass,
    pub region: RegionId,
    /// The authorities that would get it on that day if they demanded it, by country.
    pub may: BTreeMap<Country, BTreeSet<AuthorityId>>,
    /// Who holds a key that opens it.
    pub can: Vec<KeyHolderView>,
    /// What laws that bar the answer, or leave it open, threaten.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub price: BTreeSet<Price>,
}

/// Who holds a key that opens a copy.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct KeyHolderView {
    pub who: KeyHolder,
    pub entity: EntityId,
    /// True if nothing forces this holder to leave an entry in the record.
    pub unrecorded: bool,
}

/// Where an account's data rests, and who can reach it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct AccountView {
    pub account: Address,
    pub copies: Vec<CopyView>,
    pub reach: Vec<ReachView>,
}

/// The head of the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RecordHead {
    pub size: u64,
    /// Root hash in lower-case hexadecimal.
    pub root: String,
}
