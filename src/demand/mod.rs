//! What was demanded: plain types, no decisions.
//!
//! A [`Demand`] is legal process received by the provider. Its issuer signs the exact bytes of a JSON text
//! ([`SignedInstrument`]); everyone who checks it parses those bytes again, so nothing has to be put into a
//! canonical form, and head office cannot change a word on the way to a region.

mod act;
mod item;
mod letter;
mod outcome;
mod process;
mod proof;

pub use act::Act;
pub use item::{DateRange, Item, Place};
pub use letter::BadLetter;
pub use outcome::{Disposition, Outcome};
pub use process::{
    BadInstrument, Demand, DemandId, ExecutesRequest, Offence, Purpose, Relation, RelationKind,
    SignedInstrument, Term,
};
pub use proof::ProofLevel;

// The roster says which kinds an authority may issue, so the kinds themselves live below.
pub use crate::world::{InstrumentKind, UnknownInstrument};
