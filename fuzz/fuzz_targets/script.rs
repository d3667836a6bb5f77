//! A scenario, with what it changes of the world.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use rogatory::diagnostic::SourceFile;
use rogatory::law::Law;
use rogatory::mail::Story;
use rogatory::scenario::{Names, Script};
use rogatory::world::World;

static WORLD: LazyLock<(World, Names)> = LazyLock::new(|| {
    let world = World::standard().expect("it is built in");
    let (law, story) = (Law::standard().expect("it is built in"), Story::standard().expect("it is built in"));
    let names = Names::of(&world, &law, &story);
    (world, names)
});

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (world, names) = &*WORLD;
    match Script::parse(&SourceFile::new("script.toml", text), names) {
        Ok(script) => drop(world.with(&script.setting.changes)),
        Err(wrong) => assert!(!wrong.to_string().is_empty()),
    }
});
