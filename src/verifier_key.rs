//! The public key of a log or of a witness, as a signed-note verifier key (C2SP signed-note, tlog-cosignature).

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature as Ed25519, VerifyingKey};
use signed_note::Signature;

/// What a key may sign. The byte is part of the key's id, so that a log's key is never taken for a witness's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum KeyKind {
    /// Ed25519 over the note's text (C2SP signed-note).
    Log,
    /// Ed25519 over time and text (C2SP tlog-cosignature, `cosignature/v1`).
    Cosigner,
}

impl KeyKind {
    fn byte(self) -> u8 {
        match self {
            KeyKind::Log => 0x01,
            KeyKind::Cosigner => 0x04,
        }
    }
}

/// The public key of a log or of a witness. Written as a signed-note verifier key: `name+id+base64`.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: u32,
    kind: KeyKind,
    key: VerifyingKey,
}

impl VerifierKey {
    /// A name is not empty and has neither spaces nor `+`.
    pub fn new(name: &str, kind: KeyKind, key: VerifyingKey) -> Result<Self, KeyError> {
        if !signed_note::is_key_name_valid(name) || name.chars().any(char::is_control) {
            return Err(KeyError::Name(name.to_owned()));
        }
        let material = [&[kind.byte()], key.as_bytes().as_slice()].concat();
        Ok(VerifierKey { name: name.to_owned(), id: signed_note::key_id(name, &material), kind, key })
    }

    /// The name in signature lines; of a log, its origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The bytes of the Ed25519 key.
    pub fn key_bytes(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// A signature line by this key.
    pub(crate) fn line(&self, signature: Vec<u8>) -> Signature {
        Signature::new(self.name.clone(), self.id, signature)
            .expect("the name was checked when the key was made")
    }

    /// True if a signature line says that it is by this key. Whether it is, only verifying tells.
    pub fn claims(&self, signature: &Signature) -> bool {
        signature.name() == self.name && signature.id() == self.id
    }

    /// Checks a log's signature over a note's text.
    pub(crate) fn verify_log(&self, text: &[u8], signature: &Signature) -> bool {
        self.kind == KeyKind::Log
            && Ed25519::from_slice(signature.signature())
                .is_ok_and(|ed25519| self.key.verify_strict(text, &ed25519).is_ok())
    }

    /// Checks a cosignature over a note's text; gives its time in seconds since 1970.
    pub(crate) fn verify_cosignature(&self, text: &[u8], signature: &Signature) -> Option<i64> {
        let (time, ed25519) = signature.signature().split_first_chunk::<8>()?;
        let time = i64::try_from(u64::from_be_bytes(*time)).ok()?;
        let ed25519 = Ed25519::from_slice(ed25519).ok()?;
        // A witness of a log says when; without a time it would say nothing of the newest tree (tlog-witness).
        let verified = time > 0
            && self.kind == KeyKind::Cosigner
            && self.key.verify_strict(&cosigned_message(time, text), &ed25519).is_ok();
        verified.then_some(time)
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let material = [&[self.kind.byte()], self.key.as_bytes().as_slice()].concat();
        write!(f, "{}+{:08x}+{}", self.name, self.id, STANDARD.encode(material))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let malformed = || KeyError::Malformed(text.to_owned());
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(material)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(malformed());
        };
        let material = STANDARD.decode(material).map_err(|_| malformed())?;
        let (kind, key) = material.split_first().ok_or_else(malformed)?;
        let kind = match kind {
            0x01 => KeyKind::Log,
            0x04 => KeyKind::Cosigner,
            other => return Err(KeyError::Kind(*other)),
        };
        let key = <[u8; 32]>::try_from(key).map_err(|_| malformed())?;
        let key = VerifyingKey::from_bytes(&key).map_err(|_| malformed())?;
        let key = VerifierKey::new(name, kind, key)?;
        // The text is a key's only form, so that equal keys are equal texts.
        if format!("{:08x}", key.id) == id { Ok(key) } else { Err(KeyError::Id(text.to_owned())) }
    }
}

/// Why a text is not a verifier key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    #[error("`{0}` is not a key name: it may not be empty, and has neither spaces nor `+`")]
    Name(String),
    #[error("`{0}` is not a verifier key of the form `name+id+base64`")]
    Malformed(String),
    #[error("a key of kind {0:#04x}, where 0x01 (log, Ed25519) and 0x04 (cosigner, Ed25519) are known")]
    Kind(u8),
    #[error("the id in `{0}` is not that of its name and key")]
    Id(String),
}

/// What a cosignature is over (C2SP tlog-cosignature).
pub(crate) fn cosigned_message(time: i64, text: &[u8]) -> Vec<u8> {
    [format!("cosignature/v1\ntime {time}\n").as_bytes(), text].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_signed_note_specification_verifies() {
        let key: VerifierKey =
            "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k".parse().unwrap();
        let line = "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=";
        let signature = Signature::from_bytes(line.as_bytes()).unwrap();
        assert!(key.claims(&signature));
        assert!(key.verify_log(b"This is an example message.\n", &signature));
        assert!(!key.verify_log(b"This is another message.\n", &signature));
    }
}
