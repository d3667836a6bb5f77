//! Delivery: sealing what arrives, and putting it into copies.

use std::sync::Arc;

use super::books::{Body, Books};
use super::engine::{Blob, LooseWriter};
use super::row::{ObjectRow, Space, Uid, key, object_key};
use super::{Store, StoreError};
use crate::clock::SimTime;
use crate::vault::{
    CopyId, Delivery, MailboxCard, ObjectDate, ObjectHeader, ObjectSealer, OpenCopy, Rotate, Tagger,
};
use crate::world::DataClass;

/// A sealed body longer than this gets a file of its own.
const LOOSE_FROM: usize = 1 << 20;

/// Names the keyed digests by which a copy knows bytes that it has already.
const SEEN: &str = "seen";

/// A message to deliver: those of its parts that rest at this region.
#[derive(Clone, Copy, Debug)]
pub struct NewMail<'a> {
    /// When it was received, which is what a demand's date range is about.
    pub date: SimTime,
    /// The message, byte for byte.
    pub content: Option<&'a [u8]>,
    /// Its row of traffic data.
    pub traffic: Option<&'a [u8]>,
    /// Take it only if the copy does not have these bytes yet: for imports, which may be repeated.
    pub once: bool,
}

/// What became of a delivery.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Delivered {
    /// For each part, its class and number, and its copy's modification sequence.
    pub parts: Vec<(DataClass, Uid, u64)>,
    /// False if the copy had the message already.
    pub new: bool,
}

impl Delivered {
    /// The number of the part of this class.
    pub fn uid(&self, class: DataClass) -> Option<Uid> {
        self.parts.iter().find(|(found, ..)| *found == class).map(|(_, uid, _)| *uid)
    }
}

/// One part of a delivery, sealed and not yet committed.
pub struct SealedPart {
    keys: Arc<OpenCopy>,
    header: ObjectHeader,
    body: Body,
    seen: Option<[u8; 16]>,
    /// The version that this record replaces, if it is a standing record.
    replaces: Option<u32>,
}

impl Store {
    /// Seals a message and puts its parts into the mailbox, all of them in one commit.
    ///
    /// Sealing happens at the first poll, on the caller's thread.
    pub async fn deliver(
        &self,
        clearance: &Delivery,
        card: &MailboxCard,
        mail: NewMail<'_>,
    ) -> Result<Delivered, StoreError> {
        let mut parts = Vec::with_capacity(2);
        let mut once = mail.once;
        for (class, bytes) in [(DataClass::Content, mail.content), (DataClass::Traffic, mail.traffic)] {
            let Some(bytes) = bytes else { continue };
            // The first part stands for the whole message.
            parts.push(self.seal(clearance, card, class, mail.date, bytes, std::mem::take(&mut once))?);
        }
        self.deliver_sealed(parts).await
    }

    /// Seals a part that is there as a whole. A long one is on the disk when this returns, so it may wait for it.
    ///
    /// With `once`, the part stands for its message: it is taken only if the copy does not have it yet.
    pub fn seal(
        &self,
        clearance: &Delivery,
        card: &MailboxCard,
        class: DataClass,
        date: SimTime,
        bytes: &[u8],
        once: bool,
    ) -> Result<SealedPart, StoreError> {
        if bytes.len() >= LOOSE_FROM {
            let mut writer = self.begin_body(clearance, card, class, date)?;
            writer.push(bytes)?;
            return writer.finish(once);
        }
        let keys = self.keys_for(card, class)?;
        let (header, body) = keys.seal(clearance, ObjectDate::On(date), 1, bytes);
        let seen = once.then(|| keys.index_tag(SEEN, bytes));
        Ok(SealedPart { keys, header, body: Body::Whole(Blob::new(body)), seen, replaces: None })
    }

