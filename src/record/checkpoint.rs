use std::fmt;

use signed_note::{Note, Signature};

use super::key::{LogSigner, VerifierKey};
use super::{Hash, TreeHead};

/// A tree head in the form of C2SP tlog-checkpoint, with the signatures that came with it. Reading one checks its form;
/// [`SignedCheckpoint::check_log`] and the policy check who signed it.
#[derive(Clone, PartialEq, Debug)]
pub struct SignedCheckpoint {
    origin: String,
    head: TreeHead,
    /// The text that was signed, as it came.
    text: Vec<u8>,
    signatures: Vec<Signature>,
}

impl SignedCheckpoint {
    /// A new checkpoint, signed by the log.
    pub fn sign(signer: &LogSigner, head: TreeHead) -> Self {
        let origin = signer.verifier().name().to_owned();
        let text = format!("{origin}\n{}\n{}\n", head.size, head.hash).into_bytes();
        let signatures = vec![signer.sign(&text)];
        SignedCheckpoint { origin, head, text, signatures }
    }

    /// Reads a signed note whose text is a checkpoint.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        if !text.is_empty() && !text.ends_with('\n') {
            return Err(CheckpointError::Cut);
        }
        let note = Note::from_bytes(text.as_bytes()).map_err(|_| CheckpointError::Note)?;
        // A note that was read has an empty line after its text, then one signature per line.
        let signatures = text[note.text().len() + 1..]
            .lines()
            .map(|line| Signature::from_bytes(line.as_bytes()).map_err(|_| CheckpointError::Note))
            .collect::<Result<_, _>>()?;
        let parsed =
            tlog_tiles::Checkpoint::from_bytes(note.text()).map_err(|_| CheckpointError::of(note.text()))?;
        Ok(SignedCheckpoint {
            origin: parsed.origin().to_owned(),
            head: TreeHead { size: parsed.size(), hash: Hash(parsed.hash().0) },
            text: note.text().to_vec(),
            signatures,
        })
    }

    /// The log it says it is of.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    pub fn head(&self) -> TreeHead {
        self.head
    }

    /// The text that signatures cover.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    pub fn signatures(&self) -> &[Signature] {
        &self.signatures
    }

    /// The same checkpoint with more signatures; nothing about them is checked.
    #[must_use]
    pub fn with_signatures(&self, more: impl IntoIterator<Item = Signature>) -> Self {
        let mut signed = self.clone();
        for signature in more {
            if !signed.signatures.contains(&signature) {
                signed.signatures.push(signature);
            }
        }
        signed
    }

    /// The same checkpoint with only the signatures that claim to be by one of `keys`.
    #[must_use]
    pub fn only_by(&self, keys: &[&VerifierKey]) -> Self {
        let mut signed = self.clone();
        signed.signatures.retain(|signature| keys.iter().any(|key| key.claims(signature)));
        signed
    }

    /// Checks that this is a checkpoint of the log with this key.
    pub fn check_log(&self, log: &VerifierKey) -> Result<(), CheckpointError> {
        if self.origin != log.name() {
            return Err(CheckpointError::ForeignLog {
                found: self.origin.clone(),
                expected: log.name().to_owned(),
            });
        }
        let mut signed = false;
        for signature in self.signatures.iter().filter(|signature| log.claims(signature)) {
            if !log.verify_log(&self.text, signature) {
                return Err(CheckpointError::LogSignature(self.origin.clone()));
            }
            signed = true;
        }
        if signed { Ok(()) } else { Err(CheckpointError::Unsigned(self.origin.clone())) }
    }

    /// The time of this witness's cosignature in seconds since 1970, or `None` if it has not cosigned. A line that claims to
    /// be by the witness and does not verify makes the whole note unacceptable (C2SP signed-note).
    pub fn cosigned_by(&self, witness: &VerifierKey) -> Result<Option<i64>, CheckpointError> {
        let mut newest = None;
        for signature in self.signatures.iter().filter(|signature| witness.claims(signature)) {
            match witness.verify_cosignature(&self.text, signature) {
                Some(time) => newest = newest.max(Some(time)),
                None => return Err(CheckpointError::Cosignature(witness.name().to_owned())),
            }
        }
        Ok(newest)
    }
}

/// An ASCII decimal without leading zeros.
pub(super) fn parse_size(text: &str) -> Option<u64> {
    let size: u64 = text.parse().ok()?;
    (size.to_string() == text).then_some(size)
}

