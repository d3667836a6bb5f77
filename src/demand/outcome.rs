use std::fmt;

use serde::{Deserialize, Serialize};

/// What became of one item, or of one act beside disclosure.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Handed over in the clear (sealed to the authority's key).
    Produced,
    /// Handed over as ciphertext only: no key was within control.
    ProducedCiphertext,
    NoData,
    Rejected,
    /// Sent back, to be made clear or amended.
    Returned,
    Narrowed,
    Suspended,
    /// A foreign court is asked first.
    Referred,
    /// To the customer.
    Redirected,
    /// Not produced; the treaty route is named.
    TreatyOpen,
    /// The authority took the treaty route.
    Routed,
    Lapsed,
    /// Preserved.
    Kept,
    Done,
    /// A secret that was to be kept is over: its time has come, or a court ended it. Nothing is asked for any more.
    Ended,
}

impl Outcome {
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Produced => "produced",
            Outcome::ProducedCiphertext => "produced-ciphertext",
            Outcome::NoData => "no-data",
            Outcome::Rejected => "rejected",
            Outcome::Returned => "returned",
            Outcome::Narrowed => "narrowed",
            Outcome::Suspended => "suspended",
            Outcome::Referred => "referred",
            Outcome::Redirected => "redirected",
            Outcome::TreatyOpen => "treaty-open",
            Outcome::Routed => "routed",
            Outcome::Lapsed => "lapsed",
            Outcome::Kept => "kept",
            Outcome::Done => "done",
            Outcome::Ended => "ended",
        }
    }

    /// True if something left, or will leave, the provider.
    pub fn is_production(self) -> bool {
        matches!(self, Outcome::Produced | Outcome::ProducedCiphertext)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What became of a whole demand; always derived from its items.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Disposition {
    Served,
    PartlyServed,
    Rejected,
    Routed,
    Pending,
}

impl Disposition {
    /// Derives the disposition from the outcomes of the items. "No data", and a secret that is over, neither serve nor
    /// refuse.
    pub fn of(outcomes: impl IntoIterator<Item = Outcome>) -> Self {
        let (mut served, mut refused, mut pending, mut routed) = (false, false, false, false);
        for outcome in outcomes {
            match outcome {
                Outcome::Produced | Outcome::ProducedCiphertext | Outcome::Kept | Outcome::Done => {
                    served = true
                }
                Outcome::NoData | Outcome::Ended => {}
                Outcome::Routed => routed = true,
                Outcome::Suspended | Outcome::Referred | Outcome::Returned => pending = true,
                Outcome::Rejected
                | Outcome::Narrowed
                | Outcome::Redirected
                | Outcome::TreatyOpen
                | Outcome::Lapsed => refused = true,
            }
        }
        match (served, refused, pending, routed) {
            (true, false, false, false) => Disposition::Served,
            (true, ..) => Disposition::PartlyServed,
            (false, _, true, _) => Disposition::Pending,
            (false, _, false, true) => Disposition::Routed,
            (false, true, false, false) => Disposition::Rejected,
            (false, false, false, false) => Disposition::Served,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Disposition::Served => "served",
            Disposition::PartlyServed => "partly served",
            Disposition::Rejected => "rejected",
            Disposition::Routed => "routed",
            Disposition::Pending => "pending",
        }
    }
}

impl fmt::Display for Disposition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
