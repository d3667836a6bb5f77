//! Reads a log as anybody can: from what is served, with public keys only.

use std::sync::Arc;

use super::checkpoint::{CheckpointError, SignedCheckpoint};
use super::entry::{Leaf, LeafError};
use super::journal::split_leaves;
use super::log::{Logged, Published};
use super::opening::{Opening, OpeningError};
use super::policy::{Accept, Policy, QuorumError};
use super::storage::{ReadTiles, TileError, entries_path, opening_path, read_entries};
use super::tile::{TILE_WIDTH, tile_width};
use super::tree::{Edge, Tree, check_inclusion};
use super::{Hash, TreeHead};

/// A served log, at the checkpoint it had when it was opened. Whatever it gives has been checked against that.
pub struct ServedLog<T> {
    tiles: T,
    published: Arc<Published>,
    tree: Tree,
}

impl<T: ReadTiles> ServedLog<T> {
    /// Reads the checkpoint and checks who signed it, and that the tiles at its edge lead to its root.
    pub fn open(tiles: T, policy: &Policy, accept: Accept) -> Result<Self, ServedError> {
        let bytes = tiles.read("checkpoint").map_err(TileError::Io)?.ok_or(ServedError::NoCheckpoint)?;
        let checkpoint = SignedCheckpoint::parse(&String::from_utf8_lossy(&bytes))?;
        let quorum = policy.check(&checkpoint, accept)?;
        let shown = checkpoint.head();
        let edge = Edge::load(shown.size, &tiles)?;
        if edge.head() != shown {
            return Err(ServedError::OtherTree { tiles: edge.head(), shown });
        }
        let published = Arc::new(Published::new(checkpoint, quorum));
        Ok(ServedLog { tiles, published, tree: Tree::new(edge) })
    }

    /// The checkpoint that everything is proven in, and who cosigned it.
    pub fn published(&self) -> &Published {
        &self.published
    }

    /// The head that the log had at a smaller size, as its tiles have it.
    pub fn head_at(&mut self, size: u64) -> Result<TreeHead, ServedError> {
        let newest = self.published.checkpoint.head().size;
        if size > newest {
            return Err(ServedError::NotYet { size, newest });
        }
        Ok(self.tree.head_at(&self.tiles, size)?)
    }

    /// The leaf of an entry, with its path to the root.
    pub fn prove(&mut self, index: u64) -> Result<Logged, ServedError> {
        let head = self.published.checkpoint.head();
        if index >= head.size {
            return Err(ServedError::NotInLog { index, size: head.size });
        }
        let number = index / TILE_WIDTH as u64;
        let expected = tile_width(head.size, 0, number);
        let path = || entries_path(number, expected);
        let bytes = read_entries(&self.tiles, number, head.size)?;
        let leaves = split_leaves(&bytes).ok_or_else(|| TileError::Torn(path()))?;
        let leaf = leaves.get((index % TILE_WIDTH as u64) as usize);
        let leaf = leaf.ok_or_else(|| TileError::Entries { path: path(), found: leaves.len(), expected })?;
        let inclusion = self.tree.prove_inclusion(&self.tiles, head.size, index)?;
        if !check_inclusion(&inclusion, head, index, Hash::of_leaf(leaf)) {
            return Err(TileError::Damaged(path()).into());
        }
        let leaf = Leaf::decode(leaf).map_err(|error| ServedError::Leaf { index, error })?;
        Ok(Logged { index, leaf, full: None, inclusion, published: self.published.clone() })
    }

    /// The opening of an entry, as far as it was published.
    pub fn opening(&mut self, index: u64) -> Result<Option<Opening>, ServedError> {
        let leaf = self.prove(index)?.leaf;
        let Some(bytes) = self.tiles.read(&opening_path(index)).map_err(TileError::Io)? else {
            return Ok(None);
        };
        let opening: Opening = serde_json::from_slice(&bytes)
            .map_err(|error| ServedError::NotAnOpening { index, error: error.to_string() })?;
        if opening.entry() != index {
            return Err(ServedError::OtherEntry { index, found: opening.entry() });
        }
        opening.check(&leaf)?;
        Ok(Some(opening))
    }
}

/// Why something cannot be had from a served log.
#[derive(Debug, thiserror::Error)]
pub enum ServedError {
    #[error("`checkpoint` is missing: without it nothing says how large the log is")]
    NoCheckpoint,
    #[error("`checkpoint`: {0}")]
    Checkpoint(#[from] CheckpointError),
    #[error("`checkpoint`: {0}")]
    Quorum(#[from] QuorumError),
    #[error(transparent)]
    Tile(#[from] TileError),
    #[error("the tiles lead to {tiles}, and `checkpoint` shows {shown}")]
    OtherTree { tiles: TreeHead, shown: TreeHead },
    #[error("entry {index} does not exist; the log has {size}, numbered from 0")]
    NotInLog { index: u64, size: u64 },
    #[error("a log of {size} entries was asked about, and `checkpoint` shows {newest}")]
    NotYet { size: u64, newest: u64 },
    #[error("entry {index} is not a leaf: {error}")]
    Leaf { index: u64, error: LeafError },
    #[error("what is published for entry {index} is not an opening: {error}")]
    NotAnOpening { index: u64, error: String },
    #[error("what is published for entry {index} is an opening of entry {found}")]
    OtherEntry { index: u64, found: u64 },
    #[error(transparent)]
    Opening(#[from] OpeningError),
}
