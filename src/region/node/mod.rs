//! The node of one region: keeps mail, releases it for a permit, cosigns the record.

mod delivery;
mod holdings;
mod memory;
mod onward;
mod release;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;

use super::body::Body;
use super::call::{Call, Card, NodeStatus, Reply};
use super::enrolment::{Enrolment, EnrolmentError, cosigner, witness};
use super::error::{ErrorCode, ServiceError};
use super::identity::Peer;
use super::service::{Answer, Context, Service, only_head_office};
use super::witnessing::cosign;
use crate::disk::{Disk, RealDisk};
use crate::law::Law;
use crate::record::policy::Policy;
use crate::record::witness::Witness;
use crate::store::{Store, StoreError};
use crate::vault::{
    HeadOfficePublicKey, IntakeKey, KeyFileError, Rotate, SealedJournal, SealedJournalError, VaultError,
    component_entropy,
};
use crate::world::{Address, Jurisdiction, RegionId, World};
use memory::{MemoryError, TimeMemory};
use onward::Neighbours;

/// What a node is made of.
pub struct NodeParts {
    /// Its own folder, in which it was enrolled.
    pub folder: PathBuf,
    pub region: RegionId,
    pub world: Arc<World>,
    pub law: Arc<Law>,
    /// What its folder lies on.
    pub disk: Arc<dyn Disk>,
}

/// One region's node.
pub struct Node {
    disk: Arc<dyn Disk>,
    folder: PathBuf,
    region: RegionId,
    world: Arc<World>,
    law: Arc<Law>,
    policy: Policy,
    witness: Arc<Witness>,
    store: Store,
    cards: Mutex<Cards>,
    memory: Mutex<TimeMemory>,
    intake: IntakeKey,
    neighbours: Neighbours,
}

/// What this region knows of its account holders, by itself: head office's word does not change it.
struct Cards {
    journal: SealedJournal,
    known: BTreeMap<Address, Card>,
}

