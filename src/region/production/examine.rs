//! Looks a production over and says what is wrong with which of its bytes. Changes nothing, and keeps no plaintext.

use std::fmt;
use std::io::{self, Read};
use std::ops::Range;

use hpke::aead::{AeadCtxR, AesGcm256};
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use serde::Serialize;

use super::{LAST, MAGIC, PART, ProductionError, ProductionHeader, TAG, receiver};
use crate::world::RecipientSecret;

/// What was found in a production.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Examination {
    pub header: ProductionHeader,
    /// Parts that are there in full.
    pub parts: u64,
    /// Parts whose seal was checked and holds; without the recipient's secret none is.
    pub unsealed: u64,
    /// In the order of the bytes; empty if all is well.
    pub damage: Vec<Damage>,
}

/// Bytes that are wrong.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Damage {
    pub bytes: Range<u64>,
    pub what: String,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bytes {} to {}: {}", self.bytes.start, self.bytes.end, self.what)
    }
}

/// Examines a production to its end. The lengths of its parts anyone can check; whether a part is what was sealed, only
/// who has the recipient's secret, and only up to the first part that is not: HPKE opens its messages in order.
pub fn examine(
    mut input: impl Read,
    secret: Option<&RecipientSecret>,
) -> Result<Examination, ProductionError> {
    let mut counted = Counted { inner: &mut input, at: 0 };
    let header = ProductionHeader::read(&mut counted)?;
    let mut found = Examination { header, parts: 0, unsealed: 0, damage: Vec::new() };
    let mut context = match secret.map(|secret| receiver(&found.header, secret)) {
        None => None,
        Some(Ok(context)) => Some(context),
        Some(Err(error)) => {
            let what = format!("{error}; the parts are checked for their length only");
            found.find(MAGIC.len() as u64..counted.at, what);
            None
        }
    };
    loop {
        match found.part(&mut counted, &mut context)? {
            Next::Part => {}
            Next::Nothing => return Ok(found),
        }
    }
}

enum Next {
    Part,
    Nothing,
}

type Receiver = AeadCtxR<AesGcm256, HkdfSha256, X25519HkdfSha256>;

impl Examination {
    fn find(&mut self, bytes: Range<u64>, what: impl Into<String>) {
        self.damage.push(Damage { bytes, what: what.into() });
    }

    fn part(
        &mut self,
        input: &mut Counted<'_, impl Read>,
        context: &mut Option<Receiver>,
    ) -> Result<Next, ProductionError> {
        let start = input.at;
        let number = self.parts + 1;
        let mut length = [0; 4];
        let read = input.fill(&mut length)?;
        if read < length.len() {
            let what = format!("it ends before part {number}, and no part before it is marked as the last");
            self.find(start..input.at, what);
            return Ok(Next::Nothing);
        }
        let length = u32::from_be_bytes(length);
        let last = length & LAST != 0;
        let length = (length & !LAST) as usize;
        let full = length == PART + TAG;
        if !(TAG..=PART + TAG).contains(&length) || !(last || full) {
            let allowed = if last { "at most" } else { "exactly" };
            let what = format!(
                "part {number} says it has {length} bytes, where {allowed} {} are allowed; where the next part would \
                 begin cannot be told",
                PART + TAG
            );
            self.find(start..start + 4, what);
            return Ok(Next::Nothing);
        }
        let mut sealed = vec![0; length];
        let read = input.fill(&mut sealed)?;
        if read < length {
            let what = format!("it ends within part {number}, which says it has {length} bytes");
            self.find(start..input.at, what);
            return Ok(Next::Nothing);
        }
        self.parts = number;
        if let Some(open) = context {
            match open.open(&sealed, &[last.into()]) {
                Ok(plain) => {
                    drop(zeroize::Zeroizing::new(plain));
                    self.unsealed = number;
                }
                Err(_) => {
                    let what = format!(
                        "part {number} is altered, out of order, or not the recipient's; the parts behind it are \
                         checked for their length only"
                    );
                    self.find(start..input.at, what);
                    *context = None;
                }
            }
        }
        if !last {
            return Ok(Next::Part);
        }
        let end = input.at;
        io::copy(input, &mut io::sink())?;
        if input.at > end {
            self.find(end..input.at, "nothing belongs behind the last part");
        }
        Ok(Next::Nothing)
    }
}

/// Counts what was read.
struct Counted<'a, R> {
    inner: &'a mut R,
    at: u64,
}

impl<R: Read> Counted<'_, R> {
    /// Reads until the buffer is full or the input ends.
    fn fill(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.at += count as u64;
        Ok(count)
    }
}
