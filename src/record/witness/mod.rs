//! Log witnesses (C2SP tlog-witness): who checks that the log only grows, and says so by a cosignature.
//!
//! A witness remembers the newest head it cosigned and cosigns nothing that does not extend it. Its memory moves before it
//! signs, by compare-and-swap and durably: a crash in between costs a signature, which the log asks for again; the other
//! order could cost a fork.

mod client;
mod error;
mod remote;
mod serve;
mod state;
mod wire;

use std::sync::{Arc, Mutex, MutexGuard};

use signed_note::Signature;

pub use client::{ClientError, LocalWitness, WitnessClient};
pub use error::WitnessError;
pub use remote::{RemoteWitness, Whereabouts};
pub use serve::{checkpoint_path, serve};
pub use state::{FileState, MemoryState, Remembered, StateError, WitnessState};
pub use wire::{AddCheckpoint, AddCheckpointReply, RequestError, parse_reply};

use super::checkpoint::{CheckpointError, SignedCheckpoint};
use super::key::{Cosigner, VerifierKey};
use super::tree::check_consistency;
use super::{Hash, TreeHead};
use crate::clock::Clock;

/// A witness of one log.
pub struct Witness {
    cosigner: Cosigner,
    log: VerifierKey,
    /// Real time, for cosignatures; the record's own time is simulated and no business of a witness.
    clock: Arc<dyn Clock>,
    inner: Mutex<Inner>,
}

struct Inner {
    state: Box<dyn WitnessState>,
    remembered: Remembered,
    /// A newer head that carries this witness's own cosignature, although its memory does not know it.
    silenced: Option<TreeHead>,
}

impl Inner {
    /// Fails, from now on and for good, if the checkpoint carries the witness's own cosignature and its memory does not
    /// know it.
    fn check_memory(
        &mut self,
        log: &VerifierKey,
        me: &VerifierKey,
        shown: &SignedCheckpoint,
    ) -> Result<(), WitnessError> {
        let (seen, own) = (shown.head(), self.remembered.head);
        if let Some(seen) = self.silenced {
            return Err(WitnessError::Silenced { own, seen });
        }
        let known = seen.size < own.size || seen == own;
        let by_me = || matches!(shown.cosigned_by(me), Ok(Some(_)));
        if known || shown.check_log(log).is_err() || !by_me() {
            return Ok(());
        }
        self.silenced = Some(seen);
        let error = WitnessError::Silenced { own, seen };
        tracing::error!(witness = me.name(), %error, "this witness stays silent");
        Err(error)
    }
}

impl Witness {
    /// A witness of the log with this key, with the memory it had. `clock` gives real time.
    pub fn new(
        cosigner: Cosigner,
        log: VerifierKey,
        state: Box<dyn WitnessState>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, StateError> {
        let remembered = state.load()?;
        Ok(Witness { cosigner, log, clock, inner: Mutex::new(Inner { state, remembered, silenced: None }) })
    }

    /// Its public key.
    pub fn verifier(&self) -> &VerifierKey {
        self.cosigner.verifier()
    }

    /// The key of the log that it watches.
    pub fn log(&self) -> &VerifierKey {
        &self.log
    }

    /// The newest head it cosigned; [`TreeHead::EMPTY`] if none.
    pub fn head(&self) -> TreeHead {
        self.lock().remembered.head
    }

    /// The newest checkpoint it cosigned, with the log's signature and its own, as tlog-witness serves it.
    pub fn checkpoint(&self) -> Option<String> {
        let inner = self.lock();
        let checkpoint = SignedCheckpoint::parse(&inner.remembered.note).ok()?;
        // An Ed25519 signature over the same time and text is the same signature.
        let own = self.cosigner.cosign(inner.remembered.time, checkpoint.text());
        Some(checkpoint.with_signatures([own]).to_string())
    }

    /// Cosigns a checkpoint that extends what it has seen. Blocks on its disk.
    pub fn add_checkpoint(&self, request: &AddCheckpoint) -> Result<Signature, WitnessError> {
        let answer = self.consider(request);
        match &answer {
            Ok(_) => tracing::debug!(
                witness = self.verifier().name(),
                size = request.checkpoint.head().size,
                "cosigned a checkpoint"
            ),
            // A log that is one size ahead of what it believed of this witness asks again; nothing is wrong.
            Err(WitnessError::Conflict { own, .. }) => {
                tracing::debug!(
                    witness = self.verifier().name(),
                    own,
                    old = request.old,
                    "asked with another old size"
                );
            }
            Err(error) => tracing::warn!(
                witness = self.verifier().name(),
                reason = error.name(),
                head = %request.checkpoint.head(),
                %error,
                "refused to cosign a checkpoint"
            ),
        }
        answer
    }

    fn consider(&self, request: &AddCheckpoint) -> Result<Signature, WitnessError> {
        let checkpoint = &request.checkpoint;
        let offered = checkpoint.head();
        checkpoint.check_log(&self.log).map_err(|error| match error {
            CheckpointError::ForeignLog { found, .. } => WitnessError::ForeignLog(found),
            _ => WitnessError::Unsigned(error),
        })?;
        if request.old > offered.size {
            return Err(WitnessError::OldAboveNew { old: request.old, new: offered.size });
        }
        if offered.size == 0 && offered.hash != Hash::EMPTY_TREE {
            return Err(WitnessError::EmptyRoot);
        }

        // One at a time from here: what was remembered when the proof was checked is what is replaced.
        let mut inner = self.lock();
        inner.check_memory(&self.log, self.verifier(), checkpoint)?;
        let own = inner.remembered.head;
        if offered.size < own.size {
            return Err(WitnessError::Smaller { offered: offered.size, own: own.size });
        }
        if offered.size == own.size && offered.hash != own.hash {
            return Err(WitnessError::Forked { offered, own, old: request.old });
        }
        if request.old != own.size {
            return Err(WitnessError::Conflict { old: request.old, own: own.size });
        }
        if own.size == 0 && !request.proof.is_empty() {
            return Err(WitnessError::ProofFromNothing(request.proof.len()));
        }
        if own.size > 0 && !check_consistency(&request.proof, offered, own) {
            return Err(WitnessError::Inconsistent { offered, own });
        }

        // A clock that went back must not make a newer statement look older.
        let time = self.clock.now().unix_seconds().max(inner.remembered.time).max(1);
        let note = checkpoint.only_by(&[&self.log]).to_string();
        let next = Remembered { head: offered, time, note };
        // A crash behind this line: it remembers what it did not sign, and signs it when it is asked again.
        inner.state.compare_and_swap(own, &next)?;
        inner.remembered = next;
        Ok(self.cosigner.cosign(time, checkpoint.text()))
    }

    /// Compares its memory with checkpoints that others hold: with whatever it is shown, because it cannot know that it was
    /// restored from a backup. If one of them carries its own cosignature and is newer than what it remembers, or another
    /// tree of the same size, it stays silent from then on: somewhere there is a statement of its own that it does not know,
    /// and a new one could contradict it.
    pub fn compare_with(&self, notes: impl IntoIterator<Item = String>) -> Result<(), WitnessError> {
        let mut inner = self.lock();
        for note in notes {
            let Ok(checkpoint) = SignedCheckpoint::parse(&note) else { continue };
            inner.check_memory(&self.log, self.verifier(), &checkpoint)?;
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Nothing under the lock is left half done by a panic: `remembered` is replaced in one step.
        self.inner.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
