//! What head office keeps to itself: accounts, the openings of the record, the instruments as they were signed,
//! changes of stance. One sealed journal; no mail and no key to any.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::clock::SimTime;
use crate::demand::SignedInstrument;
use crate::directory::Account;
use crate::disk::Disk;
use crate::entropy::Entropy;
use crate::gate::{Cause, MatterId, StanceChange};
use crate::record::opening::{FullOpening, OpeningStore};
use crate::vault::{SealedJournal, SealedJournalError};

/// One record of the journal.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kept")]
enum Kept {
    Account {
        account: Box<Account>,
    },
    Instrument {
        matter: MatterId,
        instrument: SignedInstrument,
    },
    Opening {
        opening: Box<FullOpening>,
    },
    Stance {
        at: SimTime,
        change: StanceChange,
    },
    Clock {
        now: SimTime,
    },
    /// A matter that is to be decided again for something that the record does not show, or is not any more.
    Delay {
        matter: MatterId,
        cause: Option<Cause>,
    },
}

/// The open cabinet. Clones are handles on one cabinet.
#[derive(Clone)]
pub struct Cabinet(Arc<Mutex<Inside>>);

struct Inside {
    journal: SealedJournal,
    contents: Contents,
}

/// What was kept so far.
#[derive(Default)]
struct Contents {
    accounts: Vec<Account>,
    instruments: BTreeMap<MatterId, SignedInstrument>,
    openings: BTreeMap<u64, Box<FullOpening>>,
    stance: StanceChange,
    /// How often the stance was changed, and when last.
    stances: usize,
    stance_at: Option<SimTime>,
    clock: Option<SimTime>,
    delays: BTreeMap<MatterId, Cause>,
    /// The stance was changed, and no time was kept after that.
    stance_is_new: bool,
}

impl Contents {
    fn take(&mut self, kept: Kept) {
        match kept {
            Kept::Account { account } => self.accounts.push(*account),
            Kept::Instrument { matter, instrument } => {
                self.instruments.insert(matter, instrument);
            }
            Kept::Opening { opening } => {
                self.openings.insert(opening.opening.entry(), opening);
            }
            Kept::Stance { at, change } => {
                self.stance = self.stance.then(change);
                self.stances += 1;
                self.stance_at = self.stance_at.max(Some(at));
                self.stance_is_new = true;
            }
            Kept::Delay { matter, cause: Some(cause) } => {
                self.delays.insert(matter, cause);
            }
            Kept::Delay { matter, cause: None } => {
                self.delays.remove(&matter);
            }
            Kept::Clock { now } => {
                self.clock = self.clock.max(Some(now));
                self.stance_is_new = false;
            }
        }
    }
}

/// Why the cabinet does not open.
#[derive(Debug, thiserror::Error)]
pub enum CabinetError {
    #[error(transparent)]
    Journal(#[from] SealedJournalError),
    #[error("a record of head office's journal cannot be read: {0}; a newer program may have written it")]
    Record(serde_json::Error),
}

impl Cabinet {
    /// Opens the cabinet in head office's folder, or starts it.
    pub fn open(disk: &dyn Disk, folder: &Path, entropy: &Entropy) -> Result<Self, CabinetError> {
        let (journal, records) =
            SealedJournal::open(disk, &folder.join("cabinet"), &folder.join("cabinet.key"), entropy)?;
        let mut contents = Contents::default();
        for record in records {
            contents.take(serde_json::from_slice(&record).map_err(CabinetError::Record)?);
        }
        Ok(Cabinet(Arc::new(Mutex::new(Inside { journal, contents }))))
    }

    pub fn accounts(&self) -> Vec<Account> {
        self.inside().contents.accounts.clone()
    }

    pub fn instrument(&self, matter: &MatterId) -> Option<SignedInstrument> {
        self.inside().contents.instruments.get(matter).cloned()
    }

    /// The changes of stance so far, added up.
    pub fn stance(&self) -> StanceChange {
        self.inside().contents.stance
    }

    /// False if a crash may have come between a change of stance and the decisions that follow from it.
    pub fn stance_is_settled(&self) -> bool {
        !self.inside().contents.stance_is_new
    }

    /// How often the stance was changed.
    pub fn stance_changes(&self) -> usize {
        self.inside().contents.stances
    }

    /// The latest simulated time that was kept, by itself or with a change of stance.
    pub fn clock(&self) -> Option<SimTime> {
        let inside = self.inside();
        inside.contents.clock.max(inside.contents.stance_at)
    }

    pub fn keep_accounts(&self, accounts: impl IntoIterator<Item = Account>) -> Result<(), CabinetError> {
        self.keep(accounts.into_iter().map(|account| Kept::Account { account: Box::new(account) }).collect())
    }

    pub fn keep_instrument(
        &self,
        matter: &MatterId,
        instrument: &SignedInstrument,
    ) -> Result<(), CabinetError> {
        self.keep(vec![Kept::Instrument { matter: matter.clone(), instrument: instrument.clone() }])
    }

    pub fn keep_stance(&self, at: SimTime, change: StanceChange) -> Result<(), CabinetError> {
        self.keep(vec![Kept::Stance { at, change }])
    }

    /// The matters that are delayed in a way that the record does not show, with what each is to be decided for.
    pub fn delays(&self) -> BTreeMap<MatterId, Cause> {
        self.inside().contents.delays.clone()
    }

    /// Keeps such a delay, or that it is over; what is known already is not kept again.
    pub fn keep_delay(&self, matter: &MatterId, cause: Option<Cause>) -> Result<(), CabinetError> {
        if self.inside().contents.delays.get(matter) == cause.as_ref() {
            return Ok(());
        }
        self.keep(vec![Kept::Delay { matter: matter.clone(), cause }])
    }

    pub fn keep_clock(&self, now: SimTime) -> Result<(), CabinetError> {
        self.keep(vec![Kept::Clock { now }])
    }

    fn keep(&self, records: Vec<Kept>) -> Result<(), CabinetError> {
        let bytes: Vec<Vec<u8>> =
            records.iter().map(serde_json::to_vec).collect::<Result<_, _>>().map_err(CabinetError::Record)?;
        let mut inside = self.inside();
        inside.journal.append(bytes.iter().map(Vec::as_slice))?;
        records.into_iter().for_each(|record| inside.contents.take(record));
        Ok(())
    }

    /// Held while a record is written, never across an await.
    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OpeningStore for Cabinet {
    fn put(&self, batch: &[Arc<FullOpening>]) -> io::Result<()> {
        let records =
            batch.iter().map(|full| Kept::Opening { opening: Box::new(full.as_ref().clone()) }).collect();
        self.keep(records).map_err(io::Error::other)
    }

    fn get(&self, entry: u64) -> io::Result<Option<FullOpening>> {
        Ok(self.inside().contents.openings.get(&entry).map(|full| full.as_ref().clone()))
    }
}
