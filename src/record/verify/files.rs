//! The files beside what a walk over the tree reads.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use super::Verification;
use crate::record::TreeHead;
use crate::record::entry::Leaf;
use crate::record::storage::{STAGED, path_of, read_partial_path};
use crate::record::tile::tile_width;

/// Checks the partial tiles that are still there though they have grown since. Nobody who starts from the newest checkpoint
/// reads them; who has an older one does.
pub fn verify_superseded(folder: &Path, found: &mut Verification) {
    let Some(TreeHead { size, .. }) = found.head else { return };
    for_each_file(folder, "tile", found, &mut |found, path, file| {
        let Some((level, number, width)) = read_partial_path(&path) else { return };
        let grown = tile_width(size, level.unwrap_or(0), number);
        if width >= grown {
            return;
        }
        let unit = if level.is_none() { Leaf::BYTES + 2 } else { 32 };
        let now = path_of(level, number, grown);
        let Ok(now_bytes) = std::fs::read(folder.join(&now)) else { return };
        // What is wrong there has been named; which bytes are right nobody knows then.
        if found.findings.iter().any(|finding| finding.path == now) || now_bytes.len() < width * unit {
            return;
        }
        let bytes = match std::fs::read(&file) {
            Ok(bytes) => bytes,
            Err(error) => {
                return found.find(path, None, format!("cannot be read: {error}"));
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
    });
}

/// Shows what is served in a part of a folder, by its path below the folder, in order; a file that is only being written is
/// not. No more than one folder's names are in memory for each level.
/// A folder that cannot be read is not an empty one.
pub(super) fn for_each_file(
    folder: &Path,
    path: &str,
    found: &mut Verification,
    seen: &mut dyn FnMut(&mut Verification, String, PathBuf),
) {
    let names: io::Result<BTreeSet<String>> = std::fs::read_dir(folder.join(path)).and_then(|entries| {
        entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    });
    let names = match names {
        Ok(names) => names,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return,
        Err(error) => return found.find(path, None, format!("cannot be read: {error}")),
    };
    for name in names {
        let path = format!("{path}/{name}");
        let file = folder.join(&path);
        if file.is_dir() {
            for_each_file(folder, &path, found, seen);
        } else if file.extension().is_none_or(|ending| ending != STAGED) {
            seen(found, path, file);
        }
    }
}
