//! What a witness refuses, and what two quorums have in common.

use std::sync::{Arc, Mutex};

use proptest::prelude::*;
use rogatory::clock::{SimClock, SystemClock};
use rogatory::disk::RealDisk;
use rogatory::entropy::Entropy;
use rogatory::record::checkpoint::SignedCheckpoint;
use rogatory::record::policy::Accept;
use rogatory::record::witness::{
    AddCheckpoint, FileState, MemoryState, Remembered, StateError, Witness, WitnessError, WitnessState,
};
use rogatory::record::{Hash, TreeHead};

use crate::record_testing::{Cast, cosigner, log_signer, time};

/// A history: leaves in memory, and everything that can be proven of them, by the other implementation.
#[derive(Default)]
pub struct History(Vec<tlog_tiles::Hash>, u64);

impl tlog_tiles::HashReader for History {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        Ok(indexes.iter().map(|index| self.0[*index as usize]).collect())
    }
}

impl History {
    pub fn of(leaves: &[&str]) -> Self {
        let mut history = History::default();
        for leaf in leaves {
            let stored = tlog_tiles::stored_hashes(history.1, leaf.as_bytes(), &history).unwrap();
            history.0.extend(stored);
            history.1 += 1;
        }
        history
    }

    fn head(&self, size: u64) -> TreeHead {
        TreeHead { size, hash: Hash(tlog_tiles::tree_hash(size, self).unwrap().0) }
    }

    fn checkpoint(&self, size: u64) -> SignedCheckpoint {
        SignedCheckpoint::sign(&log_signer(&Entropy::seeded("witness")), self.head(size))
    }

    pub fn request(&self, old: u64, size: u64) -> AddCheckpoint {
        let proof = match old {
            0 => Vec::new(),
            old => tlog_tiles::prove_tree(size, old, self).unwrap(),
        };
        let proof = proof.into_iter().map(|hash| Hash(hash.0)).collect();
        AddCheckpoint { old, proof, checkpoint: self.checkpoint(size) }
    }
}

pub fn witness(state: impl WitnessState + 'static) -> Witness {
    let entropy = Entropy::seeded("witness");
    let log = log_signer(&entropy).verifier().clone();
    Witness::new(cosigner(&entropy, "w"), log, Box::new(state), Arc::new(SystemClock)).unwrap()
}

#[test]
fn a_witness_cosigns_what_grows_and_nothing_else() {
    let history = History::of(&["a", "b", "c", "d", "e"]);
    let fork = History::of(&["a", "b", "x", "d", "e"]);
    let witness = witness(MemoryState::new());
    let refused = |request: &AddCheckpoint| {
        let before = witness.head();
        let error = witness.add_checkpoint(request).expect_err("a refusal");
        assert_eq!(witness.head(), before);
        (error.name(), error.status())
    };
    assert_eq!(witness.checkpoint(), None);
    // Without memory only old size 0 will do.
    assert_eq!(refused(&history.request(1, 3)), ("conflict", 409));

    let signature = witness.add_checkpoint(&history.request(0, 3)).unwrap();
    let checkpoint = history.checkpoint(3).with_signatures([signature]);
    assert!(checkpoint.cosigned_by(witness.verifier()).unwrap().is_some());
    assert_eq!(witness.head(), history.head(3));
    assert_eq!(witness.checkpoint(), Some(checkpoint.to_string()));

    assert_eq!(refused(&history.request(0, 2)), ("smaller", 409));
    assert_eq!(refused(&history.request(2, 5)), ("conflict", 409));
    assert_eq!(refused(&fork.request(3, 3)), ("forked", 422));
    // Asked from a size that it is not at, it says so first, as tlog-witness wants.
    assert_eq!(refused(&fork.request(2, 3)), ("forked", 409));
    assert_eq!(refused(&fork.request(3, 5)), ("inconsistent", 422));
    let mut bare = history.request(3, 5);
    bare.proof.clear();
    assert_eq!(refused(&bare), ("inconsistent", 422));
    let mut above = history.request(3, 3);
    above.old = 4;
    assert_eq!(refused(&above), ("old-above-new", 400));

    let mut unsigned = history.request(3, 5);
    unsigned.checkpoint = unsigned.checkpoint.only_by(&[]);
    assert_eq!(refused(&unsigned), ("unsigned", 403));
    let mut wrong = history.request(3, 5);
    let text = wrong.checkpoint.to_string().replacen("\n5\n", "\n4\n", 1);
    wrong.checkpoint = SignedCheckpoint::parse(&text).unwrap();
    assert_eq!(refused(&wrong), ("unsigned", 403));
    let mut foreign = history.request(3, 5);
    let text = foreign.checkpoint.to_string().replacen("rogatory.example", "other.example", 1);
    foreign.checkpoint = SignedCheckpoint::parse(&text).unwrap();
    assert_eq!(refused(&foreign), ("foreign-log", 404));

    // The same again is no harm, and then on.
    witness.add_checkpoint(&history.request(3, 3)).unwrap();
    witness.add_checkpoint(&history.request(3, 5)).unwrap();
    assert_eq!(witness.head(), history.head(5));
}

