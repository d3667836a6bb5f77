use std::collections::BTreeMap;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::diagnostic::{Diagnostic, SourceFile};
use crate::embedded;

/// The files that are read beside `regions/*.toml` and `config/authorities/*.toml`.
const SINGLE_FILES: [&str; 5] = [
    "config/countries.toml",
    "config/provider.toml",
    "config/roster.toml",
    "config/routes.toml",
    "config/treaties.toml",
];

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

    /// Reads `regions/` and `config/` under a folder.
    pub fn read(root: &Path) -> Result<Self, Diagnostic> {
        let mut paths: Vec<String> = SINGLE_FILES.map(str::to_owned).to_vec();
        for folder in ["regions", "config/authorities"] {
            let full = root.join(folder);
            let unreadable =
                |error: std::io::Error| Diagnostic::about_file(&full, format!("cannot be read: {error}"));
            for entry in std::fs::read_dir(&full).map_err(unreadable)? {
                let name = entry.map_err(unreadable)?.file_name();
                if let Some(name) = name.to_str().filter(|name| name.ends_with(".toml")) {
                    paths.push(format!("{folder}/{name}"));
                }
            }
        }
        let mut files = BTreeMap::new();
        for path in paths {
            files.insert(path.clone(), SourceFile::read(&root.join(&path))?);
        }
        Ok(WorldSource { files })
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
    SINGLE_FILES.contains(&path)
        || stem_in(path, "regions").is_some()
        || stem_in(path, "config/authorities").is_some()
}

/// `ie-dublin` for `regions/ie-dublin.toml` in `regions`.
fn stem_in<'a>(path: &'a str, folder: &str) -> Option<&'a str> {
    let name = path.strip_prefix(folder)?.strip_prefix('/')?.strip_suffix(".toml")?;
    (!name.is_empty() && !name.contains('/')).then_some(name)
}
