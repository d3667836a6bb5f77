//! The Merkle tree of the log, kept as tiles of height 8 (C2SP tlog-tiles).
//!
//! In memory are only the tiles at the right edge, which still grow, and a few full ones that were read lately. Proofs are
//! computed by `tlog_tiles` from single hashes; this module says where each hash is.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use tlog_tiles::{HashReader, node_hash, split_stored_hash_index};

use super::storage::{ReadTiles, TileError, tile_path};
use super::tile::TILE_WIDTH;
use super::{Hash, TreeHead};

const TILE_HEIGHT: u8 = 8;
/// Full tiles kept in memory, 16 KiB each.
const CACHED_TILES: usize = 128;

/// One tile: its hashes, and those of all complete subtrees over them. Level 0 holds the tile's own hashes, level 8 its root.
#[derive(Clone, Default)]
pub(super) struct TileNodes {
    levels: [Vec<Hash>; TILE_HEIGHT as usize + 1],
}

impl TileNodes {
    /// From the bytes of a tile file: as many hashes as it has, of which the first `width` are taken.
    fn from_bytes(bytes: &[u8], width: usize) -> Self {
        let mut tile = TileNodes::default();
        for hash in bytes.chunks_exact(32).take(width) {
            tile.push(Hash(hash.try_into().expect("a chunk of 32 bytes has 32 bytes")));
        }
        tile
    }

    fn push(&mut self, hash: Hash) {
        let mut hash = hash;
        for level in 0..=usize::from(TILE_HEIGHT) {
            self.levels[level].push(hash);
            let nodes = &self.levels[level];
            if nodes.len() % 2 == 1 {
                break;
            }
            hash = node_hash(nodes[nodes.len() - 2].into(), nodes[nodes.len() - 1].into()).into();
        }
    }

    pub(super) fn width(&self) -> usize {
        self.levels[0].len()
    }

    pub(super) fn hashes(&self) -> &[Hash] {
        &self.levels[0]
    }

    /// The bytes of the tile file.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        self.levels[0].iter().flat_map(|hash| hash.0).collect()
    }

    fn root(&self) -> Option<Hash> {
        self.levels[usize::from(TILE_HEIGHT)].first().copied()
    }
}

/// The growing edge of the tree: one partial tile per tile level. Small, so that a batch can be staged on a copy.
#[derive(Clone, Default)]
pub(super) struct Edge {
    size: u64,
    /// By tile level; a tile here has fewer than 256 hashes and may be empty.
    tiles: Vec<TileNodes>,
}

/// A tile that became full.
pub(super) struct FullTile {
    pub level: u8,
    pub number: u64,
    pub nodes: TileNodes,
}

impl Edge {
    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Adds a leaf; gives the tiles that it completes.
    pub(super) fn push(&mut self, leaf: Hash, full: &mut Vec<FullTile>) {
        let mut hash = leaf;
        let mut count = self.size;
        self.size += 1;
        for level in 0.. {
            if self.tiles.len() == level {
                self.tiles.push(TileNodes::default());
            }
            let tile = &mut self.tiles[level];
            tile.push(hash);
            let Some(root) = tile.root() else { return };
            let number = count / TILE_WIDTH as u64;
            full.push(FullTile { level: level as u8, number, nodes: std::mem::take(tile) });
            hash = root;
            count = number;
        }
    }

    /// The partial tiles of a tree of this size: level, number and content of each that is not empty.
    pub(super) fn partial_tiles(&self) -> impl Iterator<Item = (u8, u64, &TileNodes)> {
        self.tiles
            .iter()
            .enumerate()
            .filter(|(_, tile)| tile.width() > 0)
            .map(|(level, tile)| (level as u8, self.size >> (8 * (level + 1)), tile))
    }

    /// The root: the complete subtrees from the right, joined (RFC 6962 section 2.1).
    pub(super) fn head(&self) -> TreeHead {
        let mut root: Option<Hash> = None;
        for tile in &self.tiles {
            for level in 0..usize::from(TILE_HEIGHT) {
                let nodes = &tile.levels[level];
                if nodes.len() % 2 == 1 {
                    let left = nodes[nodes.len() - 1];
                    root = Some(root.map_or(left, |right| node_hash(left.into(), right.into()).into()));
                }
            }
        }
        TreeHead { size: self.size, hash: root.unwrap_or(Hash::EMPTY_TREE) }
    }

    /// Reads the edge of a tree of `size` leaves from its tiles.
    pub(super) fn load(size: u64, tiles: &dyn ReadTiles) -> Result<Self, TileError> {
        let mut edge = Edge { size, tiles: Vec::new() };
        let mut level = 0u8;
        while u32::from(level) * 8 < 64 && size >> (8 * level) > 0 {
            let count = size >> (8 * level);
            let width = (count % TILE_WIDTH as u64) as usize;
            let tile = if width == 0 {
                TileNodes::default()
            } else {
                TileNodes::from_bytes(&read_tile(tiles, level, count / TILE_WIDTH as u64, width)?, width)
            };
            edge.tiles.push(tile);
            level += 1;
        }
        Ok(edge)
    }
}

