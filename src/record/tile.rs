//! How wide tiles are (C2SP tlog-tiles).

/// Hashes per full tile.
pub(super) const TILE_WIDTH: usize = 256;

/// How many hashes a tile has in a log of `size` entries; 0 if there is no such tile. A bundle has as many entries as its tile
/// of level 0 has hashes.
pub(super) fn tile_width(size: u64, level: u8, number: u64) -> usize {
    let hashes = size.checked_shr(8 * u32::from(level)).unwrap_or(0);
    hashes.saturating_sub(number.saturating_mul(TILE_WIDTH as u64)).min(TILE_WIDTH as u64) as usize
}
