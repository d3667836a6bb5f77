//! Sealed objects: a body in chunks under a key of its own, and a small header that holds that key, wrapped.
//!
//! A body is cut into chunks of 64 KiB, each sealed with AES-256-GCM; the last may be shorter, and an empty body
//! is one empty chunk. The object's key seals only this body, so a chunk's nonce is its number and whether it is
//! the last. A chunk binds copy, object, version, class, number and last flag: it opens nowhere else. The header
//! wraps, under the copy's key, the object's key with its date and length, so a date that decides whether an
//! object is within a permit's range cannot be changed without the key.

use std::fmt;

use aes_gcm::Aes256Gcm;
use zeroize::Zeroizing;

use super::VaultError;
use super::aead::{self, Nonce};
use super::id::ObjectId;
use super::key::{Generation, KEY_LENGTH, MessageKey};
use super::wrap::{CopyIdentity, class_code, domain};
use crate::clock::SimTime;

/// Plaintext bytes in a full chunk.
pub const CHUNK_LENGTH: usize = 64 * 1024;

const SEALED_CHUNK_LENGTH: usize = CHUNK_LENGTH + aead::TAG_LENGTH;

/// Key, date and length, as they are wrapped.
const INNER_LENGTH: usize = KEY_LENGTH + 16;
const WRAPPED_LENGTH: usize = INNER_LENGTH + aead::OVERHEAD;

/// When an object is from, for a permit's date range.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ObjectDate {
    /// It came about at one moment: a message.
    On(SimTime),
    /// It stands until it is replaced, such as who holds the account: every range takes it in.
    Standing,
}

/// What a header tells to whoever may open the object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ObjectFacts {
    pub date: ObjectDate,
    /// Bytes of the plaintext.
    pub length: u64,
}

/// What an index keeps of a sealed object. Rewrapping makes another header; the body never changes.
#[derive(Clone, PartialEq, Eq)]
pub struct ObjectHeader {
    pub object: ObjectId,
    /// 1, or higher for a record that replaced others.
    pub version: u32,
    /// Of the copy's key the object's key is wrapped under.
    pub generation: Generation,
    wrapped: [u8; WRAPPED_LENGTH],
}

impl ObjectHeader {
    /// Bytes of a written header.
    pub const LENGTH: usize = 16 + 4 + 4 + WRAPPED_LENGTH;

    /// `object[16] | u32 version | u32 generation | wrapped key, date and length`.
    pub fn to_bytes(&self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        bytes[..16].copy_from_slice(self.object.as_bytes());
        bytes[16..20].copy_from_slice(&self.version.to_be_bytes());
        bytes[20..24].copy_from_slice(&self.generation.0.to_be_bytes());
        bytes[24..].copy_from_slice(&self.wrapped);
        bytes
    }

    pub fn from_bytes(bytes: &[u8; Self::LENGTH]) -> Self {
        let mut header = ObjectHeader {
            object: ObjectId::from_bytes(cut(bytes, 0)),
            version: u32::from_be_bytes(cut(bytes, 16)),
            generation: Generation(u32::from_be_bytes(cut(bytes, 20))),
            wrapped: [0; WRAPPED_LENGTH],
        };
        header.wrapped.copy_from_slice(&bytes[24..]);
        header
    }
}

impl fmt::Debug for ObjectHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectHeader({}, version {}, generation {})", self.object, self.version, self.generation)
    }
}

fn cut<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N].try_into().expect("cut to its own length")
}

/// Wraps an object's key under a copy's.
pub(super) fn wrap_key(
    wrapper: &Aes256Gcm,
    of: &CopyIdentity,
    header: (ObjectId, u32, Generation),
    key: &MessageKey,
    facts: &ObjectFacts,
    nonce: [u8; aead::NONCE_LENGTH],
) -> ObjectHeader {
    let (object, version, generation) = header;
    // No instant that can be written comes near the lowest number.
    let date = match facts.date {
        ObjectDate::On(time) => time.unix_seconds(),
        ObjectDate::Standing => i64::MIN,
    };
    // Sealed where it stands, so that no second place holds the key.
    let mut wrapped = [0; WRAPPED_LENGTH];
    let (front, rest) = wrapped.split_at_mut(aead::NONCE_LENGTH);
    front.copy_from_slice(&nonce);
    rest[..KEY_LENGTH].copy_from_slice(key.secret().as_ref());
    rest[KEY_LENGTH..KEY_LENGTH + 8].copy_from_slice(&date.to_be_bytes());
    rest[KEY_LENGTH + 8..INNER_LENGTH].copy_from_slice(&facts.length.to_be_bytes());
    aead::seal_in_place(wrapper, &nonce.into(), &key_binding(of, header), rest);
    ObjectHeader { object, version, generation, wrapped }
}

