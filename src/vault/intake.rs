//! What reaches a region through somebody who must not read it: a row on its way from another region, an owner's first password.
//!
//! A region has one intake key (X25519), drawn from its own secret; the public half is in the enrolment of every other
//! region. Whoever seals begins a session: one HPKE encapsulation (RFC 9180, base mode, DHKEM(X25519, HKDF-SHA256),
//! HKDF-SHA256, AES-256-GCM), of which only the exported secret is used, as the key of AES-256-GCM for each value. So a
//! value costs what its bytes cost. Nobody is authenticated: mail comes from anyone.
//!
//! ```text
//! [u8; 32] encapsulated key | [u8; 12] nonce | ciphertext | [u8; 16] tag
//! ```

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use aes_gcm::{Aes256Gcm, KeyInit};
use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeR, OpModeS, Serializable};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{VaultError, aead};
use crate::entropy::Entropy;

const INFO: &[u8] = b"rogatory intake v1";
const EXPORT: &[u8] = b"rogatory intake values v1";
/// Sessions that a region remembers the keys of; more are computed anew.
const SESSIONS_MAX: usize = 64;

/// The public half of a region's intake key.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IntakePublicKey(#[serde(with = "crate::base64_bytes")] [u8; 32]);

/// A value sealed to a region.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sealed(#[serde(with = "crate::base64_bytes")] Vec<u8>);

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

/// A region's intake key.
pub struct IntakeKey {
    private: <X25519HkdfSha256 as Kem>::PrivateKey,
    public: [u8; 32],
    sessions: Mutex<BTreeMap<[u8; 32], Aes256Gcm>>,
}

impl IntakeKey {
    /// The intake key of the region whose own secret this is: the same at every start.
    pub fn draw(own: &Entropy) -> Self {
        let seed = own.draw::<32>("intake key", b"1");
        let (private, public) = X25519HkdfSha256::derive_keypair(seed.as_ref());
        IntakeKey { private, public: public.to_bytes().into(), sessions: Mutex::default() }
    }

    pub fn public(&self) -> IntakePublicKey {
        IntakePublicKey(self.public)
    }

    /// Opens a value; `None` if it was sealed to another region, or as something else.
    pub fn open(&self, sealed: &Sealed, bound: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (encapsulated, value) = sealed.0.split_first_chunk::<32>()?;
        let known = self.sessions.lock().unwrap_or_else(PoisonError::into_inner).get(encapsulated).cloned();
        if let Some(cipher) = known {
            return aead::open(&cipher, bound, value);
        }
        let key = <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(encapsulated).ok()?;
        let context = hpke::setup_receiver::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
            &OpModeR::Base,
            &self.private,
            &key,
            INFO,
        );
        let mut secret = Zeroizing::new([0; 32]);
        context.ok()?.export(EXPORT, secret.as_mut()).ok()?;
        let cipher = Aes256Gcm::new(&(*secret).into());
        let opened = aead::open(&cipher, bound, value)?;
        // Only what opened is remembered, so that garbage pushes out nothing.
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if sessions.len() >= SESSIONS_MAX {
            sessions.clear();
        }
        sessions.insert(*encapsulated, cipher);
        Some(opened)
    }
}

impl std::fmt::Debug for IntakeKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IntakeKey(…)")
    }
}

/// Seals to one region. Lasts as long as the process at most; nonces are random, which is safe for 2³² values.
pub struct IntakeSession {
    encapsulated: [u8; 32],
    cipher: Aes256Gcm,
}

impl IntakeSession {
    /// The ephemeral key comes from the operating system, even in a seeded world.
    pub fn with(region: &IntakePublicKey) -> Result<Self, VaultError> {
        let unusable = |_: hpke::HpkeError| VaultError::IntakeKey;
        let public = <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(&region.0).map_err(unusable)?;
        let (encapsulated, context) =
            hpke::setup_sender::<AesGcm256, HkdfSha256, X25519HkdfSha256>(&OpModeS::Base, &public, INFO)
                .map_err(unusable)?;
        let mut secret = Zeroizing::new([0; 32]);
        context.export(EXPORT, secret.as_mut()).map_err(unusable)?;
        Ok(IntakeSession {
            encapsulated: encapsulated.to_bytes().into(),
            cipher: Aes256Gcm::new(&(*secret).into()),
        })
    }

    /// Seals a value, bound to what it is.
    pub fn seal(&self, bound: &[u8], value: &[u8]) -> Sealed {
        let mut sealed = self.encapsulated.to_vec();
        sealed.extend_from_slice(&aead::seal(&self.cipher, bound, value));
        Sealed(sealed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_to_a_region_opens_there_and_as_what_it_was() {
        let (dublin, paris) =
            (IntakeKey::draw(&Entropy::seeded("dublin")), IntakeKey::draw(&Entropy::seeded("paris")));
        assert_eq!(IntakeKey::draw(&Entropy::seeded("dublin")).public(), dublin.public());
        let session = IntakeSession::with(&dublin.public()).unwrap();
        for value in [&b"one"[..], b"two", b""] {
            let sealed = session.seal(b"a row", value);
            assert_eq!(dublin.open(&sealed, b"a row").unwrap().as_slice(), value);
            assert!(dublin.open(&sealed, b"a password").is_none());
            assert!(paris.open(&sealed, b"a row").is_none());
            for place in 0..sealed.0.len() {
                let mut altered = sealed.clone();
                altered.0[place] ^= 1;
                assert!(dublin.open(&altered, b"a row").is_none(), "byte {place}");
            }
        }
        assert!(dublin.open(&Sealed(vec![1; 40]), b"a row").is_none());
        assert!(IntakeSession::with(&IntakePublicKey([0; 32])).is_err(), "a point of small order");
    }

    #[test]
    fn sessions_that_are_forgotten_still_open() {
        let region = IntakeKey::draw(&Entropy::seeded("a region"));
        let sessions: Vec<_> =
            (0..=SESSIONS_MAX).map(|_| IntakeSession::with(&region.public()).unwrap()).collect();
        for session in sessions.iter().chain(&sessions) {
            assert_eq!(region.open(&session.seal(b"", b"x"), b"").unwrap().as_slice(), b"x");
        }
    }
}
