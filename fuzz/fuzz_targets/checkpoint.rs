//! A signed note with a checkpoint: what is read survives being printed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rogatory::record::checkpoint::SignedCheckpoint;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(checkpoint) = SignedCheckpoint::parse(text) {
        assert_eq!(SignedCheckpoint::parse(&checkpoint.to_string()), Ok(checkpoint));
    }
});
