//! An entry: what is read is written again to the same bytes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rogatory::record::entry::Leaf;

fuzz_target!(|data: &[u8]| {
    if let Ok(leaf) = Leaf::decode(data) {
        assert_eq!(leaf.encode(), data);
    }
});
