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
mod verifier_key;

/// Simulated and real time.
pub mod clock;

/// Where randomness comes from: the operating system, a seed that replays a run, or a secret that was kept.
pub mod entropy;

/// Where a component keeps its files, so that a test can take the machine away in between.
pub mod disk;

/// Errors in files a person wrote: file, line, column, what was found, what is allowed.
pub mod diagnostic;

/// Regions, countries, courts, treaties, the provider's entities, the roster of authorities.
pub mod world;

/// What was demanded: instrument, authority, scope, item, act, outcome. Plain types.
pub mod demand;

/// Law books in force, positions, explanation.
pub mod law;

/// The append-only log of all matters' events, permits, witnesses, verification.
pub mod record;

/// Keys, wraps and sealing; opens only for a clearance.
pub mod vault;

/// Mailboxes, their copies and the sealed objects in them, durable and in order.
pub mod store;

/// Mail files and messages: what they say, in and out, byte for byte.
pub mod mail;

/// The nodes of the regions, and how they and head office talk.
pub mod region;

/// Accounts, copies, placement.
pub mod directory;

/// Intake, matter, decision, conduct, treaty route.
pub mod gate;

/// The running whole: head office, with its gate, its record and its links to the regions.
pub mod provider;

/// The transparency report, counted from the record.
pub mod report;

/// The script language, and the player that performs a script on a stage.
pub mod scenario;

/// The numbers of this machine, each beside a baseline.
pub mod bench;

/// The command line.
pub mod cli;
