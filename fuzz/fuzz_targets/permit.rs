//! A permit, as it reaches a region.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rogatory::record::permit::Permit;

fuzz_target!(|data: &[u8]| {
    if let Ok(permit) = Permit::from_bytes(data) {
        assert_eq!(Permit::from_bytes(&permit.to_bytes()), Ok(permit));
    }
});
