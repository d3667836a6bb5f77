//! What the models abstract from, made of real keys, trees, notes and grants, and shown to the real checks: what a model says of
//! a permit or of a checkpoint is what the program says.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use rogatory::clock::{SimTime, SystemClock};
use rogatory::demand::SignedInstrument;
use rogatory::record::checkpoint::SignedCheckpoint;
use rogatory::record::entry::{EntryDraft, Leaf, Slot, commitment};
use rogatory::record::opening::{OpenedSlot, OpeningError};
use rogatory::record::permit::{
    self, Consistency, EncodedLeaf, Expectations, Grant, GrantTerms, Later, Permit, PermitError, SealedGrant,
};
use rogatory::record::policy::{Accept, QuorumError};
use rogatory::record::secret::RecordSecret;
use rogatory::record::witness::{AddCheckpoint, MemoryState, Witness};
use rogatory::record::{Hash, TreeHead};
use rogatory::world::{DataClass, RegionId};

use super::history::{Entry, History, Terms, cosigned};
use super::permit::{Forgery, Reached, Refusal, Shown, View};
use crate::record_testing::{
    Cast, Roster, authority, cosigner, demand, log_signer, region, signing_key, terms, time,
};

/// Real time when permits are shown.
const TODAY: &str = "2026-01-02T12:00:00Z";
const DAY: i64 = 24 * 60 * 60;

/// The moments 1 and 2 of simulated time; between them the demand that expires has done so.
fn moment(number: u8) -> SimTime {
    time(if number == 1 { "2014-01-15" } else { "2014-02-15" })
}

/// A tree in memory, by the other implementation of the formats.
struct Tree(Vec<tlog_tiles::Hash>, u64);

impl tlog_tiles::HashReader for Tree {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        Ok(indexes.iter().map(|index| self.0[*index as usize]).collect())
    }
}

fn tree_of(leaves: &[Vec<u8>]) -> Tree {
    let mut tree = Tree(Vec::new(), 0);
    for leaf in leaves {
        let stored = tlog_tiles::stored_hashes(tree.1, leaf, &tree).unwrap();
        tree.0.extend(stored);
        tree.1 += 1;
    }
    tree
}

fn head_of(leaves: &[Vec<u8>]) -> TreeHead {
    let size = leaves.len() as u64;
    match size {
        0 => TreeHead::EMPTY,
        _ => TreeHead { size, hash: Hash(tlog_tiles::tree_hash(size, &tree_of(leaves)).unwrap().0) },
    }
}

fn hashes(proof: Vec<tlog_tiles::Hash>) -> Vec<Hash> {
    proof.into_iter().map(|hash| Hash(hash.0)).collect()
}

/// A proof that the tree of these leaves extends its own first `old`: the only one that whoever has these leaves can give.
fn consistency(leaves: &[Vec<u8>], old: usize) -> Vec<Hash> {
    match old == 0 || old >= leaves.len() {
        true => Vec::new(),
        false => hashes(tlog_tiles::prove_tree(leaves.len() as u64, old as u64, &tree_of(leaves)).unwrap()),
    }
}

/// An entry with what opens it.
struct Sealed {
    leaf: Vec<u8>,
    grants: OpenedSlot,
    grant: SealedGrant,
    instrument: SignedInstrument,
}

pub struct Concrete {
    cast: Cast,
    secret: RecordSecret,
    region: RegionId,
    roster: Roster,
    /// Signatures are what takes time.
    notes: RefCell<HashMap<(History, u8, u8), String>>,
}

impl Concrete {
    pub fn new(cast: Cast) -> Self {
        let secret = RecordSecret::draw(&cast.entropy);
        let region = region(&cast.witnesses[0].0);
        Concrete { cast, secret, region, roster: Roster::standard(), notes: RefCell::default() }
    }

    /// What the program says of a permit.
    pub fn verify(&self, shown: &Shown, view: &View) -> Result<(), Refusal> {
        let permit = self.permit(shown, view);
        let reached = view
            .reached
            .map(|Reached { time, size }| permit::Reached { time: moment(time), size: u64::from(size) });
        let expectations = Expectations {
            policy: &self.cast.policy,
            accept: Accept::NormalOnly,
            region: &self.region,
            roster: &self.roster,
            own_head: head_of(&self.leaves(&view.own)),
            now: time(TODAY),
            simulated_now: moment(shown.now),
            reached,
            age_max_seconds: DAY,
        };
        permit::verify(&permit, &expectations).map(drop).map_err(|error| refusal(&error))
    }