#[test]
fn a_new_witness_wants_no_proof_and_the_right_root_of_nothing() {
    let history = History::of(&["a", "b", "c"]);
    let witness = witness(MemoryState::new());
    let mut proven = history.request(0, 3);
    proven.proof.push(Hash([1; 32]));
    assert!(matches!(witness.add_checkpoint(&proven), Err(WitnessError::ProofFromNothing(1))));
    let signer = log_signer(&Entropy::seeded("witness"));
    let empty = |hash| AddCheckpoint {
        old: 0,
        proof: Vec::new(),
        checkpoint: SignedCheckpoint::sign(&signer, TreeHead { size: 0, hash }),
    };
    assert!(matches!(witness.add_checkpoint(&empty(Hash([1; 32]))), Err(WitnessError::EmptyRoot)));
    witness.add_checkpoint(&empty(Hash::EMPTY_TREE)).unwrap();
}

#[test]
fn a_witness_remembers_through_a_restart_and_its_time_never_goes_back() {
    let history = History::of(&["a", "b", "c"]);
    let entropy = Entropy::seeded("witness");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state");
    let at = |state: FileState, now: &str| {
        let clock = Arc::new(SimClock::starting_at(time(now)));
        let log = log_signer(&entropy).verifier().clone();
        Witness::new(cosigner(&entropy, "w"), log, Box::new(state), clock).unwrap()
    };
    let cosigned = |witness: &Witness, request: &AddCheckpoint| {
        let signature = witness.add_checkpoint(request).unwrap();
        request.checkpoint.with_signatures([signature]).cosigned_by(witness.verifier()).unwrap().unwrap()
    };
    let witness = at(FileState::enrol(&RealDisk, &path).unwrap(), "2026-01-02");
    let first = cosigned(&witness, &history.request(0, 2));
    drop(witness);
    let witness = at(FileState::open(&RealDisk, &path).unwrap(), "2026-01-01");
    assert_eq!(witness.head(), history.head(2));
    assert!(witness.checkpoint().unwrap().contains("/witness/w"));
    assert_eq!(cosigned(&witness, &history.request(2, 3)), first);
}

#[test]
fn a_witness_that_was_restored_from_a_backup_stays_silent() {
    let history = History::of(&["a", "b", "c", "d"]);
    let ahead = witness(MemoryState::new());
    ahead.add_checkpoint(&history.request(0, 2)).unwrap();
    let backup = ahead.checkpoint().unwrap();
    ahead.add_checkpoint(&history.request(2, 4)).unwrap();
    let newest = ahead.checkpoint().unwrap();

    let restored = witness(MemoryState::new());
    restored.add_checkpoint(&history.request(0, 2)).unwrap();
    // What it knows, what it never signed, and what is not of this log change nothing.
    let others = history.checkpoint(4).to_string();
    restored.compare_with([backup, others, "nonsense".to_owned()]).unwrap();
    restored.add_checkpoint(&history.request(2, 3)).unwrap();
    assert!(matches!(restored.compare_with([newest]), Err(WitnessError::Silenced { .. })));
    let silent = restored.add_checkpoint(&history.request(3, 4)).unwrap_err();
    assert_eq!((silent.name(), silent.status()), ("silenced", 503));

    // The same size with another root is as bad.
    let fork = History::of(&["a", "b", "x"]);
    let forked = witness(MemoryState::new());
    forked.add_checkpoint(&fork.request(0, 3)).unwrap();
    let other = witness(MemoryState::new());
    other.add_checkpoint(&history.request(0, 3)).unwrap();
    assert!(matches!(other.compare_with([forked.checkpoint().unwrap()]), Err(WitnessError::Silenced { .. })));
}

