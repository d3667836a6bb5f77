use std::fmt;

use serde::{Deserialize, Serialize};

use super::SourceMark;
use super::reading::RawDate;

/// What the provider does about an item. What it has to do is its duty, and another thing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Conduct {
    Comply,
    /// Asks the authority to narrow or to wait.
    Negotiate,
    /// Points to the customer, who should be asked first.
    Redirect,
    /// Uses the way to object that the law of the demand provides.
    Object,
    /// Goes to court.
    Contest,
    Refuse,
    /// Lets the time run out.
    Lapse,
}

impl Conduct {
    pub fn as_str(self) -> &'static str {
        match self {
            Conduct::Comply => "comply",
            Conduct::Negotiate => "negotiate",
            Conduct::Redirect => "redirect",
            Conduct::Object => "object",
            Conduct::Contest => "contest",
            Conduct::Refuse => "refuse",
            Conduct::Lapse => "lapse",
        }
    }
}

impl fmt::Display for Conduct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What the provider does wherever the law leaves it a choice, or is broken at a price. What is barred and not
/// compelled is always refused, and needs no stance.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stance {
    /// The law of the demand compels, the item rests in that country, and no other law bars.
    pub compelled: Conduct,
    /// The same, and the item rests in another country.
    pub compelled_foreign: Conduct,
    /// One law compels and another bars.
    pub conflict: Conduct,
    /// The law is unsettled.
    pub open: Conduct,
    /// No law compels or bars.
    pub free: Conduct,
    /// No law compels, and somebody's life or limb is said to be in danger.
    pub emergency: Conduct,
    /// What is known of it in the real world, and how surely.
    pub note: Option<String>,
    pub source: SourceMark,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawStance {
    pub from: Option<RawDate>,
    compelled: Conduct,
    compelled_foreign: Conduct,
    conflict: Conduct,
    open: Conduct,
    free: Conduct,
    emergency: Conduct,
    note: Option<String>,
    source: SourceMark,
}

impl RawStance {
    pub fn read(&self) -> Stance {
        Stance {
            compelled: self.compelled,
            compelled_foreign: self.compelled_foreign,
            conflict: self.conflict,
            open: self.open,
            free: self.free,
            emergency: self.emergency,
            note: self.note.clone(),
            source: self.source,
        }
    }
}
