//! How a generation's sealed keys lie in a slot of the key table.

use crate::vault::{CopyId, CopyKeyWrap, Generation, SealedCopyKeys};

use super::StoreError;
use super::row::Fields;

/// `1 | copy[16] | u32 generation | (u8 length | index key) | (u8 length | wrap)…`
pub(super) fn to_slot(copy: CopyId, keys: &SealedCopyKeys) -> Vec<u8> {
    let mut bytes = vec![1];
    bytes.extend_from_slice(copy.as_bytes());
    bytes.extend_from_slice(&keys.generation.0.to_be_bytes());
    let mut part = |part: &[u8]| {
        bytes.push(part.len() as u8);
        bytes.extend_from_slice(part);
    };
    part(&keys.index_key);
    keys.wraps.iter().for_each(|wrap| part(&wrap.to_bytes()));
    bytes
}

pub(super) fn from_slot(
    copy: CopyId,
    generation: Generation,
    slot: &[u8],
) -> Result<SealedCopyKeys, StoreError> {
    let read = || {
        let mut fields = Fields::of(slot, 1)?;
        let found = (CopyId::from_bytes(fields.array()?), Generation(fields.u32()?));
        let mut rest = fields.rest();
        let mut parts = Vec::new();
        while let Some((length, bytes)) = rest.split_first() {
            let (part, later) = bytes.split_at_checked(usize::from(*length))?;
            parts.push(part);
            rest = later;
        }
        let (index_key, wraps) = parts.split_first()?;
        let wraps = wraps.iter().map(|wrap| CopyKeyWrap::from_bytes(wrap)).collect::<Option<_>>()?;
        let keys = SealedCopyKeys { generation, wraps, index_key: index_key.to_vec() };
        (found == (copy, generation)).then_some(keys)
    };
    read().ok_or(StoreError::BadRow { what: "a slot of the key table" })
}
