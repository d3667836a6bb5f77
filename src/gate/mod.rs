//! Intake, matter, decision, conduct, treaty route.
//!
//! A demand passes intake, becomes a matter, and every act on every item of it is put to the law of each jurisdiction
//! that may have something to say. What they hold adds up to a duty; the provider's stance turns the duty into
//! conduct, and conduct into an outcome. Deciding ([`decide`]) reads and changes nothing. All that happens to a matter
//! is an [`Event`], and every event is an entry of the record.

mod audit;
mod competence;
mod decision;
mod desk;
mod docket;
mod duty;
mod event;
mod intake;
mod matter;
mod matter_id;
mod order;
mod phase;
mod public;
mod route;
mod secrecy;
mod stance;
mod standing;
mod what_if;

pub use audit::{AuditReport, Auditor, Difference, FindLaw};
pub use competence::{NotCompetent, check_order};
pub use decision::{ItemDecision, Premise, decide, disposition};
pub use desk::{Desk, Holdings};
pub use docket::{Docket, DocketError, read_entry};
pub use duty::Duty;
pub use event::{Answer, Cause, Event, Finding, InstrumentNote, Lapse, NotAnEvent, RegionAnswer, Want};
pub use intake::{NotAuthentic, authenticate, examine};
pub use matter::{ImpossibleMove, Matter, Telling};
pub use matter_id::MatterId;
pub use order::{
    BadPaperId, Filing, FilingKind, Order, OrderEffect, Paper, PaperId, Party, PerDay, Selector,
};
pub use phase::{Decided, Phase};
pub use public::{PublicAnswer, PublicEntry, PublicEvent, PublicItem, PublicLapse, PublicPlace, PublicStep};
pub use route::{LocalOrder, Next, NoRoute, Request, RouteEnd, RouteMove, RouteState, next, take};
pub use secrecy::{Secrecy, counted_in_bands};
pub use stance::{StanceChange, StanceTable, Stances};
pub use standing::{Meter, Standing, meters};
pub use what_if::{Flip, flips};
