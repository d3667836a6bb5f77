//! Closed vocabularies: an enum whose members have one written name each.

use crate::demand::{Act, InstrumentKind, ProofLevel, Term};

/// An enum with a written name per member: `ALL`, `as_str`, `Display` and serde, all through that name.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident {
        $($(#[$member_doc:meta])* $member:ident = $text:literal),+ $(,)?
    }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
        pub enum $name {
            $($(#[$member_doc])* #[serde(rename = $text)] $member),+
        }

        impl $name {
            /// Every member, in the order they are written down.
            pub const ALL: &[$name] = &[$($name::$member),+];

            pub fn as_str(self) -> &'static str {
                match self { $($name::$member => $text),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}
pub(super) use named;

pub(super) fn term_str(term: Term) -> &'static str {
    match term {
        Term::Stored => "stored",
        Term::FromNowOn => "from-now-on",
    }
}

pub(super) const TERMS: [Term; 2] = [Term::Stored, Term::FromNowOn];

pub(super) const PROOFS: [ProofLevel; 5] = [
    ProofLevel::ProbableCause,
    ProofLevel::ReasonableGrounds,
    ProofLevel::ArticulableFacts,
    ProofLevel::Relevance,
    ProofLevel::None,
];

/// Position of an act in [`Act::ALL`].
pub(super) fn act_index(act: Act) -> usize {
    Act::ALL.iter().position(|a| *a == act).expect("ALL holds every act")
}

/// Position of an instrument in [`InstrumentKind::ALL`].
pub(super) fn instrument_index(kind: InstrumentKind) -> usize {
    InstrumentKind::ALL.iter().position(|k| *k == kind).expect("ALL holds every instrument")
}
