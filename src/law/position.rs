//! What one jurisdiction's law holds, and the rules that say so.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::names::named;
use super::rule::Rule;
use crate::world::Jurisdiction;

named! {
    /// What one law holds on one act and item.
    PositionKind {
        Compels = "compels",
        Bars = "bars",
        /// Neither orders nor forbids, and says so.
        Allows = "allows",
        /// Unsettled: its rules contradict each other, or one of them says that nobody knows.
        Open = "open",
        /// It has rules for such a case, and none of them applies.
        Silent = "silent",
        /// No rules are written for such a case. Nothing may be released on the strength of it.
        NotCovered = "not-covered",
    }
}

/// What one jurisdiction's law holds on one question.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Position {
    pub jurisdiction: Jurisdiction,
    pub kind: PositionKind,
    /// What this law calls the data, if it has a word for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Every rule that applies, in the order of the book.
    pub rules: Vec<RuleHit>,
    /// Why a question is not covered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<String>,
}

impl Position {
    /// True if a rule with this id is among those that apply.
    pub fn names(&self, rule: &str) -> bool {
        self.rules.iter().any(|hit| hit.id == rule)
    }

    /// True if a region whose own law holds this may not let anything out, where it can refuse: also where the law is
    /// unsettled, or not written down here.
    pub fn holds_a_region_back(&self) -> bool {
        matches!(self.kind, PositionKind::Bars | PositionKind::Open | PositionKind::NotCovered)
    }

    pub(super) fn not_covered(jurisdiction: &Jurisdiction, gap: impl Into<String>) -> Self {
        Position {
            jurisdiction: jurisdiction.clone(),
            kind: PositionKind::NotCovered,
            category: None,
            rules: Vec::new(),
            gap: Some(gap.into()),
        }
    }
}

/// A rule that applies. Cheap to clone: the rule itself is shared with the law book.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RuleHit(pub(super) Arc<Rule>);

impl Deref for RuleHit {
    type Target = Rule;

    fn deref(&self) -> &Rule {
        &self.0
    }
}

impl Serialize for RuleHit {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RuleHit {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Rule::deserialize(deserializer).map(|rule| RuleHit(Arc::new(rule)))
    }
}

/// What the rules that apply add up to.
///
/// Nothing overrides anything: a rule that compels beside one that bars is a contradiction in that law, which a court
/// has to settle, and so is one that bars beside one that allows. To be compelled includes to be allowed.
pub(super) fn add_up<'a>(rules: impl IntoIterator<Item = &'a Rule>) -> PositionKind {
    use super::rule::Effect;
    let (mut compels, mut bars, mut allows, mut open) = (false, false, false, false);
    for rule in rules {
        match rule.effect {
            Effect::Compels => compels = true,
            Effect::Bars => bars = true,
            Effect::Allows => allows = true,
            Effect::Open => open = true,
        }
    }
    match (open, compels, bars, allows) {
        (true, ..) | (_, true, true, _) | (_, _, true, true) => PositionKind::Open,
        (_, true, _, _) => PositionKind::Compels,
        (_, _, true, _) => PositionKind::Bars,
        (_, _, _, true) => PositionKind::Allows,
        (false, false, false, false) => PositionKind::Silent,
    }
}

/// What one law holds otherwise than it did, or by other rules.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PositionChange {
    pub jurisdiction: Jurisdiction,
    /// Absent where it was not asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<PositionKind>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<PositionKind>,
    /// Rules that apply and did not.
    pub came: Vec<RuleHit>,
    /// Rules that applied and do not.
    pub went: Vec<RuleHit>,
}

/// `US compels -> bars; now by us-829-f3d-197; no longer by us-2703-a-control`.
impl fmt::Display for PositionChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let law = &self.jurisdiction;
        match (self.before, self.after) {
            (Some(before), Some(after)) if before == after => write!(f, "{law} {after} still")?,
            (Some(before), Some(after)) => write!(f, "{law} {before} -> {after}")?,
            (Some(before), None) => write!(f, "{law} {before} -> is not asked")?,
            (None, Some(after)) => write!(f, "{law} was not asked -> {after}")?,
            (None, None) => write!(f, "{law} is not asked")?,
        }
        let all = || self.came.iter().chain(&self.went);
        for (what, rules) in [("now", &self.came), ("no longer", &self.went)] {
            for (place, rule) in rules.iter().enumerate() {
                let lead = if place == 0 { format!("; {what} by ") } else { ", ".to_owned() };
                write!(f, "{lead}{}", rule.id)?;
                // Two versions of one rule are told apart by their first days.
                let versions = all().filter(|other| other.id == rule.id).count();
                if let (Some(from), true) = (rule.from, versions > 1) {
                    write!(f, " as of {from}")?;
                }
            }
        }
        Ok(())
    }
}

/// What is different between the positions on one question and on another, law by law.
pub fn position_changes(before: &[Position], after: &[Position]) -> Vec<PositionChange> {
    let mut laws: Vec<&Jurisdiction> = Vec::new();
    for position in before.iter().chain(after) {
        if !laws.contains(&&position.jurisdiction) {
            laws.push(&position.jurisdiction);
        }
    }
    let change = |law: &Jurisdiction| {
        let of =
            |positions: &'_ [Position]| positions.iter().position(|position| position.jurisdiction == *law);
        let (before, after) = (of(before).map(|i| &before[i]), of(after).map(|i| &after[i]));
        let had = before.map_or(&[][..], |position| &position.rules);
        let has = after.map_or(&[][..], |position| &position.rules);
        PositionChange {
            jurisdiction: law.clone(),
            before: before.map(|position| position.kind),
            after: after.map(|position| position.kind),
            came: not_among(has, had),
            went: not_among(had, has),
        }
    };
    let is_one =
        |law: &PositionChange| law.before != law.after || !law.came.is_empty() || !law.went.is_empty();
    laws.into_iter().map(change).filter(is_one).collect()
}

/// The rules of one list of which another does not have the same version.
fn not_among(rules: &[RuleHit], others: &[RuleHit]) -> Vec<RuleHit> {
    let same = |rule: &RuleHit| others.iter().any(|other| other.id == rule.id && other.from == rule.from);
    rules.iter().filter(|rule| !same(rule)).cloned().collect()
}
