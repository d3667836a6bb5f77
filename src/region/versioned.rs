//! Files of JSON that say their format: it is read first, because a newer file may have fields that this program does not know.

use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Why such a file cannot be used.
pub(super) enum NotRead {
    /// Not this, or not JSON; in words.
    Unreadable(String),
    /// Another format.
    Format(u32),
}

/// Reads a file of a format.
pub(super) fn read<T: DeserializeOwned>(bytes: &[u8], expected: u32) -> Result<T, NotRead> {
    #[derive(Deserialize)]
    struct Version {
        format: u32,
    }
    let unreadable = |error: serde_json::Error| NotRead::Unreadable(error.to_string());
    let Version { format } = serde_json::from_slice(bytes).map_err(unreadable)?;
    if format != expected {
        return Err(NotRead::Format(format));
    }
    serde_json::from_slice(bytes).map_err(unreadable)
}
