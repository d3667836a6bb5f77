//! Where the law books of a record are kept, by their digest: a decision names the revision that it was made by, and can be
//! made again only with that one.
//!
//! Each revision is one file, `<revision>.json`: `{"format": 1, "files": {"us.cedar": "…", …}}`. Whoever reads it computes
//! the digest anew, so it does not matter where a file comes from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Law;
use crate::diagnostic::{Diagnostic, Diagnostics, SourceFile};
use crate::disk::{Disk, write_whole};

const FORMAT: u32 = 1;

/// A folder of law books, each revision in one file.
#[derive(Clone, Debug)]
pub struct Shelf {
    folder: PathBuf,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    format: u32,
    /// Texts by the names of their files.
    files: BTreeMap<String, String>,
}

impl Shelf {
    /// The shelf in this folder, which need not be there yet.
    pub fn new(folder: PathBuf) -> Self {
        Shelf { folder }
    }

    fn place(&self, revision: &str) -> PathBuf {
        self.folder.join(format!("{revision}.json"))
    }

    /// Keeps the books that a law was read from, durably when it returns. Those that are there whole stay as they are;
    /// what became damaged is put right while the books are at hand.
    pub fn keep(&self, disk: &dyn Disk, law: &Law) -> std::io::Result<()> {
        let path = self.place(law.revision());
        let name =
            |file: &SourceFile| file.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
        let files = law.files.iter().map(|file| (name(file), file.text().to_owned())).collect();
        let kept = serde_json::to_vec(&Kept { format: FORMAT, files }).map_err(std::io::Error::other)?;
        match std::fs::read(&path) {
            Ok(there) if there == kept => return Ok(()),
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        disk.make_folder(&self.folder)?;
        write_whole(disk, &path, &kept)
    }

    /// The law by its revision; `None` if it is not on the shelf.
    pub fn find(&self, revision: &str) -> Result<Option<Law>, Diagnostics> {
        let plain = !revision.is_empty() && revision.bytes().all(|byte| byte.is_ascii_hexdigit());
        let path = self.place(revision);
        if !plain || !path.exists() {
            return Ok(None);
        }
        let law = read(&path)?;
        if law.revision() == revision {
            return Ok(Some(law));
        }
        let what = format!("holds the law books {}, and its name says others", law.revision());
        Err(Diagnostic::about_file(&path, what).help("put the file back as it was").into())
    }
}

fn read(path: &Path) -> Result<Law, Diagnostics> {
    let file = SourceFile::read(path)?;
    let bad = |what: String| Diagnostics::from(Diagnostic::about_file(path, what));
    let kept: Kept = serde_json::from_str(file.text())
        .map_err(|error| bad(format!("is no file of law books: {error}")))?;
    if kept.format != FORMAT {
        return Err(bad(format!("has format {}, and this program reads {FORMAT}", kept.format)));
    }
    Law::from_files(kept.files.into_iter().map(|(name, text)| SourceFile::new(name, text)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::RealDisk;

    #[test]
    fn what_is_kept_is_found_by_its_digest_and_nothing_else_is() {
        let folder = tempfile::tempdir().unwrap();
        let shelf = Shelf::new(folder.path().join("law"));
        let law = Law::standard().unwrap();
        assert!(shelf.find(law.revision()).unwrap().is_none());
        shelf.keep(&RealDisk, &law).unwrap();
        shelf.keep(&RealDisk, &law).unwrap();
        let found = shelf.find(law.revision()).unwrap().unwrap();
        assert_eq!(found.revision(), law.revision());
        assert_eq!(found.rules().count(), law.rules().count());
        assert!(shelf.find("00").unwrap().is_none());
        assert!(shelf.find("../format").unwrap().is_none());
        let path = shelf.place(law.revision());
        let text = std::fs::read_to_string(&path).unwrap();
        let altered = text.replacen("jurisdiction = ", "jurisdiction  = ", 1);
        assert_ne!(altered, text);
        std::fs::write(&path, altered).unwrap();
        assert!(shelf.find(law.revision()).unwrap_err().to_string().contains("its name says others"));
        std::fs::write(&path, "{}").unwrap();
        assert!(shelf.find(law.revision()).unwrap_err().to_string().contains("no file of law books"));
        // Whoever runs with these very books puts them right.
        shelf.keep(&RealDisk, &law).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
}
