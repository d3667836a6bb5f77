//! A .tlog-proof file: what is read survives being printed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rogatory::record::proof::LogProof;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(proof) = LogProof::parse(text) {
        assert_eq!(LogProof::parse(&proof.to_string()), Ok(proof));
    }
});
