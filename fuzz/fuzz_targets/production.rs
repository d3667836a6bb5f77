//! A production, as anybody can look it over.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rogatory::region::production::examine;

fuzz_target!(|data: &[u8]| {
    if let Ok(found) = examine(data, None) {
        assert!(found.damage.iter().all(|damage| damage.bytes.end <= data.len() as u64));
    }
});