    /// Begins to seal a part that arrives in pieces, and may be too long to be held in memory.
    pub fn begin_body(
        &self,
        clearance: &Delivery,
        card: &MailboxCard,
        class: DataClass,
        date: SimTime,
    ) -> Result<BodyWriter, StoreError> {
        let keys = self.keys_for(card, class)?;
        Ok(BodyWriter {
            tagger: keys.tagger(SEEN),
            sealer: OpenCopy::sealer(&keys, clearance, ObjectDate::On(date), 1),
            keys,
            store: self.clone(),
            sealed: Vec::new(),
            loose: None,
        })
    }

    /// Puts sealed parts into their copies, all of them in one commit.
    pub async fn deliver_sealed(&self, mut parts: Vec<SealedPart>) -> Result<Delivered, StoreError> {
        loop {
            let bytes = parts.iter().map(SealedPart::waiting_bytes).sum();
            match self.0.committer.transact(bytes, move |books| put_parts(books, parts)).await? {
                Put::Done(delivered) => return Ok(delivered),
                Put::Stale(refused) => {
                    parts = refused.into_iter().map(|part| self.renew(part)).collect::<Result<_, _>>()?;
                }
            }
        }
    }

    /// Puts a copy's standing record in place of the one it has: who holds the account, the address book.
    pub async fn put_record(
        &self,
        clearance: &Delivery,
        card: &MailboxCard,
        class: DataClass,
        record: &[u8],
    ) -> Result<Uid, StoreError> {
        let keys = self.keys_for(card, class)?;
        let replaces = self.copy_row(keys.id())?.record_version;
        let (header, body) = keys.seal(clearance, ObjectDate::Standing, replaces + 1, record);
        let body = Body::Whole(Blob::new(body));
        let part = SealedPart { keys, header, body, seen: None, replaces: Some(replaces) };
        let delivered = self.deliver_sealed(vec![part]).await?;
        delivered.uid(class).ok_or(StoreError::Changed { class })
    }

    fn keys_for(&self, card: &MailboxCard, class: DataClass) -> Result<Arc<OpenCopy>, StoreError> {
        let copy = card.copy(class).ok_or(StoreError::NotHere { class })?;
        self.current_keys(copy.copy)
    }

    /// Wraps a part's key under the generation that came up while it was on its way. Its body stays.
    fn renew(&self, mut part: SealedPart) -> Result<SealedPart, StoreError> {
        self.0.keys.forget(&part.keys.id());
        let keys = self.current_keys(part.keys.id())?;
        part.header = part.keys.rewrap(&Rotate::new(), &keys, &part.header)?;
        part.keys = keys;
        Ok(part)
    }
}

impl SealedPart {
    fn copy(&self) -> CopyId {
        self.keys.id()
    }

    fn waiting_bytes(&self) -> usize {
        match &self.body {
            Body::Whole(blob) => blob.bytes.len(),
            Body::Loose(_) => 0,
        }
    }
}

enum Put {
    Done(Delivered),
    /// A copy goes under another generation by now.
    Stale(Vec<SealedPart>),
}

fn put_parts(books: &mut Books, parts: Vec<SealedPart>) -> Result<Put, StoreError> {
    for part in &parts {
        let row = books.copy(part.copy())?;
        if row.current().generation != part.header.generation {
            return Ok(Put::Stale(parts));
        }
        if row.next_uid == u32::MAX {
            return Err(StoreError::Full { copy: part.copy() });
        }
        if part.replaces.is_some_and(|version| version != row.record_version) {
            return Err(StoreError::Changed { class: row.identity.class });
        }
        let class = row.identity.class;
        if let Some(digest) = part.seen
            && let Some(uid) = books.get(&seen_key(part.copy(), digest))?
        {
            let uid = uid.as_slice().try_into().map(u32::from_be_bytes);
            let uid = Uid(uid.map_err(|_| StoreError::BadRow { what: "a digest of bytes seen" })?);
            let modseq = books.copy(part.copy())?.modseq;
            return Ok(Put::Done(Delivered { parts: vec![(class, uid, modseq)], new: false }));
        }
    }
    let mut delivered = Delivered { parts: Vec::with_capacity(parts.len()), new: true };
    for part in parts {
        let copy = part.copy();
        if part.replaces.is_some()
            && let Some(before) = books.copy(copy)?.record
        {
            remove_object(books, copy, before)?;
        }
        let body = books.add_body(part.body);
        let row = books.copy_mut(copy)?;
        let uid = Uid(row.next_uid);
        row.next_uid += 1;
        row.modseq += 1;
        row.sealed_bytes += body.length();
        if part.replaces.is_some() {
            row.record = Some(uid);
            row.record_version = part.header.version;
        }
        let (class, modseq) = (row.identity.class, row.modseq);
        if let Some(generation) = row.generation_mut(part.header.generation) {
            generation.objects += 1;
        }
        if let Some(digest) = part.seen {
            books.put(seen_key(copy, digest), uid.0.to_be_bytes().to_vec());
        }
        let object = ObjectRow { modseq, header: part.header, body, seen: part.seen };
        books.put(object_key(Space::Object, copy, uid), object.to_bytes());
        delivered.parts.push((class, uid, modseq));
    }
    Ok(Put::Done(delivered))
}

