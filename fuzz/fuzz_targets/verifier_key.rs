//! A verifier key: it has one form only.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rogatory::record::key::VerifierKey;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(key) = text.parse::<VerifierKey>() {
        assert_eq!(key.to_string(), text);
    }
});