/// A memory whose disk fails when told to.
struct Failing(MemoryState, Arc<Mutex<bool>>);

impl WitnessState for Failing {
    fn load(&self) -> Result<Remembered, StateError> {
        self.0.load()
    }

    fn compare_and_swap(&mut self, expected: TreeHead, next: &Remembered) -> Result<(), StateError> {
        if *self.1.lock().unwrap() {
            let error = std::io::Error::other("the disk is full");
            return Err(StateError::Io { path: "state".into(), error });
        }
        self.0.compare_and_swap(expected, next)
    }
}

/// It is shown its own newer cosignature when it is asked for another, and that is enough.
#[test]
fn a_witness_meets_what_it_has_forgotten_and_says_so_in_its_log() {
    let history = History::of(&["a", "b", "c", "d", "e"]);
    let ahead = witness(MemoryState::new());
    ahead.add_checkpoint(&history.request(0, 2)).unwrap();
    let own = ahead.add_checkpoint(&history.request(2, 4)).unwrap();

    let restored = witness(MemoryState::new());
    restored.add_checkpoint(&history.request(0, 2)).unwrap();
    let mut request = history.request(2, 4);
    request.checkpoint = request.checkpoint.with_signatures([own]);
    let said = logged(|| {
        assert_eq!(restored.add_checkpoint(&request).unwrap_err().name(), "silenced");
        // Not even what it could prove without that.
        assert_eq!(restored.add_checkpoint(&history.request(2, 5)).unwrap_err().name(), "silenced");
    });
    assert!(said.contains("this witness stays silent") && said.contains("restored from a backup"), "{said}");
    // The one that remembers goes on.
    ahead.add_checkpoint(&AddCheckpoint { old: 4, proof: history.request(4, 4).proof, ..request }).unwrap();
    ahead.add_checkpoint(&history.request(4, 5)).unwrap();
}

#[test]
fn a_witness_says_in_its_own_log_what_it_refused() {
    let history = History::of(&["a", "b", "c", "d", "e"]);
    let fork = History::of(&["a", "b", "x", "d", "e"]);
    let witness = witness(MemoryState::new());
    witness.add_checkpoint(&history.request(0, 3)).unwrap();
    let mut unsigned = history.request(3, 5);
    unsigned.checkpoint = unsigned.checkpoint.only_by(&[]);
    let mut foreign = history.request(3, 5);
    let text = foreign.checkpoint.to_string().replacen("rogatory.example", "other.example", 1);
    foreign.checkpoint = SignedCheckpoint::parse(&text).unwrap();
    for (request, reason) in [
        (history.request(0, 2), "smaller"),
        (fork.request(3, 3), "forked"),
        (fork.request(3, 5), "inconsistent"),
        (unsigned, "unsigned"),
        (foreign, "foreign-log"),
    ] {
        let said = logged(|| drop(witness.add_checkpoint(&request)));
        assert!(said.contains("WARN"), "{reason}: {said}");
        assert!(said.contains("refused to cosign a checkpoint"), "{reason}: {said}");
        assert!(said.contains(&format!("reason=\"{reason}\"")), "{reason}: {said}");
        assert!(said.contains("/witness/w"), "{reason}: {said}");
    }
}

/// What is logged meanwhile.
fn logged(work: impl FnOnce()) -> String {
    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    let buffer = Buffer::default();
    let writer = buffer.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    tracing::subscriber::with_default(subscriber, work);
    String::from_utf8(buffer.0.lock().unwrap().clone()).unwrap()
}

/// A memory that keeps what it was asked to keep.
struct Watched(MemoryState, Arc<Mutex<Vec<Remembered>>>);

impl WitnessState for Watched {
    fn load(&self) -> Result<Remembered, StateError> {
        self.0.load()
    }

    fn compare_and_swap(&mut self, expected: TreeHead, next: &Remembered) -> Result<(), StateError> {
        self.1.lock().unwrap().push(next.clone());
        self.0.compare_and_swap(expected, next)
    }
}