    fn leaves(&self, history: &History) -> Vec<Vec<u8>> {
        history.entries().enumerate().map(|(index, entry)| self.seal(index, entry, false).leaf).collect()
    }

    /// An entry as it stands in the log; `made_up` makes another one that says the same and stands nowhere.
    fn seal(&self, index: usize, entry: Entry, made_up: bool) -> Sealed {
        let index = index as u64;
        let mut draft = EntryDraft::new(format!("m-{}", entry.matter), moment(entry.at));
        if made_up {
            draft = draft.with(Slot::Note, serde_json::json!("made up"));
        }
        let (instrument, mut terms) = self.instrument(entry.grant.unwrap_or(Terms::Good));
        terms.decided = moment(entry.at);
        let salt = self.secret.grant_salt(index, &self.region);
        let grant = SealedGrant::new(&Grant { entry: index, terms: terms.clone() }, salt);
        if entry.grant.is_some() {
            draft = draft.granting(terms);
        }
        let sealed = draft.seal(index, &self.secret).unwrap();
        let mut leaf = sealed.leaf.encode().to_vec();
        let mut grants = sealed.full.opening.slot(Slot::Grants).unwrap().clone();
        if entry.grant == Some(Terms::Elsewhere) {
            // As this program never records it: another region's grant under this one's name.
            let hash: String = grant.hash().iter().map(|byte| format!("{byte:02x}")).collect();
            grants.value = serde_json::json!({ self.region.as_str(): hash }).to_string();
            let at = 36 + 34 * usize::from(Slot::Grants.index()) + 2;
            let committed = commitment(Slot::Grants, &grants.salt, grants.value.as_bytes());
            leaf[at..at + 32].copy_from_slice(&committed);
            assert_eq!(Leaf::decode(&leaf).unwrap().commitment(Slot::Grants), &committed);
        }
        Sealed { leaf, grants, grant, instrument }
    }

    fn instrument(&self, kind: Terms) -> (SignedInstrument, GrantTerms) {
        let mut demand = demand();
        let (court, other) = (demand.issuing.clone(), authority("us-dea"));
        match kind {
            Terms::Expiring => demand.valid_until = Some(time("2014-01-31")),
            Terms::Unknown => demand.issuing = authority("us-nowhere"),
            Terms::Incompetent => demand.issuing = other.clone(),
            Terms::NoKey => demand.deliver_to = authority("us-nowhere"),
            _ => {}
        }
        let signed_by = if kind == Terms::Forged { &other } else { &demand.issuing };
        let instrument = demand.sign(&signing_key(signed_by));
        let made_for = if kind == Terms::Elsewhere { region("ch-zurich") } else { self.region.clone() };
        let mut terms = terms(&demand, &made_for);
        match kind {
            Terms::Wider => {
                let mut item = terms.items[0].clone();
                item.class = DataClass::Traffic;
                terms.items.push(item);
            }
            Terms::OtherRequester => terms.requester = other,
            Terms::OtherRecipient => terms.recipient = court,
            _ => {}
        }
        (instrument, terms)
    }

    fn note(&self, shown: &Shown, head: TreeHead) -> String {
        let cached = self.notes.borrow().get(&(shown.head, shown.by, shown.fresh)).cloned();
        cached.unwrap_or_else(|| {
            let age = |place: usize| if shown.fresh & (1 << place) != 0 { 60 } else { DAY + 60 };
            let at = |place: usize| time(TODAY).plus_seconds(-age(place));
            let note = cosigned(&self.cast, head, shown.by, at).to_string();
            self.notes.borrow_mut().insert((shown.head, shown.by, shown.fresh), note.clone());
            note
        })
    }

