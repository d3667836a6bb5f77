use serde::{Deserialize, Serialize};

use crate::clock::Date;
use crate::world::{Address, DataClass, RegionId};

/// The smallest thing a decision is about: one account, one data class, one date range, one place.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Item {
    pub account: Address,
    pub class: DataClass,
    pub range: DateRange,
    pub place: Place,
}

/// Where the item rests at the moment of the question.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// In one region.
    Region(RegionId),
    /// A copy in each of several regions.
    Regions(Vec<RegionId>),
    /// In pieces that move between regions.
    Moving(Vec<RegionId>),
    /// Nobody knows.
    Unknown,
}

impl Place {
    /// The regions named, if any.
    pub fn regions(&self) -> &[RegionId] {
        match self {
            Place::Region(region) => std::slice::from_ref(region),
            Place::Regions(regions) | Place::Moving(regions) => regions,
            Place::Unknown => &[],
        }
    }
}

/// Civil dates in UTC, both ends included; an absent end is open.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DateRange {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Date>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Date>,
}

impl DateRange {
    /// All dates.
    pub const ALL: DateRange = DateRange { from: None, to: None };

    pub fn contains(&self, date: Date) -> bool {
        self.from.is_none_or(|from| from <= date) && self.to.is_none_or(|to| date <= to)
    }

    /// True if every date of `other` is in this range.
    pub fn covers(&self, other: &DateRange) -> bool {
        let from = self.from.is_none_or(|a| other.from.is_some_and(|b| a <= b));
        let to = self.to.is_none_or(|a| other.to.is_some_and(|b| b <= a));
        from && to
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(from: &str, to: &str) -> DateRange {
        DateRange { from: from.parse().ok(), to: to.parse().ok() }
    }

    #[test]
    fn ends_are_included_and_open_ends_cover_more() {
        let year = range("2013-01-01", "2013-12-31");
        assert!(year.contains("2013-12-31".parse().unwrap()));
        assert!(!year.contains("2014-01-01".parse().unwrap()));
        assert!(DateRange::ALL.covers(&year));
        assert!(!year.covers(&DateRange::ALL));
        assert!(!year.covers(&range("2013-06-01", "2014-01-01")));
        assert!(year.covers(&range("2013-06-01", "2013-06-02")));
    }
}
