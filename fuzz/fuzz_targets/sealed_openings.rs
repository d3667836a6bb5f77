//! Openings that were given to a court, as a file from somewhere.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use rogatory::provider::SealedOpenings;
use rogatory::world::{RecipientSecret, World};

static SECRET: LazyLock<RecipientSecret> = LazyLock::new(|| {
    let world = World::standard().expect("it is built in");
    let court = "us-sdny".parse().expect("it is an id");
    world.roster().demo_recipient_secret(&court).expect("it is on the roster")
});

fuzz_target!(|data: &[u8]| {
    if let Ok(sealed) = serde_json::from_slice::<SealedOpenings>(data) {
        let _ = sealed.open(&SECRET);
        let again = serde_json::to_vec(&sealed).expect("it has only string keys");
        assert_eq!(serde_json::from_slice::<SealedOpenings>(&again).ok(), Some(sealed));
    }
});
