//! Words a script uses for what courts, parties and the provider do.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::clock::SimTime;
use crate::demand::Item;
use crate::world::{AuthorityId, DataClass, RegionId};

macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            pub fn as_str(self) -> &'static str {
                match self {
                    $($name::$variant => $word,)+
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

words!(
    /// Who can use the keys of a region.
    KeyCustody {
        Region = "region",
        Provider = "provider",
    }
);

words!(
    /// What the provider does, from its stance.
    Conduct {
        Comply = "comply",
        Negotiate = "negotiate",
        Redirect = "redirect",
        Object = "object",
        Contest = "contest",
        Refuse = "refuse",
        Lapse = "lapse",
    }
);

words!(
    /// What the positions add up to.
    Duty {
        Compelled = "compelled",
        Barred = "barred",
        Conflicting = "conflicting",
        Free = "free",
        Open = "open",
    }
);

words!(
    /// What one jurisdiction's law holds on one act and item.
    PositionKind {
        Compels = "compels",
        Bars = "bars",
        Allows = "allows",
        /// Unsettled.
        Open = "open",
        Silent = "silent",
        /// No rules written; fails closed.
        NotCovered = "not-covered",
    }
);

words!(
    /// Who filed.
    Party {
        Provider = "provider",
        Authority = "authority",
        AccountHolder = "account-holder",
        ThirdParty = "third-party",
    }
);

words!(
    /// What was filed.
    FilingKind {
        Motion = "motion",
        Objection = "objection",
        Appeal = "appeal",
        Brief = "brief",
        Consent = "consent",
        Waiver = "waiver",
        Report = "report",
    }
);

/// The name of an order or filing inside its matter: `stay-pending-appeal`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct PaperId(String);

impl PaperId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text that is not the name of an order or filing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not the name of an order or filing: 1 to 64 of a-z, 0-9 and dashes")]
pub struct BadPaperId(String);

impl FromStr for PaperId {
    type Err = BadPaperId;

    fn from_str(text: &str) -> Result<Self, BadPaperId> {
        let fits = (1..=64).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if fits { Ok(PaperId(text.to_owned())) } else { Err(BadPaperId(text.to_owned())) }
    }
}

impl fmt::Display for PaperId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for PaperId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Which items of a demand are meant. An empty list means all.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Selector {
    pub classes: Vec<DataClass>,
    pub regions: Vec<RegionId>,
}

impl Selector {
    pub fn selects(&self, item: &Item) -> bool {
        let class = self.classes.is_empty() || self.classes.contains(&item.class);
        let places: BTreeSet<&RegionId> = item.place.regions().iter().collect();
        class && (self.regions.is_empty() || self.regions.iter().any(|region| places.contains(region)))
    }
}

/// An amount of money for each day, in whole units of a currency (ISO 4217).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PerDay {
    pub amount: u64,
    pub currency: String,
}

/// An order of a court or authority in one matter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Order {
    pub id: PaperId,
    pub by: AuthorityId,
    pub effect: OrderEffect,
    pub on: Selector,
    pub from: SimTime,
    pub until: Option<SimTime>,
    pub by_stipulation: bool,
    pub conditions: Vec<String>,
}

/// What an order does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OrderEffect {
    Compels,
    Bars,
    Suspends,
    Lifts(Vec<PaperId>),
    Modifies,
    Vacates(Vec<PaperId>),
    Quashes,
    Fines(Option<PerDay>),
}

impl OrderEffect {
    pub fn as_str(&self) -> &'static str {
        match self {
            OrderEffect::Compels => "compels",
            OrderEffect::Bars => "bars",
            OrderEffect::Suspends => "suspends",
            OrderEffect::Lifts(_) => "lifts",
            OrderEffect::Modifies => "modifies",
            OrderEffect::Vacates(_) => "vacates",
            OrderEffect::Quashes => "quashes",
            OrderEffect::Fines(_) => "fines",
        }
    }

    /// The earlier orders this one ends.
    pub fn ends(&self) -> &[PaperId] {
        match self {
            OrderEffect::Lifts(ids) | OrderEffect::Vacates(ids) => ids,
            _ => &[],
        }
    }
}

/// A filing of a party in one matter.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Filing {
    pub id: PaperId,
    pub by: Party,
    pub kind: FilingKind,
    pub on: Selector,
    pub filed: SimTime,
    pub suspends: bool,
}
