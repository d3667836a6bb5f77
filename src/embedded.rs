//! The configuration files that are built into the binary: all text files under `regions/` and `config/`.

mod generated {
    include!(concat!(env!("OUT_DIR"), "/embedded_files.rs"));
}

/// The files under a folder such as `config/law/`, as (path with forward slashes, text), in order of path.
pub fn under(folder: &str) -> impl Iterator<Item = (&'static str, &'static str)> {
    generated::FILES.iter().copied().filter(move |(path, _)| path.starts_with(folder))
}