/// Unwraps an object's key and facts.
pub(super) fn unwrap_key(
    wrapper: &Aes256Gcm,
    of: &CopyIdentity,
    header: &ObjectHeader,
) -> Result<(MessageKey, ObjectFacts), VaultError> {
    let failed = || VaultError::DoesNotOpen { what: "an object's key", of: of.copy };
    let aad = key_binding(of, (header.object, header.version, header.generation));
    let mut inner = Zeroizing::new([0; INNER_LENGTH]);
    let (nonce, rest) = header.wrapped.split_at(aead::NONCE_LENGTH);
    let nonce = Nonce::try_from(nonce).map_err(|_| failed())?;
    aead::open_with(wrapper, &nonce, &aad, rest, inner.as_mut()).ok_or_else(failed)?;
    let date = match i64::from_be_bytes(cut(inner.as_ref(), KEY_LENGTH)) {
        i64::MIN => ObjectDate::Standing,
        seconds => ObjectDate::On(SimTime::from_unix_seconds(seconds)),
    };
    let length = u64::from_be_bytes(cut(inner.as_ref(), KEY_LENGTH + 8));
    let key = MessageKey::new(Zeroizing::new(cut(inner.as_ref(), 0)));
    Ok((key, ObjectFacts { date, length }))
}

/// `domain | class | copy | object | version | generation`.
fn key_binding(of: &CopyIdentity, (object, version, generation): (ObjectId, u32, Generation)) -> [u8; 42] {
    let mut aad = [0; 42];
    aad[0] = domain::MESSAGE_KEY;
    aad[1] = class_code(of.class);
    aad[2..18].copy_from_slice(of.copy.as_bytes());
    aad[18..34].copy_from_slice(object.as_bytes());
    aad[34..38].copy_from_slice(&version.to_be_bytes());
    aad[38..].copy_from_slice(&generation.0.to_be_bytes());
    aad
}

/// What a chunk binds, kept while a body's chunks go by: `domain | class | copy | object | version | number | last`.
struct ChunkBinding([u8; 43]);

impl ChunkBinding {
    fn new(of: &CopyIdentity, object: ObjectId, version: u32) -> Self {
        let mut aad = [0; 43];
        aad[0] = domain::CHUNK;
        aad[1] = class_code(of.class);
        aad[2..18].copy_from_slice(of.copy.as_bytes());
        aad[18..34].copy_from_slice(object.as_bytes());
        aad[34..38].copy_from_slice(&version.to_be_bytes());
        ChunkBinding(aad)
    }

    fn at(&mut self, number: u32, last: bool) -> (Nonce, &[u8]) {
        self.0[38..42].copy_from_slice(&number.to_be_bytes());
        self.0[42] = last.into();
        let mut nonce = Nonce::default();
        nonce[7..].copy_from_slice(&self.0[38..]);
        (nonce, &self.0)
    }
}

/// Seals the chunks of one body, in order.
pub(super) struct BodySealer {
    cipher: Aes256Gcm,
    binding: ChunkBinding,
    number: u32,
    length: u64,
    /// Plaintext that may turn out to be the last chunk.
    held_back: Zeroizing<Vec<u8>>,
}

impl BodySealer {
    pub fn new(key: &MessageKey, of: &CopyIdentity, object: ObjectId, version: u32) -> Self {
        BodySealer {
            cipher: key.cipher(),
            binding: ChunkBinding::new(of, object, version),
            number: 0,
            length: 0,
            held_back: Zeroizing::new(Vec::new()),
        }
    }

