//! The package handed to an authority, and how its recipient opens it.
//!
//! ```text
//! rogatory production v1\n
//! {"simulated":true,"permit":"…","recipient":"us-fbi","key":"…"}\n
//! u32 length | sealed part      (64 KiB of plaintext each; the highest bit of the length marks the last part)
//! u32 length | sealed part
//! …
//! ```
//!
//! `key` is the encapsulated key of HPKE (RFC 9180, base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256,
//! AES-256-GCM), whose `info` is the two header lines with that key left empty. The parts are sealed in one HPKE context, in order; the
//! associated data is one byte, 1 for the last part and 0 before it, so a production that was cut short shows.
//! Inside is a POSIX tar archive: the items' files, then `manifest.json` with the SHA-256 of each.

mod contents;
mod examine;
pub(in crate::region) mod manifest;

use std::io::{self, Read, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hpke::aead::{AeadCtxR, AeadCtxS, AesGcm256};
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem as KemTrait, OpModeR, OpModeS, Serializable};
use serde::{Deserialize, Serialize};

use crate::record::permit::PermitId;
use crate::world::{AuthorityId, RecipientKey, RecipientSecret};

pub use contents::{Contents, check_contents};
pub use examine::{Damage, Examination, examine};

/// What a production begins with.
pub const MAGIC: &str = "rogatory production v1\n";
const PART: usize = 64 * 1024;
/// The tag of AES-GCM.
const TAG: usize = 16;
/// Set in the length of the last part.
const LAST: u32 = 1 << 31;
const HEADER_MAX: usize = 4096;

/// The second line of a production: all that anyone can read of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProductionHeader {
    pub simulated: bool,
    pub permit: PermitId,
    pub recipient: AuthorityId,
    /// The encapsulated key, in base64.
    key: String,
}

/// Why a production does not open.
#[derive(Debug, thiserror::Error)]
pub enum ProductionError {
    #[error("not a production: it does not begin with `rogatory production v1`")]
    NotOne,
    #[error("the production's header cannot be read: {0}")]
    Header(String),
    #[error("the key shown is not the recipient's, or the header was altered")]
    Key,
    #[error("part {0} is altered, out of order, or not the recipient's")]
    Part(u64),
    #[error("it ends after part {0}, before its last part")]
    CutShort(u64),
    #[error("the production cannot be sealed: {0}")]
    Seal(String),
    #[error("reading or writing failed: {0}")]
    Io(#[from] io::Error),
}

/// Seals what is written to it. Dropped without [`SealedWriter::finish`], it leaves a production that is cut short.
pub struct SealedWriter<W: Write> {
    out: W,
    context: AeadCtxS<AesGcm256, HkdfSha256, X25519HkdfSha256>,
    held_back: zeroize::Zeroizing<Vec<u8>>,
}

impl<W: Write> SealedWriter<W> {
    /// Writes the header. The ephemeral key always comes from the operating system, even in a seeded world: a
    /// production that is built a second time after a crash must not use one key stream for two texts.
    pub fn begin(
        mut out: W,
        permit: PermitId,
        recipient: &AuthorityId,
        key: &RecipientKey,
    ) -> Result<Self, ProductionError> {
        let seal = |error: hpke::HpkeError| ProductionError::Seal(error.to_string());
        // The header names the encapsulated key and is bound as `info`, which is fixed before the key exists; so the
        // info holds the header without it.
        let mut header =
            ProductionHeader { simulated: true, permit, recipient: recipient.clone(), key: String::new() };
        let info = header.info();
        let (encapsulated, context) = hpke::setup_sender::<AesGcm256, HkdfSha256, X25519HkdfSha256>(
            &OpModeS::Base,
            &key.to_hpke(),
            &info,
        )
        .map_err(seal)?;
        header.key = STANDARD.encode(encapsulated.to_bytes());
        out.write_all(MAGIC.as_bytes())?;
        serde_json::to_writer(&mut out, &header).map_err(io::Error::from)?;
        out.write_all(b"\n")?;
        Ok(SealedWriter { out, context, held_back: zeroize::Zeroizing::new(Vec::with_capacity(PART)) })
    }

