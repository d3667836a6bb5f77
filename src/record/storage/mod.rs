//! Where the log keeps its bytes.
//!
//! A log has a *journal*, which is its own, and *resources*, which anyone may fetch: the checkpoint, tiles, entry bundles
//! and published openings, under the paths of C2SP tlog-tiles. An entry exists from the moment its journal record is
//! durable; resources can always be written again from the journal until it is replaced.

mod folder;

use std::io;

use super::tile::{TILE_WIDTH, tile_width};

pub use folder::{FolderStorage, ServedFolder};

/// The ending of a file that is being written; it gets its name when it is whole.
pub(super) const STAGED: &str = "new";

/// Reads resources.
pub trait ReadTiles: Send + Sync {
    /// The bytes at a path such as `tile/0/000`, or `None` if there are none.
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>>;
}

/// What the log asks of its disk; narrow, so that a test can make every call fail.
pub trait Storage: ReadTiles + 'static {
    /// The whole journal; empty if there is none yet.
    fn load_journal(&self) -> io::Result<Vec<u8>>;

    /// Replaces the journal at once: after a crash there is the old one or the new one. Durable when it returns. Fails with
    /// [`io::ErrorKind::AlreadyExists`] if the journal is not as this process left it.
    fn replace_journal(&self, left: Left<'_>, bytes: &[u8]) -> io::Result<()>;

    /// Writes at a place of the journal, if the 32 bytes before it are `before` and nothing was written there yet. If not,
    /// fails with [`io::ErrorKind::AlreadyExists`]: then another process appended, and this one must stop. Durable when it
    /// returns; when it fails in another way, the bytes may be there or not.
    fn append_journal(&self, at: u64, before: &[u8; 32], bytes: &[u8]) -> io::Result<()>;

    /// Writes a resource. Readers see the old bytes or the new ones. Durable after [`Storage::sync`].
    fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()>;

    /// Removes the partial tiles under `<tile>.p/`, which a full tile has replaced, but for the one of width `keep`.
    fn remove_partials(&self, full: &str, keep: Option<usize>) -> io::Result<()>;

    /// Makes every resource written so far durable.
    fn sync(&self) -> io::Result<()>;
}

/// How a process left the journal. If it is otherwise now, another one writes to this log.
#[derive(Clone, Copy)]
pub enum Left<'a> {
    /// There was none.
    Nothing,
    /// It ended at this place with these 32 bytes, and nothing followed.
    Ending { at: u64, with: &'a [u8; 32] },
    /// It was these bytes; what follows its last whole record may be torn.
    Whole(&'a [u8]),
}

/// The path of a tile of hashes; `width` 256 is a full tile.
pub(in crate::record) fn tile_path(level: u8, number: u64, width: usize) -> String {
    format!("tile/{level}/{}{}", number_path(number), partial_suffix(width))
}

/// The path of a bundle of entries.
pub(in crate::record) fn entries_path(number: u64, width: usize) -> String {
    format!("tile/entries/{}{}", number_path(number), partial_suffix(width))
}

/// The path of the published opening of an entry: an addition of ours to tlog-tiles, numbered like its tiles.
pub fn opening_path(entry: u64) -> String {
    format!("opening/{}", number_path(entry))
}

/// `1234067` is `x001/x234/067`.
fn number_path(number: u64) -> String {
    let mut path = format!("{:03}", number % 1000);
    let mut rest = number / 1000;
    while rest > 0 {
        path = format!("x{:03}/{path}", rest % 1000);
        rest /= 1000;
    }
    path
}

fn partial_suffix(width: usize) -> String {
    if width == TILE_WIDTH { String::new() } else { format!(".p/{width}") }
}

/// What the path of a partial tile says: its level, none for a bundle of entries, its number and its width.
pub(in crate::record) fn read_partial_path(path: &str) -> Option<(Option<u8>, u64, usize)> {
    let (tile, width) = path.strip_prefix("tile/")?.split_once(".p/")?;
    let (level, number) = tile.split_once('/')?;
    let level = if level == "entries" { None } else { Some(level.parse().ok()?) };
    let digits: String = number.split('/').map(|part| part.strip_prefix('x').unwrap_or(part)).collect();
    let (number, width) = (digits.parse().ok()?, width.parse().ok()?);
    (path_of(level, number, width) == path).then_some((level, number, width))
}

/// The path of a tile of hashes, or of a bundle of entries where there is no level.
pub(in crate::record) fn path_of(level: Option<u8>, number: u64, width: usize) -> String {
    level.map_or_else(|| entries_path(number, width), |level| tile_path(level, number, width))
}

/// The bytes of an entry bundle in a tree of `size` leaves; it may have more entries than that tree.
pub(in crate::record) fn read_entries(
    tiles: &dyn ReadTiles,
    number: u64,
    size: u64,
) -> Result<Vec<u8>, TileError> {
    let width = tile_width(size, 0, number);
    let path = entries_path(number, width);
    let mut bytes = tiles.read(&path)?;
    if bytes.is_none() && width < TILE_WIDTH {
        // A partial bundle may be gone once the full one is there.
        bytes = tiles.read(&entries_path(number, TILE_WIDTH))?;
    }
    bytes.ok_or(TileError::Missing(path))
}

/// Why a tile cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TileError {
    #[error("`{0}` is missing")]
    Missing(String),
    #[error("`{path}` has {found} bytes, where {expected} are expected")]
    Length { path: String, found: usize, expected: usize },
    #[error("`{0}` ends within an entry")]
    Torn(String),
    #[error("`{path}` has {found} entries, where {expected} are expected")]
    Entries { path: String, found: usize, expected: usize },
    #[error("`{0}` is damaged: it is not what the tree holds")]
    Damaged(String),
    #[error("cannot prove: {0}")]
    Proof(String),
    #[error("cannot read: {0}")]
    Io(#[from] io::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_specification() {
        assert_eq!(tile_path(0, 1_234_067, 256), "tile/0/x001/x234/067");
        for (level, number, width) in [(None, 0, 1), (Some(0), 67, 255), (Some(3), 1_234_067, 7)] {
            let path = path_of(level, number, width);
            assert_eq!(read_partial_path(&path), Some((level, number, width)), "{path}");
        }
        for other in
            ["tile/0/000", "tile/0/000.p/256", "tile/0/00.p/3", "tile/x/000.p/3", "opening/000", "tile/.p/"]
        {
            assert_eq!(read_partial_path(other), None, "{other}");
        }
        assert_eq!(tile_path(1, 5, 17), "tile/1/005.p/17");
        assert_eq!(entries_path(999, 256), "tile/entries/999");
        assert_eq!(entries_path(1000, 1), "tile/entries/x001/000.p/1");
        // As `tlog_tiles` has them, which puts the height in front of the level.
        let theirs = tlog_tiles::Tile::new(8, 1, 1_234_067, 3, false).path();
        assert_eq!(theirs.replacen("tile/8/", "tile/", 1), tile_path(1, 1_234_067, 3));
    }
}