/// Reads a tile of at least `width` hashes: the partial one, or the full one that replaced it.
pub(super) fn read_tile(
    tiles: &dyn ReadTiles,
    level: u8,
    number: u64,
    width: usize,
) -> Result<Vec<u8>, TileError> {
    let path = tile_path(level, number, width);
    let mut bytes = tiles.read(&path)?;
    if bytes.is_none() && width < TILE_WIDTH {
        bytes = tiles.read(&tile_path(level, number, TILE_WIDTH))?;
    }
    let bytes = bytes.ok_or_else(|| TileError::Missing(path.clone()))?;
    if bytes.len() % 32 != 0 || bytes.len() < width * 32 || bytes.len() > TILE_WIDTH * 32 {
        return Err(TileError::Length { path, found: bytes.len(), expected: width * 32 });
    }
    Ok(bytes)
}

/// A tree that can prove: the edge, and full tiles as they are needed.
pub(super) struct Tree {
    edge: Edge,
    cache: HashMap<(u8, u64), Arc<TileNodes>>,
    cached: VecDeque<(u8, u64)>,
}

impl Tree {
    pub(super) fn new(edge: Edge) -> Self {
        Tree { edge, cache: HashMap::new(), cached: VecDeque::new() }
    }

    pub(super) fn edge(&self) -> &Edge {
        &self.edge
    }

    /// Moves on to a later edge, with the tiles that became full on the way.
    pub(super) fn advance(&mut self, edge: Edge, full: Vec<FullTile>) {
        self.edge = edge;
        for tile in full {
            self.remember((tile.level, tile.number), Arc::new(tile.nodes));
        }
    }

    fn remember(&mut self, key: (u8, u64), tile: Arc<TileNodes>) {
        if self.cache.insert(key, tile).is_none() {
            self.cached.push_back(key);
        }
        if self.cached.len() > CACHED_TILES
            && let Some(oldest) = self.cached.pop_front()
        {
            self.cache.remove(&oldest);
        }
    }

    /// Proves that the leaf at `index` is in the tree of `size` leaves.
    pub(super) fn prove_inclusion(
        &mut self,
        tiles: &dyn ReadTiles,
        size: u64,
        index: u64,
    ) -> Result<Vec<Hash>, TileError> {
        let indexes = self.gather(tiles, |reader| tlog_tiles::prove_record(size, index, reader))?;
        Ok(indexes.into_iter().map(Hash::from).collect())
    }

    /// Proves that the tree of `size` leaves extends that of `old` leaves. From the empty tree no proof is needed.
    pub(super) fn prove_consistency(
        &mut self,
        tiles: &dyn ReadTiles,
        size: u64,
        old: u64,
    ) -> Result<Vec<Hash>, TileError> {
        if old == 0 {
            return Ok(Vec::new());
        }
        let hashes = self.gather(tiles, |reader| tlog_tiles::prove_tree(size, old, reader))?;
        Ok(hashes.into_iter().map(Hash::from).collect())
    }

    /// The root of the tree at an earlier size.
    pub(super) fn head_at(&mut self, tiles: &dyn ReadTiles, size: u64) -> Result<TreeHead, TileError> {
        let hash = self.gather(tiles, |reader| tlog_tiles::tree_hash(size, reader))?;
        Ok(TreeHead { size, hash: hash.into() })
    }

    /// The roots of the complete subtrees that cover the first `size` leaves, largest first.
    pub(super) fn subtrees(&mut self, tiles: &dyn ReadTiles, size: u64) -> Result<Vec<Hash>, TileError> {
        let mut roots = Vec::new();
        let mut start = 0;
        for level in (0..64u8).rev().filter(|level| size & (1 << level) != 0) {
            roots.push(self.node(tiles, level, start >> level)?);
            start += 1 << level;
        }
        Ok(roots)
    }

    fn gather<T>(
        &mut self,
        tiles: &dyn ReadTiles,
        prove: impl FnOnce(&TreeReader) -> Result<T, tlog_tiles::Error>,
    ) -> Result<T, TileError> {
        let reader = TreeReader(std::cell::RefCell::new(Reading { tree: self, tiles, failed: None }));
        let proven = prove(&reader);
        match (proven, reader.0.into_inner().failed) {
            (_, Some(error)) => Err(error),
            (Ok(proven), None) => Ok(proven),
            (Err(error), None) => Err(TileError::Proof(error.to_string())),
        }
    }

