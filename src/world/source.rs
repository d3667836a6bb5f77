use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::diagnostic::{Diagnostic, SourceFile};
use crate::embedded;

/// The files that stand by themselves.
const SINGLE_FILES: [&str; 5] = [
    "config/countries.toml",
    "config/provider.toml",
    "config/roster.toml",
    "config/routes.toml",
    "config/treaties.toml",
];

/// The folders with a file for each of their things.
const FOLDERS: [&str; 2] = ["regions", "config/authorities"];

/// The texts a world is read from, by path with forward slashes under the root.
#[derive(Clone, Debug)]
pub struct WorldSource {
    files: BTreeMap<String, SourceFile>,
}

impl WorldSource {
    /// The files built into the binary.
    pub fn standard() -> Self {
        let files = ["regions/", "config/"]
            .into_iter()
            .flat_map(embedded::under)
            .filter(|(path, _)| is_world_file(path))
            .map(|(path, text)| (path.to_owned(), SourceFile::new(path, text)))
            .collect();
        WorldSource { files }
    }

    /// Reads `regions/` and `config/` under a folder. A file that is missing is found missing when the world is read.
    pub fn read(root: &Path) -> Result<Self, Diagnostic> {
        let mut source = WorldSource { files: BTreeMap::new() };
        source.add_folder(root)?;
        Ok(source)
    }

    /// Puts in the files of a world that a folder holds, each in place of the one at its path if there is one. A
    /// folder that holds none is an error, since it was meant to.
    pub fn add_folder(&mut self, root: &Path) -> Result<(), Diagnostic> {
        let mut paths: Vec<String> = SINGLE_FILES.map(str::to_owned).to_vec();
        paths.retain(|path| root.join(path).exists());
        for folder in FOLDERS {
            let full = root.join(folder);
            let unreadable =
                |error: io::Error| Diagnostic::about_file(&full, format!("cannot be read: {error}"));
            let entries = match std::fs::read_dir(&full) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                entries => entries.map_err(unreadable)?,
            };
            for entry in entries {
                let name = entry.map_err(unreadable)?.file_name();
                paths.extend(
                    name.to_str().map(|name| format!("{folder}/{name}")).filter(|path| is_world_file(path)),
                );
            }
        }
        if paths.is_empty() {
            return Err(Diagnostic::about_file(root, "holds no file of a world")
                .help("it should have `regions/<id>.toml`, `config/authorities/<id>.toml` or another file of `config/`"));
        }
        for path in paths {
            let file = SourceFile::read(&root.join(&path))?;
            self.files.insert(path, file);
        }
        Ok(())
    }

    /// Puts one file in, in place of the one at that path if there is one. The text is read when the world is.
    pub fn put(&mut self, path: &str, file: SourceFile) -> Result<(), Diagnostic> {
        if !is_world_file(path) {
            return Err(Diagnostic::about_file(file.path(), format!("`{path}` is not a file of a world"))
                .help("allowed: `regions/<id>.toml`, `config/authorities/<id>.toml`")
                .allowed(path, SINGLE_FILES));
        }
        self.files.insert(path.to_owned(), file);
        Ok(())
    }

    pub fn file(&self, path: &str) -> Option<&SourceFile> {
        self.files.get(path)
    }

    /// The files of a folder, by the stem of their names.
    pub(super) fn folder(&self, folder: &str) -> impl Iterator<Item = (&str, &SourceFile)> {
        self.files.iter().filter_map(move |(path, file)| Some((stem_in(path, folder)?, file)))
    }

    /// SHA-256 over `rogatory world v1\n` and, for each file in order of path, path and text, each after its length
    /// in bytes as a big-endian 64-bit number.
    pub fn digest(&self) -> [u8; 32] {
        digest(self.files.iter())
    }

    /// [`WorldSource::digest`] over the roster's files only.
    pub fn roster_digest(&self) -> [u8; 32] {
        let of_roster =
            |path: &str| path == "config/roster.toml" || stem_in(path, "config/authorities").is_some();
        digest(self.files.iter().filter(|(path, _)| of_roster(path)))
    }
}

fn digest<'a>(files: impl Iterator<Item = (&'a String, &'a SourceFile)>) -> [u8; 32] {
    let mut hash = Sha256::new_with_prefix(b"rogatory world v1\n");
    for (path, file) in files {
        for text in [path.as_str(), file.text()] {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
    }
    hash.finalize().into()
}

fn is_world_file(path: &str) -> bool {
    SINGLE_FILES.contains(&path) || FOLDERS.iter().any(|folder| stem_in(path, folder).is_some())
}

/// `ie-dublin` for `regions/ie-dublin.toml` in `regions`.
fn stem_in<'a>(path: &'a str, folder: &str) -> Option<&'a str> {
    let name = path.strip_prefix(folder)?.strip_prefix('/')?.strip_suffix(".toml")?;
    (!name.is_empty() && !name.contains('/')).then_some(name)
}
