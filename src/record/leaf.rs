//! One entry as bytes.

use super::Hash;
use super::slot::Slot;

/// One entry as it stands in the log. Its bytes are
///
/// ```text
/// u8 version = 1 | [u8; 32] matter tag | u16 month | u8 n = 16 | 16 × (u16 length = 32 | [u8; 32] commitment)
/// ```
///
/// with integers in big-endian order and the month as year × 12 + (month − 1) of simulated time in UTC. All leaves
/// are equally long, so that a reader cannot count what the law hides.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Leaf {
    pub(super) matter_tag: [u8; 32],
    pub(super) month: u16,
    pub(super) commitments: [[u8; 32]; 16],
}

impl Leaf {
    /// The only version there is.
    pub const VERSION: u8 = 1;
    /// Length of the encoded form in bytes.
    pub const BYTES: usize = 1 + 32 + 2 + 1 + 16 * (2 + 32);

    /// The pseudonym that entries of one matter share.
    pub fn matter_tag(&self) -> &[u8; 32] {
        &self.matter_tag
    }

    /// Year and month (1 to 12) of simulated time.
    pub fn month(&self) -> (u16, u8) {
        (self.month / 12, (self.month % 12) as u8 + 1)
    }

    pub fn commitment(&self, slot: Slot) -> &[u8; 32] {
        &self.commitments[usize::from(slot.index())]
    }

    pub fn encode(&self) -> [u8; Leaf::BYTES] {
        let mut bytes = [0; Leaf::BYTES];
        bytes[0] = Leaf::VERSION;
        bytes[1..33].copy_from_slice(&self.matter_tag);
        bytes[33..35].copy_from_slice(&self.month.to_be_bytes());
        bytes[35] = 16;
        for (place, commitment) in bytes[36..].chunks_exact_mut(34).zip(&self.commitments) {
            place[..2].copy_from_slice(&32u16.to_be_bytes());
            place[2..].copy_from_slice(commitment);
        }
        bytes
    }

    /// Reads exactly what [`Leaf::encode`] writes, and nothing else.
    pub fn decode(bytes: &[u8]) -> Result<Self, LeafError> {
        match bytes.first() {
            None => return Err(LeafError::Length { found: 0 }),
            Some(&Leaf::VERSION) => {}
            Some(&version) => return Err(LeafError::Version(version)),
        }
        if bytes.len() != Leaf::BYTES {
            return Err(LeafError::Length { found: bytes.len() });
        }
        if bytes[35] != 16 {
            return Err(LeafError::Slots(bytes[35]));
        }
        let month = u16::from_be_bytes([bytes[33], bytes[34]]);
        if month < 12 {
            return Err(LeafError::Month(month));
        }
        let mut leaf = Leaf { matter_tag: [0; 32], month, commitments: [[0; 32]; 16] };
        leaf.matter_tag.copy_from_slice(&bytes[1..33]);
        for (slot, (place, commitment)) in bytes[36..].chunks_exact(34).zip(&mut leaf.commitments).enumerate()
        {
            let length = u16::from_be_bytes([place[0], place[1]]);
            if length != 32 {
                return Err(LeafError::CommitmentLength { slot: Slot::ALL[slot], found: length });
            }
            commitment.copy_from_slice(&place[2..]);
        }
        Ok(leaf)
    }

    /// The leaf's hash in the Merkle tree.
    pub fn hash(&self) -> Hash {
        Hash::of_leaf(&self.encode())
    }
}

/// Why bytes are not a leaf.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LeafError {
    #[error("leaf version {0}, and this program reads version {expected} only", expected = Leaf::VERSION)]
    Version(u8),
    #[error("a leaf of {found} bytes, where a leaf has exactly {expected}", expected = Leaf::BYTES)]
    Length { found: usize },
    #[error("a leaf of {0} slots, where a leaf has 16")]
    Slots(u8),
    #[error("month number {0} in a leaf, which is before the year 1")]
    Month(u16),
    #[error("a commitment of {found} bytes in slot `{slot}`, where a commitment has 32")]
    CommitmentLength { slot: Slot, found: u16 },
}
