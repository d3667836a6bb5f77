//! A message, as it reaches a region from outside.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rogatory::mail::Facts;

fuzz_target!(|data: &[u8]| {
    let facts = Facts::read(data, None);
    assert_eq!(facts.size, data.len() as u64);
});
