//! What a running provider is asked.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rogatory::provider::Ask;

fuzz_target!(|data: &[u8]| {
    if let Ok(ask) = serde_json::from_slice::<Ask>(data) {
        let again = serde_json::to_vec(&ask).expect("a question has only string keys");
        assert!(serde_json::from_slice::<Ask>(&again).is_ok());
    }
});
