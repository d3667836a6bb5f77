//! Keys, one type per rank, so that a key of the wrong rank does not compile.
//!
//! ```text
//! region key (epoch)   head office's key   (the owner's, later)
//!        └───────────────────┴── wrap ──────────┘
//!                  copy key (generation)
//!                         └── wraps ── message key ── 64 KiB chunks
//!                         └── wraps ── index key
//! ```
//!
//! No key has a `Debug` that shows it, none is `Clone` without need, and all are wiped when dropped. What the
//! compiler spills to the stack, and what the kernel swaps out, is beyond that promise.

use std::fmt;

use aes_gcm::{Aes256Gcm, KeyInit};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::aead;

/// Bytes of every symmetric key.
pub(super) const KEY_LENGTH: usize = 32;

/// 256 secret bits that are wiped when dropped.
pub(super) type Secret = Zeroizing<[u8; KEY_LENGTH]>;

macro_rules! counter {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub struct $name(pub u32);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
    };
}

counter!(
    /// Which of a region's successive keys.
    Epoch
);
counter!(
    /// Which of a copy's successive keys.
    Generation
);

macro_rules! redacted {
    ($name:ident) => {
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    };
}

/// A region's key of one epoch: wraps copy keys.
pub(super) struct RegionKey {
    epoch: Epoch,
    cipher: Aes256Gcm,
}

impl RegionKey {
    pub fn new(epoch: Epoch, secret: &Secret) -> Self {
        RegionKey { epoch, cipher: cipher(secret) }
    }

    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    pub fn wrap(&self, key: &CopyKey, aad: &[u8]) -> Vec<u8> {
        aead::seal(&self.cipher, aad, key.secret.as_ref())
    }

    pub fn unwrap(&self, generation: Generation, sealed: &[u8], aad: &[u8]) -> Option<CopyKey> {
        CopyKey::from_opened(generation, &aead::open(&self.cipher, aad, sealed)?)
    }
}

redacted!(RegionKey);

/// A copy's key of one generation: wraps message keys.
pub(super) struct CopyKey {
    generation: Generation,
    secret: Secret,
}

impl CopyKey {
    pub fn new(generation: Generation, secret: Secret) -> Self {
        CopyKey { generation, secret }
    }

    pub fn from_opened(generation: Generation, opened: &[u8]) -> Option<Self> {
        Some(CopyKey { generation, secret: secret_from(opened)? })
    }

    pub fn generation(&self) -> Generation {
        self.generation
    }

    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    pub fn cipher(&self) -> Aes256Gcm {
        cipher(&self.secret)
    }
}

redacted!(CopyKey);

/// The key of one sealed object. It seals one body once, so that a chunk's number can be its nonce.
pub(super) struct MessageKey(Secret);

impl MessageKey {
    pub fn new(secret: Secret) -> Self {
        MessageKey(secret)
    }

    pub fn secret(&self) -> &Secret {
        &self.0
    }

    pub fn cipher(&self) -> Aes256Gcm {
        cipher(&self.0)
    }
}

redacted!(MessageKey);

/// A copy's index key: names rows of the index by what they hold, without telling what that is, and seals small
/// values beside them. It stays the same over the copy's generations, or rows would lose their names.
pub(super) struct IndexKey {
    secret: Secret,
    mac: Hmac<Sha256>,
}

impl IndexKey {
    pub fn new(secret: Secret) -> Self {
        let mac = Hmac::<Sha256>::new_from_slice(secret.as_ref()).expect("HMAC takes a key of any length");
        IndexKey { secret, mac }
    }

    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// HMAC-SHA256 of `purpose` and `bytes`, cut to 128 bits.
    pub fn tag(&self, purpose: &str, bytes: &[u8]) -> [u8; 16] {
        let mut tagger = self.tagger(purpose);
        tagger.update(bytes);
        tagger.finish()
    }

    pub fn tagger(&self, purpose: &str) -> Tagger {
        Tagger(self.mac.clone().chain_update([purpose.len() as u8]).chain_update(purpose.as_bytes()))
    }

    pub fn seal_value(&self, aad: &[u8], value: &[u8]) -> Vec<u8> {
        aead::seal(&self.value_cipher(), aad, value)
    }

    pub fn open_value(&self, aad: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        aead::open(&self.value_cipher(), aad, sealed)
    }

    /// Derived each time: only a directory seals values, and keys of many copies are kept at hand.
    fn value_cipher(&self) -> Aes256Gcm {
        let mut key: Secret = Zeroizing::new([0; KEY_LENGTH]);
        let derived = self.mac.clone().chain_update(b"\0rogatory index values v1").finalize();
        key.copy_from_slice(&derived.into_bytes());
        cipher(&key)
    }
}

redacted!(IndexKey);

/// Makes the keyed digest of bytes that arrive in pieces.
pub struct Tagger(Hmac<Sha256>);

impl Tagger {
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub fn finish(self) -> [u8; 16] {
        let full = self.0.finalize().into_bytes();
        let mut tag = [0; 16];
        tag.copy_from_slice(&full[..16]);
        tag
    }
}

redacted!(Tagger);

/// A secret from opened bytes, if they are as many as a key has.
pub(super) fn secret_from(opened: &[u8]) -> Option<Secret> {
    let mut secret = Zeroizing::new([0; KEY_LENGTH]);
    if opened.len() != KEY_LENGTH {
        return None;
    }
    secret.copy_from_slice(opened);
    Some(secret)
}

fn cipher(secret: &Secret) -> Aes256Gcm {
    let key: &[u8; KEY_LENGTH] = secret;
    Aes256Gcm::new(key.into())
}
