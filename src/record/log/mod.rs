//! The log: appends drafts, keeps the tiles, has checkpoints cosigned, and proves.
//!
//! An append goes through two stages, and each takes whatever has gathered before it, so that many callers share one flush
//! without any of them waiting for a timer:
//!
//! 1. The *sequencer*, one thread, gives indexes to queued drafts, keeps their openings, writes one journal record (from here
//!    on the entries exist), and writes tiles.
//! 2. The *collector*, one task, signs a checkpoint of the newest tree, asks all witnesses at once, and publishes it when a
//!    quorum has cosigned. A witness that is slow is asked again when it is free; nobody waits for it.
//!
//! If no quorum comes together, callers are told so and their entries stay: a log is never rewound.

mod collector;
mod error;
mod proving;
mod recent;
mod sequencer;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};

pub use error::{AppendError, LogError};
pub use proving::PermitRequest;

use super::checkpoint::SignedCheckpoint;
use super::entry::{EntryDraft, Leaf, SealedEntry, Slot};
use super::genesis::Genesis;
use super::journal;
use super::key::LogSigner;
use super::opening::{FullOpening, OpeningStore};
use super::policy::{Accept, Policy, Quorum};
use super::secret::RecordSecret;
use super::storage::{Left, Storage, TileError, opening_path};
use super::tree::Tree;
use super::witness::WitnessClient;
use super::{Hash, TreeHead};
use proving::opening_bytes;
use recent::Recent;

/// Drafts that may wait for the sequencer; an append beyond that waits for a place.
const QUEUE_MAX: usize = 1024;

/// What a log is made of. Nothing in it is looked up elsewhere.
pub struct LogOptions {
    pub signer: LogSigner,
    pub secret: RecordSecret,
    /// Whose log key is the signer's.
    pub policy: Policy,
    /// Whether an emergency quorum is enough to publish.
    pub accept: Accept,
    pub storage: Arc<dyn Storage>,
    pub openings: Arc<dyn OpeningStore>,
    /// How to reach each witness, by its name in the policy. A witness without an entry is never asked.
    pub witnesses: Vec<(String, Arc<dyn WitnessClient>)>,
    /// How long one witness may take for one answer.
    pub witness_deadline: Duration,
    /// How long the journal may grow before the tiles are synced and a new one is started: what a start has to replay.
    pub journal_max_bytes: u64,
}

/// A journal length that keeps starts short and syncs of tiles rare.
pub const JOURNAL_MAX_BYTES: u64 = 16 << 20;

/// An open log. Clones are handles on one log.
#[derive(Clone)]
pub struct Log(Arc<Inner>);

struct Inner {
    queue: mpsc::Sender<sequencer::Request>,
    events: mpsc::UnboundedSender<collector::Event>,
    shared: Arc<Shared>,
    published: watch::Receiver<Option<Arc<Published>>>,
    status: watch::Receiver<Vec<WitnessStatus>>,
    threads: Mutex<Option<(std::thread::JoinHandle<()>, tokio::task::JoinHandle<()>)>>,
}

/// What sequencer, collector and readers have in common.
struct Shared {
    tree: Mutex<Tree>,
    recent: Mutex<Recent>,
    storage: Arc<dyn Storage>,
    openings: Arc<dyn OpeningStore>,
    secret: RecordSecret,
}

impl Shared {
    /// Held only while leaves are copied, and never together with the tree.
    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Held only while hashes are looked up or the edge is replaced, never across an await.
    fn tree(&self) -> MutexGuard<'_, Tree> {
        self.tree.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A checkpoint that a quorum cosigned.
#[derive(Clone, PartialEq, Debug)]
pub struct Published {
    pub checkpoint: SignedCheckpoint,
    pub quorum: Quorum,
    /// The checkpoint as a signed note, as it is served and as every permit carries it.
    note: Arc<str>,
}

impl Published {
    pub(in crate::record) fn new(checkpoint: SignedCheckpoint, quorum: Quorum) -> Self {
        let note = checkpoint.to_string().into();
        Published { checkpoint, quorum, note }
    }
}

/// An entry with the proof that it is in a cosigned checkpoint.
#[derive(Clone, PartialEq, Debug)]
pub struct Logged {
    pub index: u64,
    pub leaf: Leaf,
    /// `None` if the opening was erased.
    pub full: Option<Arc<FullOpening>>,
    pub inclusion: Vec<Hash>,
    pub published: Arc<Published>,
}

/// How one witness is doing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct WitnessStatus {
    pub id: String,
    /// The newest size it is known to have cosigned.
    pub size: u64,
    /// Why it did not cosign when it was last asked.
    pub trouble: Option<String>,
}

impl Log {
    /// Starts a new log with its genesis as entry 0. Fails if there is one already; goes on where an earlier call was
    /// interrupted. Succeeds also when no quorum of witnesses can be reached yet: the entry stays, and
    /// [`Log::await_quorum`] tries again.
    pub async fn create(options: LogOptions, genesis: &Genesis) -> Result<Self, LogError> {
        Log::begin(&options).await?;
        let log = Log::start(options).await?;
        if log.head().size > 0 {
            log.close().await;
            return Err(LogError::Exists);
        }
        log.found(genesis).await
    }