    pub fn push(&mut self, mut plain: &[u8], out: &mut Vec<u8>) {
        if self.held_back.capacity() == 0 {
            // At once, because a vector that grows leaves plaintext behind.
            self.held_back.reserve_exact(CHUNK_LENGTH);
        }
        while !plain.is_empty() {
            if self.held_back.len() == CHUNK_LENGTH {
                let full = std::mem::take(&mut self.held_back);
                self.seal(&full, false, out);
                self.held_back = full;
                self.held_back.clear();
            }
            if self.held_back.is_empty() && plain.len() > CHUNK_LENGTH {
                let (full, rest) = plain.split_at(CHUNK_LENGTH);
                self.seal(full, false, out);
                plain = rest;
                continue;
            }
            let room = plain.len().min(CHUNK_LENGTH - self.held_back.len());
            let (now, later) = plain.split_at(room);
            self.held_back.extend_from_slice(now);
            plain = later;
        }
    }

    /// Seals what was held back as the last chunk, and says how long the whole plaintext was.
    pub fn finish(mut self, out: &mut Vec<u8>) -> u64 {
        let last = std::mem::take(&mut self.held_back);
        self.seal(&last, true, out);
        self.length
    }

    /// Seals a body that is there as a whole, without copying it first.
    pub fn whole(&mut self, plain: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(sealed_length(plain.len() as u64) as usize);
        let mut rest = plain;
        while rest.len() > CHUNK_LENGTH {
            let (full, later) = rest.split_at(CHUNK_LENGTH);
            self.seal(full, false, &mut out);
            rest = later;
        }
        self.seal(rest, true, &mut out);
        out
    }

    fn seal(&mut self, plain: &[u8], last: bool, out: &mut Vec<u8>) {
        let start = out.len();
        out.resize(start + plain.len() + aead::TAG_LENGTH, 0);
        let (nonce, aad) = self.binding.at(self.number, last);
        aead::seal_with(&self.cipher, &nonce, aad, plain, &mut out[start..]);
        self.length += plain.len() as u64;
        self.number = self.number.checked_add(1).expect("a body of 256 TiB does not fit this machine");
    }
}

/// How many bytes a sealed body has.
pub fn sealed_length(plain_length: u64) -> u64 {
    plain_length + chunk_count(plain_length) * aead::TAG_LENGTH as u64
}

fn chunk_count(plain_length: u64) -> u64 {
    plain_length.div_ceil(CHUNK_LENGTH as u64).max(1)
}

/// Opens one object's body, chunk by chunk. Only a copy's key and a clearance that covers the object make one.
pub struct BodyOpener {
    cipher: Aes256Gcm,
    binding: ChunkBinding,
    facts: ObjectFacts,
    number: u64,
    of: CopyIdentity,
}

impl BodyOpener {
    pub(super) fn new(
        key: &MessageKey,
        of: &CopyIdentity,
        header: &ObjectHeader,
        facts: ObjectFacts,
    ) -> Self {
        BodyOpener {
            cipher: key.cipher(),
            binding: ChunkBinding::new(of, header.object, header.version),
            facts,
            number: 0,
            of: *of,
        }
    }

    pub fn facts(&self) -> &ObjectFacts {
        &self.facts
    }

    /// How many sealed bytes the next chunk has; `None` after the last.
    pub fn next_sealed_length(&self) -> Option<usize> {
        let count = chunk_count(self.facts.length);
        match self.number + 1 {
            n if n < count => Some(SEALED_CHUNK_LENGTH),
            n if n == count => {
                let before = self.number * CHUNK_LENGTH as u64;
                Some((self.facts.length - before) as usize + aead::TAG_LENGTH)
            }
            _ => None,
        }
    }

    /// Opens the next chunk and appends its plaintext to `out`, which gets nothing unless the chunk verifies.
    pub fn open_next(&mut self, sealed: &[u8], out: &mut Vec<u8>) -> Result<(), VaultError> {
        let failed = VaultError::DoesNotOpen { what: "a chunk of an object", of: self.of.copy };
        let Some(expected) = self.next_sealed_length() else { return Err(failed) };
        let Ok(number) = u32::try_from(self.number) else { return Err(failed) };
        if sealed.len() != expected {
            return Err(failed);
        }
        let last = self.number + 1 == chunk_count(self.facts.length);
        let start = out.len();
        out.resize(start + expected - aead::TAG_LENGTH, 0);
        let (nonce, aad) = self.binding.at(number, last);
        if aead::open_with(&self.cipher, &nonce, aad, sealed, &mut out[start..]).is_none() {
            out.truncate(start);
            return Err(failed);
        }
        self.number += 1;
        Ok(())
    }
}

impl fmt::Debug for BodyOpener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BodyOpener({:?}, …)", self.of)
    }
}
