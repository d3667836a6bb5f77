//! A note that somebody signed, such as an auditor's statement.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rogatory::record::key::VerifierKey;
use rogatory::record::note::open_note;

fuzz_target!(|data: &[u8]| {
    let Ok(note) = std::str::from_utf8(data) else { return };
    let key: VerifierKey = include_str!("../seeds/verifier_key/log").parse().expect("the seed is a key");
    if let Ok(text) = open_note(&key, note) {
        assert!(note.starts_with(&text));
    }
});
