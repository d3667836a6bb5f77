//! A signed demand, as an authority's file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rogatory::demand::SignedInstrument;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(instrument) = SignedInstrument::from_letter(text) {
        let _ = (instrument.claimed_issuer(), instrument.claimed_matter());
        assert_eq!(instrument.body(), SignedInstrument::from_letter(text).unwrap().body());
    }
});
