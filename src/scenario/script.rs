use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::de::IntoDeserializer;
use serde::de::value::{Error as ValueError, StringDeserializer};
use serde::{Deserialize, Deserializer, Serialize};

use super::case::Case;
use super::moment::Moment;
use crate::demand::{Act, Demand, DemandId, Disposition, Outcome};
use crate::gate::Duty;
use crate::gate::{Filing, Order, PaperId, Selector, StanceChange};
use crate::law::PositionKind;
use crate::world::{
    Address, AuthorityId, Conduct, Country, DataClass, EntityId, Jurisdiction, KeyCustody, RegionId,
};
use crate::world::{SourceMark, WorldChanges};

/// A script that was read and checked: every name in it is known, and every time in order.
#[derive(Clone, Debug)]
pub struct Script {
    pub path: PathBuf,
    pub title: String,
    /// Paragraphs for a reader, before the first step.
    pub intro: String,
    pub start: Moment,
    pub seed: String,
    /// The real case it is about, if it is about one.
    pub case: Option<Case>,
    pub setting: Setting,
    pub accounts: Vec<AccountSpec>,
    pub steps: Vec<Step>,
}

impl Script {
    /// The demands that are served in it.
    pub fn demands(&self) -> impl Iterator<Item = &Demand> {
        self.steps.iter().filter_map(|step| match &step.action {
            Action::Demand(demand) => Some(&**demand),
            _ => None,
        })
    }
}

/// How this script's world differs from the standard one.
#[derive(Clone, Debug, Default)]
pub struct Setting {
    pub stance: StanceChange,
    /// All that differs, but the stance.
    pub changes: WorldChanges,
    /// What of it is about who can use the keys, to be shown.
    pub key_custody: BTreeMap<RegionId, KeyCustody>,
}

/// An account that exists when the play begins.
#[derive(Clone, Debug, PartialEq)]
pub enum AccountSpec {
    /// An account of the story, with its mail, by its short name.
    Story { name: String, address: Address },
    /// One that only this script has.
    Inline(InlineAccount),
}

impl AccountSpec {
    pub fn name(&self) -> &str {
        match self {
            AccountSpec::Story { name, .. } => name,
            AccountSpec::Inline(account) => &account.name,
        }
    }

    pub fn address(&self) -> &Address {
        match self {
            AccountSpec::Story { address, .. } => address,
            AccountSpec::Inline(account) => &account.address,
        }
    }
}

/// An account written into the script. It is opened at the script's start.
#[derive(Clone, Debug, PartialEq)]
pub struct InlineAccount {
    /// By which the script refers to it.
    pub name: String,
    pub address: Address,
    pub holder: String,
    /// The entity of the provider that contracts.
    pub contracted_with: EntityId,
    pub declared_country: Country,
    pub residence: Option<Country>,
    pub nationality: Option<Country>,
    pub messages: Vec<InlineMessage>,
}

/// A message written into the script: plain text, UTF-8.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InlineMessage {
    pub date: Moment,
    pub from: Address,
    pub to: Vec<Address>,
    pub subject: String,
    pub body: String,
}

/// One event of the timeline.
#[derive(Clone, Debug)]
pub struct Step {
    /// Counts from 1.
    pub number: usize,
    /// The line of the script it begins on.
    pub line: usize,
    pub at: Moment,
    /// Where it happened, for a reader: `New York`.
    pub place: Option<String>,
    pub title: String,
    pub action: Action,
    /// Accounts whose copies, and who can reach them, are shown after this step.
    pub look: Vec<Address>,
    pub history: Option<History>,
    pub expects: Vec<Expect>,
}

/// What a step does.
#[derive(Clone, Debug)]
pub enum Action {
    /// The provider receives legal process.
    Demand(Box<Demand>),
    /// A court or authority makes an order in a matter.
    Order { matter: DemandId, order: Order },
    /// A party files something in a matter.
    Filing { matter: DemandId, filing: Filing },
    /// The provider changes its mind about what it does.
    Stance(StanceChange),
    /// The authority asks through the treaty instead.
    Route(RouteTaken),
    /// Something that changes nothing for the engine: a hearing, a poll of judges, a new statute.
    Note,
}

