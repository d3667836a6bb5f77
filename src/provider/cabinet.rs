//! What head office keeps to itself: accounts, the openings of the record, the instruments as they were signed,
//! changes of stance. One sealed journal; no mail and no key to any.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::given::{Given, Holder};
use crate::clock::SimTime;
use crate::demand::SignedInstrument;
use crate::directory::Account;
use crate::disk::Disk;
use crate::entropy::Entropy;
use crate::gate::{Cause, MatterId, StanceChange, Want};
use crate::record::entry::Slot;
use crate::record::opening::{FullOpening, OpeningStore};
use crate::vault::{Anew, SealedJournal, SealedJournalError};

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
    /// Somebody beside head office was given openings.
    Given {
        given: Vec<Given>,
    },
    Stance {
        at: SimTime,
        change: StanceChange,
    },
    Clock {
        now: SimTime,
    },
    /// A matter cannot go on, or can again.
    Wait {
        matter: MatterId,
        wait: Option<Wait>,
    },
    /// A matter that is to be decided again for something that the record does not show, or is not any more.
    Delay {
        matter: MatterId,
        cause: Option<Cause>,
    },
}

/// Since when a matter cannot go on, and for want of what at last.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Wait {
    pub since: SimTime,
    pub for_want_of: Want,
}

/// The open cabinet. Clones are handles on one cabinet.
#[derive(Clone)]
pub struct Cabinet(Arc<Mutex<Inside>>);

struct Inside {
    journal: SealedJournal,
    disk: Arc<dyn Disk>,
    contents: Contents,
}

/// What was kept so far.
#[derive(Default)]
struct Contents {
    accounts: Vec<Account>,
    instruments: BTreeMap<MatterId, SignedInstrument>,
    openings: BTreeMap<u64, Box<FullOpening>>,
    given: BTreeMap<u64, Vec<Given>>,
    /// Every change of the stance, in order, with its moment.
    stances: Vec<(SimTime, StanceChange)>,
    clock: Option<SimTime>,
    delays: BTreeMap<MatterId, Cause>,
    waits: BTreeMap<MatterId, Wait>,
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
            Kept::Given { given } => {
                for one in given {
                    self.given.entry(one.entry).or_default().push(one);
                }
            }
            Kept::Stance { at, change } => {
                self.stances.push((at, change));
                self.stance_is_new = true;
            }
            Kept::Delay { matter, cause: Some(cause) } => {
                self.delays.insert(matter, cause);
            }
            Kept::Delay { matter, cause: None } => {
                self.delays.remove(&matter);
            }
            Kept::Wait { matter, wait: Some(wait) } => {
                self.waits.insert(matter, wait);
            }
            Kept::Wait { matter, wait: None } => {
                self.waits.remove(&matter);
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
    pub fn open(disk: Arc<dyn Disk>, folder: &Path, entropy: &Entropy) -> Result<Self, CabinetError> {
        let (journal, records) =
            SealedJournal::open(&*disk, &folder.join("cabinet"), &folder.join("cabinet.key"), entropy)?;
        let mut contents = Contents::default();
        for record in records {
            contents.take(serde_json::from_slice(&record).map_err(CabinetError::Record)?);
        }
        Ok(Cabinet(Arc::new(Mutex::new(Inside { journal, disk, contents }))))
    }

    pub fn accounts(&self) -> Vec<Account> {
        self.inside().contents.accounts.clone()
    }

    pub fn instrument(&self, matter: &MatterId) -> Option<SignedInstrument> {
        self.inside().contents.instruments.get(matter).cloned()
    }

    /// The changes of stance so far, in order, each with its moment.
    pub fn stances(&self) -> Vec<(SimTime, StanceChange)> {
        self.inside().contents.stances.clone()
    }

    /// False if a crash may have come between a change of stance and the decisions that follow from it.
    pub fn stance_is_settled(&self) -> bool {
        !self.inside().contents.stance_is_new
    }

    /// How often the stance was changed.
    pub fn stance_changes(&self) -> usize {
        self.inside().contents.stances.len()
    }

    /// The latest simulated time that was kept, by itself or with a change of stance.
    pub fn clock(&self) -> Option<SimTime> {
        let inside = self.inside();
        let changed = inside.contents.stances.iter().map(|(at, _)| *at).max();
        inside.contents.clock.max(changed)
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

    /// Since when a matter cannot go on, if it cannot.
    pub fn wait(&self, matter: &MatterId) -> Option<Wait> {
        self.inside().contents.waits.get(matter).cloned()
    }

    /// The matters that cannot go on.
    pub fn waiting(&self) -> Vec<MatterId> {
        self.inside().contents.waits.keys().cloned().collect()
    }

    /// Keeps that a matter cannot go on, or can again; what is known already is not kept again.
    pub fn keep_wait(&self, matter: &MatterId, wait: Option<Wait>) -> Result<(), CabinetError> {
        if self.inside().contents.waits.get(matter) == wait.as_ref() {
            return Ok(());
        }
        self.keep(vec![Kept::Wait { matter: matter.clone(), wait }])
    }

    /// Who was given an opening of an entry, in the order in which they were.
    pub fn given(&self, entry: u64) -> Vec<Given> {
        self.inside().contents.given.get(&entry).cloned().unwrap_or_default()
    }

    pub fn keep_given(&self, given: Vec<Given>) -> Result<(), CabinetError> {
        if given.is_empty() { Ok(()) } else { self.keep(vec![Kept::Given { given }]) }
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

    /// Writes the journal anew without them, without the instrument of a matter of which the receipt is among them and what
    /// else names it, and without the account holders who were told of them. Who else was given them still has them, and that
    /// stays known.
    fn erase(&self, entries: &[u64]) -> io::Result<()> {
        let mut inside = self.inside();
        let Inside { journal, disk, contents } = &mut *inside;
        let matter_of = |full: &FullOpening| match full.opening.value(Slot::Matter) {
            Ok(Some(serde_json::Value::String(name))) => Some(MatterId::from_recorded(name)),
            _ => None,
        };
        let received =
            |full: &FullOpening| full.opening.value(Slot::Demand).is_ok_and(|demand| demand.is_some());
        let going = entries.iter().filter_map(|entry| contents.openings.get(entry));
        let matters: BTreeSet<MatterId> =
            going.filter(|full| received(full)).filter_map(|full| matter_of(full)).collect();
        let stays =
            |one: &Given| !(entries.contains(&one.entry) && matches!(one.to, Holder::AccountHolder(_)));
        let anew = |record: &[u8]| {
            let stays = match serde_json::from_slice(record) {
                Ok(Kept::Opening { opening }) => !entries.contains(&opening.opening.entry()),
                Ok(Kept::Instrument { matter, .. }) => !matters.contains(&matter),
                Ok(Kept::Delay { matter, .. } | Kept::Wait { matter, .. }) => !matters.contains(&matter),
                Ok(Kept::Given { mut given }) if !given.iter().all(stays) => {
                    given.retain(stays);
                    let left = serde_json::to_vec(&Kept::Given { given });
                    return Anew::With(left.expect("what was read as JSON is written as JSON").into());
                }
                _ => true,
            };
            if stays { Anew::AsItIs } else { Anew::Gone }
        };
        journal.rewrite(&**disk, anew).map_err(io::Error::other)?;
        contents.openings.retain(|entry, _| !entries.contains(entry));
        contents.instruments.retain(|matter, _| !matters.contains(matter));
        contents.given.values_mut().for_each(|given| given.retain(stays));
        contents.delays.retain(|matter, _| !matters.contains(matter));
        contents.waits.retain(|matter, _| !matters.contains(matter));
        Ok(())
    }
}