/// Why a node does not open.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    #[error(transparent)]
    Enrolment(#[from] EnrolmentError),
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Cards(#[from] SealedJournalError),
    #[error("`{}` is missing, and the region had it before: put its whole folder back as it was", .0.display())]
    Lost(PathBuf),
    #[error("a card of an account holder cannot be read: {0}")]
    Card(serde_json::Error),
    #[error(transparent)]
    Memory(#[from] MemoryError),
}

impl Node {
    /// Opens the node in its folder; it must have been enrolled.
    pub fn open(parts: NodeParts, cosigner_name: &str) -> Result<Self, NodeError> {
        let NodeParts { folder, region, world, law, disk } = parts;
        let enrolment = Enrolment::read(&folder, region.as_str())?;
        let policy = enrolment.policy()?;
        let key = cosigner(&*disk, &folder, region.as_str(), cosigner_name, &enrolment.entropy())?;
        // Its memory is overwritten in place with every checkpoint, and is tested on a failing disk by itself.
        let witness = Arc::new(witness(&RealDisk, &folder, key, &policy)?);
        let own = component_entropy(&*disk, &folder, region.as_str(), &enrolment.entropy())?;
        let head_office =
            enrolment.head_office.map(|bytes| HeadOfficePublicKey::new(1, bytes)).transpose()?;
        let (cards, key) = (folder.join("cards"), folder.join("cards.key"));
        let format = folder.join("store/format");
        // Whoever has cosigned the record was open before. Without what it kept then it would answer that there is
        // nothing, which is something else than not knowing.
        let had = witness.head().size > 0;
        if let Some(lost) = [&cards, &key, &format].into_iter().find(|path| had && !path.exists()) {
            return Err(NodeError::Lost(lost.clone()));
        }
        // Made before anything that could be released, so that it is missing only if it was lost.
        let memory = match cards.exists() {
            false => TimeMemory::start(disk.clone(), &folder)?,
            true => TimeMemory::open(disk.clone(), &folder)?,
        };
        let (journal, records) = SealedJournal::open(&*disk, &cards, &key, &own.child("cards"))?;
        let mut known = BTreeMap::new();
        for record in records {
            let card: Card = serde_json::from_slice(&record).map_err(NodeError::Card)?;
            known.insert(card.address.clone(), card);
        }
        if !known.is_empty() && !format.exists() {
            return Err(NodeError::Lost(format));
        }
        let store =
            Store::open_on(disk.clone(), &folder.join("store"), &region, head_office, own.child("vault"))?;
        let cards = Mutex::new(Cards { journal, known });
        let memory = Mutex::new(memory);
        let (intake, neighbours) = (IntakeKey::draw(&own), Neighbours::new(enrolment.intake));
        Ok(Node {
            disk,
            folder,
            region,
            world,
            law,
            policy,
            witness,
            store,
            cards,
            memory,
            intake,
            neighbours,
        })
    }

    pub fn region(&self) -> &RegionId {
        &self.region
    }

    /// The laws that may ever apply to a region: its country's, and those of blocs its country was ever under.
    pub fn laws_of(world: &World, region: &RegionId) -> Vec<Jurisdiction> {
        let Ok(country) = world.region(region).map(|region| region.country()) else { return Vec::new() };
        let memberships = world.country(country).map(|facts| facts.memberships()).unwrap_or_default();
        let blocs = memberships.iter().map(|membership| membership.bloc.clone());
        [Jurisdiction::from(country)].into_iter().chain(blocs).collect()
    }

    /// Held while a permit is checked, never across an await.
    fn memory(&self) -> MutexGuard<'_, TimeMemory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Held while a card is read or written, never across an await.
    fn cards(&self) -> MutexGuard<'_, Cards> {
        self.cards.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn status(&self) -> Result<NodeStatus, ServiceError> {
        let keys = self.store.key_status().map_err(store_error)?;
        Ok(NodeStatus {
            region: self.region.clone(),
            mailboxes: self.cards().known.len() as u64,
            objects: keys.objects,
            cosigned: self.witness.head().size,
        })
    }

    async fn answer(&self, call: Call, body: Body) -> Result<Answer<Reply>, ServiceError> {
        match call {
            Call::Status => Ok(Reply::Status(self.status()?).into()),
            Call::AddCheckpoint { request } => Ok(cosign(self.witness.clone(), request).await?.into()),
            Call::OpenMailbox { card, classes, password } => {
                self.open_mailbox(card, &classes, password).await?;
                Ok(Reply::Done.into())
            }
            Call::Intake => Ok(Reply::Intake { key: self.intake.public() }.into()),
            Call::Deliver { to, classes, onward, received, owner } => {
                if let Some(owner) = owner {
                    self.log_in(to.clone(), owner).await?;
                }
                Ok(Reply::Stored(self.deliver(&to, &classes, &onward, received, body).await?).into())
            }
            Call::PutRow { account, class, row } => {
                self.put_row(&account, class, &row).await?;
                Ok(Reply::Done.into())
            }
            Call::Count { items } => Ok(Reply::Counts { objects: self.count(&items)? }.into()),
            Call::Mailboxes => Ok(Reply::Mailboxes { mailboxes: self.mailboxes()? }.into()),
            Call::Copies { account } => Ok(Reply::Copies { copies: self.copies(&account)? }.into()),
            Call::Hold { matter, items } => {
                self.hold(&matter, &items).await?;
                Ok(Reply::Done.into())
            }
            Call::Release { permit, now } => self.release(&permit, now).await,
            Call::Delivered { permit } => {
                self.forget_production(permit).map_err(|error| ServiceError::internal(&error))?;
                Ok(Reply::Done.into())
            }
            Call::KeepOnly { releases, holds } => {
                self.end_releases(&releases).await?;
                self.store.keep_only_holds(&holds).await.map_err(store_error)?;
                Ok(Reply::Done.into())
            }
            Call::Export { account, password } => self.export(account, password).await,
            Call::Keys => {
                let status = self.store.key_status().map_err(store_error)?;
                let status = serde_json::to_value(status).map_err(|error| ServiceError::internal(&error))?;
                Ok(Reply::Keys { status }.into())
            }
            Call::Shred => {
                let shredded = self.store.shred_deleted(&Rotate::new()).await.map_err(store_error)?;
                let status =
                    serde_json::to_value(shredded).map_err(|error| ServiceError::internal(&error))?;
                Ok(Reply::Keys { status }.into())
            }
            Call::Rotate => {
                let rotated = self.store.rotate_region_key(&Rotate::new()).await.map_err(store_error)?;
                let status = serde_json::to_value(rotated).map_err(|error| ServiceError::internal(&error))?;
                Ok(Reply::Keys { status }.into())
            }
        }
    }
}

impl Service for Node {
    type Call = Call;
    type Reply = Reply;

    fn admit(&self, peer: &Peer) -> Result<(), ServiceError> {
        match peer {
            Peer::Client => Ok(()),
            peer => only_head_office(peer, |peer| format!("{peer} may not call a region's node")),
        }
    }

    fn call(
        &self,
        context: Context,
        call: Call,
        body: Body,
    ) -> BoxFuture<'_, Result<Answer<Reply>, ServiceError>> {
        Box::pin(async move {
            self.admit(&context.peer)?;
            let refused = match (context.peer == Peer::Client, call.is_a_client_s()) {
                (false, false) | (true, true) => return self.answer(call, body).await,
                (false, true) => {
                    "mail and passwords do not pass through head office: a mail client brings them"
                }
                (true, false) => "a mail client may deliver and export mail, and no more",
            };
            Err(ServiceError::new(ErrorCode::Forbidden, refused))
        })
    }
}

/// What of the store's errors a caller may learn.
fn store_error(error: StoreError) -> ServiceError {
    let code = match &error {
        StoreError::MailboxExists | StoreError::Changed { .. } | StoreError::InProgress => {
            ErrorCode::Conflict
        }
        StoreError::NoSuchMailbox | StoreError::NotHere { .. } => ErrorCode::NotFound,
        StoreError::LoginFailed(_) => ErrorCode::Forbidden,
        StoreError::AlreadyProduced { .. } | StoreError::CiphertextOnly | StoreError::ListingChanged => {
            ErrorCode::Refused
        }
        // Whoever waits for an answer has to know that making room is what helps, and that it was not kept.
        _ if is_full(&error) => {
            tracing::error!(%error, "the disk is full");
            let message = "the region's disk is full, and nothing of this was kept: make room there";
            return ServiceError::new(ErrorCode::Internal, message);
        }
        StoreError::NotCommitted | StoreError::Closed => ErrorCode::Internal,
        _ => return ServiceError::internal(&error),
    };
    ServiceError::new(code, error.to_string())
}

/// True if a disk had no room left.
fn is_full(error: &StoreError) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            use std::io::ErrorKind::{QuotaExceeded, StorageFull};
            return matches!(io.kind(), StorageFull | QuotaExceeded);
        }
        cause = error.source();
    }
    false
}
