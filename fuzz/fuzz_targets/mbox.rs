//! A mail file that somebody imports.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rogatory::mail::{MboxReader, Quoting};

fuzz_target!(|data: &[u8]| {
    for quoting in [Quoting::Mboxrd, Quoting::Mboxo, Quoting::None] {
        for message in MboxReader::new(data, 0, quoting, 1 << 16).messages() {
            assert!(message.is_ok_and(|bytes| bytes.len() <= data.len() + 1));
        }
    }
});
