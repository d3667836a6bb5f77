//! The private keys of logs and witnesses, and their public ones.

use ed25519_dalek::{Signer, SigningKey};
use signed_note::Signature;

use crate::verifier_key::cosigned_message;
pub use crate::verifier_key::{KeyError, KeyKind, VerifierKey};

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
        self.verifier.line(self.key.sign(text).to_bytes().to_vec())
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
        self.verifier.line(bytes)
    }
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
        assert_ne!(as_log.verifier(), witness.verifier());
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
