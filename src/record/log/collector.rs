//! Has checkpoints cosigned.
//!
//! One *round* is about one tree head. All free witnesses are asked at once; one that still works on an earlier round joins when
//! it is done. A round ends when a quorum has cosigned, or when none can come together any more; the next one is about
//! the newest head of that moment. A round that has ended well keeps collecting until the next begins, so that a quiet
//! log ends up cosigned by everybody.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use signed_note::Signature;
use tokio::sync::{mpsc, watch};

use super::{AppendError, Published, Shared, Waiter, WitnessStatus};
use crate::clock::SimTime;
use crate::record::checkpoint::SignedCheckpoint;
use crate::record::key::{LogSigner, VerifierKey};
use crate::record::policy::{Accept, Cosigned, Policy, PolicyWitness, Quorum};
use crate::record::witness::{AddCheckpoint, ClientError, WitnessClient};
use crate::record::{Hash, TreeHead};

/// How often a witness that is at another size than expected is asked again in one round.
const CONFLICTS_MAX: u32 = 3;

/// How long closing waits for witnesses that are at work; one that hangs is left behind.
const LAST_ANSWERS_MAX: Duration = Duration::from_secs(2);

pub(super) enum Event {
    /// The log grew.
    Committed {
        head: TreeHead,
        waiters: Vec<Waiter>,
    },
    /// Somebody waits for an entry that is in the log.
    Await(Waiter),
    /// A witness answered, or its deadline passed.
    Answered {
        place: usize,
        asked: Arc<SignedCheckpoint>,
        /// Its cosignature, verified, with its time.
        answer: Result<(Signature, i64), ClientError>,
    },
    Close,
}

pub(super) struct Parts {
    pub shared: Arc<Shared>,
    pub signer: LogSigner,
    pub policy: Policy,
    pub accept: Accept,
    pub witnesses: Vec<(String, Arc<dyn WitnessClient>)>,
    pub deadline: Duration,
    pub head: TreeHead,
    pub events: mpsc::WeakUnboundedSender<Event>,
    pub published: watch::Sender<Option<Arc<Published>>>,
    pub status: watch::Sender<Vec<WitnessStatus>>,
}

pub(super) struct Collector {
    parts: Parts,
    /// In the order of the policy.
    witnesses: Vec<Line>,
    round: Option<Round>,
    /// True if there is reason for another round after this one.
    wanted: bool,
    /// By index.
    waiters: BTreeMap<u64, Vec<Waiter>>,
}

/// What is known of one witness.
struct Line {
    client: Option<Arc<dyn WitnessClient>>,
    /// The size it cosigned last, as far as known; 0 lets it say so itself.
    size: u64,
    /// The newest size that this log has its cosignature on. A witness never goes behind that, unless its memory did.
    cosigned: u64,
    busy: bool,
    /// Asked in this round.
    asked: bool,
    conflicts: u32,
    trouble: Option<String>,
}

struct Round {
    /// As the witnesses are asked.
    checkpoint: Arc<SignedCheckpoint>,
    cosigned: BTreeMap<usize, (Signature, i64)>,
    /// Consistency proofs to this head, by the size they start from.
    proofs: HashMap<u64, Vec<Hash>>,
    ended: bool,
    /// True if it shows what was published before the start, and nobody waits for it.
    introduces: bool,
    /// How many cosignatures the published form has.
    published: usize,
}

impl Collector {
    pub(super) fn new(mut parts: Parts) -> Self {
        let mut clients: HashMap<String, _> = std::mem::take(&mut parts.witnesses).into_iter().collect();
        let line = |client: Option<Arc<dyn WitnessClient>>| Line {
            trouble: client.is_none().then(|| "there is no way to reach it".to_owned()),
            client,
            size: 0,
            cosigned: 0,
            busy: false,
            asked: false,
            conflicts: 0,
        };
        let published = parts.published.borrow().clone();
        let shown = |key: &VerifierKey| {
            let checkpoint = &published.as_ref()?.checkpoint;
            matches!(checkpoint.cosigned_by(key), Ok(Some(_))).then(|| checkpoint.head().size)
        };
        let with_size = |w: &PolicyWitness, line: Line| Line { cosigned: shown(&w.key).unwrap_or(0), ..line };
        let witnesses =
            parts.policy.witnesses().iter().map(|w| with_size(w, line(clients.remove(&w.id)))).collect();
        for id in clients.keys() {
            tracing::warn!(witness = %id, "a witness that the policy does not name is never asked");
        }
        let mut collector =
            Collector { parts, witnesses, round: None, wanted: false, waiters: BTreeMap::new() };
        // What a crash, or a lost checkpoint, left unpublished is published without waiting for the next append.
        collector.wanted = collector.parts.head.size > collector.published_size();
        collector.report();
        collector
    }

