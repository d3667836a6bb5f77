//! What the positions of several laws add up to.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::standing::Standing;
use crate::law::{Position, PositionKind};

/// What the provider has to do about one item, whatever it then does.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Duty {
    /// A law that reaches the provider compels, and no law bars or leaves it open.
    Compelled,
    /// A law bars, and none compels.
    Barred,
    /// One law compels what another bars.
    Conflicting,
    /// No law compels or bars.
    Free,
    /// Some law is unsettled, or has no rules written here; nothing is released unless the stance says so.
    Open,
    /// A court took it out of the demand: nothing is asked for any more.
    Undone,
    /// A court dismissed the case over it as moot: nothing is left to decide, and nobody said who was right.
    Moot,
}

impl Duty {
    pub fn as_str(self) -> &'static str {
        match self {
            Duty::Compelled => "compelled",
            Duty::Barred => "barred",
            Duty::Conflicting => "conflicting",
            Duty::Free => "free",
            Duty::Open => "open",
            Duty::Undone => "undone",
            Duty::Moot => "moot",
        }
    }

    /// Adds up the positions of every jurisdiction asked, and the orders in the matter.
    ///
    /// An order adds to what the law of its court says and takes nothing away: an order to comply makes a compelled
    /// item no less barred elsewhere, and an order not to comply is a bar like any other. What a court has undone or
    /// dismissed is no duty, whatever the laws hold on what was asked.
    pub fn of(positions: &[Position], standing: &Standing) -> Self {
        if standing.undone_by.is_some() {
            return Duty::Undone;
        }
        if standing.moot_by.is_some() {
            return Duty::Moot;
        }
        let says = |kind: PositionKind| positions.iter().any(|position| position.kind == kind);
        let compels = says(PositionKind::Compels);
        let bars = says(PositionKind::Bars) || !standing.barred_by.is_empty();
        let unsettled = says(PositionKind::Open) || says(PositionKind::NotCovered);
        match (compels, bars, unsettled) {
            (true, true, _) => Duty::Conflicting,
            (false, true, _) => Duty::Barred,
            (_, false, true) => Duty::Open,
            (true, false, false) => Duty::Compelled,
            (false, false, false) => Duty::Free,
        }
    }
}

impl fmt::Display for Duty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bare(kind: PositionKind) -> Position {
        Position { jurisdiction: "US".parse().unwrap(), kind, category: None, rules: vec![], gap: None }
    }

    fn duty(kinds: &[PositionKind]) -> Duty {
        let positions: Vec<Position> = kinds.iter().map(|kind| bare(*kind)).collect();
        Duty::of(&positions, &Standing::default())
    }

    #[test]
    fn contradiction_shows_and_doubt_fails_closed() {
        use PositionKind::*;
        let table: &[(&[PositionKind], Duty)] = &[
            (&[], Duty::Free),
            (&[Silent, Allows], Duty::Free),
            (&[Compels], Duty::Compelled),
            (&[Compels, Silent, Allows], Duty::Compelled),
            (&[Compels, Bars], Duty::Conflicting),
            (&[Compels, Bars, Open], Duty::Conflicting),
            (&[Bars, Open], Duty::Barred),
            (&[Compels, Open], Duty::Open),
            (&[Compels, NotCovered], Duty::Open),
            (&[Allows, NotCovered], Duty::Open),
        ];
        for (kinds, expected) in table {
            assert_eq!(duty(kinds), *expected, "{kinds:?}");
        }
    }

    #[test]
    fn what_a_court_undid_or_dismissed_is_no_duty() {
        let positions = [bare(PositionKind::Compels)];
        let undone = Standing { undone_by: Some("quashed".parse().unwrap()), ..Standing::default() };
        assert_eq!(Duty::of(&positions, &undone), Duty::Undone);
        let moot = Standing { moot_by: Some("dismissed".parse().unwrap()), ..Standing::default() };
        assert_eq!(Duty::of(&positions, &moot), Duty::Moot);
    }

    #[test]
    fn an_order_not_to_comply_is_a_bar() {
        let positions = [bare(PositionKind::Compels)];
        let standing = Standing { barred_by: vec!["tro".parse().unwrap()], ..Standing::default() };
        assert_eq!(Duty::of(&positions, &standing), Duty::Conflicting);
    }
}
