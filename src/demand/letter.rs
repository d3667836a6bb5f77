//! A signed demand as a file: a few lines for people, then the exact bytes that were signed.
//!
//! ```text
//! rogatory instrument v1
//! issuer: us-sdny-magistrate
//! signature: ed25519:<base64>
//!
//! {
//!   "id": "26-mag-1",
//!   …
//! }
//! ```
//!
//! The text after the empty line is the body, to the last byte of the file. The signature is over
//! `rogatory instrument v1\n` and the body, as everywhere. The line `issuer` is there to be read; who issued the
//! demand is what the body says and the signature proves.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::SignedInstrument;

const HEADER: &str = "rogatory instrument v1";
const HEADER_ANY: &str = "rogatory instrument v";

/// Why a file is not a signed demand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadLetter {
    #[error("not a signed demand: its first line is not `{HEADER}`")]
    NotOne,
    #[error(
        "a signed demand in the format `{0}`, and this program reads `{HEADER}`: a newer one may read it"
    )]
    Version(String),
    #[error("line 4 is `{0}`, where an empty line belongs: after it, the text that was signed")]
    NotEmpty(String),
    #[error("line {line} is `{found}`, where `{expected}` belongs")]
    Line { line: usize, found: String, expected: &'static str },
    #[error("the signature in line 3 is not `ed25519:` and 64 bytes in base64")]
    Signature,
}

impl SignedInstrument {
    /// True if a text begins as a signed demand does, of whichever version.
    pub fn is_letter(text: &str) -> bool {
        text.starts_with(HEADER_ANY)
    }

    /// The file that holds this instrument.
    pub fn to_letter(&self) -> Vec<u8> {
        let issuer = self.claimed_issuer().map_or_else(|_| "unreadable".to_owned(), |id| id.to_string());
        let signature = STANDARD.encode(self.signature());
        let mut letter =
            format!("{HEADER}\nissuer: {issuer}\nsignature: ed25519:{signature}\n\n").into_bytes();
        letter.extend_from_slice(self.body());
        letter
    }

    /// Reads such a file. Nothing is verified yet.
    pub fn from_letter(letter: &str) -> Result<Self, BadLetter> {
        let mut rest = letter;
        let mut line = |number: usize, expected: &'static str| -> Result<&str, BadLetter> {
            let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
            rest = after;
            let found = || BadLetter::Line { line: number, found: line.to_owned(), expected };
            let value = line.strip_prefix(expected.split('…').next().unwrap_or_default());
            value.ok_or_else(found)
        };
        match line(1, "rogatory instrument v…") {
            Ok("1") => {}
            Ok(version) => return Err(BadLetter::Version(format!("{HEADER_ANY}{version}"))),
            Err(_) => return Err(BadLetter::NotOne),
        }
        line(2, "issuer: …")?;
        let signature = line(3, "signature: ed25519:…")?;
        let (empty, body) = rest.split_once('\n').unwrap_or((rest, ""));
        if !empty.is_empty() {
            return Err(BadLetter::NotEmpty(empty.to_owned()));
        }
        let signature = STANDARD.decode(signature).map_err(|_| BadLetter::Signature)?;
        if signature.len() != ed25519_dalek::SIGNATURE_LENGTH {
            return Err(BadLetter::Signature);
        }
        Ok(SignedInstrument::from_parts(body.as_bytes().to_vec(), signature))
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;

    use super::*;

    fn letter() -> (SigningKey, String) {
        let key = SigningKey::from_bytes(&[7; 32]);
        let demand = serde_json::json!({
            "id": "26-mag-1", "version": 1, "instrument": "warrant", "basis": "18 U.S.C. 2703(a)",
            "issuing": "us-sdny-magistrate", "on-behalf-of": "US", "served-on": "head-office",
            "issued": "2018-06-01T15:00:00Z", "proof": "probable-cause",
            "offence": { "description": "fraud", "max-penalty-years": 20, "place": "US" },
            "acts": ["disclose"], "accounts": ["june@post.example"], "classes": ["content"],
            "deliver-to": "us-fbi",
        });
        let demand: crate::demand::Demand = serde_json::from_value(demand).unwrap();
        (key.clone(), String::from_utf8(demand.sign_readably(&key).to_letter()).unwrap())
    }

    #[test]
    fn a_letter_says_again_what_was_signed() {
        let (key, letter) = letter();
        assert!(SignedInstrument::is_letter(&letter));
        assert!(
            letter.contains("\nissuer: us-sdny-magistrate\n") && letter.contains("\n  \"id\": \"26-mag-1\"")
        );
        let read = SignedInstrument::from_letter(&letter).unwrap();
        assert_eq!(read.verify(&key.verifying_key()).unwrap().id.as_str(), "26-mag-1");
        assert_eq!(read.to_letter(), letter.as_bytes());
    }

    #[test]
    fn a_byte_more_or_less_no_longer_verifies() {
        let (key, letter) = letter();
        let changed = [
            letter.replace("content", "traffic"),
            format!("{letter}\n"),
            letter.replace("26-mag-1", "26-mag-2"),
        ];
        for changed in changed {
            let read = SignedInstrument::from_letter(&changed).unwrap();
            assert_eq!(read.verify(&key.verifying_key()), Err(crate::demand::BadInstrument::Signature));
        }
    }

    #[test]
    fn what_is_not_a_letter_says_where() {
        let (_, letter) = letter();
        let read = |text: &str| SignedInstrument::from_letter(text).unwrap_err().to_string();
        assert_eq!(read("id = \"x\""), BadLetter::NotOne.to_string());
        assert!(read(&letter.replace(" v1", " v9")).contains("`rogatory instrument v9`"));
        assert!(read(&letter.replace("issuer: ", "by: ")).starts_with("line 2 is `by: us-sdny-magistrate`"));
        assert!(read(&letter.replacen("\n\n", "\nnote: x\n\n", 1)).starts_with("line 4 is `note: x`"));
        assert_eq!(
            read(&letter.replace("signature: ed25519:", "signature: ed25519:A")),
            BadLetter::Signature.to_string()
        );
    }
}
