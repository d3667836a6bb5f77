//! The one secret that a component keeps, from which it draws whatever else it has to remember.

use std::path::Path;

use super::keyfile::{self, KeyFileError};
use crate::disk::Disk;
use crate::entropy::Entropy;

/// Reads a component's secret from `component.key` in its folder, or draws and writes it at the first start. The
/// file is private to its owner.
pub fn component_entropy(
    disk: &dyn Disk,
    folder: &Path,
    name: &str,
    entropy: &Entropy,
) -> Result<Entropy, KeyFileError> {
    disk.make_folder(folder).map_err(|error| KeyFileError::Io { path: folder.to_owned(), source: error })?;
    let path = folder.join("component.key");
    let purpose = format!("component secret of {name}");
    if !path.exists() {
        // Its secret is the first thing a component has. Another one would be another component.
        let staged = folder.join("component.key.new");
        let others =
            disk.list(folder).map_err(|error| KeyFileError::Io { path: folder.to_owned(), source: error })?;
        if others.iter().any(|other| *other != staged) {
            return Err(KeyFileError::Missing { path });
        }
        keyfile::write(disk, &path, &purpose, 1, &entropy.draw("component secret", name.as_bytes()))?;
    }
    let (_, secret) = keyfile::read(&path, &purpose)?;
    Ok(Entropy::keyed(secret))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_component_draws_the_same_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let draw = || {
            let entropy =
                component_entropy(&crate::disk::RealDisk, folder.path(), "head office", &Entropy::system())
                    .unwrap();
            entropy.draw::<32>("signing key", b"log")
        };
        assert_eq!(draw(), draw());
    }

    #[test]
    fn a_lost_secret_is_not_drawn_again() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("component.key.new"), "torn").unwrap();
        let open = || {
            let disk = &crate::disk::RealDisk;
            component_entropy(disk, folder.path(), "head office", &Entropy::system())
        };
        open().unwrap();
        std::fs::write(folder.path().join("journal"), "something that the component keeps").unwrap();
        std::fs::remove_file(folder.path().join("component.key")).unwrap();
        assert!(matches!(open(), Err(KeyFileError::Missing { .. })));
    }
}
