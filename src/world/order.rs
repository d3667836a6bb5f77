use std::fmt;

use serde::{Deserialize, Serialize};

/// What an order of a court or authority does to a demand.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OrderKind {
    Compels,
    Bars,
    Suspends,
    Lifts,
    Modifies,
    Vacates,
    Quashes,
    Dismisses,
    Fines,
    Silences,
    Unseals,
}

impl OrderKind {
    pub fn as_str(self) -> &'static str {
        match self {
            OrderKind::Compels => "compels",
            OrderKind::Bars => "bars",
            OrderKind::Suspends => "suspends",
            OrderKind::Lifts => "lifts",
            OrderKind::Modifies => "modifies",
            OrderKind::Vacates => "vacates",
            OrderKind::Quashes => "quashes",
            OrderKind::Dismisses => "dismisses",
            OrderKind::Fines => "fines",
            OrderKind::Silences => "silences",
            OrderKind::Unseals => "unseals",
        }
    }

    /// True if it takes away something of what was demanded, for good or for a time.
    pub fn relieves(self) -> bool {
        use OrderKind::{Bars, Dismisses, Modifies, Quashes, Suspends};
        matches!(self, Bars | Suspends | Modifies | Quashes | Dismisses)
    }
}

impl fmt::Display for OrderKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
