//! Words a script uses for keys, law, duty and conduct.

use std::fmt;

use serde::{Deserialize, Serialize};

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
