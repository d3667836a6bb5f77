//! Checks a whole served folder: log, tiles, checkpoint, cosignatures, openings. Offline, with public keys only, changing nothing.
//!
//! Every damaged place is named, in words and byte ranges, and checking goes on behind it. Where an entry and its hash
//! disagree, the level above says which of the two is wrong. Memory stays flat: one bundle and one tile per level.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::checkpoint::SignedCheckpoint;
use super::entry::{Leaf, Slot};
use super::genesis::Genesis;
use super::journal::{self, split_leaves};
use super::opening::Opening;
use super::policy::{Accept, Policy, Quorum};
use super::storage::{
    ReadTiles, STAGED, ServedFolder, entries_path, opening_path, path_of, read_partial_path, tile_path,
};
use super::tree::{Edge, FullTile, TILE_WIDTH, tile_root, tile_width};
use super::{Hash, TreeHead};

/// What was checked, and what is wrong.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize)]
pub struct Verification {
    /// The tree that the served checkpoint shows.
    pub head: Option<TreeHead>,
    /// Who cosigned it; `None` if there is no quorum.
    pub quorum: Option<Quorum>,
    pub entries: u64,
    pub openings: u64,
    /// In the order in which they were found; empty if all is well.
    pub findings: Vec<Finding>,
}

/// One thing that is wrong.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Finding {
    /// Below the served folder.
    pub path: String,
    /// The bytes of that file that are wrong, where that can be said.
    pub bytes: Option<Range<u64>>,
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.bytes {
            Some(bytes) => write!(f, "{}: bytes {} to {}: {}", self.path, bytes.start, bytes.end, self.what),
            None => write!(f, "{}: {}", self.path, self.what),
        }
    }
}

impl Verification {
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }

    fn find(&mut self, path: impl Into<String>, bytes: Option<Range<u64>>, what: impl Into<String>) {
        self.findings.push(Finding { path: path.into(), bytes, what: what.into() });
    }
}

/// Checks a folder and the openings published in it. `progress` is told how many entries of how many are done.
pub fn verify_folder(
    folder: &Path,
    policy: &Policy,
    accept: Accept,
    progress: &mut dyn FnMut(u64, u64),
) -> Verification {
    let served = ServedFolder(folder.to_owned());
    let mut found = verify_log(&served, policy, accept, progress);
    let Some(TreeHead { size, .. }) = found.head else { return found };
    // By the path of the bundle that their entries should be in.
    let mut without_entry: BTreeMap<String, u64> = BTreeMap::new();
    for (path, file) in list_files(folder, "opening") {
        let opening = std::fs::read(&file)
            .map_err(|error| error.to_string())
            .and_then(|bytes| serde_json::from_slice::<Opening>(&bytes).map_err(|error| error.to_string()));
        match opening {
            Err(error) => found.find(path, None, format!("not an opening: {error}")),
            Ok(opening) if opening_path(opening.entry()) != path => {
                let what = format!(
                    "of entry {}, whose opening is `{}`",
                    opening.entry(),
                    opening_path(opening.entry())
                );
                found.find(path, None, what);
            }
            Ok(opening) => {
                match check_opening(&served, size, &opening) {
                    Err(OpeningTrouble::NoEntry(bundle)) => *without_entry.entry(bundle).or_default() += 1,
                    Err(OpeningTrouble::Wrong(what)) => {
                        found.openings += 1;
                        found.find(&path, None, what);
                    }
                    Ok(()) => found.openings += 1,
                }
                if opening.entry() == 0 {
                    check_genesis(folder, &opening, policy, &path, &mut found);
                }
            }
        }
    }
    let genesis = opening_path(0);
    if !folder.join(&genesis).exists() {
        found.find(genesis, None, "missing: entry 0 says which log this is, and is open to everybody");
    }
    for (bundle, openings) in without_entry {
        let openings = if openings == 1 { "1 opening".to_owned() } else { format!("{openings} openings") };
        found.find(bundle, None, format!("{openings} cannot be held against the entries that are lost here"));
    }
    found
}

