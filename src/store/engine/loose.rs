//! Bodies too long for the log: a file each, written while they arrive, so that none is held in memory.
//!
//! A file begins with `rogatory body 1\n`, padded to 40 bytes; the sealed body follows.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{BlobRef, EngineError};
use crate::disk::{Disk, DiskFile};
use crate::entropy::Entropy;

const HEADER: &[u8] = b"rogatory body 1\n";
const HEADER_LENGTH: u64 = 40;
const EXTENSION: &str = "body";

/// The folder of loose bodies.
pub(super) struct LooseBodies {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
}

impl LooseBodies {
    pub fn new(disk: Arc<dyn Disk>, folder: &Path) -> Self {
        LooseBodies { disk, folder: folder.to_owned() }
    }

    pub fn begin(self: &Arc<Self>) -> Result<LooseWriter, EngineError> {
        let id = *Entropy::system().draw::<16>("body file", b"");
        let path = self.path(id);
        let begin = || {
            let file = self.disk.create(&path)?;
            let mut header = HEADER.to_vec();
            header.resize(HEADER_LENGTH as usize, 0);
            file.write_all_at(&[&header], 0)?;
            Ok(file)
        };
        match begin() {
            Ok(file) => {
                let guard = LooseBody { bodies: self.clone(), id, length: 0, kept: false };
                Ok(LooseWriter { file, guard })
            }
            Err(source) => Err(EngineError::Io { path, source }),
        }
    }

    /// A body's file, and where in it the body begins.
    pub fn open(&self, id: [u8; 16]) -> Result<(Arc<dyn DiskFile>, u64), EngineError> {
        let path = self.path(id);
        let failed = |source| EngineError::Io { path: path.clone(), source };
        let file = self.disk.open(&path).map_err(failed)?;
        let mut header = [0; HEADER_LENGTH as usize];
        file.read_exact_at(&mut header, 0).map_err(failed)?;
        if !header.starts_with(HEADER) {
            let found = String::from_utf8_lossy(&header[..HEADER.len()]).trim_end().to_owned();
            return Err(EngineError::Newer { path, found });
        }
        Ok((file, HEADER_LENGTH))
    }

    pub fn remove(&self, id: [u8; 16]) -> Result<(), EngineError> {
        let path = self.path(id);
        self.disk.remove(&path).map_err(|source| EngineError::Io { path, source })
    }

    /// Removes the files that `is_referred_to` denies: a crash came between writing and committing them.
    pub fn keep_only(
        &self,
        is_referred_to: impl Fn([u8; 16]) -> Result<bool, EngineError>,
    ) -> Result<(), EngineError> {
        let failed = |source| EngineError::Io { path: self.folder.clone(), source };
        for path in self.disk.list(&self.folder).map_err(failed)? {
            let id = path.extension().is_some_and(|e| e == EXTENSION).then(|| {
                let stem = path.file_stem()?.to_str()?;
                u128::from_str_radix(stem, 16).ok().map(u128::to_be_bytes)
            });
            if let Some(id) = id.flatten()
                && !is_referred_to(id)?
            {
                self.remove(id)?;
            }
        }
        Ok(())
    }

    fn path(&self, id: [u8; 16]) -> PathBuf {
        self.folder.join(file_name(id))
    }
}

pub(super) fn file_name(id: [u8; 16]) -> String {
    format!("{:032x}.{EXTENSION}", u128::from_be_bytes(id))
}

/// A loose body that is being written.
pub(crate) struct LooseWriter {
    file: Arc<dyn DiskFile>,
    guard: LooseBody,
}

impl LooseWriter {
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), EngineError> {
        let written = self.file.write_all_at(&[bytes], HEADER_LENGTH + self.guard.length);
        self.guard.io(written)?;
        self.guard.length += bytes.len() as u64;
        Ok(())
    }

    /// Returns when the body is on the disk.
    pub fn finish(self) -> Result<LooseBody, EngineError> {
        let bodies = &self.guard.bodies;
        let synced = self.file.sync().and_then(|()| bodies.disk.sync_folder(&bodies.folder));
        self.guard.io(synced)?;
        Ok(self.guard)
    }
}

/// A loose body that is on the disk. It is removed again unless a commit refers to it.
pub(crate) struct LooseBody {
    bodies: Arc<LooseBodies>,
    id: [u8; 16],
    length: u64,
    kept: bool,
}

impl LooseBody {
    pub fn place(&self) -> BlobRef {
        BlobRef::Loose { id: self.id, length: self.length }
    }

    /// To be called by who refers to it, before the commit: should that fail, opening the store cleans up.
    pub fn keep(mut self) {
        self.kept = true;
    }

    fn io(&self, result: io::Result<()>) -> Result<(), EngineError> {
        result.map_err(|source| EngineError::Io { path: self.bodies.path(self.id), source })
    }
}

impl Drop for LooseBody {
    fn drop(&mut self) {
        if !self.kept {
            // If it stays, the next opening removes it.
            let _ = self.bodies.remove(self.id);
        }
    }
}