    fn permit(&self, shown: &Shown, view: &View) -> Permit {
        let leaves = self.leaves(&shown.head);
        let (index, size) = (usize::from(shown.index), leaves.len());
        let held = shown.head.get(index).unwrap();
        let made_up = Entry { matter: 0, grant: Some(Terms::Good), at: 1 };
        let mut sealed = self.seal(index, held, false);
        match shown.forgery {
            Some(Forgery::Leaf) => sealed = self.seal(index, made_up, true),
            Some(Forgery::Grant) => {
                let (instrument, mut terms) = self.instrument(Terms::Good);
                terms.decided = moment(1);
                let grant = Grant { entry: index as u64, terms };
                (sealed.grant, sealed.instrument) = (SealedGrant::new(&grant, [9; 32]), instrument);
            }
            _ => {}
        }
        let hidden = |(index, entry): (usize, Entry)| {
            let other = Entry { matter: 1, ..entry };
            let replaced = shown.forgery == Some(Forgery::Later) && entry.matter == held.matter;
            EncodedLeaf(
                self.seal(index, if replaced { other_matter(held, other) } else { entry }, false).leaf,
            )
        };
        let later = shown.head.entries().enumerate().skip(index + 1).map(hidden).collect();
        let inclusion = tlog_tiles::prove_record(size as u64, index as u64, &tree_of(&leaves)).unwrap();
        Permit {
            instrument: sealed.instrument,
            grant: sealed.grant,
            entry: index as u64,
            leaf: sealed.leaf,
            grants: sealed.grants,
            inclusion: hashes(inclusion),
            checkpoint: self.note(shown, head_of(&leaves)),
            consistency: Consistency {
                from: view.own.len() as u64,
                proof: consistency(&leaves, view.own.len()),
            },
            later: Later { before: subtrees(&leaves[..=index]), leaves: later },
        }
    }

    /// What a real witness that remembers `own` answers when it is asked with old size `old`.
    pub fn consider(&self, own: &History, offered: &History, old: usize) -> Result<(), &'static str> {
        let (_, entropy) = (&self.cast.witnesses[1], &self.cast.entropy);
        let signer = log_signer(entropy);
        let request = |history: &History, old: usize| {
            let leaves = self.leaves(history);
            let checkpoint = SignedCheckpoint::sign(&signer, head_of(&leaves));
            AddCheckpoint { old: old as u64, proof: consistency(&leaves, old), checkpoint }
        };
        let key = cosigner(entropy, &self.cast.witnesses[1].0);
        let state = Box::new(MemoryState::new());
        let witness = Witness::new(key, signer.verifier().clone(), state, Arc::new(SystemClock)).unwrap();
        if own.len() > 0 {
            witness.add_checkpoint(&request(own, 0)).unwrap();
        }
        witness.add_checkpoint(&request(offered, old)).map(drop).map_err(|error| error.name())
    }
}

/// The entry of another matter that stands in for a later one.
fn other_matter(held: Entry, other: Entry) -> Entry {
    Entry { matter: 1 - held.matter.min(1), ..other }
}

/// The roots of the complete subtrees over these leaves, largest first.
fn subtrees(leaves: &[Vec<u8>]) -> Vec<Hash> {
    let mut rest = leaves;
    let mut roots = Vec::new();
    while !rest.is_empty() {
        let (whole, others) = rest.split_at(1 << rest.len().ilog2());
        roots.push(head_of(whole).hash);
        rest = others;
    }
    roots
}

fn refusal(error: &PermitError) -> Refusal {
    match error {
        PermitError::Quorum(QuorumError::TooFew { .. }) => Refusal::Quorum,
        PermitError::Quorum(QuorumError::Stale { .. }) => Refusal::Stale,
        PermitError::OlderThanOwnHead { .. } => Refusal::OlderThanOwnHead,
        PermitError::Forked { .. } => Refusal::Forked,
        PermitError::Inclusion(_) => Refusal::Inclusion,
        PermitError::LaterProof(_) => Refusal::Later,
        PermitError::Overtaken(_) => Refusal::Overtaken,
        PermitError::NoGrant(_) | PermitError::GrantHash(_) => Refusal::Grant,
        PermitError::Region { .. } => Refusal::Region,
        PermitError::UnknownIssuer(_) => Refusal::UnknownIssuer,
        PermitError::Instrument(..) => Refusal::Instrument,
        PermitError::NotCompetent { .. } => Refusal::NotCompetent,
        PermitError::Class(_) => Refusal::Scope,
        PermitError::Requester { .. } => Refusal::Requester,
        PermitError::Recipient { .. } => Refusal::Recipient,
        PermitError::NoRecipientKey(_) => Refusal::NoRecipientKey,
        PermitError::TimeGoesBack { .. } => Refusal::TimeGoesBack,
        PermitError::DecidedInFuture { .. } => Refusal::DecidedInFuture,
        PermitError::DatedBack { .. } => Refusal::DatedBack,
        PermitError::BehindRecord { .. } => Refusal::BehindRecord,
        PermitError::Expired { .. } => Refusal::Expired,
        PermitError::Opening(OpeningError::Commitment { .. }) => Refusal::Grant,
        other => panic!("a refusal that the model does not know: {other}"),
    }
}