    /// Opens the log, or creates it where there is none or an earlier creation was interrupted.
    pub async fn open_or_create(options: LogOptions, genesis: &Genesis) -> Result<Self, LogError> {
        Log::begin(&options).await?;
        let log = Log::start(options).await?;
        if log.head().size == 0 {
            return log.found(genesis).await;
        }
        log.with_open_genesis().await
    }

    /// Makes an empty log where there is none. The journal comes last: as long as it is missing, nothing was begun.
    async fn begin(options: &LogOptions) -> Result<(), LogError> {
        let storage = options.storage.clone();
        let policy = options.policy.to_text();
        blocking(move || {
            if !storage.load_journal()?.is_empty() {
                return Ok(());
            }
            if storage.read("checkpoint")?.is_some() {
                return Err(LogError::JournalLost);
            }
            storage.write("policy", policy.as_bytes())?;
            storage.sync()?;
            Ok(storage.replace_journal(Left::Nothing, &journal::header(TreeHead::EMPTY).0)?)
        })
        .await?
    }

    /// Appends entry 0 to an empty log.
    async fn found(self, genesis: &Genesis) -> Result<Self, LogError> {
        match self.append(genesis.draft()).await {
            Ok(_) | Err(AppendError::NoQuorum { .. }) => {}
            Err(error) => {
                self.close().await;
                return Err(LogError::Genesis(error));
            }
        }
        self.with_open_genesis().await
    }

    /// Opens a log: replays the journal, which is what normal running does too, and starts sequencer and collector on
    /// the current tokio runtime.
    pub async fn open(options: LogOptions) -> Result<Self, LogError> {
        let log = Log::start(options).await?;
        if log.head().size == 0 {
            log.close().await;
            return Err(LogError::NoGenesis);
        }
        log.with_open_genesis().await
    }

    /// The log, once the opening of entry 0 is published. If it cannot be, nothing of the log runs any more.
    async fn with_open_genesis(self) -> Result<Self, LogError> {
        match self.open_genesis().await {
            Ok(()) => Ok(self),
            Err(error) => {
                self.close().await;
                Err(error)
            }
        }
    }

    /// Publishes the opening of entry 0, if that did not happen yet, or not wholly.
    async fn open_genesis(&self) -> Result<(), LogError> {
        let Some(full) = self.opening(0).await? else { return Ok(()) };
        let opening = full.opening.subset(&[Slot::Kind, Slot::Facts]);
        let log = self.clone();
        let served = blocking(move || log.0.shared.storage.read(&opening_path(0))).await??;
        if served.is_some_and(|served| served == opening_bytes(&opening)) {
            return Ok(());
        }
        self.publish_opening(opening).await
    }

    async fn start(options: LogOptions) -> Result<Self, LogError> {
        if options.signer.verifier() != options.policy.log() {
            return Err(LogError::ForeignKey {
                key: options.signer.verifier().to_string(),
                policy: options.policy.log().to_string(),
            });
        }
        let storage = options.storage.clone();
        let openings = options.openings.clone();
        let state = blocking(move || sequencer::recover(storage.as_ref())).await??;
        let head = state.head();
        let shared = Arc::new(Shared {
            tree: Mutex::new(state.tree()),
            recent: Mutex::default(),
            storage: options.storage.clone(),
            openings,
            secret: options.secret,
        });
        let published = find_published(&shared, &options.policy, options.accept, head).await?.map(Arc::new);

        let (events, events_in) = mpsc::unbounded_channel();
        let (queue, requests) = mpsc::channel(QUEUE_MAX);
        let (published_out, published) = watch::channel(published);
        let (status_out, status) = watch::channel(Vec::new());
        let sequencer = sequencer::Sequencer::new(sequencer::Parts {
            state,
            shared: shared.clone(),
            journal_max_bytes: options.journal_max_bytes,
            requests,
            events: events.clone(),
        });
        let sequencer = std::thread::Builder::new()
            .name("record-sequencer".into())
            .spawn(move || sequencer.run())
            .map_err(TileError::Io)?;
        let collector = collector::Collector::new(collector::Parts {
            shared: shared.clone(),
            signer: options.signer,
            policy: options.policy,
            accept: options.accept,
            witnesses: options.witnesses,
            deadline: options.witness_deadline,
            head,
            events: events.downgrade(),
            published: published_out,
            status: status_out,
        });
        let collector = tokio::spawn(collector.run(events_in));
        let threads = Mutex::new(Some((sequencer, collector)));
        Ok(Log(Arc::new(Inner { queue, events, shared, published, status, threads })))
    }

