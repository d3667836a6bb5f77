//! The store of one region node: mailboxes, their copies, and the sealed objects in them.
//!
//! A mailbox has at a region at most one copy per data class. Everything in a copy is an object: a message's
//! content, its row of traffic data, the record of who holds the account, the address book. What this module
//! keeps it cannot read without the vault, and the vault opens only for a clearance.
//!
//! Changes go through one [`committer`] and are on the disk when they are acknowledged. Reads see the index as it
//! was when they began. Methods that change something are `async` and run on any runtime ([`block_on`] serves
//! where there is none); methods that read may wait for the disk and belong on a thread that may.

mod books;
mod cache;
mod committer;
mod delivery;
mod engine;
mod hold;
mod keys;
mod mailbox;
mod read;
mod release;
mod rotation;
mod row;
mod status;

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

pub use delivery::{BodyWriter, Delivered, NewMail, SealedPart};
pub use engine::EngineError;
pub use read::{Object, Objects};
pub use release::{Production, ProductionPart};
pub use rotation::{Rotated, Shredded};
pub use row::{EpochState, Uid};
pub use status::{CopyCounts, EpochStatus, KeyStatus};

use books::Books;
use cache::Cache;
use committer::Committer;
use engine::{Reader, Writer};
use row::{CopyRow, EpochState as State, GenerationRow};

use crate::disk::{Disk, RealDisk, write_whole};
use crate::entropy::Entropy;
use crate::vault::{
    CopyId, Directory, Epoch, Generation, HeadOfficePublicKey, LoginFailed, MailboxCard, OpenCopy, Rotate,
    Vault, VaultError,
};
use crate::world::{Address, DataClass, RegionId};

const FORMAT: &str = "rogatory store ";
const VERSION: &str = "1";