    pub(super) async fn run(mut self, mut events: mpsc::UnboundedReceiver<Event>) {
        self.show_published();
        self.step().await;
        while let Some(event) = events.recv().await {
            match event {
                Event::Committed { head, waiters } => {
                    self.parts.head = head;
                    self.wanted = true;
                    for waiter in waiters {
                        self.waiters.entry(waiter.index).or_default().push(waiter);
                    }
                }
                Event::Await(waiter) => self.await_index(waiter),
                Event::Answered { place, asked, answer } => self.take_answer(place, &asked, answer),
                Event::Close => return self.await_last_answers(events).await,
            }
            // Everything that has happened meanwhile belongs to the same step.
            if events.is_empty() {
                self.step().await;
            }
        }
    }

    /// A witness in this process holds on to its memory until it has answered; whoever opens it again would find it in use.
    async fn await_last_answers(mut self, mut events: mpsc::UnboundedReceiver<Event>) {
        let end = tokio::time::Instant::now() + LAST_ANSWERS_MAX.min(self.parts.deadline);
        while self.witnesses.iter().any(|line| line.busy) {
            match tokio::time::timeout_at(end, events.recv()).await {
                Ok(Some(Event::Answered { place, .. })) => self.witnesses[place].busy = false,
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => return,
            }
        }
    }

    fn await_index(&mut self, waiter: Waiter) {
        let published = self.parts.published.borrow().clone();
        match published {
            Some(published) if published.checkpoint.head().size > waiter.index => {
                let _ = waiter.reply.send(Ok((waiter.sealed, published)));
            }
            _ => {
                self.wanted = true;
                self.waiters.entry(waiter.index).or_default().push(waiter);
            }
        }
    }

    fn take_answer(
        &mut self,
        place: usize,
        asked: &Arc<SignedCheckpoint>,
        answer: Result<(Signature, i64), ClientError>,
    ) {
        let line = &mut self.witnesses[place];
        line.busy = false;
        match answer {
            Ok(cosignature) => {
                line.size = asked.head().size;
                line.cosigned = line.cosigned.max(line.size);
                line.trouble = None;
                match &mut self.round {
                    Some(round) if Arc::ptr_eq(&round.checkpoint, asked) => {
                        round.cosigned.insert(place, cosignature);
                    }
                    // It cosigned an earlier head; now it can join this round.
                    _ => line.asked = false,
                }
            }
            Err(ClientError::Conflict { own }) => {
                line.conflicts += 1;
                if own < line.cosigned {
                    // If it has forgotten a statement of its own, a new one could contradict it; so it is never asked from
                    // there. It is asked again from where it was: such an answer is not signed, and another may come.
                    let why = format!(
                        "has cosigned size {}, and its answer says that it is at {own}: it was restored from a backup and \
                         has to be enrolled again, or somebody else answers in its place",
                        line.cosigned
                    );
                    let known = line.trouble.as_deref() == Some(why.as_str());
                    if !known {
                        tracing::error!(
                            witness = %self.parts.policy.witnesses()[place].id,
                            own,
                            cosigned = line.cosigned,
                            "a witness answers from behind what it cosigned"
                        );
                    }
                    line.trouble = Some(why);
                } else if own > self.parts.head.size {
                    line.trouble = Some(format!(
                        "its answer says that it has cosigned size {own}, and this log has {}",
                        self.parts.head.size
                    ));
                    tracing::error!(
                        witness = %self.parts.policy.witnesses()[place].id,
                        own,
                        size = self.parts.head.size,
                        "a witness says that it has seen more of this log than there is: was the log restored from a backup?"
                    );
                } else if line.conflicts > CONFLICTS_MAX {
                    line.trouble = Some(format!("keeps answering that it is at size {own}"));
                } else {
                    line.size = own;
                    line.asked = false;
                }
            }
            Err(error) => {
                tracing::warn!(witness = %self.parts.policy.witnesses()[place].id, %error, "no cosignature");
                line.trouble = Some(error.to_string());
                // An answer to an earlier round says nothing about this one.
                let current = self.round.as_ref().is_some_and(|round| Arc::ptr_eq(&round.checkpoint, asked));
                line.asked = current && line.asked;
            }
        }
    }

