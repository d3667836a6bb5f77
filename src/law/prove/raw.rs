//! A file of claims as it is written. Nothing is believed of it yet.

use serde::Deserialize;
use toml::Spanned;

use super::claim::Expected;
use crate::demand::{Act, InstrumentKind, Purpose};
use crate::law::PositionKind;
use crate::world::DataClass;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawFile {
    pub(super) format: Spanned<u32>,
    #[serde(default)]
    pub(super) assume: Vec<RawAssume>,
    #[serde(default)]
    pub(super) claim: Vec<Spanned<RawClaim>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawClaim {
    pub(super) id: Spanned<String>,
    pub(super) says: String,
    pub(super) note: Option<String>,
    pub(super) expect: Expected,
    #[serde(default)]
    pub(super) rules: Vec<Spanned<String>>,
    pub(super) from: Option<Spanned<String>>,
    pub(super) until: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) acts: Vec<Act>,
    #[serde(default)]
    pub(super) instruments: Vec<InstrumentKind>,
    #[serde(default)]
    pub(super) classes: Vec<DataClass>,
    pub(super) purpose: Option<Purpose>,
    #[serde(default)]
    pub(super) assume: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) given: Vec<RawGiven>,
    #[serde(default)]
    pub(super) never_errors: bool,
    pub(super) never: Option<Vec<PositionKind>>,
    pub(super) always: Option<Vec<PositionKind>>,
    pub(super) sometimes: Option<Vec<PositionKind>>,
    #[serde(default)]
    pub(super) none_applies: bool,
    #[serde(default)]
    pub(super) some_applies: bool,
    #[serde(default)]
    pub(super) implies: Vec<Spanned<String>>,
    pub(super) keeps: Option<RawKeeps>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawAssume {
    pub(super) id: Spanned<String>,
    pub(super) words: String,
    pub(super) cedar: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawGiven {
    pub(super) words: String,
    pub(super) cedar: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawKeeps {
    pub(super) what: Vec<PositionKind>,
    pub(super) then: Option<Vec<PositionKind>>,
    pub(super) before: RawMoment,
    pub(super) after: RawMoment,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawMoment {
    pub(super) at: Spanned<String>,
    #[serde(default)]
    pub(super) set: Vec<RawSetting>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawSetting {
    pub(super) fact: Spanned<String>,
    pub(super) words: String,
    pub(super) to: Spanned<String>,
}
