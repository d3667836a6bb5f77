//! The journal: batches of leaves in the order in which they were committed.
//!
//! ```text
//! header: `rogatory journal 1\n` | u64 base size | [u8; 32] base root | [u8; 32] check
//! record: u32 length of what follows | u64 old size | u64 new size | [u8; 32] new root | leaves | [u8; 32] check
//! ```
//!
//! A leaf is a u16 length and its bytes, as in an entry bundle. Each check is SHA-256 over the check before it and the record,
//! so that a record counts only behind the one it was written after. Integers are big-endian. The journal ends at the
//! first zero length. What follows a torn record was never acknowledged.

use sha2::{Digest, Sha256};

use super::{Hash, TreeHead};

const MAGIC: &[u8] = b"rogatory journal 1\n";
pub(super) const HEADER_BYTES: usize = MAGIC.len() + 8 + 32 + 32;

/// The journal as far as it is written: what the next record has to follow.
#[derive(Clone)]
pub(super) struct JournalEnd {
    /// Where the next record goes.
    pub at: u64,
    /// The last 32 bytes before that place.
    pub check: [u8; 32],
}

/// One batch.
pub(super) struct Batch {
    pub head: TreeHead,
    pub leaves: Vec<Vec<u8>>,
}

/// A new journal on top of tiles that are durable.
pub(super) fn header(base: TreeHead) -> (Vec<u8>, JournalEnd) {
    let mut bytes = MAGIC.to_vec();
    put_head(&mut bytes, base);
    let check: [u8; 32] = Sha256::digest(&bytes).into();
    bytes.extend_from_slice(&check);
    (bytes, JournalEnd { at: HEADER_BYTES as u64, check })
}

/// The record of a batch that goes from `old` to `head`.
pub(super) fn record<'a>(
    end: &JournalEnd,
    old: u64,
    head: TreeHead,
    leaves: impl Iterator<Item = &'a [u8]>,
) -> (Vec<u8>, JournalEnd) {
    let mut bytes = vec![0; 4];
    bytes.extend_from_slice(&old.to_be_bytes());
    put_head(&mut bytes, head);
    for leaf in leaves {
        put_leaf(&mut bytes, leaf);
    }
    let length = u32::try_from(bytes.len() - 4 + 32).expect("a batch is far below 4 GiB");
    bytes[..4].copy_from_slice(&length.to_be_bytes());
    let check = follow(&end.check, &bytes);
    bytes.extend_from_slice(&check);
    let end = JournalEnd { at: end.at + bytes.len() as u64, check };
    (bytes, end)
}

/// A leaf as it stands in a record and in an entry bundle (C2SP tlog-tiles).
pub(super) fn put_leaf(bytes: &mut Vec<u8>, leaf: &[u8]) {
    let length = u16::try_from(leaf.len()).expect("every leaf is 580 bytes long");
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(leaf);
}

/// Splits an entry bundle. `None` if it does not end where a leaf does.
pub(super) fn split_leaves(mut bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut leaves = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk::<2>()?;
        let (leaf, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        leaves.push(leaf);
        bytes = rest;
    }
    Some(leaves)
}

/// What a journal holds.
pub(super) struct Journal {
    pub base: TreeHead,
    pub batches: Vec<Batch>,
    /// Where the last whole record ends.
    pub end: usize,
    /// How many bytes after that are not zero: a record that was torn, or damage.
    pub torn: usize,
}

impl Journal {
    /// The head after the last whole record.
    pub(super) fn head(&self) -> TreeHead {
        self.batches.last().map_or(self.base, |batch| batch.head)
    }
}

/// Reads a journal that is not empty.
pub(super) fn read(bytes: &[u8]) -> Result<Journal, JournalError> {
    if bytes.len() < HEADER_BYTES || !bytes.starts_with(MAGIC) {
        let start = &bytes[..bytes.len().min(MAGIC.len())];
        return Err(JournalError::Header(String::from_utf8_lossy(start).trim_end().to_owned()));
    }
    let check: [u8; 32] = Sha256::digest(&bytes[..HEADER_BYTES - 32]).into();
    if bytes[HEADER_BYTES - 32..HEADER_BYTES] != check {
        return Err(JournalError::HeaderCheck);
    }
    let base = get_head(&bytes[MAGIC.len()..HEADER_BYTES - 32]).ok_or(JournalError::HeaderCheck)?.0;
    let mut journal = Journal { base, batches: Vec::new(), end: 0, torn: 0 };
    let mut rest = &bytes[HEADER_BYTES..];
    let (mut check, mut size) = (check, base.size);
    while let Some((batch, after, next)) = read_record(rest, &check, size) {
        size = batch.head.size;
        journal.batches.push(batch);
        (rest, check) = (after, next);
    }
    journal.end = bytes.len() - rest.len();
    journal.torn = rest.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    Ok(journal)
}