    /// Does whatever can be done now.
    async fn step(&mut self) {
        loop {
            if self.round.as_ref().is_none_or(|round| round.ended || (round.introduces && self.wanted)) {
                let size = self.round.as_ref().map_or(0, |round| round.checkpoint.head().size);
                let covered = self.published_size();
                if self.wanted && (self.parts.head.size > size || self.parts.head.size > covered) {
                    self.begin_round();
                }
                self.wanted = false;
            }
            self.ask_all();
            self.report();
            let Some(round) = &self.round else { return };
            if round.ended {
                // Later cosignatures are worth a new file only when no more are to come.
                let all_in = !self.witnesses.iter().any(|line| line.busy && line.asked);
                if all_in && round.published > 0 && round.cosigned.len() > round.published {
                    self.publish().await;
                }
                return;
            }
            let emergency = self.parts.accept == Accept::Emergency;
            let policy = &self.parts.policy;
            let now = || round.cosigned.keys().copied();
            // A busy witness that works on an earlier head will join; it is not lost for this round.
            let later = || {
                let busy = self.witnesses.iter().enumerate().filter(|(_, line)| line.busy);
                now().chain(busy.map(|(place, _)| place))
            };
            if policy.is_normal(now()) {
                self.publish().await;
            } else if policy.is_normal(later()) {
                return;
            } else if emergency && policy.is_emergency(now()) {
                self.publish().await;
            } else if emergency && policy.is_emergency(later()) {
                return;
            } else {
                self.give_up();
            }
        }
    }

    fn published_size(&self) -> u64 {
        self.parts.published.borrow().as_ref().map_or(0, |published| published.checkpoint.head().size)
    }

    /// The first round after a start is about what was published before it, with the cosignatures it has. So a witness that
    /// was restored from a backup meets its own newest cosignature before it is asked for another; and what is served
    /// has fresh ones.
    fn show_published(&mut self) {
        let published = self.parts.published.borrow().clone();
        if let Some(published) = published {
            self.begin_round_on(Arc::new(published.checkpoint.clone()));
            self.round.iter_mut().for_each(|round| round.introduces = true);
        }
    }

    fn begin_round(&mut self) {
        self.begin_round_on(Arc::new(SignedCheckpoint::sign(&self.parts.signer, self.parts.head)));
    }

    fn begin_round_on(&mut self, checkpoint: Arc<SignedCheckpoint>) {
        self.round = Some(Round {
            checkpoint,
            cosigned: BTreeMap::new(),
            proofs: HashMap::new(),
            ended: false,
            introduces: false,
            published: 0,
        });
        for line in &mut self.witnesses {
            line.asked = false;
            line.conflicts = 0;
        }
    }

    /// Asks every witness that is free and was not asked in this round.
    fn ask_all(&mut self) {
        let Some(round) = &mut self.round else { return };
        let Some(events) = self.parts.events.upgrade() else { return };
        for (place, line) in self.witnesses.iter_mut().enumerate() {
            let Some(client) = line.client.clone().filter(|_| !line.busy && !line.asked) else { continue };
            line.asked = true;
            let proof = match round.proofs.get(&line.size) {
                Some(proof) => proof.clone(),
                None => {
                    let shared = &self.parts.shared;
                    let size = round.checkpoint.head().size;
                    match shared.tree().prove_consistency(shared.storage.as_ref(), size, line.size) {
                        Ok(proof) => round.proofs.entry(line.size).or_insert(proof).clone(),
                        Err(error) => {
                            tracing::error!(%error, old = line.size, "a consistency proof cannot be computed");
                            line.trouble = Some(error.to_string());
                            continue;
                        }
                    }
                }
            };
            line.busy = true;
            let asked = round.checkpoint.clone();
            let request = AddCheckpoint { old: line.size, proof, checkpoint: asked.as_ref().clone() };
            let (events, deadline) = (events.clone(), self.parts.deadline);
            let key = self.parts.policy.witnesses()[place].key.clone();
            tokio::spawn(async move {
                let answer = tokio::time::timeout(deadline, client.add_checkpoint(request))
                    .await
                    .unwrap_or(Err(ClientError::Deadline(deadline.as_millis())));
                // Here, and not where all answers come together, so that they are verified side by side.
                let answer = answer.and_then(|lines| cosignature_of(&key, &asked, lines));
                let _ = events.send(Event::Answered { place, asked, answer });
            });
        }
    }

