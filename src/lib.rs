//! Rogatory: a simulated cloud mail provider with a request gate.
//!
//! It answers one question about a mailbox: who may read it, who can, and how would we know? Real mail rests in
//! real encrypted stores, in regions that are separate processes. A demand for that mail passes the gate, which
//! asks every jurisdiction's law, writes the decision into an append-only record, and only then can a region be
//! shown a permit that opens anything.
//!
//! The modules below are in the order in which they stand on each other: each uses only what is above it.

mod base64_bytes;
mod embedded;

/// Simulated and real time.
pub mod clock;
/// Errors in files a person wrote: file, line, column, what was found, what is allowed.
pub mod diagnostic;
/// Where randomness comes from: the operating system, or a seed that replays a run.
pub mod entropy;

/// What was demanded: instrument, authority, scope, item, act, outcome. Plain types.
pub mod demand;
/// Intake, matter, decision, conduct, treaty route.
pub mod gate;
/// Law books in force, positions, explanation.
pub mod law;
/// The append-only log of all matters' events, permits, witnesses, verification.
pub mod record;
/// The script language, and the player that performs a script on a stage.
pub mod scenario;
/// Regions, countries, courts, treaties, the provider's entities, the roster of authorities.
pub mod world;

/// Keys, wraps and sealing; opens only for a clearance.
pub mod vault;

/// The engine, and sealed copies on top.
pub mod store;

/// Mail files and messages: what they say, in and out, byte for byte.
pub mod mail;
/// The nodes of the regions, and how they and head office talk.
pub mod region;