/// Checks the partial tiles that are still there though they have grown since. Nobody who starts from the newest checkpoint
/// reads them; who has an older one does.
pub fn verify_superseded(folder: &Path, found: &mut Verification) {
    let Some(TreeHead { size, .. }) = found.head else { return };
    for (path, file) in list_files(folder, "tile") {
        let Some((level, number, width)) = read_partial_path(&path) else { continue };
        let grown = tile_width(size, level.unwrap_or(0), number);
        if width >= grown {
            continue;
        }
        let unit = if level.is_none() { Leaf::BYTES + 2 } else { 32 };
        let now = path_of(level, number, grown);
        let Ok(now_bytes) = std::fs::read(folder.join(&now)) else { continue };
        // What is wrong there has been named; which bytes are right nobody knows then.
        if found.findings.iter().any(|finding| finding.path == now) || now_bytes.len() < width * unit {
            continue;
        }
        let bytes = match std::fs::read(&file) {
            Ok(bytes) => bytes,
            Err(error) => {
                found.find(path, None, format!("cannot be read: {error}"));
                continue;
            }
        };
        let expected = &now_bytes[..width * unit];
        if bytes.len() != expected.len() {
            let what = format!("it has {} bytes, and {} of `{now}` belong here", bytes.len(), expected.len());
            found.find(&path, None, what);
        }
        let wrong =
            bytes.chunks(unit).zip(expected.chunks(unit)).position(|(found, expected)| found != expected);
        if let Some(place) = wrong.filter(|place| bytes.len() >= (place + 1) * unit) {
            let range = (place * unit) as u64..((place + 1) * unit) as u64;
            found.find(path, Some(range), format!("not what it has grown into, `{now}`"));
        }
    }
}

/// Checks the log's own journal, which is not served, against the head of what is. A record that was torn by a crash is no
/// damage: nobody was answered on its strength.
pub fn verify_journal(path: &Path, found: &mut Verification) {
    let name = path.display().to_string();
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => return found.find(name, None, format!("cannot be read: {error}")),
    };
    let journal = match journal::read(&bytes) {
        Ok(journal) => journal,
        Err(error) => {
            let header = 0..journal::HEADER_BYTES.min(bytes.len()) as u64;
            return found.find(name, Some(header), error.to_string());
        }
    };
    let own = journal.head();
    if let Some(shown) = found.head.filter(|shown| shown.size > own.size) {
        let start = journal.end as u64;
        let bytes = start..start + journal.torn as u64;
        let what = format!(
            "no whole record follows entry {}, and `checkpoint` shows {} entries: the journal is damaged here, or older \
             than what was served",
            own.size.saturating_sub(1),
            shown.size
        );
        found.find(name, Some(bytes), what);
    } else if found.head.is_some_and(|shown| shown.size == own.size && shown.hash != own.hash) {
        found.find(name, None, format!("leads to {own}, and `checkpoint` shows another tree of that size"));
    }
}

/// What is served in a part of a folder, by its path below the folder; a file that is only being written is not.
fn list_files(folder: &Path, part: &str) -> BTreeMap<String, PathBuf> {
    fn walk(folder: &Path, path: &str, files: &mut BTreeMap<String, PathBuf>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let file = entry.path();
            let path = format!("{path}/{}", entry.file_name().to_string_lossy());
            if file.is_dir() {
                walk(&file, &path, files);
            } else if file.extension().is_none_or(|ending| ending != STAGED) {
                files.insert(path, file);
            }
        }
    }
    let mut files = BTreeMap::new();
    walk(&folder.join(part), part, &mut files);
    files
}

enum OpeningTrouble {
    /// The bundle at this path, in which its entry should be, cannot be read.
    NoEntry(String),
    Wrong(String),
}

/// Checks an opening against the entry in the tiles.
fn check_opening(tiles: &dyn ReadTiles, size: u64, opening: &Opening) -> Result<(), OpeningTrouble> {
    let index = opening.entry();
    if index >= size {
        return Err(OpeningTrouble::Wrong(format!("an opening of entry {index}, in a log of {size}")));
    }
    let number = index / TILE_WIDTH as u64;
    let bundle = read_bundle(tiles, number, size).map_err(|(path, _)| OpeningTrouble::NoEntry(path))?;
    let leaves = split_leaves(&bundle).unwrap_or_default();
    let wrong = |what: &dyn fmt::Display| OpeningTrouble::Wrong(what.to_string());
    let leaf = leaves.get((index % TILE_WIDTH as u64) as usize);
    let leaf = leaf.ok_or_else(|| wrong(&"its entry cannot be read"))?;
    let leaf = Leaf::decode(leaf).map_err(|error| wrong(&error))?;
    opening.check(&leaf).map_err(|error| wrong(&error))
}

