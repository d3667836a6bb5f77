//! Serde for bytes inside JSON: standard base64 with padding (RFC 4648 section 4). Use with `#[serde(with)]`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serializer};

pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(bytes))
}

pub fn deserialize<'de, D: Deserializer<'de>, T: TryFrom<Vec<u8>>>(deserializer: D) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    let bytes = STANDARD.decode(&text).map_err(serde::de::Error::custom)?;
    let found = bytes.len();
    T::try_from(bytes)
        .map_err(|_| serde::de::Error::custom(format!("{found} bytes are not what belongs here")))
}
