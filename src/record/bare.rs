//! A log without its entries: the tiles of hashes alone, to see what proofs cost in a tree of any size.

use super::storage::{FolderStorage, Storage, TileError, tile_path};
use super::tile::TILE_WIDTH;
use super::tree::{Edge, FullTile, Tree, check_consistency, check_inclusion};
use super::{Hash, TreeHead};

/// A growing tree whose tiles lie in a folder, as those of a log do.
pub struct BareTree {
    storage: FolderStorage,
    tree: Tree,
}

impl BareTree {
    /// An empty tree, with its tiles in this storage.
    pub fn new(storage: FolderStorage) -> Self {
        BareTree { storage, tree: Tree::new(Edge::default()) }
    }

    /// Adds leaves, and writes the tiles that they change. Nothing is synced.
    pub fn grow(&mut self, leaves: impl Iterator<Item = Hash>) -> Result<TreeHead, TileError> {
        let mut edge = self.tree.edge().clone();
        let mut full = Vec::new();
        for leaf in leaves {
            edge.push(leaf, &mut full);
            for FullTile { level, number, nodes } in full.drain(..) {
                self.storage.write(&tile_path(level, number, TILE_WIDTH), &nodes.to_bytes())?;
            }
        }
        for (level, number, nodes) in edge.partial_tiles() {
            self.storage.write(&tile_path(level, number, nodes.width()), &nodes.to_bytes())?;
        }
        self.tree.advance(edge, full);
        Ok(self.head())
    }

    pub fn head(&self) -> TreeHead {
        self.tree.edge().head()
    }

    /// Proves the leaf at `index` in the whole tree (RFC 6962 section 2.1.1).
    pub fn prove_inclusion(&mut self, index: u64) -> Result<Vec<Hash>, TileError> {
        let size = self.tree.edge().size();
        self.tree.prove_inclusion(&self.storage, size, index)
    }

    /// Proves that the whole tree extends its first `old` leaves (RFC 6962 section 2.1.2).
    pub fn prove_consistency(&mut self, old: u64) -> Result<Vec<Hash>, TileError> {
        let size = self.tree.edge().size();
        self.tree.prove_consistency(&self.storage, size, old)
    }

    /// Checks an inclusion proof as everybody does who has the head.
    pub fn is_in(head: TreeHead, proof: &[Hash], index: u64, leaf: Hash) -> bool {
        check_inclusion(proof, head, index, leaf)
    }

    /// Checks a consistency proof as everybody does who has both heads.
    pub fn extends(new: TreeHead, proof: &[Hash], old: TreeHead) -> bool {
        check_consistency(proof, new, old)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::disk::RealDisk;

    #[test]
    fn what_it_proves_is_proven_at_every_size_on_the_way() {
        let folder = tempfile::tempdir().unwrap();
        let storage =
            FolderStorage::open(Arc::new(RealDisk), &folder.path().join("s"), &folder.path().join("o"))
                .unwrap();
        let leaf = |index: u64| Hash::of_leaf(&index.to_be_bytes());
        let mut tree = BareTree::new(storage);
        let mut before = tree.head();
        for size in [1, 255, 256, 257, 1000, 70_000] {
            let head = tree.grow((before.size..size).map(leaf)).unwrap();
            assert_eq!(head.size, size);
            for index in [0, size / 2, size - 1] {
                let proof = tree.prove_inclusion(index).unwrap();
                assert!(BareTree::is_in(head, &proof, index, leaf(index)));
                assert!(!BareTree::is_in(head, &proof, index, leaf(index + 1)));
            }
            let proof = tree.prove_consistency(before.size).unwrap();
            assert!(before.size == 0 || BareTree::extends(head, &proof, before));
            before = head;
        }
    }
}
