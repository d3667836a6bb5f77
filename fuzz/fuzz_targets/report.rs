//! A transparency report, as somebody hands it on: what is read can be shown, and survives being written.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rogatory::report::{TransparencyReport, csv, html};

fuzz_target!(|data: &[u8]| {
    if let Ok(report) = serde_json::from_slice::<TransparencyReport>(data) {
        let _ = (csv(&report), html(&report));
        let again = serde_json::to_vec(&report).expect("a report has only string keys");
        assert_eq!(serde_json::from_slice::<TransparencyReport>(&again).ok(), Some(report));
    }
});
