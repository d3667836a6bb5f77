//! The script as it is written. Every name is kept with its place in the file; nothing is believed yet.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_spanned::Spanned;

use super::case::{CaseRole, HistoricOutcome};
use super::script::Wanted;
use crate::demand::{
    Act, DateRange, Disposition, InstrumentKind, Outcome, ProofLevel, Purpose, RelationKind, Term,
};
use crate::gate::{Duty, FilingKind, Party, StanceChange};
use crate::law::PositionKind;
use crate::world::{Conduct, DataClass, KeyCustody, OrderKind, SourceMark};

pub type Text = Spanned<String>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RawScript {
    pub title: String,
    #[serde(default)]
    pub intro: String,
    pub start: Text,
    pub seed: String,
    #[serde(default, rename = "include")]
    pub _include: Vec<RawInclude>,
    pub case: Option<Spanned<RawCase>>,
    #[serde(default)]
    pub world: RawWorld,
    #[serde(default)]
    pub account: Vec<Spanned<RawAccount>>,
    #[serde(default)]
    pub step: Vec<Spanned<RawStep>>,
}

/// A file with changes to the world; words in it can be renamed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RawInclude {
    pub file: Text,
    #[serde(default)]
    pub rename: BTreeMap<Text, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RawCase {
    pub name: String,
    pub court: String,
    pub date: Spanned<toml::value::Datetime>,
    pub matter: Option<Text>,
    #[serde(default)]
    pub classes: Vec<DataClass>,
    pub act: Option<Act>,
    pub outcome: HistoricOutcome,
    pub role: CaseRole,
    pub rule: Option<Text>,
    pub outside: Option<String>,
    pub happened: String,
    pub source: String,
    pub mark: SourceMark,
    pub from_memory: Option<String>,
}

