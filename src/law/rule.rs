//! One rule of a law book: what its annotations say about it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::names::named;
use crate::clock::{Date, SimTime};
use crate::world::Source;

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
    /// The time it gives for what it compels, counted from receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<Within>,
    /// How long the provider has to wait before it does what is compelled, counted from receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Within>,
    /// Which moment has to fall into the dates.
    pub keyed: Keyed,
    /// The first day; none if it never came into force. Then it decides nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Date>,
    /// The first day on which it no longer holds; none if no end is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Date>,
}

impl Rule {
    /// True on the days on which it holds.
    pub fn holds_on(&self, date: Date) -> bool {
        self.from.is_some_and(|from| from <= date) && self.until.is_none_or(|until| date < until)
    }
}

/// A time that a law gives: `10 days` or `8 hours`. A day is 24 hours, and every day counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Within {
    hours: u32,
}

impl Within {
    /// The instant at which it is over.
    pub fn after(self, start: SimTime) -> SimTime {
        SimTime::from_unix_seconds(start.unix_seconds() + i64::from(self.hours) * 3600)
    }
}

impl FromStr for Within {
    type Err = BadWithin;

    fn from_str(text: &str) -> Result<Self, BadWithin> {
        let bad = || BadWithin(text.to_owned());
        let (number, unit) = text.split_once(' ').ok_or_else(bad)?;
        let number: u32 = number.parse().map_err(|_| bad())?;
        let hours = match unit {
            "day" | "days" => number.checked_mul(24).ok_or_else(bad)?,
            "hour" | "hours" => number,
            _ => return Err(bad()),
        };
        Ok(Within { hours })
    }
}

impl TryFrom<String> for Within {
    type Error = BadWithin;

    fn try_from(text: String) -> Result<Self, BadWithin> {
        text.parse()
    }
}

impl From<Within> for String {
    fn from(within: Within) -> String {
        within.to_string()
    }
}

impl fmt::Display for Within {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (number, unit) =
            if self.hours.is_multiple_of(24) { (self.hours / 24, "day") } else { (self.hours, "hour") };
        write!(f, "{number} {unit}{}", if number == 1 { "" } else { "s" })
    }
}

/// Not a time that a law gives.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("`{0}` is not a time: write `10 days` or `8 hours`")]
pub struct BadWithin(String);

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