/// As a signed note.
impl fmt::Display for SignedCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.text))?;
        f.write_str("\n")?;
        for signature in &self.signatures {
            f.write_str(&String::from_utf8_lossy(&signature.to_bytes()))?;
        }
        Ok(())
    }
}

/// Why a note is not a checkpoint of the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    #[error("not a signed note: text, an empty line, and lines of the form `— name base64`")]
    Note,
    #[error("the last line does not end: something is cut off")]
    Cut,
    #[error("not a checkpoint: a line each for origin, size and root hash")]
    Checkpoint,
    #[error(
        "the second line is `{0}`, where the size of the log is expected, a number without zeros in front"
    )]
    Size(String),
    #[error("the third line is `{0}`, where the root of the log is expected, the base64 of a hash")]
    Root(String),
    #[error("a checkpoint of the log `{found}`, where `{expected}` was expected")]
    ForeignLog { found: String, expected: String },
    #[error("the log `{0}` has not signed this checkpoint")]
    Unsigned(String),
    #[error("the signature of the log `{0}` is not over this checkpoint")]
    LogSignature(String),
    #[error("the cosignature of `{0}` is not over this checkpoint")]
    Cosignature(String),
}

impl CheckpointError {
    /// What keeps the text of a note from being a checkpoint.
    fn of(text: &[u8]) -> Self {
        let text = String::from_utf8_lossy(text);
        let mut lines = text.lines().skip(1);
        match (lines.next(), lines.next()) {
            (Some(size), Some(_)) if parse_size(size).is_none() => CheckpointError::Size(size.to_owned()),
            (Some(_), Some(root)) if Hash::parse(root).is_none() => CheckpointError::Root(root.to_owned()),
            _ => CheckpointError::Checkpoint,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::key::Cosigner;

    fn head() -> TreeHead {
        TreeHead { size: 20_852_163, hash: Hash([7; 32]) }
    }

    #[test]
    fn a_checkpoint_reads_as_it_was_written() {
        let log = LogSigner::new("rogatory.example/record", &[1; 32]).unwrap();
        let witness = Cosigner::new("witness.example/w1", &[2; 32]).unwrap();
        let signed = SignedCheckpoint::sign(&log, head());
        let cosigned = signed.with_signatures([witness.cosign(1_700_000_000, signed.text())]);
        let read = SignedCheckpoint::parse(&cosigned.to_string()).unwrap();
        assert_eq!(read, cosigned);
        assert_eq!(read.head(), head());
        assert_eq!(read.check_log(log.verifier()), Ok(()));
        assert_eq!(read.cosigned_by(witness.verifier()), Ok(Some(1_700_000_000)));
        assert_eq!(signed.cosigned_by(witness.verifier()), Ok(None));
    }

    #[test]
    fn each_fault_has_its_own_error() {
        let log = LogSigner::new("a.example", &[1; 32]).unwrap();
        let other = LogSigner::new("b.example", &[1; 32]).unwrap();
        let signed = SignedCheckpoint::sign(&log, head());
        assert_eq!(SignedCheckpoint::parse("a\n"), Err(CheckpointError::Note));
        assert_eq!(SignedCheckpoint::parse("a\n2"), Err(CheckpointError::Cut));
        let with = |from: &str, to: &str| SignedCheckpoint::parse(&signed.to_string().replacen(from, to, 1));
        assert_eq!(with("20852163", "020852163"), Err(CheckpointError::Size("020852163".into())));
        let root = head().hash.to_string();
        assert_eq!(with(&root, &root[4..]), Err(CheckpointError::Root(root[4..].into())));
        assert_eq!(with(&format!("20852163\n{root}\n"), ""), Err(CheckpointError::Checkpoint));
        assert!(matches!(signed.check_log(other.verifier()), Err(CheckpointError::ForeignLog { .. })));
        let unsigned = signed.only_by(&[]);
        assert!(matches!(unsigned.check_log(log.verifier()), Err(CheckpointError::Unsigned(_))));
        let text = signed.to_string().replacen("20852163", "20852164", 1);
        let altered = SignedCheckpoint::parse(&text).unwrap();
        assert!(matches!(altered.check_log(log.verifier()), Err(CheckpointError::LogSignature(_))));
        let witness = Cosigner::new("w", &[2; 32]).unwrap();
        let wrong = signed.with_signatures([witness.cosign(1, b"other\n")]);
        assert!(matches!(wrong.cosigned_by(witness.verifier()), Err(CheckpointError::Cosignature(_))));
    }
}