    /// Seals the last part.
    pub fn finish(mut self) -> Result<W, ProductionError> {
        self.seal_held_back(true).map_err(ProductionError::Io)?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn seal_held_back(&mut self, last: bool) -> io::Result<()> {
        let sealed = self
            .context
            .seal(&self.held_back, &[last.into()])
            .map_err(|error| io::Error::other(error.to_string()))?;
        self.held_back.clear();
        let mark = if last { LAST } else { 0 };
        self.out.write_all(&(sealed.len() as u32 | mark).to_be_bytes())?;
        self.out.write_all(&sealed)
    }
}

impl<W: Write> Write for SealedWriter<W> {
    fn write(&mut self, plain: &[u8]) -> io::Result<usize> {
        if self.held_back.len() == PART {
            self.seal_held_back(false)?;
        }
        let taken = plain.len().min(PART - self.held_back.len());
        self.held_back.extend_from_slice(&plain[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        // A part is sealed when it is full; only the last may be shorter.
        Ok(())
    }
}

impl ProductionHeader {
    fn info(&self) -> Vec<u8> {
        let bare = ProductionHeader { key: String::new(), ..self.clone() };
        let line = serde_json::to_string(&bare).expect("a header has only string keys");
        format!("{MAGIC}{line}\n").into_bytes()
    }

    /// Reads the two header lines; what follows is sealed.
    pub fn read(input: &mut impl Read) -> Result<Self, ProductionError> {
        let mut magic = [0; MAGIC.len()];
        match input.read_exact(&mut magic) {
            Ok(()) if magic == MAGIC.as_bytes() => {}
            Ok(()) => return Err(ProductionError::NotOne),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(ProductionError::NotOne);
            }
            Err(error) => return Err(error.into()),
        }
        let (mut line, mut byte) = (Vec::new(), [0]);
        // Byte by byte, because what follows the line belongs to somebody else.
        while line.len() < HEADER_MAX {
            input.read_exact(&mut byte)?;
            if byte == *b"\n" {
                let header = serde_json::from_slice(&line);
                return header.map_err(|error| ProductionError::Header(error.to_string()));
            }
            line.extend(byte);
        }
        Err(ProductionError::Header(format!("no line of {HEADER_MAX} bytes or fewer")))
    }
}

/// True if the file begins as a production does.
pub fn is_one(file: &std::path::Path) -> io::Result<bool> {
    let mut start = Vec::new();
    std::fs::File::open(file)?.take(MAGIC.len() as u64).read_to_end(&mut start)?;
    Ok(start == MAGIC.as_bytes())
}

/// Opens a production with its recipient's secret and writes the tar archive inside to `out`. Nothing is written
/// of a part that does not verify. Returns the header and the bytes written.
pub fn open(
    mut input: impl Read,
    secret: &RecipientSecret,
    out: &mut impl Write,
) -> Result<(ProductionHeader, u64), ProductionError> {
    let header = ProductionHeader::read(&mut input)?;
    let mut context = receiver(&header, secret)?;
    let (mut number, mut written) = (0, 0);
    loop {
        let mut length = [0; 4];
        match input.read_exact(&mut length) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(ProductionError::CutShort(number));
            }
            Err(error) => return Err(error.into()),
        }
        number += 1;
        let length = u32::from_be_bytes(length);
        let last = length & LAST != 0;
        let length = (length & !LAST) as usize;
        if !(TAG..=PART + TAG).contains(&length) {
            return Err(ProductionError::Part(number));
        }
        let mut sealed = vec![0; length];
        if input.read_exact(&mut sealed).is_err() {
            return Err(ProductionError::CutShort(number - 1));
        }
        let plain = context.open(&sealed, &[last.into()]).map_err(|_| ProductionError::Part(number))?;
        out.write_all(&plain)?;
        written += plain.len() as u64;
        if last {
            return Ok((header, written));
        }
    }
}

/// What opens the parts, one after the other.
fn receiver(
    header: &ProductionHeader,
    secret: &RecipientSecret,
) -> Result<AeadCtxR<AesGcm256, HkdfSha256, X25519HkdfSha256>, ProductionError> {
    let key = STANDARD.decode(&header.key).map_err(|error| ProductionError::Header(error.to_string()))?;
    let key =
        <X25519HkdfSha256 as KemTrait>::EncappedKey::from_bytes(&key).map_err(|_| ProductionError::Key)?;
    hpke::setup_receiver(&OpModeR::Base, secret, &key, &header.info()).map_err(|_| ProductionError::Key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::World;

    fn sealed(plain: &[u8]) -> (Vec<u8>, RecipientSecret) {
        let world = World::standard().unwrap();
        let court: AuthorityId = "us-sdny".parse().unwrap();
        let key = world.roster().authority(&court).unwrap().recipient_key();
        let permit: PermitId = serde_json::from_str(&format!("\"{}=\"", "A".repeat(43))).unwrap();
        let mut writer = SealedWriter::begin(Vec::new(), permit, &court, key).unwrap();
        writer.write_all(plain).unwrap();
        (writer.finish().unwrap(), world.roster().demo_recipient_secret(&court).unwrap())
    }

    fn opened(production: &[u8], secret: &RecipientSecret) -> Result<Vec<u8>, ProductionError> {
        let mut out = Vec::new();
        open(production, secret, &mut out).map(|_| out)
    }

    #[test]
    fn only_its_recipient_opens_it() {
        for length in [0, 1, PART - 1, PART, PART + 1, 3 * PART] {
            let plain: Vec<u8> = (0..length).map(|i| i as u8).collect();
            let (production, secret) = sealed(&plain);
            assert_eq!(opened(&production, &secret).unwrap(), plain, "{length}");
        }
        let (production, _) = sealed(b"mail");
        let other =
            World::standard().unwrap().roster().demo_recipient_secret(&"us-fbi".parse().unwrap()).unwrap();
        assert!(opened(&production, &other).is_err());
    }

    #[test]
    fn a_production_that_was_cut_or_reordered_shows() {
        let (production, secret) = sealed(&vec![7; 3 * PART]);
        let body = production.len() - 3 * (4 + PART + TAG);
        let parts: Vec<&[u8]> = production[body..].chunks(4 + PART + TAG).collect();
        let put = |order: &[usize]| {
            let mut bytes = production[..body].to_vec();
            order.iter().for_each(|i| bytes.extend_from_slice(parts[*i]));
            opened(&bytes, &secret)
        };
        assert!(put(&[0, 1, 2]).is_ok());
        assert!(matches!(put(&[0, 1]), Err(ProductionError::CutShort(2))));
        assert!(matches!(put(&[1, 0, 2]), Err(ProductionError::Part(1))));
        assert!(matches!(put(&[0, 2]), Err(ProductionError::Part(2))));
        let mut bytes = production.clone();
        let at = bytes.windows(7).position(|w| w == b"us-sdny").unwrap();
        bytes[at + 3..at + 7].copy_from_slice(b"sdnx");
        assert!(opened(&bytes, &secret).is_err());
    }

    #[test]
    fn damage_is_named_by_its_bytes() {
        let (production, secret) = sealed(&vec![7; 3 * PART]);
        let one = 4 + PART + TAG;
        let body = production.len() - 3 * one;
        let look = |bytes: &[u8], secret: Option<&RecipientSecret>| {
            let found = examine(bytes, secret).unwrap();
            let lines: Vec<String> = found
                .damage
                .iter()
                .map(|d| format!("{}..{} {}", d.bytes.start, d.bytes.end, d.what))
                .collect();
            (found.parts, found.unsealed, lines.join("; "))
        };
        assert_eq!(look(&production, Some(&secret)), (3, 3, String::new()));
        assert_eq!(look(&production, None), (3, 0, String::new()));
        let damaged = |place: usize, to: &dyn Fn(u8) -> u8| {
            let mut bytes = production.clone();
            bytes[place] = to(bytes[place]);
            bytes
        };
        // Within the second part: only its recipient can tell, and the end is reached all the same.
        let bytes = [damaged(body + one + 100, &|b| b ^ 1), vec![0; 5]].concat();
        let (parts, unsealed, what) = look(&bytes, Some(&secret));
        assert_eq!((parts, unsealed), (3, 1));
        assert!(what.starts_with(&format!("{}..{} part 2 is altered", body + one, body + 2 * one)), "{what}");
        let behind = format!("; {}..{} nothing belongs", production.len(), production.len() + 5);
        assert!(what.contains(&behind), "{what}");
        assert!(look(&bytes, None).2.starts_with(&behind[2..]));
        // A length that cannot be.
        let (parts, _, what) = look(&damaged(body + one + 2, &|_| 1), None);
        assert_eq!(parts, 1);
        assert!(
            what.starts_with(&format!("{}..{} part 2 says it has", body + one, body + one + 4)),
            "{what}"
        );
        // Cut within a part, and between two.
        let (parts, _, what) = look(&production[..body + one + 50], None);
        assert_eq!(parts, 1);
        assert!(
            what.starts_with(&format!("{}..{} it ends within part 2", body + one, body + one + 50)),
            "{what}"
        );
        let (parts, _, what) = look(&production[..body + one], None);
        assert_eq!(parts, 1);
        assert!(what.contains("it ends before part 2"), "{what}");
        // Somebody else's secret.
        let other =
            World::standard().unwrap().roster().demo_recipient_secret(&"us-fbi".parse().unwrap()).unwrap();
        let (parts, unsealed, what) = look(&production, Some(&other));
        assert_eq!((parts, unsealed), (3, 0));
        assert!(what.contains("not the recipient's"), "{what}");
        assert!(matches!(examine(&b"mail"[..], None), Err(ProductionError::NotOne)));
    }
}