/// Half of how many copies' opened keys, and mailbox cards, are kept at hand: enough for the content, the traffic data
/// and the address book of ten thousand busy mailboxes.
const AT_HAND: usize = 32 * 1024;

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error(transparent)]
    Engine(#[from] EngineError),
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    LoginFailed(#[from] LoginFailed),
    #[error("`{path}`: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error("store `{path}` has format version `{found}`, and this program knows up to {VERSION}")]
    Newer { path: PathBuf, found: String },
    #[error("the committer does not start: {0}")]
    Thread(#[source] io::Error),
    #[error("a row of the index is damaged: {what}")]
    BadRow { what: &'static str },
    #[error("the store is closed")]
    Closed,
    #[error("the disk failed during the commit; whether it is there shows when the store is opened again")]
    NotCommitted,
    #[error("the account has a mailbox here already")]
    MailboxExists,
    #[error("the account has no mailbox here")]
    NoSuchMailbox,
    #[error("no `{class}` of this mailbox rests here")]
    NotHere { class: DataClass },
    #[error("there is no copy `{copy}`")]
    NoSuchCopy { copy: CopyId },
    #[error("copy `{copy}` has no key of generation {generation}")]
    NoSuchGeneration { copy: CopyId, generation: Generation },
    #[error("copy `{copy}` has given out all of its 4,294,967,295 numbers")]
    Full { copy: CopyId },
    #[error("the clearance covers nothing of copy `{copy}`")]
    NotCovered { copy: CopyId },
    #[error("a `{class}` record was changed by someone else at the same time")]
    Changed { class: DataClass },
    #[error("the permit has had its one production")]
    AlreadyProduced {
        /// Digest of what was listed for it, and what the node noted when it was complete.
        listing: [u8; 32],
        receipt: [u8; 32],
    },
    #[error("a production for this permit is under way")]
    InProgress,
    #[error("the permit lets nothing be opened, only handed over sealed")]
    CiphertextOnly,
    #[error("what the permit covers is not what it was when its production began")]
    ListingChanged,
    #[error("{wraps} keys are still wrapped under epoch {epoch}")]
    EpochInUse { epoch: Epoch, wraps: u64 },
}

/// The store of one region node. Clones share it; it closes when the last is dropped.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    // First, so that it is dropped first and everything is on the disk before the engine closes.
    committer: Committer,
    vault: Arc<Vault>,
    directory: Directory,
    reader: Arc<Reader>,
    cards: Cache<Address, Arc<MailboxCard>>,
    /// The keys that new objects of a copy go under.
    keys: Cache<CopyId, Arc<OpenCopy>>,
    /// Permits whose productions are under way in this process.
    producing: Mutex<HashSet<[u8; 32]>>,
}

impl Store {
    /// Opens the store in `folder` of this machine's file system, or makes one if there is none.
    ///
    /// `head_office` is whom the keys of new copies are wrapped for besides the region: its key custody.
    pub fn open(
        folder: &Path,
        region: &RegionId,
        head_office: Option<HeadOfficePublicKey>,
        entropy: Entropy,
    ) -> Result<Self, StoreError> {
        Store::open_on(Arc::new(RealDisk), folder, region, head_office, entropy)
    }

    /// As [`Store::open`], on another disk. Only the index is beside it: what that loses is read from the log again.
    pub fn open_on(
        disk: Arc<dyn Disk>,
        folder: &Path,
        region: &RegionId,
        head_office: Option<HeadOfficePublicKey>,
        entropy: Entropy,
    ) -> Result<Self, StoreError> {
        let failed = |source| StoreError::Io { path: folder.to_owned(), source };
        disk.make_folder(folder).map_err(failed)?;
        let format = folder.join("format");
        let is_new = !check_format(&format)?;
        let keys = folder.join("keys");
        let vault = if is_new {
            Vault::create(disk.clone(), &keys, region, head_office, entropy)?
        } else {
            Vault::open(disk.clone(), &keys, region, head_office, entropy)?
        };
        let (writer, reader) = Writer::open(folder, disk.clone())?;
        let mut books = Books::open(writer, reader.clone())?;
        if is_new {
            books.begin(&vault)?;
            let line = format!("{FORMAT}{VERSION}\n");
            write_whole(&*disk, &format, line.as_bytes())
                .map_err(|source| StoreError::Io { path: format, source })?;
        }
        settle_epochs(&vault, &books)?;
        let directory = vault.open_directory(&current_keys(&reader, CopyId::DIRECTORY)?)?;
        Ok(Store(Arc::new(Inner {
            committer: Committer::start(books, region.as_str())?,
            vault: Arc::new(vault),
            directory,
            reader,
            cards: Cache::new(AT_HAND),
            keys: Cache::new(AT_HAND),
            producing: Mutex::default(),
        })))
    }

    /// The region's keys.
    pub fn vault(&self) -> &Vault {
        &self.0.vault
    }

    /// The keys that new objects of a copy go under.
    fn current_keys(&self, copy: CopyId) -> Result<Arc<OpenCopy>, StoreError> {
        if let Some(keys) = self.0.keys.get(&copy) {
            return Ok(keys);
        }
        let keys = self.with_copy_row(copy, |row| self.open_generation(row, row.current()).map(Arc::new))?;
        self.0.keys.put(copy, keys.clone());
        Ok(keys)
    }

    fn open_generation(&self, row: &CopyRow, generation: &GenerationRow) -> Result<OpenCopy, StoreError> {
        let sealed = books::read_keys(&self.0.reader, row.identity.copy, generation)?;
        Ok(self.0.vault.open_copy(row.identity, &sealed)?)
    }

    /// Does something with a copy's state that reads its keys too; once more if a rotation moved them meanwhile.
    fn with_copy_row<T>(
        &self,
        copy: CopyId,
        read: impl Fn(&CopyRow) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut row = self.copy_row(copy)?;
        loop {
            let outcome = read(&row);
            let now = self.copy_row(copy)?;
            if outcome.is_ok() || now.generations == row.generations {
                return outcome;
            }
            row = now;
        }
    }

    fn copy_row(&self, copy: CopyId) -> Result<CopyRow, StoreError> {
        let bytes = self.0.reader.get(&CopyRow::key(copy))?.ok_or(StoreError::NoSuchCopy { copy })?;
        CopyRow::from_bytes(&bytes)
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Store({})", self.0.vault.region())
    }
}

/// True if the file is there and says a version that this program knows.
fn check_format(path: &Path) -> Result<bool, StoreError> {
    match std::fs::read_to_string(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(StoreError::Io { path: path.to_owned(), source }),
        Ok(text) => match text.trim_end().strip_prefix(FORMAT) {
            Some(VERSION) => Ok(true),
            found => {
                let found = found.unwrap_or("unknown").to_owned();
                Err(StoreError::Newer { path: path.to_owned(), found })
            }
        },
    }
}

/// Makes vault and books agree after a crash between the two: the books decide.
fn settle_epochs(vault: &Vault, books: &Books) -> Result<(), StoreError> {
    let rotate = Rotate::new();
    for (epoch, row) in books.epochs() {
        match row.state {
            State::Open => vault.use_epoch(*epoch)?,
            State::Closed => {}
            State::Destroyed => vault.destroy_epoch(&rotate, *epoch)?,
        }
    }
    for epoch in vault.epochs() {
        if !books.epochs().contains_key(&epoch) {
            vault.destroy_epoch(&rotate, epoch)?;
        }
    }
    Ok(())
}

fn current_keys(reader: &Reader, copy: CopyId) -> Result<crate::vault::SealedCopyKeys, StoreError> {
    let bytes = reader.get(&CopyRow::key(copy))?.ok_or(StoreError::NoSuchCopy { copy })?;
    books::read_keys(reader, copy, CopyRow::from_bytes(&bytes)?.current())
}

/// Waits for a future on this thread, for callers outside of any runtime.
pub fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(std::thread::Thread);
    impl std::task::Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Arc::new(Unpark(std::thread::current())).into();
    let mut context = std::task::Context::from_waker(&waker);
    let mut future = std::pin::pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            std::task::Poll::Ready(output) => return output,
            std::task::Poll::Pending => std::thread::park(),
        }
    }
}
