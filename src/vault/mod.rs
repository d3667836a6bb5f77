//! Keys, wraps and sealing. What is sealed here opens only for a clearance, and only as what it was sealed as.
//!
//! A region has a key, of which it makes a new one from time to time (an [`Epoch`]). Every copy (one data class
//! of one mailbox) has its own key, wrapped for each who can use it: the region always, head office where key
//! custody says so. Every object has its own key, wrapped under its copy's. Deleting mail removes the wrap of its
//! key; retiring a copy's key ([`Generation`]) makes sure that no forgotten wrap can be opened either.
//!
//! The vault keeps no tables. What it seals it hands to a store, and gets back to open.

mod aead;
mod card;
mod clearance;
mod component;
mod copy;
mod credential;
mod handover;
mod head_office;
mod id;
mod intake;
mod journal;
mod key;
mod keyfile;
mod object;
mod region_vault;
mod wrap;

#[cfg(test)]
mod tests;

pub use card::{Directory, MailboxCard};
pub use clearance::{Delivery, LoginFailed, MailboxRelease, Reads, Release, Rotate, Session};
pub use component::component_entropy;
pub use copy::{ObjectSealer, OpenCopy, SealedCopyKeys, Tagger};
pub use credential::{Cost, Verifier};
pub use handover::{open_as, seal_to};
pub use head_office::{HeadOfficeKey, HeadOfficePublicKey};
pub use id::{CopyId, MailboxId, ObjectId};
pub use intake::{IntakeKey, IntakePublicKey, IntakeSession, Sealed};
pub use journal::{Anew, RECORD_BYTES_MAX, SealedJournal, SealedJournalError};
pub use key::{Epoch, Generation};
pub use keyfile::KeyFileError;
pub use object::{BodyOpener, CHUNK_LENGTH, ObjectDate, ObjectFacts, ObjectHeader, sealed_length};
pub use region_vault::Vault;
pub use wrap::{CopyIdentity, CopyKeyWrap, Recipient};
pub(crate) use wrap::{class_code, class_from_code};

use std::path::PathBuf;

use crate::world::RegionId;

/// Why the vault did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The bytes are not what was sealed, or not where it was sealed, or the key is another.
    #[error("{what} of copy `{of}` does not open: its bytes, its place or the key is another")]
    DoesNotOpen { what: &'static str, of: CopyId },
    #[error("the key of epoch {epoch} is not in this region's vault")]
    NoSuchEpoch { epoch: Epoch },
    #[error("there is no key in `{folder}`: put back the key files that belong to this store")]
    NoKeys { folder: PathBuf },
    #[error("copy `{copy}` has no wrap for this region")]
    NotForThisRegion { copy: CopyId },
    #[error("the permit is for region `{region}`")]
    PermitOfAnotherRegion { region: RegionId },
    #[error("head office's public key is not a key to wrap for")]
    HeadOfficeKey,
    #[error("a region's intake key is not a key to seal to")]
    IntakeKey,
    #[error("a recipient's key is not a key to seal to")]
    RecipientKey,
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
}
