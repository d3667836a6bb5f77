//! A policy: what is read survives being printed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rogatory::diagnostic::SourceFile;
use rogatory::record::policy::Policy;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(policy) = Policy::read(&SourceFile::new("policy", text)) {
        assert_eq!(Policy::read(&SourceFile::new("policy", policy.to_text())), Ok(policy));
    }
});
