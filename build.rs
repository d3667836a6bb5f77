//! Writes the list of configuration files that are built into the binary, so that a fresh download runs from
//! anywhere. A file added under `regions/` or `config/` needs no line of code.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or(io::ErrorKind::NotFound)?);
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?);
    let mut paths = Vec::new();
    for folder in ["config", "regions"] {
        println!("cargo::rerun-if-changed={folder}");
        collect(&root, &root.join(folder), &mut paths)?;
    }
    paths.sort();
    let mut code = String::from("pub(super) static FILES: &[(&str, &str)] = &[\n");
    for path in &paths {
        let full = root.join(path);
        let full = full.to_str().ok_or(io::ErrorKind::InvalidFilename)?;
        writeln!(code, "    ({path:?}, include_str!({full:?})),").map_err(io::Error::other)?;
    }
    code.push_str("];\n");
    fs::write(out.join("embedded_files.rs"), code)
}

/// Adds the text files under `folder`, as paths relative to `root` with forward slashes.
fn collect(root: &Path, folder: &Path, paths: &mut Vec<String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(root, &path, paths)?;
        } else if path.extension().is_some_and(|e| e == "toml" || e == "cedar" || e == "cedarschema") {
            let relative = path.strip_prefix(root).map_err(io::Error::other)?;
            let names: Vec<&str> = relative.iter().filter_map(|name| name.to_str()).collect();
            paths.push(names.join("/"));
        }
    }
    Ok(())
}
