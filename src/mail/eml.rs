//! `.eml`: a file that is one message, byte for byte.

use std::fs;
use std::io;
use std::path::Path;

use super::flags::Flags;
use super::source::{MessageFile, SkippedBecause};

/// Folders within folders are followed to this depth.
const DEPTH_MAX: usize = 32;

pub(super) fn is_named_eml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("eml"))
}

pub(super) fn single(path: &Path) -> MessageFile {
    let key = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    message_file(path, key)
}

fn message_file(path: &Path, key: String) -> MessageFile {
    MessageFile {
        path: path.to_owned(),
        key,
        folder: None,
        received: None,
        flags: Flags::default(),
        skip: (!is_named_eml(path)).then_some(SkippedBecause::NotNamedEml),
    }
}

/// `Ok` if a folder holds `.eml` files, however deep; else what it holds.
pub(super) fn describe_folder(root: &Path) -> io::Result<Result<(), String>> {
    let files = list(root)?;
    if files.iter().any(|file| file.skip.is_none()) {
        return Ok(Ok(()));
    }
    let found = match files.first() {
        None => "an empty folder".to_owned(),
        Some(file) if files.len() == 1 => format!("a folder with `{}` and no .eml file", file.key),
        Some(file) => {
            format!("a folder with `{}` and {} other files, and no .eml file", file.key, files.len() - 1)
        }
    };
    Ok(Err(format!("{found} (mbox files are read one at a time)")))
}

/// Every file in a folder and its subfolders, in the order of their names; those not named `.eml` only to be
/// reported. Links to folders are not followed, so there are no circles.
pub(super) fn list(root: &Path) -> io::Result<Vec<MessageFile>> {
    let mut files = Vec::new();
    list_within(root, "", DEPTH_MAX, &mut files)?;
    files.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(files)
}

fn list_within(folder: &Path, prefix: &str, depth: usize, files: &mut Vec<MessageFile>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let key = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() && depth > 0 {
            list_within(&entry.path(), &format!("{key}/"), depth - 1, files)?;
        } else {
            files.push(message_file(&entry.path(), key));
        }
    }
    Ok(())
}
