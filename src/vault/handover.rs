//! What is handed to somebody outside, in one piece: sealed to their key, and bound to what it says of itself.
//!
//! HPKE (RFC 9180, base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM), one message in its own context. The
//! ephemeral key always comes from the operating system, even in a seeded world.
//!
//! ```text
//! [u8; 32] encapsulated key | ciphertext | [u8; 16] tag
//! ```

use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use zeroize::Zeroizing;

use super::VaultError;
use crate::world::{RecipientKey, RecipientSecret};

/// Seals to whoever has the secret of this key. Opened with the same `bound` only.
pub fn seal_to(key: &RecipientKey, bound: &[u8], plain: &[u8]) -> Result<Vec<u8>, VaultError> {
    let unusable = |_: hpke::HpkeError| VaultError::RecipientKey;
    let (encapsulated, mut context) =
        hpke::setup_sender::<AesGcm256, HkdfSha256, X25519HkdfSha256>(&OpModeS::Base, &key.to_hpke(), bound)
            .map_err(unusable)?;
    let mut sealed = encapsulated.to_bytes().to_vec();
    sealed.extend(context.seal(plain, &[]).map_err(unusable)?);
    Ok(sealed)
}

/// Opens what was sealed to this secret's key; `None` if it was sealed to another, as something else, or altered.
pub fn open_as(secret: &RecipientSecret, bound: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (encapsulated, sealed) = sealed.split_first_chunk::<32>()?;
    let key = <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(encapsulated).ok()?;
    let context =
        hpke::setup_receiver::<AesGcm256, HkdfSha256, X25519HkdfSha256>(&OpModeR::Base, secret, &key, bound);
    Some(Zeroizing::new(context.ok()?.open(sealed, &[]).ok()?))
}
