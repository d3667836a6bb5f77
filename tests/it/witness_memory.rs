//! A witness's memory on a disk that fails and forgets: it is never behind what the witness signed.

use std::path::Path;

use rogatory::disk::RealDisk;
use rogatory::record::witness::{FileState, StateError, WitnessState};
use rogatory::record::{Hash, TreeHead};

use crate::faulty_disk::{Cut, Fault, FaultyDisk};
use crate::record_witness::{History, witness};

const CUTS: [Cut; 4] = [Cut::Nothing, Cut::Unsynced, Cut::SomeOfTheUnsynced(1), Cut::SomeOfTheUnsynced(2)];

/// Does something at every step of which the disk has a fault, with every memory of it afterwards, until no step is struck.
fn at_every_step(work: impl Fn(&FaultyDisk, &Path, Fault) -> u64, then: impl Fn(&Path, u64, &str)) {
    for fault in [Fault::Dies, Fault::Fails] {
        for cut in CUTS {
            let mut struck = 0;
            for step in 1.. {
                let folder = tempfile::tempdir().unwrap();
                let (disk, path) = (FaultyDisk::new(), folder.path().join("w/witness.state"));
                disk.strike(step, fault);
                let done = work(&disk, &path, fault);
                let Some(place) = disk.struck() else { break };
                disk.forget(cut);
                then(&path, done, &format!("{fault:?} at step {step}, {place}, {cut:?}"));
                struck += 1;
            }
            assert!(struck >= 5, "{fault:?}, {cut:?}: {struck} steps");
        }
    }
}

#[test]
fn a_witness_never_forgets_what_it_signed() {
    let history = History::of(&["a", "b", "c", "d", "e", "f"]);
    let sign = |disk: &FaultyDisk, path: &Path, fault: Fault| {
        let Ok(state) = FileState::enrol(disk, path) else { return 0 };
        let witness = witness(state);
        let mut refused = 0;
        for size in 1..=5 {
            match witness.add_checkpoint(&history.request(witness.head().size, size)) {
                Ok(_) => assert_eq!(witness.head().size, size),
                Err(error) => {
                    assert_eq!(error.name(), "state");
                    refused += 1;
                }
            }
        }
        // A disk that failed once is no reason to stay silent.
        assert!(refused <= 1 || fault == Fault::Dies, "{refused}");
        witness.head().size
    };
    at_every_step(sign, |path, signed, what| {
        let state = match FileState::open(&RealDisk, path) {
            // The enrolment was interrupted, and nothing was signed.
            Err(StateError::NotEnrolled(_)) if signed == 0 => FileState::enrol(&RealDisk, path).unwrap(),
            opened => opened.unwrap_or_else(|error| panic!("{what}: {error}")),
        };
        let witness = witness(state);
        let own = witness.head().size;
        // It may remember what it did not come to sign, and nothing less than what it did.
        assert!((signed..=5).contains(&own), "{what}: it signed {signed} and remembers {own}");
        witness.add_checkpoint(&history.request(own, 6)).unwrap_or_else(|error| panic!("{what}: {error}"));
    });
}

#[test]
fn one_that_is_enrolled_again_never_begins_with_nothing() {
    let history = History::of(&["a", "b"]);
    let head = TreeHead { size: 9, hash: Hash([9; 32]) };
    let enrol = |disk: &FaultyDisk, path: &Path, _: Fault| {
        let old = witness(FileState::enrol(&RealDisk, path).unwrap());
        old.add_checkpoint(&history.request(0, 2)).unwrap();
        drop(old);
        u64::from(FileState::enrol_again(disk, path, head).is_ok())
    };
    at_every_step(enrol, |path, done, what| {
        match FileState::open(&RealDisk, path) {
            Ok(state) => {
                let size = state.load().unwrap().head.size;
                assert!(size == 9 || (size == 2 && done == 0), "{what}: {size}");
            }
            Err(StateError::NotEnrolled(_)) if done == 0 => {}
            Err(error) => panic!("{what}: {error}"),
        }
        // Once more, and it is done.
        assert_eq!(FileState::enrol_again(&RealDisk, path, head).unwrap().load().unwrap().head, head);
    });
}
