//! Maildir: a folder with `cur`, `new` and `tmp`, a file per message, flags in the file's name.
//!
//! Subfolders follow Maildir++: `.Sent` beside `cur`, `.Sent.2013` for a folder within it. What else lies there
//! (indexes, lists of subscriptions) belongs to the mail server and is left alone.

use std::fs;
use std::io;
use std::path::Path;

use super::flags::Flags;
use super::source::{MessageFile, SkippedBecause};
use crate::clock::SimTime;

pub(super) fn is_maildir(path: &Path) -> bool {
    path.join("cur").is_dir() && path.join("new").is_dir()
}

/// Every message file of a Maildir and its subfolders, unsorted.
pub(super) fn list(root: &Path) -> io::Result<Vec<MessageFile>> {
    let mut files = Vec::new();
    list_folder(root, None, &mut files)?;
    for entry in fs::read_dir(root)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if let Some(folder) = name.strip_prefix('.').filter(|folder| !folder.is_empty())
            && is_maildir(&entry.path())
        {
            list_folder(&entry.path(), Some(folder), &mut files)?;
        }
    }
    Ok(files)
}

fn list_folder(root: &Path, folder: Option<&str>, files: &mut Vec<MessageFile>) -> io::Result<()> {
    for (part, skip) in [("cur", None), ("new", None), ("tmp", Some(SkippedBecause::NotDelivered))] {
        let dir = root.join(part);
        if part == "tmp" && !dir.is_dir() {
            continue;
        }
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let (base, info) = split_name(&name);
            files.push(MessageFile {
                path: entry.path(),
                // The same in `new` and `cur`: a mail client may move a file between two readings.
                key: format!("{}/{base}", folder.unwrap_or_default()),
                folder: folder.map(str::to_owned),
                received: received(base),
                flags: Flags::letters(info.as_bytes()),
                skip: skip.clone(),
            });
        }
    }
    Ok(())
}

/// A file's name without its flags, and the flags: `1386169200.M1.host:2,RS`.
fn split_name(name: &str) -> (&str, &str) {
    match name.rsplit_once(":2,") {
        Some((base, info)) => (base, info),
        None => (name.split_once(':').map_or(name, |(base, _)| base), ""),
    }
}

/// Names begin with the second of delivery. A number outside the years 1970 to 2100 is something else.
fn received(base: &str) -> Option<SimTime> {
    let (seconds, _) = base.split_once('.')?;
    let seconds: i64 = seconds.parse().ok()?;
    (0..4_102_444_800).contains(&seconds).then(|| SimTime::from_unix_seconds(seconds))
}

/// The name for a message that is written: seconds of receipt or `undated`, a number that makes it unique, flags.
/// Messages of one second keep their order.
pub(super) fn file_name(received: Option<SimTime>, number: u64, flags: &Flags) -> String {
    let seconds = received.map(SimTime::unix_seconds).filter(|s| (0..4_102_444_800).contains(s));
    let time = seconds.map_or("undated".to_owned(), |s| s.to_string());
    format!("{time}.R{number:08}.rogatory:2,{flags}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_tell_receipt_and_flags() {
        assert_eq!(split_name("1386169200.M1.host:2,RS"), ("1386169200.M1.host", "RS"));
        assert_eq!(split_name("1386169200.M1.host"), ("1386169200.M1.host", ""));
        assert_eq!(split_name("1386169200.M1.host:1,x"), ("1386169200.M1.host", ""));
        assert_eq!(received("1386169200.M1.host").unwrap().to_string(), "2013-12-04T15:00:00Z");
        assert_eq!(received("x.M1.host"), None);
        assert_eq!(received("99999999999.M1.host"), None);
    }

    proptest! {
        #[test]
        fn a_written_name_is_read_back(seconds in proptest::option::of(0i64..4_102_444_800), letters in "[A-Za-z]{0,6}") {
            let moment = seconds.map(SimTime::from_unix_seconds);
            let flags: Flags = letters.parse().unwrap();
            let name = file_name(moment, 7, &flags);
            let (base, info) = split_name(&name);
            prop_assert_eq!(received(base), moment);
            prop_assert_eq!(Flags::letters(info.as_bytes()), flags);
        }
    }
}