#[test]
fn a_witness_remembers_before_it_signs() {
    let history = History::of(&["a", "b", "c", "d"]);
    let kept = Arc::new(Mutex::new(Vec::new()));
    let witness = witness(Watched(MemoryState::new(), kept.clone()));
    let request = history.request(0, 2);
    let signature = witness.add_checkpoint(&request).unwrap();
    let [remembered] = kept.lock().unwrap().clone().try_into().unwrap();
    assert_eq!(remembered.head, history.head(2));
    // When the memory moved there was no cosignature yet.
    let note = SignedCheckpoint::parse(&remembered.note).unwrap();
    assert_eq!(note.cosigned_by(witness.verifier()), Ok(None));
    // What it serves of its memory is what it answered.
    assert_eq!(witness.checkpoint().unwrap(), request.checkpoint.with_signatures([signature]).to_string());
}

#[test]
fn a_witness_that_cannot_remember_does_not_sign() {
    let history = History::of(&["a", "b", "c", "d"]);
    let broken = Arc::new(Mutex::new(false));
    let witness = witness(Failing(MemoryState::new(), broken.clone()));
    witness.add_checkpoint(&history.request(0, 2)).unwrap();
    *broken.lock().unwrap() = true;
    let refused = witness.add_checkpoint(&history.request(2, 3)).unwrap_err();
    assert_eq!((refused.name(), refused.status()), ("state", 503));
    assert_eq!(witness.head(), history.head(2));
    *broken.lock().unwrap() = false;
    witness.add_checkpoint(&history.request(2, 4)).unwrap();
}

/// A world with two histories of one log, shown in any order to witnesses of whom some cheat. Gives both checkpoints with
/// the cosignatures they got.
fn two_histories(cast: &Cast, cheats: u32, order: &[(usize, bool)]) -> [SignedCheckpoint; 2] {
    let signer = log_signer(&cast.entropy);
    let (a, b) = (History::of(&["a", "b", "c"]), History::of(&["a", "b", "x"]));
    let mut checkpoints =
        [SignedCheckpoint::sign(&signer, a.head(3)), SignedCheckpoint::sign(&signer, b.head(3))];
    let honest = Cast::new("two histories").witnesses;
    // Who cheats has a second memory for the second history.
    let second = Cast::new("two histories").witnesses;
    for (place, first_history) in order {
        let place = place % honest.len();
        let cheats = cheats & (1 << place) != 0;
        let own = if cheats && !first_history { &second } else { &honest };
        let witness = &own[place].1;
        let checkpoint = &mut checkpoints[usize::from(!first_history)];
        let request =
            AddCheckpoint { old: witness.head().size, proof: Vec::new(), checkpoint: checkpoint.clone() };
        if let Ok(signature) = witness.add_checkpoint(&request) {
            *checkpoint = checkpoint.with_signatures([signature]);
        }
    }
    checkpoints
}

/// Invariant 4: two checkpoints that both carry a quorum are one history, unless the whole overlap of the quorums cheats.
#[test]
fn two_quorums_are_one_history_unless_their_whole_overlap_cheats() {
    let cast = Cast::new("two histories");
    let place = |id: &str| cast.witnesses.iter().position(|(known, _)| known == id).unwrap();
    let quorum = |checkpoint: &SignedCheckpoint| {
        let quorum = cast.policy.check(checkpoint, Accept::Emergency).ok()?;
        Some(quorum.cosigners.into_iter().map(|c| place(&c.witness)).fold(0u32, |set, p| set | 1 << p))
    };

    // It can happen: with the outsider and enough others cheating, both are believed.
    let everybody: Vec<(usize, bool)> = (0..11).flat_map(|place| [(place, true), (place, false)]).collect();
    let both = two_histories(&cast, u32::MAX, &everybody);
    assert!(both.iter().all(|checkpoint| quorum(checkpoint).is_some()));
    // And it cannot, when the outsider alone is honest.
    let both = two_histories(&cast, !(1 << place("uni")), &everybody);
    assert!(!both.iter().all(|checkpoint| quorum(checkpoint).is_some()));

    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(64));
    let order = prop::collection::vec((0usize..11, any::<bool>()), 11..40);
    let cheats = any::<u32>().prop_map(move |set| set | 1 << 10);
    runner
        .run(&(cheats, order), |(cheats, order)| {
            let [a, b] = two_histories(&cast, cheats, &order);
            if let (Some(a), Some(b)) = (quorum(&a), quorum(&b)) {
                prop_assert_ne!(a & b, 0);
                prop_assert_eq!(a & b & !cheats, 0);
            }
            Ok(())
        })
        .unwrap();
}
