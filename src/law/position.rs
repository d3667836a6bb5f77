//! What one jurisdiction's law holds, and the rules that say so.

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
