//! The way through the tree: bundle after bundle, each held against its tile of hashes, and each tile against the one above.

use std::collections::BTreeSet;
use std::ops::Range;

use super::{Verification, read_bundle};
use crate::record::entry::Leaf;
use crate::record::storage::{ReadTiles, entries_path, tile_path};
use crate::record::tile::{TILE_WIDTH, tile_width};
use crate::record::tree::{Edge, FullTile, read_tile, tile_root};
use crate::record::{Hash, TreeHead};

pub(super) struct Walk<'a> {
    tiles: &'a dyn ReadTiles,
    head: TreeHead,
    /// The tree as computed from what is believed.
    edge: Edge,
    /// Nodes of which nothing is known because all below them is lost: tile level and number.
    unknown: BTreeSet<(u8, u64)>,
    /// True if it could not be told which of two bytes are wrong; then the root has to differ.
    unsettled: bool,
    found: Verification,
}

impl<'a> Walk<'a> {
    pub(super) fn new(tiles: &'a dyn ReadTiles, head: TreeHead, found: Verification) -> Self {
        Walk { tiles, head, edge: Edge::default(), unknown: BTreeSet::new(), unsettled: false, found }
    }

    /// How many entries it has come past.
    pub(super) fn size(&self) -> u64 {
        self.edge.size()
    }

    /// Checks one bundle of entries against its tile of hashes.
    pub(super) fn bundle(&mut self, number: u64) {
        let width = tile_width(self.head.size, 0, number);
        let entries = self.leaf_hashes(number, width);
        let hashes = self.tile(0, number, width);
        let believed = match (entries, hashes) {
            (Some(entries), Some(hashes)) => self.settle(number, &entries, &hashes),
            (Some(entries), None) => {
                if entries.iter().any(|(hash, _)| hash.is_none()) {
                    self.unknown.insert((1, number));
                }
                entries.into_iter().map(|(hash, _)| hash.unwrap_or(Hash([0; 32]))).collect()
            }
            (None, Some(hashes)) => hashes,
            (None, None) => {
                self.unknown.insert((1, number));
                vec![Hash([0; 32]); width]
            }
        };
        self.push(&believed);
    }

    /// The hashes of a bundle's leaves, with the place of each in the file. `None` if the file is not there.
    fn leaf_hashes(&mut self, number: u64, width: usize) -> Option<Vec<(Option<Hash>, Range<u64>)>> {
        let bytes = match read_bundle(self.tiles, number, self.head.size) {
            Ok(bytes) => bytes,
            Err((path, what)) => {
                self.found.find(path, None, what);
                return None;
            }
        };
        let path = entries_path(number, width);
        let mut hashes = Vec::with_capacity(width);
        let mut at = 0usize;
        for place in 0..width {
            let index = number * TILE_WIDTH as u64 + place as u64;
            let length = bytes.get(at..at + 2).map(|b| usize::from(u16::from_be_bytes([b[0], b[1]])));
            // All leaves are equally long, so a wrong length does not hide what follows.
            if length != Some(Leaf::BYTES) && at + 2 <= bytes.len() {
                let what = format!("entry {index} has a wrong length");
                self.found.find(&path, Some(at as u64..at as u64 + 2), what);
            }
            let range = at + 2..at + 2 + Leaf::BYTES;
            let place = range.start as u64..range.end as u64;
            at = range.end;
            let Some(leaf) = bytes.get(range) else {
                let what = format!("the file ends at byte {} within entry {index}", bytes.len());
                self.found.find(&path, Some(place.clone()), what);
                hashes.push((None, place));
                continue;
            };
            self.found.entries += 1;
            if let Err(error) = Leaf::decode(leaf) {
                self.found.find(&path, Some(place.clone()), format!("entry {index}: {error}"));
            }
            hashes.push((Some(Hash::of_leaf(leaf)), place));
        }
        if bytes.len() > at {
            let what = "nothing belongs behind the last entry";
            self.found.find(&path, Some(at as u64..bytes.len() as u64), what);
        }
        Some(hashes)
    }

