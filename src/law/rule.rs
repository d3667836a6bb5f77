//! One rule of a law book: what its annotations say about it.

use serde::{Deserialize, Serialize};

use super::names::named;
use crate::clock::Date;
use crate::world::SourceMark;

/// A rule as a reader meets it: what it says, where it stands, how sure we are. When it applies is its Cedar policy.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rule {
    /// Starts with the jurisdiction in lower case: `us-2703-a`. Versions of one rule share it.
    pub id: String,
    /// The text it stands in: `18 U.S.C. 2703(a)`.
    pub cite: String,
    pub effect: Effect,
    pub weight: Weight,
    /// One plain sentence.
    pub says: String,
    pub source: Source,
    /// What it costs to break it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub penalty: Option<String>,
    /// What the provider can file on the strength of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// Which moment has to fall into the dates.
    pub keyed: Keyed,
    /// The first day.
    pub from: Date,
    /// The first day on which it no longer holds; none if no end is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
}

impl Rule {
    /// True on the days on which it holds.
    pub fn holds_on(&self, date: Date) -> bool {
        self.from <= date && self.until.is_none_or(|until| date < until)
    }
}

named! {
    /// What follows when a rule applies.
    Effect {
        Compels = "compels",
        Bars = "bars",
        Allows = "allows",
        Open = "open",
    }
}

named! {
    /// How firmly a rule stands.
    Weight {
        Binding = "binding",
        Persuasive = "persuasive",
        Open = "open",
    }
}

named! {
    /// The moment that has to fall into a rule's dates.
    Keyed {
        Issued = "issued",
        Received = "received",
        Decided = "decided",
        Executed = "executed",
    }
}

/// How sure we are, and where it was read. Written `verified: law.cornell.edu/uscode/text/18/2703`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Source {
    pub mark: SourceMark,
    /// Where it was read, and what of it was not.
    pub read_in: String,
}