fn read_record<'a>(bytes: &'a [u8], check: &[u8; 32], size: u64) -> Option<(Batch, &'a [u8], [u8; 32])> {
    let length = u32::from_be_bytes(*bytes.first_chunk::<4>()?) as usize;
    let (record, rest) = bytes.split_at_checked(4 + length)?;
    let body = record.get(4..record.len().checked_sub(32)?)?;
    let next = follow(check, &record[..record.len() - 32]);
    if record[record.len() - 32..] != next {
        return None;
    }
    let (old, body) = body.split_first_chunk::<8>()?;
    let (head, leaves) = get_head(body)?;
    let leaves: Vec<Vec<u8>> = split_leaves(leaves)?.into_iter().map(<[u8]>::to_vec).collect();
    let grows = u64::from_be_bytes(*old) == size && head.size == size + leaves.len() as u64;
    (grows && !leaves.is_empty()).then_some((Batch { head, leaves }, rest, next))
}

fn follow(check: &[u8; 32], record: &[u8]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(check);
    hasher.update(record);
    hasher.finalize().into()
}

fn put_head(bytes: &mut Vec<u8>, head: TreeHead) {
    bytes.extend_from_slice(&head.size.to_be_bytes());
    bytes.extend_from_slice(&head.hash.0);
}

fn get_head(bytes: &[u8]) -> Option<(TreeHead, &[u8])> {
    let (size, rest) = bytes.split_first_chunk::<8>()?;
    let (hash, rest) = rest.split_first_chunk::<32>()?;
    Some((TreeHead { size: u64::from_be_bytes(*size), hash: Hash(*hash) }, rest))
}

/// Why a journal cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JournalError {
    #[error("the journal starts with `{0}`, and this program reads `rogatory journal 1` only")]
    Header(String),
    #[error("the head of the journal is damaged")]
    HeaderCheck,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn head(size: u64) -> TreeHead {
        TreeHead { size, hash: Hash([size as u8; 32]) }
    }

    fn journal() -> Vec<u8> {
        let (mut bytes, end) = header(head(5));
        let (first, end) = record(&end, 5, head(7), [&[1u8; 3][..], &[2; 4]].into_iter());
        let (second, _) = record(&end, 7, head(8), [&[3u8; 5][..]].into_iter());
        bytes.extend(first);
        bytes.extend(second);
        bytes.extend([0; 100]);
        bytes
    }

    #[test]
    fn reads_what_was_written() {
        let read = read(&journal()).unwrap();
        assert_eq!((read.base, read.torn), (head(5), 0));
        assert_eq!(read.batches.len(), 2);
        assert_eq!(read.batches[0].leaves, [vec![1; 3], vec![2; 4]]);
        assert_eq!(read.batches[1].head, head(8));
    }

    #[test]
    fn another_version_is_refused() {
        let mut bytes = journal();
        bytes[17] = b'2';
        assert_eq!(read(&bytes).err(), Some(JournalError::Header("rogatory journal 2".into())));
    }

    proptest! {
        /// Wherever a write stopped, every record before it is there and nothing else.
        #[test]
        fn a_torn_record_ends_the_journal(cut in 0usize..200) {
            let whole = journal();
            let whole = &whole[..whole.len() - 100];
            let cut = HEADER_BYTES + cut % (whole.len() - HEADER_BYTES);
            let mut bytes = whole[..cut].to_vec();
            bytes.resize(whole.len() + 64, 0);
            let first = 4 + 8 + 40 + 5 + 6 + 32;
            let expected = usize::from(cut >= HEADER_BYTES + first);
            let read = read(&bytes).unwrap();
            prop_assert_eq!(read.batches.len(), expected);
        }

        #[test]
        fn a_flipped_bit_never_adds_or_alters(bit in 0usize..2000) {
            let mut bytes = journal();
            let bit = bit % (bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
            if let Ok(read) = read(&bytes) {
                let good = super::read(&journal()).unwrap();
                prop_assert!(read.batches.len() <= 2);
                for (a, b) in read.batches.iter().zip(&good.batches) {
                    prop_assert_eq!(&a.leaves, &b.leaves);
                }
                let damaged = bit / 8 < journal().len() - 100;
                prop_assert!(!damaged || read.torn > 0);
            }
        }
    }
}