    /// The hash of the complete subtree `number` at `level`.
    fn node(&mut self, tiles: &dyn ReadTiles, level: u8, number: u64) -> Result<Hash, TileError> {
        let (tile_level, inner) = (level / TILE_HEIGHT, level % TILE_HEIGHT);
        let tile_number = number >> (TILE_HEIGHT - inner);
        let place = (number & ((1 << (TILE_HEIGHT - inner)) - 1)) as usize;
        let outside = || TileError::Proof(format!("no subtree {number} at level {level}"));
        let growing = self.edge.size >> (8 * (u32::from(tile_level) + 1));
        if tile_number == growing {
            let tile = self.edge.tiles.get(usize::from(tile_level)).ok_or_else(outside)?;
            return tile.levels[usize::from(inner)].get(place).copied().ok_or_else(outside);
        }
        if tile_number > growing {
            return Err(outside());
        }
        let tile = match self.cache.get(&(tile_level, tile_number)) {
            Some(tile) => tile.clone(),
            None => {
                let bytes = read_tile(tiles, tile_level, tile_number, TILE_WIDTH)?;
                let tile = Arc::new(TileNodes::from_bytes(&bytes, TILE_WIDTH));
                // What rests on a disk can rot; the level above says what this tile has to be.
                let root = self.node(tiles, (tile_level + 1) * TILE_HEIGHT, tile_number)?;
                if tile.root() != Some(root) {
                    return Err(TileError::Damaged(tile_path(tile_level, tile_number, TILE_WIDTH)));
                }
                self.remember((tile_level, tile_number), tile.clone());
                tile
            }
        };
        Ok(tile.levels[usize::from(inner)][place])
    }
}

/// `tlog_tiles` asks for hashes by storage index through a shared reference; the cell lets that fill the cache.
struct TreeReader<'a>(std::cell::RefCell<Reading<'a>>);

struct Reading<'a> {
    tree: &'a mut Tree,
    tiles: &'a dyn ReadTiles,
    failed: Option<TileError>,
}

impl HashReader for TreeReader<'_> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        let mut reading = self.0.borrow_mut();
        let mut hashes = Vec::with_capacity(indexes.len());
        for index in indexes {
            let (level, number) = split_stored_hash_index(*index);
            let tiles = reading.tiles;
            match reading.tree.node(tiles, level, number) {
                Ok(hash) => hashes.push(hash.into()),
                Err(error) => {
                    reading.failed = Some(error);
                    return Err(tlog_tiles::Error::InvalidTile);
                }
            }
        }
        Ok(hashes)
    }
}

/// The tree that the roots of the complete subtrees over `size` leaves and more leaves lead to. `None` if that many
/// leaves do not have that many subtrees.
pub(super) fn head_after<'a>(
    size: u64,
    subtrees: &[Hash],
    leaves: impl Iterator<Item = &'a [u8]>,
) -> Option<TreeHead> {
    if subtrees.len() != size.count_ones() as usize {
        return None;
    }
    let join = |left: Hash, right: Hash| Hash::from(node_hash(left.into(), right.into()));
    let mut roots = subtrees.to_vec();
    let mut size = size;
    for leaf in leaves {
        let mut root = Hash::of_leaf(leaf);
        // Where a bit of the size was set, a subtree of that level waits for its right half.
        for _ in 0..size.trailing_ones() {
            root = join(roots.pop()?, root);
        }
        roots.push(root);
        size += 1;
    }
    let hash = roots.into_iter().rev().reduce(|right, left| join(left, right));
    Some(TreeHead { size, hash: hash.unwrap_or(Hash::EMPTY_TREE) })
}

/// The hash over a full tile; `None` if it is not full.
pub(super) fn tile_root(hashes: &[Hash]) -> Option<Hash> {
    let mut tile = TileNodes::default();
    hashes.iter().for_each(|hash| tile.push(*hash));
    tile.root()
}

/// How many hashes lead from the leaf at `index` to the root of a tree of `size` leaves (RFC 6962 section 2.1.1).
pub(super) fn inclusion_length(index: u64, size: u64) -> usize {
    // As far as the leaf's way has a neighbour on the right, one for each level; above that, one for each on the left.
    let both = u64::BITS - (index ^ size.saturating_sub(1)).leading_zeros();
    (both + index.checked_shr(both).unwrap_or(0).count_ones()) as usize
}

/// Checks that a leaf is at `index` in the tree with this head.
pub(super) fn check_inclusion(proof: &[Hash], head: TreeHead, index: u64, leaf: Hash) -> bool {
    let proof = proof.iter().map(|hash| (*hash).into()).collect();
    index < head.size
        && tlog_tiles::check_record(&proof, head.size, head.hash.into(), index, leaf.into()).is_ok()
}

