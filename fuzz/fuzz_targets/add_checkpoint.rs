//! A request to a witness: what is read survives being sent.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rogatory::record::witness::{AddCheckpoint, parse_reply};

fuzz_target!(|data: &[u8]| {
    if let Ok(request) = AddCheckpoint::parse(data) {
        assert_eq!(AddCheckpoint::parse(request.encode().as_bytes()), Ok(request));
    }
    let status = data.first().map_or(200, |byte| [200, 404, 409][usize::from(byte % 3)]);
    let _ = parse_reply(status, data);
});
