//! Openings on their way to a court or an auditor: sealed to the reader's key, in one file.
//!
//! ```json
//! {"head": {"format": 1, "simulated": true, "to": "us-sdny", "key": "x25519:0f3a…", "given": "…", "until": "…"}, "sealed": "…"}
//! ```
//!
//! `sealed` is base64 of what [`crate::vault::seal_to`] makes of the openings as a JSON list, bound to
//! `rogatory openings v1\n` and the head's JSON without spaces: whoever opens it knows to whom, when and until when it was
//! given.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::clock::SimTime;
use crate::record::opening::Opening;
use crate::vault::{VaultError, open_as, seal_to};
use crate::world::{RecipientKey, RecipientSecret};

const FORMAT: u32 = 1;

/// What anyone can read of such a file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct EnvelopeHead {
    pub format: u32,
    pub simulated: bool,
    /// An authority's id, or an auditor's name.
    pub to: String,
    /// Which key it is sealed to: [`RecipientKey::id`].
    pub key: String,
    pub given: SimTime,
    /// Until when the openings may be used. A promise of the reader: nothing takes them back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<SimTime>,
}

/// Openings that only one reader can open.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SealedOpenings {
    pub head: EnvelopeHead,
    sealed: String,
}

/// Why openings that were given do not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    #[error("it has format {0}, and this program reads {FORMAT}")]
    Format(u32),
    #[error("it is sealed to `{to}`, with the key {key}, and the key shown is {shown}")]
    OtherKey { to: String, key: String, shown: String },
    #[error("it was altered, or what is around the seal was")]
    Altered,
    #[error("what is inside are no openings: {0}")]
    NotOpenings(String),
}

impl SealedOpenings {
    /// Seals openings to a reader's key.
    pub fn seal(
        openings: &[Opening],
        to: String,
        key: &RecipientKey,
        given: SimTime,
        until: Option<SimTime>,
    ) -> Result<Self, VaultError> {
        let head = EnvelopeHead { format: FORMAT, simulated: true, to, key: key.id(), given, until };
        let plain = serde_json::to_vec(openings).expect("an opening has only string keys");
        let sealed = seal_to(key, &head.bound(), &zeroize::Zeroizing::new(plain))?;
        Ok(SealedOpenings { head, sealed: STANDARD.encode(sealed) })
    }

    /// Opens them. That they are of the record is for the reader to check, as of any opening.
    pub fn open(&self, secret: &RecipientSecret) -> Result<Vec<Opening>, EnvelopeError> {
        if self.head.format != FORMAT {
            return Err(EnvelopeError::Format(self.head.format));
        }
        let shown = RecipientKey::of(secret).id();
        if shown != self.head.key {
            let EnvelopeHead { to, key, .. } = self.head.clone();
            return Err(EnvelopeError::OtherKey { to, key, shown });
        }
        let sealed = STANDARD.decode(&self.sealed).map_err(|_| EnvelopeError::Altered)?;
        let plain = open_as(secret, &self.head.bound(), &sealed).ok_or(EnvelopeError::Altered)?;
        serde_json::from_slice(&plain).map_err(|error| EnvelopeError::NotOpenings(error.to_string()))
    }
}

impl EnvelopeHead {
    fn bound(&self) -> Vec<u8> {
        let head = serde_json::to_string(self).expect("a head has only string keys");
        format!("rogatory openings v1\n{head}").into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::World;

    #[test]
    fn only_the_reader_opens_them_and_only_as_they_were_given() {
        let world = World::standard().unwrap();
        let (court, other) = ("us-sdny".parse().unwrap(), "us-fbi".parse().unwrap());
        let key = world.roster().authority(&court).unwrap().recipient_key();
        let secret = |id| world.roster().demo_recipient_secret(id).unwrap();
        let openings = vec![Opening::new(7, Default::default())];
        let (given, until) = (SimTime::from_unix_seconds(0), Some(SimTime::from_unix_seconds(86_400)));
        let sealed = SealedOpenings::seal(&openings, "us-sdny".to_owned(), key, given, until).unwrap();
        let text = serde_json::to_string(&sealed).unwrap();
        let read: SealedOpenings = serde_json::from_str(&text).unwrap();
        assert_eq!(read.open(&secret(&court)).unwrap(), openings);
        let error = read.open(&secret(&other)).unwrap_err();
        assert!(matches!(&error, EnvelopeError::OtherKey { to, .. } if to == "us-sdny"), "{error}");
        // A longer term, another seal, a cut one.
        let mut longer = read.clone();
        longer.head.until = None;
        assert_eq!(longer.open(&secret(&court)), Err(EnvelopeError::Altered));
        for length in [0, 40, read.sealed.len() - 4] {
            let cut = SealedOpenings { sealed: read.sealed[..length].to_owned(), ..read.clone() };
            assert_eq!(cut.open(&secret(&court)), Err(EnvelopeError::Altered));
        }
        let newer = SealedOpenings { head: EnvelopeHead { format: 2, ..read.head.clone() }, ..read };
        assert_eq!(newer.open(&secret(&court)), Err(EnvelopeError::Format(2)));
    }
}