/// Checks that the tree `new` extends the tree `old`.
pub(super) fn check_consistency(proof: &[Hash], new: TreeHead, old: TreeHead) -> bool {
    if old.size == 0 {
        return proof.is_empty() && old.hash == Hash::EMPTY_TREE;
    }
    let proof = proof.iter().map(|hash| (*hash).into()).collect();
    old.size <= new.size
        && tlog_tiles::check_tree(&proof, new.size, new.hash.into(), old.size, old.hash.into()).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The hashes of a tree as `tlog_tiles` stores them, to compare with.
    #[derive(Default)]
    struct Reference(Vec<tlog_tiles::Hash>);

    impl HashReader for Reference {
        fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
            Ok(indexes.iter().map(|index| self.0[*index as usize]).collect())
        }
    }

    #[derive(Default)]
    struct Tiles(std::sync::Mutex<HashMap<String, Vec<u8>>>);

    impl ReadTiles for Tiles {
        fn read(&self, path: &str) -> std::io::Result<Option<Vec<u8>>> {
            Ok(self.0.lock().unwrap().get(path).cloned())
        }
    }

    fn leaf(index: u64) -> Vec<u8> {
        format!("leaf {index}").into_bytes()
    }

    fn grown(size: u64) -> (Reference, Tiles, Edge) {
        let (mut reference, tiles, mut edge) = (Reference::default(), Tiles::default(), Edge::default());
        for index in 0..size {
            let stored = tlog_tiles::stored_hashes(index, &leaf(index), &reference).unwrap();
            reference.0.extend(stored);
            let mut full = Vec::new();
            edge.push(Hash::of_leaf(&leaf(index)), &mut full);
            for tile in full {
                let path = tile_path(tile.level, tile.number, TILE_WIDTH);
                tiles.0.lock().unwrap().insert(path, tile.nodes.to_bytes());
            }
        }
        for (level, number, nodes) in edge.partial_tiles() {
            tiles.0.lock().unwrap().insert(tile_path(level, number, nodes.width()), nodes.to_bytes());
        }
        (reference, tiles, edge)
    }

    #[test]
    fn roots_and_proofs_are_those_of_the_other_implementation() {
        // Past 65,536 there is a third level of tiles.
        for size in [0, 1, 2, 3, 255, 256, 257, 1000, 66_000] {
            let (reference, tiles, edge) = grown(size);
            let root = tlog_tiles::tree_hash(size, &reference).unwrap();
            assert_eq!(edge.head(), TreeHead { size, hash: root.into() });
            // From its tiles alone, with nothing in memory.
            let edge = Edge::load(size, &tiles).unwrap();
            let head = edge.head();
            assert_eq!(head.hash, Hash::from(root), "{size}");
            let mut tree = Tree::new(edge);
            for index in [0, 1, size / 3, size / 2, size.saturating_sub(1)] {
                if index >= size {
                    continue;
                }
                let proof = tree.prove_inclusion(&tiles, size, index).unwrap();
                assert_eq!(proof.len(), inclusion_length(index, size), "{index} of {size}");
                let theirs = tlog_tiles::prove_record(size, index, &reference).unwrap();
                assert_eq!(proof, theirs.into_iter().map(Hash::from).collect::<Vec<_>>());
                assert!(check_inclusion(&proof, head, index, Hash::of_leaf(&leaf(index))));
                assert!(!check_inclusion(&proof, head, index, Hash::of_leaf(b"other")));
                assert!(!check_inclusion(&proof, head, index + 1, Hash::of_leaf(&leaf(index))));

                let old = tree.head_at(&tiles, index).unwrap();
                let proof = tree.prove_consistency(&tiles, size, index).unwrap();
                assert!(check_consistency(&proof, head, old));
                let other = TreeHead { size: index, hash: Hash([9; 32]) };
                assert!(!check_consistency(&proof, head, other));

                let subtrees = tree.subtrees(&tiles, index).unwrap();
                let leaves: Vec<_> = (index..size).map(leaf).collect();
                let led = head_after(index, &subtrees, leaves.iter().map(Vec::as_slice));
                assert_eq!(led, Some(head), "{index} of {size}");
                assert_eq!(head_after(index, &[subtrees, vec![head.hash]].concat(), [].into_iter()), None);
            }
        }
    }

    #[test]
    fn a_rotten_tile_proves_nothing() {
        let (_, tiles, edge) = grown(1000);
        tiles.0.lock().unwrap().get_mut("tile/0/001").unwrap()[7] ^= 1;
        let mut tree = Tree::new(edge);
        assert!(tree.prove_inclusion(&tiles, 1000, 3).is_ok());
        assert!(
            matches!(tree.prove_inclusion(&tiles, 1000, 300), Err(TileError::Damaged(path)) if path == "tile/0/001")
        );
        tiles.0.lock().unwrap().remove("tile/0/001");
        assert!(matches!(tree.prove_inclusion(&tiles, 1000, 300), Err(TileError::Missing(_))));
    }
}
