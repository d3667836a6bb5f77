//! Histories of a small log, and who is enough to vouch for one.

use std::sync::Arc;

use rogatory::clock::{SimClock, SimTime};
use rogatory::record::checkpoint::SignedCheckpoint;
use rogatory::record::policy::{Accept, Policy};
use rogatory::record::witness::{AddCheckpoint, MemoryState, Witness};
use rogatory::record::{Hash, TreeHead};

use crate::record_testing::{Cast, cosigner, log_signer, time};

/// How long a history gets.
pub const LONGEST: usize = 3;

/// What a recorded grant says, measured against the instrument and against the region that it is shown to.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Terms {
    /// Everything as it should be.
    Good,
    /// As it should be, by a demand that is valid until the first moment.
    Expiring,
    /// The instrument was signed with another key than its issuer's.
    Forged,
    /// Its issuer is not on the region's roster.
    Unknown,
    /// Its issuer may not issue instruments of this kind.
    Incompetent,
    /// More than was demanded.
    Wider,
    /// Made for another region.
    Elsewhere,
    OtherRequester,
    OtherRecipient,
    /// To a recipient that the instrument names and the roster does not.
    NoKey,
    /// The law of the region's country bars it.
    Barred,
}

impl Terms {
    pub const FAULTY: [Terms; 9] = [
        Terms::Forged,
        Terms::Unknown,
        Terms::Incompetent,
        Terms::Wider,
        Terms::Elsewhere,
        Terms::OtherRequester,
        Terms::OtherRecipient,
        Terms::NoKey,
        Terms::Barred,
    ];

    pub fn is_lawful(self) -> bool {
        matches!(self, Terms::Good | Terms::Expiring)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Entry {
    pub matter: u8,
    /// A grant to the region, or else a stay, a delivery, or whatever else.
    pub grant: Option<Terms>,
    /// The moment that it says it is of: 1 or 2.
    pub at: u8,
}

/// A log's entries, in order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct History([Option<Entry>; LONGEST]);

impl std::fmt::Debug for History {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.entries()).finish()
    }
}

impl History {
    pub const EMPTY: History = History([None; LONGEST]);

    pub fn len(&self) -> usize {
        self.entries().count()
    }

    pub fn entries(&self) -> impl DoubleEndedIterator<Item = Entry> {
        self.0.iter().flatten().copied()
    }

    pub fn get(&self, index: usize) -> Option<Entry> {
        self.0.get(index).copied().flatten()
    }

    pub fn with(mut self, entry: Entry) -> Option<Self> {
        let len = self.len();
        *self.0.get_mut(len)? = Some(entry);
        Some(self)
    }

    /// The first `size` entries.
    pub fn first(&self, size: usize) -> Self {
        let mut first = *self;
        first.0[size..].fill(None);
        first
    }

    pub fn extends(&self, old: &History) -> bool {
        self.len() >= old.len() && self.first(old.len()) == *old
    }

    /// True if something of the matter comes behind an entry.
    pub fn overtakes(&self, index: usize, matter: u8) -> bool {
        self.entries().skip(index + 1).any(|entry| entry.matter == matter)
    }
}

/// Which sets of three witnesses are a quorum, by the real policy: bit 0 is the region, bit 1 another one, bit 2 the outsider.
#[derive(Clone, Copy, Debug)]
pub struct Quorums([bool; 8]);

impl Quorums {
    /// Asks the policy of this project about every set.
    pub fn of_the_policy(cast: &Cast) -> Self {
        let head = TreeHead { size: 1, hash: Hash([7; 32]) };
        let policy: &Policy = &cast.policy;
        assert_eq!(policy.witnesses().len(), 3);
        let enough = |set: usize| {
            let checkpoint = cosigned(cast, head, set as u8, |_| time("2026-01-01"));
            policy.check(&checkpoint, Accept::NormalOnly).is_ok()
        };
        Quorums(std::array::from_fn(enough))
    }

    /// A quorum without overlap: any witness will do. The real policy refuses to be like this.
    pub fn of_any_one() -> Self {
        Quorums(std::array::from_fn(|set| set != 0))
    }

    pub fn enough(&self, set: u8) -> bool {
        self.0[usize::from(set)]
    }
}

/// A checkpoint with the real signatures of the log and of a set of witnesses, each at its own moment of real time.
pub fn cosigned(cast: &Cast, head: TreeHead, set: u8, at: impl Fn(usize) -> SimTime) -> SignedCheckpoint {
    let signer = log_signer(&cast.entropy);
    let checkpoint = SignedCheckpoint::sign(&signer, head);
    let sign = |(place, (id, _)): (usize, &(String, Arc<Witness>))| {
        let clock = Arc::new(SimClock::starting_at(at(place)));
        // It has seen nothing, so it signs whatever it is shown first.
        let state = Box::new(MemoryState::new());
        let key = cosigner(&cast.entropy, id);
        let witness = Witness::new(key, signer.verifier().clone(), state, clock).unwrap();
        let request = AddCheckpoint { old: 0, proof: Vec::new(), checkpoint: checkpoint.clone() };
        witness.add_checkpoint(&request).unwrap()
    };
    let members = cast.witnesses.iter().enumerate().filter(|(place, _)| set & (1 << place) != 0);
    checkpoint.with_signatures(members.map(sign).collect::<Vec<_>>())
}

/// What witnesses signed: who cosigned which history, and who of them today.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Cosigned(std::collections::BTreeMap<History, (u8, u8)>);

impl Cosigned {
    pub fn add(&mut self, history: History, witness: usize) {
        let (by, fresh) = self.0.entry(history).or_default();
        *by |= 1 << witness;
        *fresh |= 1 << witness;
    }

    pub fn get(&self, history: &History) -> (u8, u8) {
        self.0.get(history).copied().unwrap_or_default()
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (History, u8)> {
        self.0.iter().map(|(history, (by, _))| (*history, *by))
    }

    /// A day passes.
    pub fn grow_stale(&mut self) {
        self.0.values_mut().for_each(|(_, fresh)| *fresh = 0);
    }
}
