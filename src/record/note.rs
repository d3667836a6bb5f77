//! Any text, signed as a C2SP signed note with an Ed25519 key.

use signed_note::{Note, Signature};

use super::key::{LogSigner, VerifierKey};

/// Signs a text, which has to end with a line break. The key should sign nothing else of the same form.
pub fn sign_note(signer: &LogSigner, text: &str) -> String {
    let signature = signer.sign(text.as_bytes());
    format!("{text}\n{}", String::from_utf8_lossy(&signature.to_bytes()))
}

/// The text of a note that this key has signed.
pub fn open_note(key: &VerifierKey, note: &str) -> Result<String, NoteError> {
    let parsed = Note::from_bytes(note.as_bytes()).map_err(|_| NoteError::Note)?;
    let text = parsed.text();
    let lines = note[text.len() + 1..].lines();
    for line in lines {
        let signature = Signature::from_bytes(line.as_bytes()).map_err(|_| NoteError::Note)?;
        if key.claims(&signature) {
            if !key.verify_log(text, &signature) {
                return Err(NoteError::Signature(key.name().to_owned()));
            }
            return Ok(String::from_utf8_lossy(text).into_owned());
        }
    }
    Err(NoteError::Unsigned(key.name().to_owned()))
}

/// Why a note is not what a key signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    #[error("not a signed note: text, an empty line, and lines of the form `— name base64`")]
    Note,
    #[error("`{0}` has not signed it")]
    Unsigned(String),
    #[error("the signature of `{0}` is not over this text")]
    Signature(String),
}
