//! A demand as somebody writes it down, before it is signed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rogatory::demand::Demand;
use rogatory::diagnostic::SourceFile;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match SourceFile::new("demand.toml", text).parse_toml::<Demand>() {
        Ok(demand) => drop(serde_json::to_vec(&demand).expect("a demand has only string keys")),
        Err(wrong) => assert!(!wrong.to_string().is_empty()),
    }
});
