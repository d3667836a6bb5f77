//! The data directory as a whole: its format, who uses it, and that nothing of it is missing.

use std::io;
use std::path::{Path, PathBuf};

use super::DeploymentError;
use crate::disk::{Disk, FileLock, write_whole};
use crate::world::World;

/// The format of a data directory that this program reads and writes.
pub const DATA_FORMAT: &str = "rogatory data 3\n";

/// Accepts a folder with something in it. One that cannot be looked into is not one without.
pub(super) fn check_there(data: &Path, file: &str) -> Result<(), DeploymentError> {
    let path = data.join(file);
    match path.try_exists() {
        Ok(true) => Ok(()),
        Ok(false) => Err(DeploymentError::NotThere(data.to_owned())),
        Err(source) => Err(DeploymentError::Io { path, source }),
    }
}

/// Accepts an empty folder or one of this program's own; another format is refused.
pub(super) fn check_format(disk: &dyn Disk, data: &Path) -> Result<(), DeploymentError> {
    let failed = |error| DeploymentError::Io { path: data.to_owned(), source: error };
    disk.make_folder(data).map_err(failed)?;
    let path = data.join("format");
    match std::fs::read_to_string(&path) {
        Ok(found) if found == DATA_FORMAT => Ok(()),
        Ok(found) => Err(DeploymentError::Format { path: data.to_owned(), found }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            if std::fs::read_dir(data).map_err(failed)?.next().is_some() {
                return Err(DeploymentError::NotOurs(data.to_owned()));
            }
            write_whole(disk, &path, DATA_FORMAT.as_bytes()).map_err(failed)
        }
        Err(error) => Err(failed(error)),
    }
}

/// Makes the data directory this process's own while the lock lives.
pub(super) fn lock_folder(data: &Path) -> Result<FileLock, DeploymentError> {
    let path = data.join("format");
    FileLock::take(&path).map_err(|source| match source.kind() {
        io::ErrorKind::WouldBlock => DeploymentError::InUse(data.to_owned()),
        _ => DeploymentError::Io { path, source },
    })
}

/// With the first entry of the record everything was there that a component remembers. What is missing later was lost,
/// and is not made anew: a component that starts again would say that there is nothing where nobody knows.
pub(super) fn check_nothing_is_lost(data: &Path, world: &World) -> Result<(), DeploymentError> {
    let check = |owner: String, path: PathBuf| match path.exists() {
        true => Ok(()),
        false => Err(DeploymentError::Lost { owner, path }),
    };
    for file in ["wrap.key", "cabinet", "cabinet.key"] {
        check("head office".to_owned(), data.join("head-office").join(file))?;
    }
    for region in world.regions().map(|region| region.id()) {
        let folder = data.join("regions").join(region.as_str());
        check(format!("region `{region}`"), folder.join("enrolment.json"))?;
    }
    for witness in world.roster().witnesses().filter(|witness| witness.elsewhere().is_none()) {
        let folder = data.join("witness").join(witness.id().as_str());
        check(format!("witness `{}`", witness.id()), folder.join("witness.json"))?;
    }
    Ok(())
}
