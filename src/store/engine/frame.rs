//! How one commit lies in the log.
//!
//! ```text
//! "RgFr" | u32 blob count | u64 sequence | u64 bytes of blobs | u32 bytes of rows | u32 0 | u64 check   header
//! blob | blob | …
//! (u32 length | u64 digest) for each blob                                                               table
//! (u8 put or delete | u16 key length | u32 value length | key | value) for each row                     rows
//! ```
//!
//! The check is XXH3 over the header before it, the table and the rows; a blob's digest is its XXH3. They tell a
//! frame that a power cut tore from a whole one. They are no defence against an attacker; the seals inside are.
//! Numbers are little endian.

use xxhash_rust::xxh3::{Xxh3, xxh3_64};

pub(super) const HEADER_LENGTH: usize = 40;
const MAGIC: [u8; 4] = *b"RgFr";
const TABLE_ENTRY_LENGTH: usize = 12;

/// Bytes of one blob, and their digest.
pub(crate) struct Blob {
    pub bytes: Vec<u8>,
    pub digest: u64,
}

impl Blob {
    /// Digests the bytes, which is why it is made where they were sealed and not in the committer.
    pub fn new(bytes: Vec<u8>) -> Self {
        let digest = xxh3_64(&bytes);
        Blob { bytes, digest }
    }
}

/// One change of one row of the index.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct RowChange {
    pub key: Vec<u8>,
    /// `None` deletes the row.
    pub value: Option<Vec<u8>>,
}

pub(super) struct Header {
    pub blob_count: u32,
    pub sequence: u64,
    pub blob_bytes: u64,
    pub row_bytes: u32,
    check: u64,
}

impl Header {
    pub fn parse(bytes: &[u8; HEADER_LENGTH]) -> Option<Header> {
        let u32_at = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
        let u64_at = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
        (bytes[..4] == MAGIC && u32_at(28) == 0).then(|| Header {
            blob_count: u32_at(4),
            sequence: u64_at(8),
            blob_bytes: u64_at(16),
            row_bytes: u32_at(24),
            check: u64_at(32),
        })
    }

    /// Bytes of table and rows.
    pub fn tail_length(&self) -> u64 {
        u64::from(self.blob_count) * TABLE_ENTRY_LENGTH as u64 + u64::from(self.row_bytes)
    }

    pub fn frame_length(&self) -> Option<u64> {
        (HEADER_LENGTH as u64).checked_add(self.blob_bytes)?.checked_add(self.tail_length())
    }

    /// The blobs' lengths and digests and the rows, if `tail` belongs to this header.
    pub fn read_tail(&self, header: &[u8; HEADER_LENGTH], tail: &[u8]) -> Option<Tail> {
        if check(&header[..32], tail) != self.check {
            return None;
        }
        let (table, rows) = tail.split_at_checked(self.blob_count as usize * TABLE_ENTRY_LENGTH)?;
        let blobs: Vec<(u32, u64)> = table
            .chunks_exact(TABLE_ENTRY_LENGTH)
            .map(|entry| {
                let (length, digest) = entry.split_at(4);
                let length = u32::from_le_bytes(length.try_into().expect("four bytes"));
                (length, u64::from_le_bytes(digest.try_into().expect("eight bytes")))
            })
            .collect();
        let total: u64 = blobs.iter().map(|(length, _)| u64::from(*length)).sum();
        Some(Tail { blobs, rows: read_rows(rows)? }).filter(|_| total == self.blob_bytes)
    }
}

pub(super) struct Tail {
    pub blobs: Vec<(u32, u64)>,
    pub rows: Vec<RowChange>,
}

/// Header and tail of a frame with these blobs between them.
pub(super) fn build(sequence: u64, blobs: &[Blob], rows: &[RowChange]) -> (Vec<u8>, Vec<u8>) {
    let mut tail = Vec::with_capacity(blobs.len() * TABLE_ENTRY_LENGTH + rows.len() * 192);
    for blob in blobs {
        tail.extend_from_slice(&(blob.bytes.len() as u32).to_le_bytes());
        tail.extend_from_slice(&blob.digest.to_le_bytes());
    }
    for row in rows {
        let value = row.value.as_deref();
        tail.push(if value.is_some() { 1 } else { 2 });
        tail.extend_from_slice(&(row.key.len() as u16).to_le_bytes());
        tail.extend_from_slice(&(value.map_or(0, <[u8]>::len) as u32).to_le_bytes());
        tail.extend_from_slice(&row.key);
        tail.extend_from_slice(value.unwrap_or_default());
    }
    let row_bytes = tail.len() - blobs.len() * TABLE_ENTRY_LENGTH;
    let mut header = Vec::with_capacity(HEADER_LENGTH);
    header.extend_from_slice(&MAGIC);
    header.extend_from_slice(&(blobs.len() as u32).to_le_bytes());
    header.extend_from_slice(&sequence.to_le_bytes());
    header.extend_from_slice(&blobs.iter().map(|blob| blob.bytes.len() as u64).sum::<u64>().to_le_bytes());
    header.extend_from_slice(&(row_bytes as u32).to_le_bytes());
    header.extend_from_slice(&[0; 4]);
    header.extend_from_slice(&check(&header, &tail).to_le_bytes());
    (header, tail)
}

fn check(header: &[u8], tail: &[u8]) -> u64 {
    let mut hasher = Xxh3::new();
    hasher.update(header);
    hasher.update(tail);
    hasher.digest()
}

fn read_rows(mut bytes: &[u8]) -> Option<Vec<RowChange>> {
    let mut rows = Vec::new();
    while !bytes.is_empty() {
        let (head, rest) = bytes.split_first_chunk::<7>()?;
        let key_length = u16::from_le_bytes([head[1], head[2]]) as usize;
        let value_length = u32::from_le_bytes([head[3], head[4], head[5], head[6]]) as usize;
        let (key, rest) = rest.split_at_checked(key_length)?;
        let (value, rest) = rest.split_at_checked(value_length)?;
        let value = match head[0] {
            1 => Some(value.to_vec()),
            2 => None,
            _ => return None,
        };
        rows.push(RowChange { key: key.to_vec(), value });
        bytes = rest;
    }
    Some(rows)
}

/// Finds, in what follows a broken frame, a whole one of a later commit. There is none after a torn write, since
/// a commit is not begun before the one before it is on the disk; if there is, the disk lost something in between.
pub(super) fn find_later(bytes: &[u8], sequence: u64) -> Option<u64> {
    let mut start = 0;
    while let Some(found) = bytes[start..].windows(MAGIC.len()).position(|w| w == MAGIC) {
        let at = start + found;
        if let Some(header_bytes) = bytes[at..].first_chunk::<HEADER_LENGTH>()
            && let Some(header) = Header::parse(header_bytes)
            && header.sequence > sequence
            && let Some(length) = header.frame_length()
            && length <= (bytes.len() - at) as u64
        {
            let tail = at + (length - header.tail_length()) as usize..at + length as usize;
            if header.read_tail(header_bytes, &bytes[tail]).is_some() {
                return Some(header.sequence);
            }
        }
        start = at + 1;
    }
    None
}
