//! Checks a whole served folder: log, tiles, checkpoint, cosignatures, openings. Offline, with public keys only, changing nothing.
//!
//! Every damaged place is named, in words and byte ranges, and checking goes on behind it. Where an entry and its hash
//! disagree, the level above says which of the two is wrong. Memory stays flat: one bundle and one tile per level.

mod files;
mod openings;
mod walk;

use std::fmt;
use std::ops::Range;
use std::path::Path;

use serde::Serialize;

pub use files::verify_superseded;

use walk::Walk;

use super::TreeHead;
use super::checkpoint::SignedCheckpoint;
use super::entry::Leaf;
use super::journal;
use super::policy::{Accept, Policy, Quorum};
use super::storage::{ReadTiles, ServedFolder, entries_path};
use super::tile::{TILE_WIDTH, tile_width};

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
    openings::check(folder, policy, size, &mut found);
    found
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
    let mut walk = Walk::new(tiles, head, found);
    let bundles = head.size.div_ceil(TILE_WIDTH as u64);
    for number in 0..bundles {
        walk.bundle(number);
        progress(walk.size(), head.size);
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