fn seen_key(copy: CopyId, digest: [u8; 16]) -> Vec<u8> {
    key(Space::Seen, &[copy.as_bytes(), &digest])
}

/// Takes an object out of its copy. From then on nobody reads it, unless a hold keeps it for a permit; false if
/// there is none.
pub(super) fn remove_object(books: &mut Books, copy: CopyId, uid: Uid) -> Result<bool, StoreError> {
    let Some(bytes) = books.get(&object_key(Space::Object, copy, uid))? else { return Ok(false) };
    let object = ObjectRow::from_bytes(&bytes)?;
    let row = books.copy_mut(copy)?;
    row.modseq += 1;
    row.sealed_bytes = row.sealed_bytes.saturating_sub(object.body.length());
    let held = row.holds > 0;
    if let Some(generation) = row.generation_mut(object.header.generation) {
        generation.objects = generation.objects.saturating_sub(1);
        if held {
            generation.kept += 1;
        } else {
            generation.deleted += 1;
        }
    }
    books.delete(object_key(Space::Object, copy, uid));
    if let Some(digest) = object.seen {
        books.delete(seen_key(copy, digest));
    }
    if held {
        books.put(object_key(Space::Kept, copy, uid), bytes);
    } else {
        books.release_body(object.body);
    }
    Ok(true)
}

/// Seals a part that arrives in pieces.
pub struct BodyWriter {
    store: Store,
    keys: Arc<OpenCopy>,
    sealer: ObjectSealer,
    tagger: Tagger,
    /// Sealed bytes that are not in a file yet.
    sealed: Vec<u8>,
    loose: Option<LooseWriter>,
}

impl BodyWriter {
    /// Takes the next piece. May write to the disk.
    pub fn push(&mut self, piece: &[u8]) -> Result<(), StoreError> {
        // In steps, so that a long piece is not held sealed as a whole besides.
        for piece in piece.chunks(LOOSE_FROM / 2) {
            self.tagger.update(piece);
            self.sealer.push(piece, &mut self.sealed);
            if self.loose.is_none() && self.sealed.len() > LOOSE_FROM {
                self.loose = Some(self.store.0.reader.begin_loose()?);
            }
            if let Some(loose) = &mut self.loose {
                loose.write(&self.sealed)?;
                self.sealed.clear();
            }
        }
        Ok(())
    }

    /// Seals the end. A long body is on the disk when this returns, so it may wait for it.
    ///
    /// With `once`, the part stands for its message: it is taken only if the copy does not have it yet.
    pub fn finish(mut self, once: bool) -> Result<SealedPart, StoreError> {
        let header = self.sealer.finish(&mut self.sealed);
        let body = match self.loose {
            None => Body::Whole(Blob::new(self.sealed)),
            Some(mut loose) => {
                loose.write(&self.sealed)?;
                Body::Loose(loose.finish()?)
            }
        };
        let seen = once.then(|| self.tagger.finish());
        Ok(SealedPart { keys: self.keys, header, body, seen, replaces: None })
    }
}
