//! The append-only record of every matter: log, entries, openings, permits, witnesses, verification.
//!
//! An entry is a *leaf* of a Merkle log in the C2SP formats (tlog-tiles, tlog-checkpoint, signed-note, tlog-cosignature),
//! so that other people's tools can check it. A leaf holds sixteen salted commitments and looks the same for every kind of
//! event; showing a value is a separate act, by an [`opening`]. Log witnesses cosign checkpoints after checking that
//! the log only grows. A [`permit`] is the proof, in one file, that a decision is in a checkpoint cosigned by a quorum;
//! a region opens nothing without one.

pub mod about_log;
pub mod bare;
/// Signed tree heads.
pub mod checkpoint;
/// Leaves, their sixteen slots, and drafts of entries that are still to be appended.
pub mod entry;
/// Entry 0.
pub mod genesis;
mod grant;
mod hash;
mod http;
mod journal;
pub mod key;
mod leaf;
pub mod log;
/// Any text, signed.
pub mod note;
/// The clear values and salts of an entry's commitments, any subset of them.
pub mod opening;
/// What a region must be shown before it releases, and the check that makes it believe.
pub mod permit;
pub mod policy;
pub mod proof;
/// The two secrets behind the salts and the matter tags.
pub mod secret;
pub mod serve;
pub mod served;
mod slot;
pub mod storage;
#[cfg(test)]
pub mod testing;
mod tile;
mod tree;
pub mod verify;
pub mod witness;

pub use hash::{Hash, TreeHead};