/// What entry 0 says has to be what is believed: the log's key, and the policy that lies beside the tiles.
fn check_genesis(folder: &Path, opening: &Opening, policy: &Policy, path: &str, found: &mut Verification) {
    let value = opening.value(Slot::Facts).ok().flatten();
    let Some(genesis) = value.and_then(|value| serde_json::from_value::<Genesis>(value).ok()) else {
        return found.find(path, None, "entry 0 does not say which log this is");
    };
    if genesis.log_key != policy.log().to_string() {
        let what =
            format!("entry 0 names the log key `{}`, and the policy `{}`", genesis.log_key, policy.log());
        found.find(path, None, what);
    }
    let what = match std::fs::read_to_string(folder.join("policy")) {
        // A copy need not have it.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return,
        Err(error) => format!("cannot be read: {error}"),
        Ok(text) if text == genesis.policy => return,
        Ok(_) => "not the policy that entry 0 names: witnesses or quorums were changed".to_owned(),
    };
    found.find("policy", None, what);
}

/// Checks checkpoint, bundles and tiles.
pub fn verify_log(
    tiles: &dyn ReadTiles,
    policy: &Policy,
    accept: Accept,
    progress: &mut dyn FnMut(u64, u64),
) -> Verification {
    let mut found = Verification::default();
    let Some(head) = check_checkpoint(tiles, policy, accept, &mut found) else { return found };
    found.head = Some(head);
    let mut walk =
        Walk { tiles, head, edge: Edge::default(), unknown: BTreeSet::new(), unsettled: false, found };
    let bundles = head.size.div_ceil(TILE_WIDTH as u64);
    for number in 0..bundles {
        walk.bundle(number);
        progress(walk.edge.size(), head.size);
    }
    walk.finish()
}

fn check_checkpoint(
    tiles: &dyn ReadTiles,
    policy: &Policy,
    accept: Accept,
    found: &mut Verification,
) -> Option<TreeHead> {
    let path = "checkpoint";
    let text = match tiles.read(path) {
        Ok(Some(bytes)) => String::from_utf8_lossy(&bytes).into_owned(),
        Ok(None) => {
            found.find(path, None, "missing: without it nothing says how large the log is");
            return None;
        }
        Err(error) => {
            found.find(path, None, format!("cannot be read: {error}"));
            return None;
        }
    };
    match SignedCheckpoint::parse(&text) {
        Err(error) => {
            found.find(path, None, format!("{error}; without it nothing says how large the log is"));
            None
        }
        Ok(checkpoint) => {
            match policy.check(&checkpoint, accept) {
                Ok(quorum) => found.quorum = Some(quorum),
                Err(error) => found.find(path, None, error.to_string()),
            }
            Some(checkpoint.head())
        }
    }
}

struct Walk<'a> {
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

impl Walk<'_> {
    /// Checks one bundle of entries against its tile of hashes.
    fn bundle(&mut self, number: u64) {
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
        let bytes =
            super::tree::read_tile(self.tiles, level, number, width).map_err(|error| error.to_string())?;
        Ok(bytes
            .chunks_exact(32)
            .take(width)
            .map(|hash| Hash(hash.try_into().expect("a chunk of 32 bytes has 32 bytes")))
            .collect())
    }

    fn finish(mut self) -> Verification {
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

fn read_bundle(tiles: &dyn ReadTiles, number: u64, size: u64) -> Result<Vec<u8>, (String, String)> {
    let width = tile_width(size, 0, number);
    let path = entries_path(number, width);
    let read = |path: &str| tiles.read(path).map_err(|error| (path.to_owned(), error.to_string()));
    match read(&path)? {
        Some(bytes) => Ok(bytes),
        // A copy that was made while the log grew may have the full bundle already.
        None if width < TILE_WIDTH => match read(&entries_path(number, TILE_WIDTH))? {
            Some(mut bytes) => {
                bytes.truncate(width * (Leaf::BYTES + 2));
                Ok(bytes)
            }
            None => Err((path, "missing".to_owned())),
        },
        None => Err((path, "missing".to_owned())),
    }
}