    /// Serves the checkpoint and answers whoever waited for it.
    async fn publish(&mut self) {
        let Some(round) = &mut self.round else { return };
        let checkpoint = round.signed(self.parts.policy.log());
        let witnesses = self.parts.policy.witnesses();
        let quorum = Quorum {
            cosigners: round
                .cosigned
                .iter()
                .map(|(place, (_, time))| Cosigned {
                    witness: witnesses[*place].id.clone(),
                    time: SimTime::from_unix_seconds(*time),
                })
                .collect(),
            outsider: round.cosigned.keys().any(|place| witnesses[*place].outsider),
            emergency: !self.parts.policy.is_normal(round.cosigned.keys().copied()),
        };
        round.ended = true;
        round.published = round.cosigned.len();
        let head = checkpoint.head();
        let published = Arc::new(Published::new(checkpoint, quorum));
        let (storage, note) = (self.parts.shared.storage.clone(), published.note.clone());
        let written = tokio::task::spawn_blocking(move || storage.write("checkpoint", note.as_bytes())).await;
        if let Ok(Err(error)) = &written {
            tracing::error!(%error, size = head.size, "a cosigned checkpoint cannot be served");
        }
        if published.quorum.emergency {
            tracing::warn!(size = head.size, "published with the emergency quorum only");
        }
        let answer = match written {
            Ok(Ok(())) => {
                self.parts.published.send_replace(Some(published.clone()));
                Ok(published)
            }
            Ok(Err(error)) => Err(AppendError::Storage(Arc::new(error))),
            Err(_) => Err(AppendError::Closed),
        };
        for waiter in self.waiters_below(head.size) {
            let answer = answer.clone().map(|published| (waiter.sealed, published));
            let _ = waiter.reply.send(answer);
        }
    }

    /// Tells whoever waited that there is no quorum. Their entries stay.
    fn give_up(&mut self) {
        let Some(round) = &mut self.round else { return };
        round.ended = true;
        let size = round.checkpoint.head().size;
        let witnesses = self.parts.policy.witnesses();
        let troubles: Vec<String> = self
            .witnesses
            .iter()
            .zip(witnesses)
            .filter_map(|(line, witness)| Some(format!("{}: {}", witness.id, line.trouble.as_ref()?)))
            .collect();
        let reason =
            format!("{} of {} cosigned; {}", round.cosigned.len(), witnesses.len(), troubles.join("; "));
        tracing::error!(size, reason, "no quorum");
        for waiter in self.waiters_below(size) {
            let error = AppendError::NoQuorum { index: waiter.index, reason: reason.clone() };
            let _ = waiter.reply.send(Err(error));
        }
    }

    fn waiters_below(&mut self, size: u64) -> Vec<Waiter> {
        let rest = self.waiters.split_off(&size);
        std::mem::replace(&mut self.waiters, rest).into_values().flatten().collect()
    }

    fn report(&self) {
        let status = self.witnesses.iter().zip(self.parts.policy.witnesses()).map(|(line, witness)| {
            let size = line.size.max(line.cosigned);
            WitnessStatus { id: witness.id.clone(), size, trouble: line.trouble.clone() }
        });
        let status: Vec<_> = status.collect();
        self.parts.status.send_if_modified(|before| {
            let changed = *before != status;
            *before = status;
            changed
        });
    }
}

/// What a witness's answer has of its own, verified.
fn cosignature_of(
    key: &VerifierKey,
    asked: &SignedCheckpoint,
    lines: Vec<Signature>,
) -> Result<(Signature, i64), ClientError> {
    let own = lines.into_iter().filter(|signature| key.claims(signature));
    own.filter_map(|signature| key.verify_cosignature(asked.text(), &signature).map(|time| (signature, time)))
        .next()
        .ok_or_else(|| ClientError::Failed("its answer has no cosignature of its own".to_owned()))
}

impl Round {
    /// The checkpoint with this round's cosignatures and no others.
    fn signed(&self, log: &VerifierKey) -> SignedCheckpoint {
        let by_log = self.checkpoint.only_by(&[log]);
        by_log.with_signatures(self.cosigned.values().map(|(signature, _)| signature.clone()))
    }
}