impl Action {
    pub fn kind(&self) -> &'static str {
        match self {
            Action::Demand(_) => "demand",
            Action::Order { .. } => "order",
            Action::Filing { .. } => "filing",
            Action::Stance(_) => "stance",
            Action::Route(_) => "route",
            Action::Note => "note",
        }
    }

    /// The matter that begins with it.
    pub fn begins(&self) -> Option<&DemandId> {
        match self {
            Action::Demand(demand) => Some(&demand.id),
            Action::Route(route) => Some(&route.answer),
            _ => None,
        }
    }

    /// The matter it is about.
    pub fn matter(&self) -> Option<&DemandId> {
        match self {
            Action::Demand(demand) => Some(&demand.id),
            Action::Order { matter, .. } | Action::Filing { matter, .. } => Some(matter),
            Action::Route(route) => Some(&route.matter),
            Action::Stance(_) | Action::Note => None,
        }
    }
}

/// The authority takes the treaty route for some items of its demand. Which treaty, and through which institutions,
/// follows from the world; how long they take, from the seed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteTaken {
    pub matter: DemandId,
    /// Who sends the request.
    pub by: AuthorityId,
    pub on: Selector,
    /// The id that the order of the requested state's court will have when it reaches the provider.
    pub answer: DemandId,
}

/// What really happened, told apart from what is expected of the engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct History {
    pub happened: String,
    pub source: String,
    pub mark: SourceMark,
    /// The part of it that is surer than nothing but was not read anywhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from_memory: Option<String>,
}

/// What the engine should answer about some items of a matter. All items it selects have to answer so, and it has to
/// select at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expect {
    /// The line of the script it begins on.
    pub line: usize,
    pub matter: DemandId,
    pub account: Option<Address>,
    pub class: Option<DataClass>,
    pub region: Option<RegionId>,
    pub act: Act,
    pub duty: Option<Duty>,
    pub conduct: Option<Wanted<Conduct>>,
    pub outcome: Option<Wanted<Outcome>>,
    pub suspended: Option<bool>,
    /// The order or filing that has to be among those that suspend.
    pub suspended_by: Option<PaperId>,
    /// True if the duty is live and its time has come.
    pub due: Option<bool>,
    /// Exactly when it is due.
    pub due_at: Option<Moment>,
    pub positions: BTreeMap<Jurisdiction, PositionKind>,
    /// Rules that have to be among the reasons of some position.
    pub because: Vec<String>,
    /// Rules that must not be.
    pub not_because: Vec<String>,
    /// Rules that must not be, each with what has to be the reason.
    pub closed: BTreeMap<String, ClosedBy>,
    /// Of the matter as a whole.
    pub disposition: Option<Disposition>,
    /// Whether the holder of `account` was told of it, or anybody if no account is named.
    pub told: Option<bool>,
    /// Exactly when the holder was first told.
    pub told_at: Option<Moment>,
    /// Whether the public may read of every entry of the matter.
    pub published: Option<bool>,
    /// Asked at this later moment instead of right after the step.
    pub on: Option<Moment>,
}

/// Why a rule is expected not to apply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClosedBy {
    /// No version of it is in force at the moment that it is keyed to.
    Time,
    /// It is in force, and its conditions fail on these facts and on no others: each condition that fails looks at one of
    /// them, and each of them is looked at by a condition that fails.
    Facts(BTreeSet<String>),
}

/// How [`ClosedBy::Time`] is written.
pub const NOT_IN_FORCE: &str = "not-in-force";

impl std::fmt::Display for ClosedBy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            ClosedBy::Time => f.write_str(NOT_IN_FORCE),
            ClosedBy::Facts(facts) => {
                f.write_str(&facts.iter().map(String::as_str).collect::<Vec<_>>().join(", "))
            }
        }
    }
}

/// A value that may also be wanted absent: `none` in the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted<T> {
    Nothing,
    Just(T),
}

impl<T: PartialEq + Copy> Wanted<T> {
    pub fn accepts(self, found: Option<T>) -> bool {
        match self {
            Wanted::Nothing => found.is_none(),
            Wanted::Just(wanted) => found == Some(wanted),
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Wanted<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        if word == "none" {
            return Ok(Wanted::Nothing);
        }
        let value: StringDeserializer<ValueError> = word.into_deserializer();
        // serde names the words of `T`; `none` is one more.
        T::deserialize(value)
            .map(Wanted::Just)
            .map_err(|error| serde::de::Error::custom(format!("{error}, `none`")))
    }
}

impl<T: std::fmt::Display> std::fmt::Display for Wanted<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Wanted::Nothing => f.write_str("none"),
            Wanted::Just(value) => value.fmt(f),
        }
    }
}
