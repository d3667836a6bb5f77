//! How the world of a script differs from the standard one: what it includes, then its own `[world]`.
//!
//! A file that is included holds changes to the world and nothing else, so that many scripts can share it. Words in it
//! can be renamed on the way in: one world with a bank that has a branch in `XX` serves for every such place.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::raw::RawInclude;
use crate::diagnostic::{Diagnostic, Diagnostics, SourceFile, nearest};
use crate::embedded;
use crate::world::WorldChanges;

/// What of a script is read before the rest, because the rest names things of its world.
#[derive(Deserialize)]
struct Front {
    #[serde(default)]
    include: Vec<RawInclude>,
}

/// The changes that a script makes to the world, in order. The stance is left out: a script's stance is the provider's
/// own decision, and goes on the record.
pub fn world_changes(file: &SourceFile) -> Result<WorldChanges, Diagnostics> {
    let front: Front = file.parse_toml()?;
    let mut changes = WorldChanges::default();
    for include in &front.include {
        let included = included(file, include)?;
        changes = changes.then(WorldChanges::read(&included, &["world"])?);
    }
    Ok(changes.then(WorldChanges::read(file, &["world"])?.without("stance")))
}

fn included(file: &SourceFile, include: &RawInclude) -> Result<SourceFile, Diagnostic> {
    let name = include.file.get_ref();
    let folder = file.path().parent().unwrap_or(Path::new(""));
    let path = folder.join(name);
    let on_disk = file.path().exists();
    let found = if on_disk {
        SourceFile::read(&path).ok()
    } else {
        built_in(&path).map(|text| SourceFile::new(&path, text))
    };
    let found = found.ok_or_else(|| {
        let missing = file
            .at(include.file.span(), format!("no file `{}` to include", path.display()))
            .help("the path is taken from the folder of this script");
        let others = beside(&path, on_disk);
        let others: Vec<&str> =
            others.iter().filter_map(|other| other.strip_prefix(folder).ok()?.to_str()).collect();
        if others.is_empty() { missing } else { missing.allowed(name, others) }
    })?;
    for key in include.rename.keys() {
        let there: BTreeSet<&str> =
            words(found.text()).filter(|(is_word, _)| *is_word).map(|(_, text)| text).collect();
        if !there.contains(key.get_ref().as_str()) {
            let wrong = file.at(key.span(), format!("`{}` does not stand in `{name}`", key.get_ref()));
            return Err(match nearest(key.get_ref(), there) {
                Some(near) => wrong.help(format!("did you mean `{near}`?")),
                None => wrong.help("rename a word that is there"),
            });
        }
    }
    let renames = include.rename.iter().map(|(from, to)| (from.get_ref().as_str(), to.as_str())).collect();
    Ok(SourceFile::new(&path, renamed(found.text(), &renames)))
}

/// The TOML files in the folder of a file that is not there.
fn beside(missing: &Path, on_disk: bool) -> Vec<PathBuf> {
    let folder = missing.parent().unwrap_or(Path::new(""));
    let mut files: Vec<PathBuf> = if on_disk {
        let entries = std::fs::read_dir(folder).into_iter().flatten();
        entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
    } else {
        let all = embedded::under("config/scenarios/").map(|(path, _)| PathBuf::from(path));
        all.filter(|path| path.parent() == Some(folder)).collect()
    };
    files.retain(|path| path.extension().is_some_and(|ending| ending == "toml"));
    files.sort();
    files
}

/// The text of a file that was built in, whichever way its path is written on this system.
fn built_in(path: &Path) -> Option<&'static str> {
    let name = path.iter().map(|part| part.to_string_lossy()).collect::<Vec<_>>().join("/");
    embedded::under(&name).find(|(path, _)| *path == name).map(|(_, text)| text)
}

fn renamed(text: &str, renames: &BTreeMap<&str, &str>) -> String {
    words(text)
        .map(|(is_word, text)| if is_word { renames.get(text).copied().unwrap_or(text) } else { text })
        .collect()
}

/// A text cut into words (letters, digits, dashes) and what stands between them.
fn words(text: &str) -> impl Iterator<Item = (bool, &str)> {
    let of_word = |c: char| c.is_alphanumeric() || c == '-';
    let mut rest = text;
    std::iter::from_fn(move || {
        let is_word = of_word(rest.chars().next()?);
        let end = rest.find(|c| of_word(c) != is_word).unwrap_or(rest.len());
        let (part, after) = rest.split_at(end);
        rest = after;
        Some((is_word, part))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_words_are_renamed_and_nothing_else() {
        let renames = BTreeMap::from([("XX", "BS"), ("xx-place", "bs-nassau")]);
        let text = "regions.xx-place = { country = \"XX\", id = \"xx-place-2\", XXL = 1 }";
        assert_eq!(
            renamed(text, &renames),
            "regions.bs-nassau = { country = \"BS\", id = \"xx-place-2\", XXL = 1 }"
        );
    }
}