    /// Appends an entry and waits until it is in a published checkpoint. On [`AppendError::NoQuorum`] the entry is in the
    /// log all the same; see [`Log::await_quorum`].
    pub async fn append(&self, draft: EntryDraft) -> Result<Logged, AppendError> {
        let (reply, answer) = oneshot::channel();
        let request = sequencer::Request::Append { draft: Box::new(draft), reply };
        self.0.queue.send(request).await.map_err(|_| AppendError::Closed)?;
        let (sealed, published) = answer.await.map_err(|_| AppendError::Closed)??;
        let sealed = sealed.ok_or(AppendError::Closed)?;
        let index = sealed.full.opening.entry();
        let inclusion = self.prove_inclusion(index, &published)?;
        Ok(Logged { index, leaf: sealed.leaf, full: Some(sealed.full), inclusion, published })
    }

    /// Waits until an entry that is in the log is in a published checkpoint, asking the witnesses again if need be.
    pub async fn await_quorum(&self, index: u64) -> Result<Logged, AppendError> {
        let published = self.await_published(index).await?;
        let log = self.clone();
        let read = blocking(move || {
            let inclusion = log.prove_inclusion(index, &published)?;
            let leaf = log.read_leaves(index, index + 1)?.remove(0);
            let full = log.0.shared.openings.get(index)?.map(Arc::new);
            Ok::<_, TileError>(Logged { index, leaf, full, inclusion, published })
        });
        read.await.map_err(|_| AppendError::Closed)?.map_err(AppendError::from)
    }

    async fn await_published(&self, index: u64) -> Result<Arc<Published>, AppendError> {
        let size = self.head().size;
        if index >= size {
            return Err(AppendError::NotInLog { index, size });
        }
        // Mostly it is published already, and the collector, who is busy with a later round, need not be asked.
        if let Some(published) = self.published().filter(|p| p.checkpoint.head().size > index) {
            return Ok(published);
        }
        let (reply, answer) = oneshot::channel();
        let event = collector::Event::Await(Waiter { index, sealed: None, reply });
        self.0.events.send(event).map_err(|_| AppendError::Closed)?;
        let (_, published) = answer.await.map_err(|_| AppendError::Closed)??;
        Ok(published)
    }

    /// The newest tree; it may be ahead of what is published.
    pub fn head(&self) -> TreeHead {
        self.0.shared.tree().edge().head()
    }

    /// The newest checkpoint that a quorum cosigned.
    pub fn published(&self) -> Option<Arc<Published>> {
        self.0.published.borrow().clone()
    }

    /// How each witness is doing, in the order of the policy.
    pub fn witnesses(&self) -> Vec<WitnessStatus> {
        self.0.status.borrow().clone()
    }

    /// The newest size that a witness is known to have cosigned; 0 if none, or if it is no witness of this log.
    pub fn cosigned_by(&self, id: &str) -> u64 {
        self.0.status.borrow().iter().find(|status| status.id == id).map_or(0, |status| status.size)
    }

    /// Stops appending and waits until nothing of this log runs any more. Calls that still wait fail with
    /// [`AppendError::Closed`].
    pub async fn close(self) {
        let _ = self.0.queue.send(sequencer::Request::Close).await;
        let threads = self.0.threads.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((sequencer, collector)) = threads {
            let _ = blocking(move || sequencer.join()).await;
            let _ = self.0.events.send(collector::Event::Close);
            let _ = collector.await;
        }
    }
}

/// The checkpoint that was published before a restart, if it is one of this tree. One that is not, or that is newer than
/// the tree, means that the log's own folder is older than what the world has seen.
async fn find_published(
    shared: &Arc<Shared>,
    policy: &Policy,
    accept: Accept,
    head: TreeHead,
) -> Result<Option<Published>, LogError> {
    let inner = shared.clone();
    let Some(bytes) = blocking(move || inner.storage.read("checkpoint")).await?? else { return Ok(None) };
    let text = String::from_utf8_lossy(&bytes);
    let checkpoint = match SignedCheckpoint::parse(&text).and_then(|c| c.check_log(policy.log()).map(|()| c))
    {
        Ok(checkpoint) => checkpoint,
        Err(error) => {
            // It is never synced, so a power cut may have torn it. The journal is what counts; the next round serves a new one.
            tracing::warn!(%error, "the served checkpoint cannot be used");
            return Ok(None);
        }
    };
    let found = checkpoint.head();
    if found.size > head.size {
        return Err(LogError::Rewound { published: found, own: head });
    }
    let inner = shared.clone();
    let at = blocking(move || inner.tree().head_at(inner.storage.as_ref(), found.size)).await??;
    if at != found {
        return Err(LogError::Forked { published: found, own: at });
    }
    // With another policy than then, it may no longer be enough; a new round will tell.
    Ok(policy.check(&checkpoint, accept).ok().map(|quorum| Published::new(checkpoint, quorum)))
}

/// Somebody who waits for a published checkpoint that has an entry.
struct Waiter {
    index: u64,
    sealed: Option<Box<SealedEntry>>,
    reply: Reply,
}

type Reply = oneshot::Sender<Result<(Option<Box<SealedEntry>>, Arc<Published>), AppendError>>;

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, LogError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| LogError::Stopped)
}
