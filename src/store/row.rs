//! Rows of the index: their keys, and what is in them.
//!
//! A key is made of opaque ids, numbers and keyed digests, so it tells a thief of the disk how many things there
//! are, and never what or whose. Every value begins with the version of its format.

use crate::vault::{
    CopyId, CopyIdentity, Epoch, Generation, MailboxId, ObjectHeader, class_code, class_from_code,
};

use super::StoreError;
use super::engine::{BlobRef, FIRST_FREE_SPACE};

/// The first byte of a key.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(super) enum Space {
    /// `epoch`: how far a region key's life has got.
    Epoch = FIRST_FREE_SPACE,
    /// `name[16]`: a mailbox card, sealed.
    Card,
    /// `copy[16]`: the state of a copy.
    Copy,
    /// `copy[16] | uid`: an object.
    Object,
    /// `copy[16] | uid`: an object that was deleted and that a hold keeps.
    Kept,
    /// `copy[16] | digest[16]`: bytes that the copy has already, by their keyed digest.
    Seen,
    /// `copy[16] | name[16]`: a hold.
    Hold,
    /// `permit[32]`: a permit that is spent.
    Permit,
}

pub(super) fn key(space: Space, parts: &[&[u8]]) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + parts.iter().map(|part| part.len()).sum::<usize>());
    key.push(space as u8);
    parts.iter().for_each(|part| key.extend_from_slice(part));
    key
}

/// The number of an object in its copy: given at commit, never again, rising. From 1 (RFC 9051 section 2.3.1.1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Uid(pub u32);

impl std::fmt::Display for Uid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

pub(super) fn object_key(space: Space, copy: CopyId, uid: Uid) -> Vec<u8> {
    key(space, &[copy.as_bytes(), &uid.0.to_be_bytes()])
}

pub(super) fn uid_of(key: &[u8]) -> Option<Uid> {
    key.last_chunk().map(|uid| Uid(u32::from_be_bytes(*uid)))
}

/// Reads the parts of a value one after the other.
pub(super) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// `None` if the value's version is another.
    pub fn of(value: &'a [u8], version: u8) -> Option<Self> {
        value.split_first().filter(|(found, _)| **found == version).map(|(_, rest)| Fields(rest))
    }

    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*head)
    }

    pub fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    pub fn blob(&mut self) -> Option<BlobRef> {
        let (place, rest) = BlobRef::read_from(self.0)?;
        self.0 = rest;
        Some(place)
    }

    pub fn rest(self) -> &'a [u8] {
        self.0
    }
}

/// An object in the index.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct ObjectRow {
    pub modseq: u64,
    pub header: ObjectHeader,
    pub body: BlobRef,
    /// The keyed digest by which the copy knows that it has these bytes, if it was asked to remember.
    pub seen: Option<[u8; 16]>,
}

impl ObjectRow {
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(160);
        bytes.push(1);
        bytes.extend_from_slice(&self.modseq.to_be_bytes());
        bytes.extend_from_slice(&self.header.to_bytes());
        self.body.write_to(&mut bytes);
        bytes.extend(self.seen.into_iter().flatten());
        bytes
    }

    pub fn from_bytes(bytes: &[u8]) -> Result<Self, StoreError> {
        let read = || {
            let mut fields = Fields::of(bytes, 1)?;
            let modseq = fields.u64()?;
            let header = ObjectHeader::from_bytes(&fields.array()?);
            let body = fields.blob()?;
            let seen = match fields.rest() {
                [] => None,
                digest => Some(digest.try_into().ok()?),
            };
            Some(ObjectRow { modseq, header, body, seen })
        };
        read().ok_or(StoreError::BadRow { what: "an object" })
    }
}

/// One generation of a copy's keys.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct GenerationRow {
    pub generation: Generation,
    /// Where its sealed keys lie in the key table.
    pub slot: u32,
    /// The epoch of the region's key that it is wrapped under.
    pub epoch: Epoch,
    /// The number of head office's key that it is wrapped for as well.
    pub head_office: Option<u32>,
    /// Objects whose keys are wrapped under it: those in the mailbox, and those that only a hold keeps.
    pub objects: u64,
    pub kept: u64,
    /// Objects that were deleted while their keys were wrapped under it.
    pub deleted: u64,
}

/// The state of a copy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct CopyRow {
    pub identity: CopyIdentity,
    pub next_uid: u32,
    pub modseq: u64,
    /// Bytes of plaintext in the mailbox, without what only a hold keeps.
    pub sealed_bytes: u64,
    /// How many holds and unfinished productions need what is here.
    pub holds: u32,
    /// The standing record of the copy, if it has one.
    pub record: Option<Uid>,
    /// The version of the latest standing record.
    pub record_version: u32,
    /// Oldest first; new objects go under the last.
    pub generations: Vec<GenerationRow>,
}

