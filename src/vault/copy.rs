//! A copy with its keys at hand.

use std::fmt;
use std::sync::Arc;

use aes_gcm::Aes256Gcm;
use zeroize::Zeroizing;

use super::VaultError;
use super::aead;
use super::clearance::{Delivery, Reads, Rotate};
use super::id::{CopyId, ObjectId};
pub use super::key::Tagger;
use super::key::{CopyKey, Epoch, Generation, IndexKey, KEY_LENGTH, MessageKey, Secret, secret_from};
use super::object::{self, BodyOpener, BodySealer, ObjectDate, ObjectFacts, ObjectHeader};
use super::wrap::{CopyIdentity, CopyKeyWrap, Recipient, domain};

/// What a store keeps of a copy's keys of one generation. All of it is sealed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SealedCopyKeys {
    pub generation: Generation,
    /// The copy's key, once for each who can use it. This set is the copy's key custody.
    pub wraps: Vec<CopyKeyWrap>,
    /// The index key, sealed under the copy's key of this generation.
    pub index_key: Vec<u8>,
}

impl SealedCopyKeys {
    /// The epoch of the region's key that the copy's is wrapped under.
    pub fn region_epoch(&self) -> Option<Epoch> {
        self.region_wrap().map(|(_, epoch)| epoch)
    }

    /// The number of head office's key that the copy's is wrapped for, if it is.
    pub fn head_office_key(&self) -> Option<u32> {
        self.wraps.iter().find_map(|wrap| match wrap.recipient {
            Recipient::HeadOffice(number) => Some(number),
            Recipient::Region(_) => None,
        })
    }

    /// Puts a wrap for the region in the place of the one that is there.
    pub fn replace_region_wrap(&mut self, wrap: CopyKeyWrap) {
        self.wraps.retain(|wrap| !matches!(wrap.recipient, Recipient::Region(_)));
        self.wraps.insert(0, wrap);
    }

    pub(super) fn region_wrap(&self) -> Option<(&CopyKeyWrap, Epoch)> {
        self.wraps.iter().find_map(|wrap| match wrap.recipient {
            Recipient::Region(epoch) => Some((wrap, epoch)),
            Recipient::HeadOffice(_) => None,
        })
    }
}

/// A copy's keys of one generation, opened. To read with it still takes a clearance that covers the object.
pub struct OpenCopy {
    identity: CopyIdentity,
    generation: Generation,
    wrapper: Aes256Gcm,
    index: IndexKey,
}

impl OpenCopy {
    /// Keys for a new copy, or for the next generation of one whose index key is `index`.
    pub(super) fn with_key(identity: CopyIdentity, key: &CopyKey, index: Secret) -> (Self, Vec<u8>) {
        let wrapper = key.cipher();
        let sealed = aead::seal(&wrapper, &index_binding(&identity, key.generation()), index.as_ref());
        let (generation, index) = (key.generation(), IndexKey::new(index));
        (OpenCopy { identity, generation, wrapper, index }, sealed)
    }

    pub(super) fn open(identity: CopyIdentity, key: &CopyKey, index_key: &[u8]) -> Result<Self, VaultError> {
        let wrapper = key.cipher();
        let generation = key.generation();
        let index = aead::open(&wrapper, &index_binding(&identity, generation), index_key)
            .and_then(|opened| secret_from(&opened))
            .map(IndexKey::new)
            .ok_or(VaultError::DoesNotOpen { what: "an index key", of: identity.copy })?;
        Ok(OpenCopy { identity, generation, wrapper, index })
    }

    pub fn identity(&self) -> &CopyIdentity {
        &self.identity
    }

    pub fn id(&self) -> CopyId {
        self.identity.copy
    }

    pub fn generation(&self) -> Generation {
        self.generation
    }

    pub(super) fn index_secret(&self) -> &Secret {
        self.index.secret()
    }

    /// A keyed digest, to name a row of the index by what it holds. Another copy has another for the same bytes.
    pub fn index_tag(&self, purpose: &str, bytes: &[u8]) -> [u8; 16] {
        self.index.tag(purpose, bytes)
    }

    /// As [`OpenCopy::index_tag`], of bytes that arrive in pieces.
    pub fn tagger(&self, purpose: &str) -> Tagger {
        self.index.tagger(purpose)
    }

    /// Seals a small value that lies in the index beside the row named `name`, and opens only there.
    pub(super) fn seal_value(&self, name: &[u8], value: &[u8]) -> Vec<u8> {
        self.index.seal_value(name, value)
    }

    pub(super) fn open_value(&self, name: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        self.index
            .open_value(name, sealed)
            .ok_or(VaultError::DoesNotOpen { what: "a row of the index", of: self.identity.copy })
    }

