//! A served log of which one file is another: its path, a newline, and what is in it. Whatever is proven all the same was in
//! the log.
#![no_main]

use std::collections::BTreeMap;
use std::io;

use libfuzzer_sys::fuzz_target;
use rogatory::diagnostic::SourceFile;
use rogatory::record::policy::{Accept, Policy};
use rogatory::record::served::ServedLog;
use rogatory::record::storage::ReadTiles;
use rogatory::record::verify::verify_log;

const LOG: [&[u8]; 4] = [
    include_bytes!("../seeds/tiles/checkpoint"),
    include_bytes!("../seeds/tiles/hashes"),
    include_bytes!("../seeds/tiles/entries"),
    include_bytes!("../seeds/tiles/opening"),
];

struct Files(BTreeMap<String, Vec<u8>>);

impl Files {
    fn put(&mut self, file: &[u8]) {
        let (path, bytes) = file.split_at(file.iter().position(|byte| *byte == b'\n').unwrap_or(file.len()));
        let bytes = bytes.strip_prefix(b"\n").unwrap_or_default();
        self.0.insert(String::from_utf8_lossy(path).into_owned(), bytes.to_vec());
    }
}

impl ReadTiles for Files {
    fn read(&self, path: &str) -> io::Result<Option<Vec<u8>>> {
        Ok(self.0.get(path).cloned())
    }
}

fuzz_target!(|data: &[u8]| {
    let mut files = Files(BTreeMap::new());
    LOG.iter().for_each(|file| files.put(file));
    files.put(data);
    let text = include_str!("../seeds/policy/standard");
    let policy = Policy::read(&SourceFile::new("policy", text)).expect("the seed is a policy");
    let _ = verify_log(&files, &policy, Accept::NormalOnly, &mut |_, _| {});
    let Ok(mut log) = ServedLog::open(files, &policy, Accept::NormalOnly) else { return };
    for index in 0..3 {
        if let Ok(logged) = log.prove(index) {
            assert!(LOG[2].windows(logged.leaf.encode().len()).any(|leaf| leaf == logged.leaf.encode()));
        }
        let _ = log.opening(index);
    }
});
