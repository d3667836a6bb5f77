//! Wraps: a copy's key, sealed to those who may use it.
//!
//! The set of wraps of a copy's key is its key custody; nothing else decides who can open it. A wrap is bound to
//! the region, the copy, its class and mailbox, the key's generation, and the recipient with the number of the
//! recipient's key, so it opens nowhere else and as nothing else.

use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, OpModeR, OpModeS, Serializable};

use super::id::{CopyId, MailboxId};
use super::key::{CopyKey, Epoch, Generation, RegionKey};
use super::{HeadOfficePublicKey, VaultError};
use crate::world::{DataClass, RegionId};

type Kem = X25519HkdfSha256;

const HPKE_INFO: &[u8] = b"rogatory copy key v1";

/// The first byte of what an AEAD binds, so that nothing sealed for one purpose opens for another.
pub(super) mod domain {
    pub const COPY_KEY: u8 = 1;
    pub const INDEX_KEY: u8 = 2;
    pub const MESSAGE_KEY: u8 = 3;
    pub const CHUNK: u8 = 4;
}

/// Which copy of what: bound into everything sealed under its key.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct CopyIdentity {
    pub copy: CopyId,
    pub mailbox: MailboxId,
    pub class: DataClass,
}

/// Who can open a wrap, and with which of their keys.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Recipient {
    /// The region's own key.
    Region(Epoch),
    /// Head office, by the number of its key.
    HeadOffice(u32),
}

impl Recipient {
    fn kind_and_number(self) -> (u8, u32) {
        match self {
            Recipient::Region(epoch) => (1, epoch.0),
            Recipient::HeadOffice(number) => (2, number),
        }
    }
}

/// A copy's key of one generation, sealed to one recipient.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CopyKeyWrap {
    pub recipient: Recipient,
    sealed: Vec<u8>,
}

impl CopyKeyWrap {
    /// `u8 recipient kind | u32 key number | sealed key`.
    pub fn to_bytes(&self) -> Vec<u8> {
        let (kind, number) = self.recipient.kind_and_number();
        let mut bytes = Vec::with_capacity(5 + self.sealed.len());
        bytes.push(kind);
        bytes.extend_from_slice(&number.to_be_bytes());
        bytes.extend_from_slice(&self.sealed);
        bytes
    }

    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let ([kind, number @ ..], sealed) = bytes.split_first_chunk::<5>()?;
        let number = u32::from_be_bytes(*number);
        let recipient = match kind {
            1 => Recipient::Region(Epoch(number)),
            2 => Recipient::HeadOffice(number),
            _ => return None,
        };
        Some(CopyKeyWrap { recipient, sealed: sealed.to_vec() })
    }
}

/// What a wrap binds: `domain | region | copy | mailbox | class | generation | recipient | key number`.
fn binding(region: &RegionId, of: &CopyIdentity, generation: Generation, to: Recipient) -> Vec<u8> {
    let (kind, number) = to.kind_and_number();
    let mut aad = Vec::with_capacity(96);
    aad.push(domain::COPY_KEY);
    aad.push(region.as_str().len() as u8);
    aad.extend_from_slice(region.as_str().as_bytes());
    aad.extend_from_slice(of.copy.as_bytes());
    aad.extend_from_slice(of.mailbox.as_bytes());
    aad.push(class_code(of.class));
    aad.extend_from_slice(&generation.0.to_be_bytes());
    aad.push(kind);
    aad.extend_from_slice(&number.to_be_bytes());
    aad
}

pub(super) fn for_region(
    key: &CopyKey,
    of: &CopyIdentity,
    region: &RegionId,
    region_key: &RegionKey,
) -> CopyKeyWrap {
    let recipient = Recipient::Region(region_key.epoch());
    let aad = binding(region, of, key.generation(), recipient);
    CopyKeyWrap { recipient, sealed: region_key.wrap(key, &aad) }
}

pub(super) fn open_as_region(
    wrap: &CopyKeyWrap,
    of: &CopyIdentity,
    generation: Generation,
    region: &RegionId,
    region_key: &RegionKey,
) -> Result<CopyKey, VaultError> {
    let aad = binding(region, of, generation, wrap.recipient);
    region_key
        .unwrap(generation, &wrap.sealed, &aad)
        .ok_or(VaultError::DoesNotOpen { what: "a copy's key", of: of.copy })
}

pub(super) fn for_head_office(
    key: &CopyKey,
    of: &CopyIdentity,
    region: &RegionId,
    to: &HeadOfficePublicKey,
) -> Result<CopyKeyWrap, VaultError> {
    let recipient = Recipient::HeadOffice(to.number());
    let aad = binding(region, of, key.generation(), recipient);
    let unusable = |_| VaultError::HeadOfficeKey;
    let public = <Kem as hpke::Kem>::PublicKey::from_bytes(to.as_bytes()).map_err(unusable)?;
    let (enc, sealed) = hpke::single_shot_seal::<AesGcm256, HkdfSha256, Kem>(
        &OpModeS::Base,
        &public,
        HPKE_INFO,
        key.secret().as_ref(),
        &aad,
    )
    .map_err(unusable)?;
    let mut bytes = enc.to_bytes().to_vec();
    bytes.extend_from_slice(&sealed);
    Ok(CopyKeyWrap { recipient, sealed: bytes })
}

pub(super) fn open_as_head_office(
    wrap: &CopyKeyWrap,
    of: &CopyIdentity,
    generation: Generation,
    region: &RegionId,
    private: &<Kem as hpke::Kem>::PrivateKey,
) -> Option<CopyKey> {
    let aad = binding(region, of, generation, wrap.recipient);
    let (enc, sealed) = wrap.sealed.split_first_chunk::<32>()?;
    let enc = <Kem as hpke::Kem>::EncappedKey::from_bytes(enc).ok()?;
    let opened = hpke::single_shot_open::<AesGcm256, HkdfSha256, Kem>(
        &OpModeR::Base,
        private,
        &enc,
        HPKE_INFO,
        sealed,
        &aad,
    )
    .ok()?;
    CopyKey::from_opened(generation, &zeroize::Zeroizing::new(opened))
}

/// How a class is written where it is bound or stored. Never renumber.
pub(crate) fn class_code(class: DataClass) -> u8 {
    match class {
        DataClass::Content => 1,
        DataClass::Traffic => 2,
        DataClass::Subscriber => 3,
        DataClass::AddressBook => 4,
        DataClass::AccessLog => 5,
        DataClass::BusinessRecord => 6,
        DataClass::Key => 7,
    }
}

pub(crate) fn class_from_code(code: u8) -> Option<DataClass> {
    DataClass::ALL.into_iter().find(|class| class_code(*class) == code)
}
