//! What a log answers: leaves, openings, proofs, and the permits that are made of them.

use super::super::Hash;
use super::super::entry::{Leaf, Slot};
use super::super::journal;
use super::super::opening::{FullOpening, Opening};
use super::super::permit::{Consistency, EncodedLeaf, Later, Permit};
use super::super::storage::{TileError, entries_path, opening_path, read_entries};
use super::super::tile::TILE_WIDTH;
use super::{Log, LogError, Logged, Published, blocking};
use crate::demand::SignedInstrument;
use crate::world::RegionId;

/// What a permit is wanted for.
#[derive(Clone, Debug)]
pub struct PermitRequest {
    /// The entry with the grant.
    pub entry: u64,
    pub region: RegionId,
    pub instrument: SignedInstrument,
    /// The size of the newest head that the region has cosigned; 0 if none.
    pub region_head_size: u64,
}

impl Log {
    /// The leaf of an entry.
    pub async fn leaf(&self, index: u64) -> Result<Leaf, LogError> {
        let log = self.clone();
        Ok(blocking(move || log.read_leaves(index, index + 1)).await??.remove(0))
    }

    /// The tag that all entries of a matter have, which only the keeper of the log's secret can tell.
    pub fn matter_tag(&self, matter: &str) -> [u8; 32] {
        self.0.shared.secret.matter_tag(matter)
    }

    /// What opens an entry, if it was not erased.
    pub async fn opening(&self, index: u64) -> Result<Option<FullOpening>, LogError> {
        let log = self.clone();
        Ok(blocking(move || log.0.shared.openings.get(index)).await??)
    }

    /// Erases what opens these entries. The log stays as it is, and so does what was published of them. Entry 0 says which
    /// log this is, and stays open.
    pub async fn erase_openings(&self, entries: Vec<u64>) -> Result<(), LogError> {
        if entries.contains(&0) {
            return Err(LogError::GenesisStaysOpen);
        }
        let log = self.clone();
        Ok(blocking(move || log.0.shared.openings.erase(&entries)).await??)
    }

    /// True if an opening of an entry is served.
    pub async fn is_published(&self, index: u64) -> Result<bool, LogError> {
        let log = self.clone();
        let read = blocking(move || log.0.shared.storage.read(&opening_path(index))).await?;
        Ok(read.map_err(LogError::from)?.is_some())
    }

    /// Publishes one opening: [`Log::publish_openings`].
    pub async fn publish_opening(&self, opening: Opening) -> Result<(), LogError> {
        self.publish_openings(vec![opening]).await
    }

    /// Puts openings, of whichever slots, where the tiles are served. Whoever fetches one can check it against the entry.
    /// All of them are on the disk when it returns.
    pub async fn publish_openings(&self, openings: Vec<Opening>) -> Result<(), LogError> {
        if openings.is_empty() {
            return Ok(());
        }
        for opening in &openings {
            let leaf = self.leaf(opening.entry()).await?;
            opening.check(&leaf).map_err(LogError::Opening)?;
        }
        let log = self.clone();
        let written = blocking(move || {
            let storage = &log.0.shared.storage;
            for opening in &openings {
                storage.write(&opening_path(opening.entry()), &opening_bytes(opening))?;
            }
            storage.sync()
        });
        Ok(written.await??)
    }

    /// Proves one entry in the newest published checkpoint that has it.
    pub async fn prove(&self, index: u64) -> Result<Logged, LogError> {
        self.await_quorum(index).await.map_err(LogError::Append)
    }

    /// Puts together a permit: the grant, its entry and all later ones, proven in the newest published checkpoint. Whether
    /// it holds is the region's to decide; a permit that a later entry overtook is put together all the same.
    pub async fn permit(&self, request: PermitRequest) -> Result<Permit, LogError> {
        // The region must be shown at least what it has cosigned itself.
        let newest = request.entry.max(request.region_head_size.saturating_sub(1));
        self.await_published(newest).await.map_err(LogError::Append)?;
        // What a new entry needs is in memory.
        if self.0.shared.recent().has(request.entry) {
            return self.assemble(request);
        }
        let log = self.clone();
        blocking(move || log.assemble(request)).await?
    }

    fn assemble(&self, request: PermitRequest) -> Result<Permit, LogError> {
        let PermitRequest { entry, region, instrument, region_head_size } = request;
        let shared = &self.0.shared;
        let published = self.published().ok_or(LogError::NothingPublished)?;
        let size = published.checkpoint.head().size;
        if size - entry > Permit::LATER_MAX as u64 + 1 {
            return Err(LogError::TooManyLater { later: size - entry - 1 });
        }
        let full = shared.openings.get(entry)?.ok_or(LogError::NoOpening(entry))?;
        let grant = full.grants.get(&region).cloned().ok_or(LogError::NoGrant { entry, region })?;
        let grants = full.opening.slot(Slot::Grants).cloned().ok_or(LogError::NoOpening(entry))?;
        let mut leaves = self.read_leaves(entry, size)?.into_iter();
        let leaf = leaves.next().ok_or(LogError::NoOpening(entry))?.encode().to_vec();
        let inclusion = self.prove_inclusion(entry, &published)?;
        let storage = shared.storage.as_ref();
        let proof = shared.tree().prove_consistency(storage, size, region_head_size)?;
        let before = shared.tree().subtrees(storage, entry + 1)?;
        let leaves = leaves.map(|leaf| EncodedLeaf(leaf.encode().to_vec())).collect();
        Ok(Permit {
            instrument,
            grant,
            entry,
            leaf,
            grants,
            inclusion,
            checkpoint: published.note.to_string(),
            consistency: Consistency { from: region_head_size, proof },
            later: Later { before, leaves },
        })
    }

    pub(super) fn prove_inclusion(&self, index: u64, published: &Published) -> Result<Vec<Hash>, TileError> {
        let shared = &self.0.shared;
        shared.tree().prove_inclusion(shared.storage.as_ref(), published.checkpoint.head().size, index)
    }

    /// The leaves from `start` up to but without `end`, which must not be beyond the head.
    pub(super) fn read_leaves(&self, start: u64, end: u64) -> Result<Vec<Leaf>, TileError> {
        let size = self.head().size;
        if let Some(leaves) = self.0.shared.recent().between(start, end.min(size)) {
            return Ok(leaves);
        }
        let mut leaves = Vec::new();
        let mut index = start;
        while index < end.min(size) {
            let number = index / TILE_WIDTH as u64;
            let first = number * TILE_WIDTH as u64;
            let bytes = read_entries(self.0.shared.storage.as_ref(), number, size)?;
            let path = || entries_path(number, TILE_WIDTH);
            let bundle = journal::split_leaves(&bytes).ok_or_else(|| TileError::Damaged(path()))?;
            let until = (first + bundle.len() as u64).min(end);
            if until <= index {
                return Err(TileError::Damaged(path()));
            }
            for leaf in &bundle[(index - first) as usize..(until - first) as usize] {
                leaves.push(Leaf::decode(leaf).map_err(|_| TileError::Damaged(path()))?);
            }
            index = until;
        }
        if leaves.is_empty() {
            return Err(TileError::Missing(format!("entry {start}, in a log of {size}")));
        }
        Ok(leaves)
    }
}

pub(super) fn opening_bytes(opening: &Opening) -> Vec<u8> {
    serde_json::to_vec(opening).expect("an opening has only string keys")
}