    /// Where leaves and hashes disagree, finds out which are wrong; gives the hashes to believe.
    fn settle(&mut self, number: u64, entries: &[(Option<Hash>, Range<u64>)], hashes: &[Hash]) -> Vec<Hash> {
        let wrong: Vec<usize> =
            (0..hashes.len()).filter(|place| entries[*place].0 != Some(hashes[*place])).collect();
        if wrong.is_empty() {
            return hashes.to_vec();
        }
        let from_entries: Option<Vec<Hash>> = entries.iter().map(|(hash, _)| *hash).collect();
        let entries_hold = from_entries.as_ref().is_some_and(|hashes| self.agrees_above(number, hashes));
        let tile_holds = self.agrees_above(number, hashes);
        for place in wrong {
            let index = number * TILE_WIDTH as u64 + place as u64;
            let in_tile = Some(place as u64 * 32..place as u64 * 32 + 32);
            let in_bundle = Some(entries[place].1.clone());
            let (tile, bundle) = (tile_path(0, number, hashes.len()), entries_path(number, hashes.len()));
            match (entries_hold, tile_holds) {
                (true, _) => {
                    self.found.find(
                        tile,
                        in_tile,
                        format!("the hash of entry {index} is damaged; the entry is not"),
                    );
                }
                (false, true) => {
                    let what = format!("entry {index} is damaged; its hash in `{tile}` is not");
                    self.found.find(bundle, in_bundle, what);
                }
                (false, false) => {
                    self.unsettled = true;
                    let what = format!("entry {index} and its hash in `{tile}` do not match");
                    self.found.find(bundle, in_bundle, what);
                }
            }
        }
        match from_entries {
            Some(from_entries) if entries_hold => from_entries,
            _ => hashes.to_vec(),
        }
    }

    /// True if these hashes, as the tile of this number, are what is above them.
    fn agrees_above(&self, number: u64, hashes: &[Hash]) -> bool {
        if hashes.len() < TILE_WIDTH {
            // The last tile of all: only the root is above it.
            let mut edge = self.edge.clone();
            hashes.iter().for_each(|hash| edge.push(*hash, &mut Vec::new()));
            return edge.head() == self.head;
        }
        let (above, place) = (number / TILE_WIDTH as u64, (number % TILE_WIDTH as u64) as usize);
        let width = tile_width(self.head.size, 1, above);
        let stored = self.read_hashes(1, above, width).ok();
        stored.and_then(|stored| stored.get(place).copied()) == tile_root(hashes)
    }

    fn push(&mut self, hashes: &[Hash]) {
        let mut full = Vec::new();
        for hash in hashes {
            self.edge.push(*hash, &mut full);
        }
        for tile in full {
            self.compare(&tile);
        }
    }

    /// Compares a computed tile with the stored one. Level 0 was settled already.
    fn compare(&mut self, computed: &FullTile) {
        if computed.level > 0 {
            self.compare_hashes(computed.level, computed.number, computed.nodes.hashes());
        }
        let first = computed.number * TILE_WIDTH as u64;
        let lost = (first..first + TILE_WIDTH as u64).any(|n| self.unknown.contains(&(computed.level, n)));
        if lost {
            self.unknown.insert((computed.level + 1, computed.number));
        }
    }

    fn compare_hashes(&mut self, level: u8, number: u64, computed: &[Hash]) {
        let Some(stored) = self.tile(level, number, computed.len()) else { return };
        for (place, (computed, stored)) in computed.iter().zip(&stored).enumerate() {
            let below = number * TILE_WIDTH as u64 + place as u64;
            if computed != stored && !self.unknown.contains(&(level, below)) {
                let path = tile_path(level, number, tile_width(self.head.size, level, number));
                let bytes = place as u64 * 32..place as u64 * 32 + 32;
                let what = format!("not the hash of `{}`", tile_path(level - 1, below, TILE_WIDTH));
                self.found.find(path, Some(bytes), what);
            }
        }
    }

    /// The stored hashes of a tile; a finding if they cannot be had.
    fn tile(&mut self, level: u8, number: u64, width: usize) -> Option<Vec<Hash>> {
        match self.read_hashes(level, number, width) {
            Ok(hashes) => Some(hashes),
            Err(what) => {
                self.found.find(tile_path(level, number, width), None, what);
                None
            }
        }
    }

    fn read_hashes(&self, level: u8, number: u64, width: usize) -> Result<Vec<Hash>, String> {
        let bytes = read_tile(self.tiles, level, number, width).map_err(|error| error.to_string())?;
        Ok(bytes
            .chunks_exact(32)
            .take(width)
            .map(|hash| Hash(hash.try_into().expect("a chunk of 32 bytes has 32 bytes")))
            .collect())
    }

    pub(super) fn finish(mut self) -> Verification {
        let partial: Vec<(u8, u64, Vec<Hash>)> = self
            .edge
            .partial_tiles()
            .map(|(level, number, nodes)| (level, number, nodes.hashes().to_vec()))
            .collect();
        for (level, number, computed) in partial {
            if level > 0 {
                self.compare_hashes(level, number, &computed);
            }
        }
        let computed = self.edge.head();
        if computed != self.head && self.unknown.is_empty() && !self.unsettled {
            let what = format!("shows {}, and the entries give root {}", self.head, computed.hash);
            self.found.find("checkpoint", None, what);
        }
        self.found
    }
}