impl CopyRow {
    pub fn new(identity: CopyIdentity, first: GenerationRow) -> Self {
        CopyRow {
            identity,
            next_uid: 1,
            modseq: 0,
            sealed_bytes: 0,
            holds: 0,
            record: None,
            record_version: 0,
            generations: vec![first],
        }
    }

    pub fn key(copy: CopyId) -> Vec<u8> {
        key(Space::Copy, &[copy.as_bytes()])
    }

    /// The generation that new objects go under.
    pub fn current(&self) -> &GenerationRow {
        self.generations.last().expect("a copy has a generation from its making to its end")
    }

    pub fn generation_mut(&mut self, generation: Generation) -> Option<&mut GenerationRow> {
        self.generations.iter_mut().find(|g| g.generation == generation)
    }

    pub fn objects(&self) -> u64 {
        self.generations.iter().map(|g| g.objects).sum()
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(96 + 48 * self.generations.len());
        bytes.extend_from_slice(&[1, class_code(self.identity.class)]);
        bytes.extend_from_slice(self.identity.copy.as_bytes());
        bytes.extend_from_slice(self.identity.mailbox.as_bytes());
        bytes.extend_from_slice(&self.next_uid.to_be_bytes());
        bytes.extend_from_slice(&self.modseq.to_be_bytes());
        bytes.extend_from_slice(&self.sealed_bytes.to_be_bytes());
        bytes.extend_from_slice(&self.holds.to_be_bytes());
        bytes.extend_from_slice(&self.record.map_or(0, |uid| uid.0).to_be_bytes());
        bytes.extend_from_slice(&self.record_version.to_be_bytes());
        for g in &self.generations {
            bytes.extend_from_slice(&g.generation.0.to_be_bytes());
            bytes.extend_from_slice(&g.slot.to_be_bytes());
            bytes.extend_from_slice(&g.epoch.0.to_be_bytes());
            bytes.extend_from_slice(&g.head_office.unwrap_or(0).to_be_bytes());
            bytes.extend_from_slice(&g.objects.to_be_bytes());
            bytes.extend_from_slice(&g.kept.to_be_bytes());
            bytes.extend_from_slice(&g.deleted.to_be_bytes());
        }
        bytes
    }

    pub fn from_bytes(bytes: &[u8]) -> Result<Self, StoreError> {
        let read = || {
            let mut fields = Fields::of(bytes, 1)?;
            let class = class_from_code(fields.u8()?)?;
            let copy = CopyId::from_bytes(fields.array()?);
            let mailbox = MailboxId::from_bytes(fields.array()?);
            let mut row = CopyRow {
                identity: CopyIdentity { copy, mailbox, class },
                next_uid: fields.u32()?,
                modseq: fields.u64()?,
                sealed_bytes: fields.u64()?,
                holds: fields.u32()?,
                record: Some(fields.u32()?).filter(|uid| *uid != 0).map(Uid),
                record_version: fields.u32()?,
                generations: Vec::new(),
            };
            while let Some(generation) = fields.u32() {
                row.generations.push(GenerationRow {
                    generation: Generation(generation),
                    slot: fields.u32()?,
                    epoch: Epoch(fields.u32()?),
                    head_office: Some(fields.u32()?).filter(|number| *number != 0),
                    objects: fields.u64()?,
                    kept: fields.u64()?,
                    deleted: fields.u64()?,
                });
            }
            (!row.generations.is_empty()).then_some(row)
        };
        read().ok_or(StoreError::BadRow { what: "a copy" })
    }
}

/// How far the life of a region key has got.
#[derive(Clone, Copy, PartialEq, Eq, Debug, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EpochState {
    /// New wraps are made under it.
    Open,
    /// No wrap is added any more; those there are wait to be made anew.
    Closed,
    /// Nothing was wrapped under it any more, and its key is gone.
    Destroyed,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct EpochRow {
    pub state: EpochState,
    /// Keys of copies' generations that are wrapped under it.
    pub wraps: u64,
}

impl EpochRow {
    pub fn key(epoch: Epoch) -> Vec<u8> {
        key(Space::Epoch, &[&epoch.0.to_be_bytes()])
    }

    pub fn to_bytes(self) -> Vec<u8> {
        let state = match self.state {
            EpochState::Open => 1,
            EpochState::Closed => 2,
            EpochState::Destroyed => 3,
        };
        let mut bytes = vec![1, state];
        bytes.extend_from_slice(&self.wraps.to_be_bytes());
        bytes
    }

    pub fn from_bytes(bytes: &[u8]) -> Result<Self, StoreError> {
        let read = || {
            let mut fields = Fields::of(bytes, 1)?;
            let state = match fields.u8()? {
                1 => EpochState::Open,
                2 => EpochState::Closed,
                3 => EpochState::Destroyed,
                _ => return None,
            };
            Some(EpochRow { state, wraps: fields.u64()? })
        };
        read().ok_or(StoreError::BadRow { what: "an epoch" })
    }
}
