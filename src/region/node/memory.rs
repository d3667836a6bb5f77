//! How far simulated time has come, as far as this region was shown. It is kept in the node's folder, so that a restart does not
//! let head office begin again.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::disk::{Disk, write_whole};
use crate::record::permit::Reached;
use crate::region::versioned::{self, NotRead};

const FORMAT: u32 = 1;

/// `reached.json` in a node's folder.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    format: u32,
    /// Absent until a permit was shown.
    reached: Option<Reached>,
}

/// The memory, with the file it is in.
pub(super) struct TimeMemory {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    reached: Option<Reached>,
}

/// Why the memory cannot be read or moved.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    #[error("`{}` is missing: it says how far time had come, and without it head office could go back; put it back", .0.display())]
    Missing(PathBuf),
    #[error("`{}` does not say how far time had come: {why}", path.display())]
    Unreadable { path: PathBuf, why: String },
    #[error("`{}` has format {found}, and this program reads format {FORMAT}: use the program that wrote it, or a newer one", path.display())]
    Format { path: PathBuf, found: u32 },
    #[error("`{}` cannot be read or written: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
}

impl TimeMemory {
    /// The memory of a region that was shown nothing yet. A crash at the first start may have left one.
    pub(super) fn start(disk: Arc<dyn Disk>, folder: &Path) -> Result<Self, MemoryError> {
        let path = path(folder);
        if !path.exists() {
            TimeMemory { disk: disk.clone(), path, reached: None }.write(None)?;
        }
        TimeMemory::open(disk, folder)
    }

    pub(super) fn open(disk: Arc<dyn Disk>, folder: &Path) -> Result<Self, MemoryError> {
        let path = path(folder);
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(MemoryError::Missing(path));
            }
            Err(source) => return Err(MemoryError::Io { path, source }),
        };
        let File { reached, .. } = versioned::read(&bytes, FORMAT).map_err(|error| match error {
            NotRead::Unreadable(why) => MemoryError::Unreadable { path: path.clone(), why },
            NotRead::Format(found) => MemoryError::Format { path: path.clone(), found },
        })?;
        Ok(TimeMemory { disk, path, reached })
    }

    pub(super) fn reached(&self) -> Option<Reached> {
        self.reached
    }

    /// Remembers; durable when it returns.
    pub(super) fn remember(&mut self, reached: Reached) -> Result<(), MemoryError> {
        if self.reached.is_some_and(|before| before.time >= reached.time) {
            return Ok(());
        }
        self.write(Some(reached))?;
        self.reached = Some(reached);
        Ok(())
    }

    fn write(&self, reached: Option<Reached>) -> Result<(), MemoryError> {
        let failed = |source| MemoryError::Io { path: self.path.clone(), source };
        let text = serde_json::to_vec(&File { format: FORMAT, reached }).map_err(|e| failed(e.into()))?;
        write_whole(&*self.disk, &self.path, &text).map_err(failed)
    }
}

fn path(folder: &Path) -> PathBuf {
    folder.join("reached.json")
}
