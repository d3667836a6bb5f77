//! The openings beside the tiles: each has to fit its entry, and that of entry 0 what is believed.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::Path;

use super::files::for_each_file;
use super::{Verification, read_bundle};
use crate::record::entry::{Leaf, Slot};
use crate::record::genesis::Genesis;
use crate::record::journal::split_leaves;
use crate::record::opening::Opening;
use crate::record::policy::Policy;
use crate::record::storage::{ReadTiles, ServedFolder, opening_path};
use crate::record::tile::TILE_WIDTH;

/// Checks every opening of a log of `size` entries.
pub(super) fn check(folder: &Path, policy: &Policy, size: u64, found: &mut Verification) {
    let served = ServedFolder(folder.to_owned());
    // By the path of the bundle that their entries should be in.
    let mut without_entry: BTreeMap<String, u64> = BTreeMap::new();
    for_each_file(folder, "opening", found, &mut |found, path, file| {
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
                    check_genesis(folder, &opening, policy, &path, found);
                }
            }
        }
    });
    let genesis = opening_path(0);
    if !folder.join(&genesis).exists() {
        found.find(genesis, None, "missing: entry 0 says which log this is, and is open to everybody");
    }
    for (bundle, openings) in without_entry {
        let openings = if openings == 1 { "1 opening".to_owned() } else { format!("{openings} openings") };
        found.find(bundle, None, format!("{openings} cannot be held against the entries that are lost here"));
    }
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
