//! An opening, as it is published.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rogatory::record::opening::Opening;

fuzz_target!(|data: &[u8]| {
    if let Ok(opening) = serde_json::from_slice::<Opening>(data) {
        opening.slots().for_each(|(slot, _)| drop(opening.value(slot)));
        let again = serde_json::to_vec(&opening).expect("an opening has only string keys");
        assert_eq!(serde_json::from_slice::<Opening>(&again).ok(), Some(opening));
    }
});
