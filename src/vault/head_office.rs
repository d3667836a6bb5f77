//! Head office's key. A region wraps for it by its public half alone; the private half never leaves head office.

use std::fmt;
use std::path::Path;

use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, Serializable};
use zeroize::Zeroizing;

use super::keyfile::{self, KeyFileError};
use super::wrap::{self, CopyIdentity, CopyKeyWrap, Recipient};
use super::{Generation, VaultError};
use crate::disk::Disk;
use crate::entropy::Entropy;
use crate::world::RegionId;

const PURPOSE: &str = "head-office";

/// The public half of head office's key (X25519), with its number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HeadOfficePublicKey {
    number: u32,
    bytes: [u8; 32],
}

impl HeadOfficePublicKey {
    /// Refuses bytes that are no point of the curve to wrap for.
    pub fn new(number: u32, bytes: [u8; 32]) -> Result<Self, VaultError> {
        match <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(&bytes) {
            Ok(_) => Ok(HeadOfficePublicKey { number, bytes }),
            Err(_) => Err(VaultError::HeadOfficeKey),
        }
    }

    pub fn number(&self) -> u32 {
        self.number
    }

    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.bytes
    }
}

/// The private half.
pub struct HeadOfficeKey {
    number: u32,
    private: <X25519HkdfSha256 as Kem>::PrivateKey,
    public: [u8; 32],
}

impl HeadOfficeKey {
    /// Draws key 1 and writes it to `path`.
    pub fn create(disk: &dyn Disk, path: &Path, entropy: &Entropy) -> Result<Self, KeyFileError> {
        let seed = entropy.draw::<32>("head office key", &1u32.to_be_bytes());
        keyfile::write(disk, path, PURPOSE, 1, &seed)?;
        Ok(HeadOfficeKey::derive(1, &seed))
    }

    pub fn open(path: &Path) -> Result<Self, KeyFileError> {
        let (number, seed) = keyfile::read(path, PURPOSE)?;
        Ok(HeadOfficeKey::derive(number, &seed))
    }

    fn derive(number: u32, seed: &Zeroizing<[u8; 32]>) -> Self {
        let (private, public) = X25519HkdfSha256::derive_keypair(seed.as_ref());
        HeadOfficeKey { number, private, public: public.to_bytes().into() }
    }

    pub fn public(&self) -> HeadOfficePublicKey {
        HeadOfficePublicKey { number: self.number, bytes: self.public }
    }

    /// True if this key opens the wrap: whoever holds both could then read the copy, permit or no permit. Nothing
    /// is opened beyond the key, and that is dropped.
    pub fn opens(
        &self,
        wrap: &CopyKeyWrap,
        of: &CopyIdentity,
        generation: Generation,
        region: &RegionId,
    ) -> bool {
        wrap.recipient == Recipient::HeadOffice(self.number)
            && wrap::open_as_head_office(wrap, of, generation, region, &self.private).is_some()
    }
}

impl fmt::Debug for HeadOfficeKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HeadOfficeKey({}, …)", self.number)
    }
}
