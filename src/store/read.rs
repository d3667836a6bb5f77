//! Reading: objects of a copy, opened for a clearance that covers them.

use std::iter::Peekable;
use std::sync::Arc;

use super::books::no_such_generation;
use super::engine::{BlobReader, Reader};
use super::row::{CopyRow, ObjectRow, Space, Uid, object_key, uid_of};
use super::{Store, StoreError};
use crate::vault::{
    BodyOpener, CopyId, CopyIdentity, Generation, ObjectFacts, OpenCopy, Reads, sealed_length,
};

impl Store {
    /// The objects of a copy that a clearance covers, in the order of their numbers, as they are now.
    pub fn objects<'c, C: Reads>(
        &self,
        clearance: &'c C,
        copy: &CopyIdentity,
    ) -> Result<Objects<'c, C>, StoreError> {
        self.objects_between(clearance, copy, Uid(1), Uid(u32::MAX))
    }

    /// As [`Store::objects`], of those numbered `first` to `last`.
    pub fn objects_between<'c, C: Reads>(
        &self,
        clearance: &'c C,
        copy: &CopyIdentity,
        first: Uid,
        last: Uid,
    ) -> Result<Objects<'c, C>, StoreError> {
        let copy = copy.copy;
        // The keys first, then the rows: keys that a rotation destroys in between are here already. Keys that it
        // adds in between are not, so look again then.
        let (keys, view) = loop {
            let keys = self.all_keys(copy)?;
            let view = self.0.reader.view()?;
            let row = view.get(&CopyRow::key(copy))?.ok_or(StoreError::NoSuchCopy { copy })?;
            let newest = CopyRow::from_bytes(&row)?.current().generation;
            if keys.iter().any(|keys| keys.generation() == newest) {
                break (keys, view);
            }
        };
        if !keys.iter().any(|keys| clearance.covers_copy(keys.identity())) {
            return Err(StoreError::NotCovered { copy });
        }
        let range = |space| {
            let rows = view.range(object_key(space, copy, first)..=object_key(space, copy, last));
            rows.map(read_row)
        };
        let rows: Rows = if first > last {
            Box::new(std::iter::empty())
        } else if clearance.covers_kept() {
            Box::new(Merged { a: range(Space::Object).peekable(), b: range(Space::Kept).peekable() })
        } else {
            Box::new(range(Space::Object))
        };
        Ok(Objects { rows, keys, clearance, reader: self.0.reader.clone() })
    }

    /// One object, if it is there and the clearance covers it.
    pub fn object<C: Reads>(
        &self,
        clearance: &C,
        copy: &CopyIdentity,
        uid: Uid,
    ) -> Result<Option<Object>, StoreError> {
        self.objects_between(clearance, copy, uid, uid)?.next().transpose()
    }

    /// The keys of every generation of a copy.
    fn all_keys(&self, copy: CopyId) -> Result<Vec<Arc<OpenCopy>>, StoreError> {
        self.with_copy_row(copy, |row| {
            let newest = row.current().generation;
            let current = self.0.keys.get(&copy).filter(|keys| keys.generation() == newest);
            if let (Some(keys), [_]) = (current, row.generations.as_slice()) {
                return Ok(vec![keys]);
            }
            row.generations.iter().map(|g| self.open_generation(row, g).map(Arc::new)).collect()
        })
    }
}

type NumberedRow = Result<(Uid, ObjectRow), StoreError>;
type Rows = Box<dyn Iterator<Item = NumberedRow> + Send>;

fn read_row(row: Result<super::engine::Row, super::EngineError>) -> NumberedRow {
    let (key, value) = row?;
    let uid = uid_of(&key).ok_or(StoreError::BadRow { what: "an object's key" })?;
    Ok((uid, ObjectRow::from_bytes(&value)?))
}

/// Two streams of rows as one, in the order of their numbers.
struct Merged<A: Iterator<Item = NumberedRow>, B: Iterator<Item = NumberedRow>> {
    a: Peekable<A>,
    b: Peekable<B>,
}

impl<A: Iterator<Item = NumberedRow>, B: Iterator<Item = NumberedRow>> Iterator for Merged<A, B> {
    type Item = NumberedRow;

    fn next(&mut self) -> Option<NumberedRow> {
        match (self.a.peek(), self.b.peek()) {
            (Some(Ok((a, _))), Some(Ok((b, _)))) if b < a => self.b.next(),
            (Some(_), _) => self.a.next(),
            (None, _) => self.b.next(),
        }
    }
}

/// Objects of a copy, one after the other.
pub struct Objects<'c, C: Reads> {
    rows: Rows,
    keys: Vec<Arc<OpenCopy>>,
    clearance: &'c C,
    reader: Arc<Reader>,
}

impl<C: Reads> Iterator for Objects<'_, C> {
    type Item = Result<Object, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let opened = self.rows.next()?.and_then(|(uid, row)| self.open(uid, row));
            if let Some(object) = opened.transpose() {
                return Some(object);
            }
        }
    }
}

impl<C: Reads> Objects<'_, C> {
    fn open(&self, uid: Uid, row: ObjectRow) -> Result<Option<Object>, StoreError> {
        let keys = self.keys_of(row.header.generation)?;
        let Some(opener) = keys.open_object(self.clearance, &row.header)? else { return Ok(None) };
        if row.body.length() != sealed_length(opener.facts().length) {
            return Err(StoreError::BadRow { what: "an object: its body has another length than it says" });
        }
        let body = self.reader.open_blob(row.body)?;
        Ok(Some(Object { uid, modseq: row.modseq, version: row.header.version, opener, body, at: 0 }))
    }

    fn keys_of(&self, generation: Generation) -> Result<&OpenCopy, StoreError> {
        let found = self.keys.iter().find(|keys| keys.generation() == generation);
        let copy = self.keys.first().map_or(CopyId::DIRECTORY, |keys| keys.id());
        found.map(|keys| &**keys).ok_or_else(|| no_such_generation(copy, generation))
    }
}

/// An object whose key is open; its body is read chunk by chunk.
pub struct Object {
    uid: Uid,
    modseq: u64,
    version: u32,
    opener: BodyOpener,
    body: BlobReader,
    /// Sealed bytes read so far.
    at: u64,
}

impl Object {
    pub fn uid(&self) -> Uid {
        self.uid
    }

    pub fn modseq(&self) -> u64 {
        self.modseq
    }

    /// 1 for a message; which version a standing record is.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Its date, and how long the plaintext is.
    pub fn facts(&self) -> &ObjectFacts {
        self.opener.facts()
    }

    /// Appends the next chunk of plaintext to `out`; false, and nothing appended, after the last. Nothing is
    /// appended of a chunk that does not verify.
    pub fn next_chunk(&mut self, out: &mut Vec<u8>) -> Result<bool, StoreError> {
        let Some(length) = self.opener.next_sealed_length() else { return Ok(false) };
        let mut sealed = vec![0; length];
        self.body.read(self.at, &mut sealed)?;
        self.opener.open_next(&sealed, out)?;
        self.at += length as u64;
        Ok(true)
    }

    /// The whole plaintext.
    pub fn read(mut self) -> Result<Vec<u8>, StoreError> {
        let mut out = Vec::with_capacity(self.facts().length as usize);
        while self.next_chunk(&mut out)? {}
        Ok(out)
    }
}