/// What may stand under `[world]`. The world itself reads and checks it, as a change to its own files; only what a play
/// shows of it is read here.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RawWorld {
    #[serde(default)]
    pub stance: StanceChange,
    #[serde(default)]
    pub regions: BTreeMap<Text, RawRegion>,
    #[serde(rename = "authorities")]
    _authorities: Option<IgnoredAny>,
    #[serde(rename = "entities")]
    _entities: Option<IgnoredAny>,
    #[serde(rename = "placement")]
    _placement: Option<IgnoredAny>,
    #[serde(rename = "domains")]
    _domains: Option<IgnoredAny>,
    #[serde(rename = "blocs")]
    _blocs: Option<IgnoredAny>,
    #[serde(rename = "countries")]
    _countries: Option<IgnoredAny>,
    #[serde(rename = "treaties")]
    _treaties: Option<IgnoredAny>,
    #[serde(rename = "routes")]
    _routes: Option<IgnoredAny>,
    #[serde(rename = "witnesses")]
    _witnesses: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RawRegion {
    pub key_custody: Option<KeyCustody>,
    #[serde(rename = "name")]
    _name: Option<IgnoredAny>,
    #[serde(rename = "country")]
    _country: Option<IgnoredAny>,
    #[serde(rename = "coordinates")]
    _coordinates: Option<IgnoredAny>,
    #[serde(rename = "operator")]
    _operator: Option<IgnoredAny>,
    #[serde(rename = "store")]
    _store: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RawAccount {
    pub story: Option<Text>,
    pub name: Option<Text>,
    pub address: Option<Text>,
    pub holder: Option<Text>,
    pub declared_country: Option<Text>,
    pub contracted_with: Option<Text>,
    pub residence: Option<Text>,
    pub nationality: Option<Text>,
    pub message: Option<Spanned<Vec<RawMessage>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RawMessage {
    pub date: Text,
    pub from: Text,
    pub to: Vec<Text>,
    pub subject: String,
    pub body: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RawStep {
    pub at: Text,
    pub title: Option<String>,
    pub place: Option<String>,
    pub demand: Option<Spanned<RawDemand>>,
    pub order: Option<Spanned<RawOrder>>,
    pub filing: Option<Spanned<RawFiling>>,
    pub stance: Option<Spanned<StanceChange>>,
    pub route: Option<Spanned<RawRoute>>,
    pub note: Option<Text>,
    #[serde(default)]
    pub look: Vec<Text>,
    pub happened: Option<Text>,
    pub source: Option<Text>,
    pub mark: Option<Spanned<SourceMark>>,
    pub from_memory: Option<Text>,
    #[serde(default)]
    pub expect: Vec<Spanned<RawExpect>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RawDemand {
    pub id: Text,
    pub version: Option<u32>,
    pub instrument: InstrumentKind,
    pub basis: String,
    pub issuing: Text,
    pub validating: Option<Text>,
    pub enforcing: Option<Text>,
    pub on_behalf_of: Text,
    pub served_on: Text,
    pub issued: Option<Text>,
    pub valid_until: Option<Text>,
    pub return_by: Option<Text>,
    pub proof: ProofLevel,
    pub offence: RawOffence,
    pub acts: Option<Vec<Act>>,
    pub accounts: Spanned<Vec<Text>>,
    pub classes: Spanned<Vec<DataClass>>,
    #[serde(default)]
    pub range: DateRange,
    #[serde(default)]
    pub term: Term,
    #[serde(default)]
    pub purpose: Purpose,
    #[serde(default)]
    pub emergency: bool,
    pub secret_until: Option<Text>,
    pub deliver_to: Text,
    pub relates: Option<RawRelation>,
    pub executes: Option<RawExecutes>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RawOffence {
    pub description: String,
    pub max_penalty_years: u32,
    #[serde(default)]
    pub listed: bool,
    pub place: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RawRelation {
    pub kind: RelationKind,
    pub demand: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RawExecutes {
    pub requesting: Text,
    pub treaty: String,
    pub use_limit: String,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RawSelector {
    #[serde(default)]
    pub classes: Vec<DataClass>,
    #[serde(default)]
    pub regions: Vec<Text>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RawOrder {
    pub id: Text,
    pub matter: Text,
    pub by: Text,
    pub effect: Spanned<OrderKind>,
    /// The earlier orders that `lifts` or `vacates` ends.
    pub ends: Option<Spanned<Vec<Text>>>,
    #[serde(default)]
    pub items: RawSelector,
    pub from: Option<Text>,
    pub until: Option<Text>,
    pub per_day: Option<Spanned<RawPerDay>>,
    #[serde(default)]
    pub by_stipulation: bool,
    #[serde(default)]
    pub conditions: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RawPerDay {
    pub amount: u64,
    pub currency: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RawFiling {
    pub id: Text,
    pub matter: Text,
    pub by: Party,
    pub kind: FilingKind,
    #[serde(default)]
    pub items: RawSelector,
    #[serde(default)]
    pub suspends: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RawRoute {
    pub matter: Text,
    pub by: Text,
    #[serde(default)]
    pub items: RawSelector,
    pub answer: Text,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RawExpect {
    pub matter: Text,
    pub account: Option<Text>,
    pub class: Option<DataClass>,
    pub region: Option<Text>,
    pub act: Option<Act>,
    pub duty: Option<Duty>,
    pub conduct: Option<Wanted<Conduct>>,
    pub outcome: Option<Wanted<Outcome>>,
    pub suspended: Option<bool>,
    pub suspended_by: Option<Text>,
    pub due: Option<bool>,
    pub due_at: Option<Text>,
    #[serde(default)]
    pub positions: BTreeMap<Text, PositionKind>,
    #[serde(default)]
    pub because: Vec<Text>,
    #[serde(default)]
    pub not_because: Vec<Text>,
    #[serde(default)]
    pub closed: BTreeMap<Text, Vec<Text>>,
    pub disposition: Option<Disposition>,
    pub told: Option<bool>,
    pub told_at: Option<Text>,
    pub published: Option<bool>,
    pub on: Option<Text>,
}
