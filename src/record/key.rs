use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{Signature as Ed25519, Signer, SigningKey, VerifyingKey};
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

    /// True if a signature line says that it is by this key. Whether it is, only verifying tells.
    pub fn claims(&self, signature: &Signature) -> bool {
        signature.name() == self.name && signature.id() == self.id
    }

    /// Checks a log's signature over a note's text.
    pub(super) fn verify_log(&self, text: &[u8], signature: &Signature) -> bool {
        self.kind == KeyKind::Log
            && Ed25519::from_slice(signature.signature())
                .is_ok_and(|ed25519| self.key.verify_strict(text, &ed25519).is_ok())
    }

    /// Checks a cosignature over a note's text; gives its time in seconds since 1970.
    pub(super) fn verify_cosignature(&self, text: &[u8], signature: &Signature) -> Option<i64> {
        let (time, ed25519) = signature.signature().split_first_chunk::<8>()?;
        let time = i64::try_from(u64::from_be_bytes(*time)).ok()?;
        let ed25519 = Ed25519::from_slice(ed25519).ok()?;
        let verified = self.kind == KeyKind::Cosigner
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

/// The private key of a log. Wiped when dropped; has no printable form.
pub struct LogSigner {
    verifier: VerifierKey,
    key: SigningKey,
}

impl LogSigner {
    /// The log's origin, and the 32 bytes of an Ed25519 seed.
    pub fn new(origin: &str, seed: &[u8; 32]) -> Result<Self, KeyError> {
        let key = SigningKey::from_bytes(seed);
        Ok(LogSigner { verifier: VerifierKey::new(origin, KeyKind::Log, key.verifying_key())?, key })
    }

    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    pub(super) fn sign(&self, text: &[u8]) -> Signature {
        note_signature(&self.verifier, self.key.sign(text).to_bytes().to_vec())
    }
}

/// The private key of a witness. Wiped when dropped; has no printable form.
pub struct Cosigner {
    verifier: VerifierKey,
    key: SigningKey,
}

impl Cosigner {
    /// The key's name in signature lines, and the 32 bytes of an Ed25519 seed that nothing else uses: the signed message
    /// does not say the name, so a shared key would sign for two.
    pub fn new(name: &str, seed: &[u8; 32]) -> Result<Self, KeyError> {
        let key = SigningKey::from_bytes(seed);
        Ok(Cosigner { verifier: VerifierKey::new(name, KeyKind::Cosigner, key.verifying_key())?, key })
    }

    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// States that, at `time` (seconds since 1970), `text` shows the largest tree of its log that this witness has seen.
    pub(super) fn cosign(&self, time: i64, text: &[u8]) -> Signature {
        let time = time.max(0);
        let mut bytes = (time as u64).to_be_bytes().to_vec();
        bytes.extend_from_slice(&self.key.sign(&cosigned_message(time, text)).to_bytes());
        note_signature(&self.verifier, bytes)
    }
}

fn note_signature(key: &VerifierKey, bytes: Vec<u8>) -> Signature {
    Signature::new(key.name.clone(), key.id, bytes).expect("the name was checked when the key was made")
}

fn cosigned_message(time: i64, text: &[u8]) -> Vec<u8> {
    [format!("cosignature/v1\ntime {time}\n").as_bytes(), text].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verifier_keys_round_trip_and_name_their_kind() {
        let log = LogSigner::new("rogatory.example/record", &[1; 32]).unwrap();
        let witness = Cosigner::new("witness.example/w1", &[2; 32]).unwrap();
        for key in [log.verifier(), witness.verifier()] {
            assert_eq!(&key.to_string().parse::<VerifierKey>().unwrap(), key);
        }
        // The same bytes as another kind are another key.
        let as_log = LogSigner::new("witness.example/w1", &[2; 32]).unwrap();
        assert_ne!(as_log.verifier().id, witness.verifier().id);
    }

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

    #[test]
    fn a_cosignature_binds_text_and_time() {
        let witness = Cosigner::new("w", &[2; 32]).unwrap();
        let signature = witness.cosign(1_679_315_147, b"text\n");
        assert_eq!(witness.verifier().verify_cosignature(b"text\n", &signature), Some(1_679_315_147));
        assert_eq!(witness.verifier().verify_cosignature(b"tex\n", &signature), None);
        let mut moved = signature.signature().to_vec();
        moved[7] ^= 1;
        let moved = Signature::new("w".into(), signature.id(), moved).unwrap();
        assert_eq!(witness.verifier().verify_cosignature(b"text\n", &moved), None);
    }

    #[test]
    fn bad_keys_are_refused() {
        let good = LogSigner::new("a", &[1; 32]).unwrap().verifier().to_string();
        assert!(matches!("a+b".parse::<VerifierKey>(), Err(KeyError::Malformed(_))));
        assert!(matches!(good.replacen('a', "b", 1).parse::<VerifierKey>(), Err(KeyError::Id(_))));
        assert!(matches!("a+00000000+BgAA".parse::<VerifierKey>(), Err(KeyError::Kind(6))));
        assert!(matches!(LogSigner::new("a b", &[1; 32]), Err(KeyError::Name(_))));
        assert!(matches!(LogSigner::new("a+b", &[1; 32]), Err(KeyError::Name(_))));
    }
}