    /// Seals an object that is there as a whole: its header, and its body.
    pub fn seal(
        &self,
        _: &Delivery,
        date: ObjectDate,
        version: u32,
        plain: &[u8],
    ) -> (ObjectHeader, Vec<u8>) {
        let drawn = Drawn::fresh();
        let mut sealer = BodySealer::new(&drawn.key, &self.identity, drawn.object, version);
        let body = sealer.whole(plain);
        let facts = ObjectFacts { date, length: plain.len() as u64 };
        (self.header(&drawn, version, &facts), body)
    }

    /// Begins to seal an object that arrives in pieces.
    pub fn sealer(self: &Arc<Self>, _: &Delivery, date: ObjectDate, version: u32) -> ObjectSealer {
        let drawn = Drawn::fresh();
        let body = BodySealer::new(&drawn.key, &self.identity, drawn.object, version);
        ObjectSealer { copy: self.clone(), drawn, body, date, version }
    }

    fn header(&self, drawn: &Drawn, version: u32, facts: &ObjectFacts) -> ObjectHeader {
        let name = (drawn.object, version, self.generation);
        object::wrap_key(&self.wrapper, &self.identity, name, &drawn.key, facts, drawn.nonce)
    }

    /// Opens an object's key, if the clearance covers the object; `None` if it does not.
    pub fn open_object<C: Reads>(
        &self,
        clearance: &C,
        header: &ObjectHeader,
    ) -> Result<Option<BodyOpener>, VaultError> {
        if !clearance.covers_copy(&self.identity) {
            return Ok(None);
        }
        let (key, facts) = self.unwrap(header)?;
        if !clearance.covers(&self.identity, facts.date) {
            return Ok(None);
        }
        Ok(Some(BodyOpener::new(&key, &self.identity, header, facts)))
    }

    /// Wraps an object's key under the next generation of the copy's key. Its body stays as it is.
    pub fn rewrap(
        &self,
        _: &Rotate,
        next: &OpenCopy,
        header: &ObjectHeader,
    ) -> Result<ObjectHeader, VaultError> {
        let (key, facts) = self.unwrap(header)?;
        let mut nonce = [0; aead::NONCE_LENGTH];
        rand::fill(&mut nonce);
        let name = (header.object, header.version, next.generation);
        Ok(object::wrap_key(&next.wrapper, &next.identity, name, &key, &facts, nonce))
    }

    fn unwrap(&self, header: &ObjectHeader) -> Result<(MessageKey, ObjectFacts), VaultError> {
        object::unwrap_key(&self.wrapper, &self.identity, header)
    }
}

impl fmt::Debug for OpenCopy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpenCopy({:?}, generation {}, …)", self.identity, self.generation)
    }
}

/// `domain | class | copy | generation`.
fn index_binding(of: &CopyIdentity, generation: Generation) -> Vec<u8> {
    let mut aad = vec![domain::INDEX_KEY, super::wrap::class_code(of.class)];
    aad.extend_from_slice(of.copy.as_bytes());
    aad.extend_from_slice(&generation.0.to_be_bytes());
    aad
}

/// What is drawn at random for each object, in one go.
struct Drawn {
    object: ObjectId,
    key: MessageKey,
    nonce: [u8; aead::NONCE_LENGTH],
}

impl Drawn {
    /// Always from the operating system's generator, even where the rest of a deployment replays a seed: a key
    /// that came up twice would seal two bodies with the same nonces, and nothing that is recorded depends on it.
    fn fresh() -> Self {
        // The key straight into its own place: a draft of it would have to be wiped, byte by byte.
        let mut key = Zeroizing::new([0; KEY_LENGTH]);
        rand::fill(key.as_mut());
        let mut public = [0u8; 16 + aead::NONCE_LENGTH];
        rand::fill(&mut public);
        let (mut object, mut nonce) = ([0; 16], [0; aead::NONCE_LENGTH]);
        object.copy_from_slice(&public[..16]);
        nonce.copy_from_slice(&public[16..]);
        Drawn { object: ObjectId::from_bytes(object), key: MessageKey::new(key), nonce }
    }
}

/// Seals an object that arrives in pieces. Sealed bytes are appended to the caller's buffer, who takes them out
/// as often as it likes.
pub struct ObjectSealer {
    copy: Arc<OpenCopy>,
    drawn: Drawn,
    body: BodySealer,
    date: ObjectDate,
    version: u32,
}

impl ObjectSealer {
    pub fn push(&mut self, plain: &[u8], out: &mut Vec<u8>) {
        self.body.push(plain, out);
    }

    pub fn finish(self, out: &mut Vec<u8>) -> ObjectHeader {
        let length = self.body.finish(out);
        self.copy.header(&self.drawn, self.version, &ObjectFacts { date: self.date, length })
    }
}

impl fmt::Debug for ObjectSealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ObjectSealer({:?}, …)", self.copy.identity)
    }
}
