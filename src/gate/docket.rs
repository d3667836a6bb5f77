//! All matters, and the record they live in.
//!
//! An event happens by being entered: it is appended to the record first, and the matter moves only then. After a
//! restart the docket is read back from the record's openings, so what was never recorded never happened.
//!
//! Matters are entered in beside each other; whoever enters in one sees to it that nobody else does meanwhile. What is
//! read is a matter as it stood at that instant.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use serde_json::{Map, Value};

use super::event::{Event, NotAnEvent};
use super::matter::{ImpossibleMove, Matter};
use super::matter_id::MatterId;
use super::phase::Phase;
use super::public::PublicEvent;
use crate::clock::SimTime;
use crate::record::about_log::{AboutLog, Erased};
use crate::record::entry::{EntryDraft, Slot};
use crate::record::log::{AppendError, Log, LogError, Logged};
use crate::record::opening::Opening;
use crate::record::permit::GrantTerms;

/// The open docket of one provider.
pub struct Docket {
    log: Log,
    /// Held while a matter is looked up or put back, never across an await.
    books: RwLock<Books>,
}

#[derive(Default)]
struct Books {
    /// What entries say about the log itself.
    about_log: BTreeMap<u64, AboutLog>,
    matters: BTreeMap<MatterId, Arc<Matter>>,
    /// Matters by the entry of their receipt.
    order: BTreeMap<u64, MatterId>,
    /// The entries of each matter, in order, with the moment of each.
    entries: BTreeMap<MatterId, Vec<(u64, SimTime)>>,
    /// Entries of which the opening is gone.
    unopened: BTreeSet<u64>,
    /// The tags of their matters.
    gone: BTreeSet<[u8; 32]>,
    latest: Option<SimTime>,
}

/// Why an event was not entered, or the docket not read back.
#[derive(Debug, thiserror::Error)]
pub enum DocketError {
    #[error("no matter `{matter}`{hint}")]
    NoMatter { matter: String, hint: String },
    #[error("`{0}` was received already; an authority sends a changed demand as the next version, `version = {next}`", next = .0.version() + 1)]
    Exists(MatterId),
    #[error("`{0}` was received already, and what opens it was erased or lost since; an authority sends a changed demand as the next version, `version = {next}`", next = .0.version() + 1)]
    ExistsErased(MatterId),
    #[error("what opens `{0}` was erased or lost; its entries stay in the record")]
    Erased(MatterId),
    #[error("`{matter}` comes after version {newest} of the same demand; a changed demand is the next version, `version = {next}`", next = .newest + 1)]
    Older { matter: MatterId, newest: u32 },
    #[error(transparent)]
    Impossible(#[from] ImpossibleMove),
    #[error(transparent)]
    Append(#[from] AppendError),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error("entry {entry} cannot be read back: {why}")]
    Unreadable { entry: u64, why: String },
}

impl Docket {
    /// Reads all matters back from the record. A matter is known up to its first entry of which the opening is gone: not
    /// at all if that is its receipt. Nothing more happens in it; all others go on.
    pub async fn open(log: Log) -> Result<Self, DocketError> {
        let docket = Docket { log, books: RwLock::default() };
        // By tag, which alone tells of which matter an entry is that does not open. Looked at only if there is one.
        let mut matters: Option<BTreeMap<[u8; 32], MatterId>> = None;
        for entry in 1..docket.log.head().size {
            let Some(full) = docket.log.opening(entry).await? else {
                let tag = *docket.log.leaf(entry).await?.matter_tag();
                if let Some(id) = matters.get_or_insert_with(|| docket.tags()).get(&tag) {
                    docket.close(id, entry);
                }
                let mut books = docket.books.write().unwrap_or_else(PoisonError::into_inner);
                books.unopened.insert(entry);
                books.gone.insert(tag);
                continue;
            };
            if let Some(about) = AboutLog::read(&full.opening) {
                docket.books.write().unwrap_or_else(PoisonError::into_inner).about_log.insert(entry, about);
                continue;
            }
            let unreadable = |why: String| DocketError::Unreadable { entry, why };
            let (id, event) = read_entry(&full.opening).map_err(|error| unreadable(error.to_string()))?;
            if let Some(matters) = &mut matters {
                let tag = docket.log.matter_tag(id.as_str());
                if docket.books().gone.contains(&tag) {
                    continue;
                }
                matters.insert(tag, id.clone());
            }
            docket.take(&id, entry, event)?;
        }
        let unopened = docket.unopened();
        if !unopened.is_empty() {
            tracing::info!(entries = ?unopened, "are not open any more");
        }
        Ok(docket)
    }

    /// The matters that are known so far, by the tag of their entries.
    fn tags(&self) -> BTreeMap<[u8; 32], MatterId> {
        let books = self.books();
        books.order.values().map(|id| (self.log.matter_tag(id.as_str()), id.clone())).collect()
    }

    /// Notes that a matter cannot be read back from this entry on.
    fn close(&self, id: &MatterId, entry: u64) {
        let mut books = self.books.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(matter) = books.matters.remove(id) {
            let matter = Arc::unwrap_or_clone(matter).unreadable_from(entry);
            books.matters.insert(id.clone(), Arc::new(matter));
        }
    }

    /// Entries of which the opening is gone, as far as that is known: erased, or lost before the docket was opened.
    pub fn unopened(&self) -> Vec<u64> {
        self.books().unopened.iter().copied().collect()
    }

    /// The entries of a matter, in order.
    pub fn entries(&self, id: &MatterId) -> Vec<u64> {
        self.dated_entries(id).into_iter().map(|(entry, _)| entry).collect()
    }

    /// The entries of a matter, in order, and when what each says happened.
    pub fn dated_entries(&self, id: &MatterId) -> Vec<(u64, SimTime)> {
        self.books().entries.get(id).cloned().unwrap_or_default()
    }

    /// The entries of a matter, also those that come after one which is not open any more.
    pub async fn all_entries(&self, id: &MatterId) -> Result<Vec<u64>, DocketError> {
        let unreadable =
            self.get(id).is_some_and(|matter| matches!(matter.phase(), Phase::Unreadable { .. }));
        let mut entries = self.entries(id);
        if unreadable {
            let tag = self.log.matter_tag(id.as_str());
            let first = entries.first().copied().unwrap_or(1);
            entries.clear();
            for entry in first..self.log.head().size {
                if *self.log.leaf(entry).await?.matter_tag() == tag {
                    entries.push(entry);
                }
            }
        }
        Ok(entries)
    }

    /// Erases what opens the entries of a matter, all of them, and forgets it. The entries stay in the log. Whether a matter
    /// may be forgotten is for the caller to say.
    pub async fn erase(&self, id: &MatterId, entries: &[u64]) -> Result<(), DocketError> {
        let tag = self.log.matter_tag(id.as_str());
        self.log.erase_openings(entries.to_vec()).await?;
        let mut books = self.books.write().unwrap_or_else(PoisonError::into_inner);
        books.matters.remove(id);
        books.entries.remove(id);
        books.order.retain(|_, other| other != id);
        books.unopened.extend(entries);
        books.gone.insert(tag);
        Ok(())
    }

    /// What entries say about the log itself. They belong to no matter.
    pub fn about_log(&self) -> BTreeMap<u64, AboutLog> {
        self.books().about_log.clone()
    }

    /// Records something about the log. If no quorum cosigns, it is in the log all the same, and the error says so.
    pub async fn enter_about_log(&self, about: AboutLog) -> Result<Logged, DocketError> {
        let note = |entry| {
            self.books.write().unwrap_or_else(PoisonError::into_inner).about_log.insert(entry, about.clone())
        };
        match self.log.append(about.draft()).await {
            Ok(logged) => {
                note(logged.index);
                Ok(logged)
            }
            Err(AppendError::NoQuorum { index, reason }) => {
                note(index);
                Err(AppendError::NoQuorum { index, reason }.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// When what opened each entry was erased, as the record says, of those that are gone.
    pub fn erased(&self) -> BTreeMap<u64, SimTime> {
        let said = self.said_erased();
        let books = self.books();
        let entries =
            said.values().flat_map(|erased| erased.entries.iter().map(|entry| (*entry, erased.timing)));
        entries.filter(|(entry, _)| books.unopened.contains(entry)).collect()
    }

    /// What the record says was erased, and when, by the entries that say so.
    pub fn said_erased(&self) -> BTreeMap<u64, Erased> {
        let books = self.books();
        let erased = books.about_log.iter().filter_map(|(entry, about)| match about {
            AboutLog::Erased(erased) => Some((*entry, erased.clone())),
            AboutLog::EnrolledAgain(_) => None,
        });
        erased.collect()
    }

    pub fn log(&self) -> &Log {
        &self.log
    }

    /// All matters, in the order in which they were received.
    pub fn matters(&self) -> impl DoubleEndedIterator<Item = Arc<Matter>> + ExactSizeIterator + use<> {
        let books = self.books();
        let in_order: Vec<Arc<Matter>> =
            books.order.values().filter_map(|id| books.matters.get(id)).cloned().collect();
        in_order.into_iter()
    }

    /// When the latest event happened.
    pub fn latest(&self) -> Option<SimTime> {
        self.books().latest
    }

    pub fn get(&self, id: &MatterId) -> Option<Arc<Matter>> {
        self.books().matters.get(id).cloned()
    }

    /// True if it was received once, and what opens it was erased or lost. Its entries tell, by their tag.
    pub fn is_erased(&self, id: &MatterId) -> bool {
        let books = self.books();
        !books.matters.contains_key(id) && books.gone.contains(&self.log.matter_tag(id.as_str()))
    }

    /// That a demand is received for the first time. An instrument is served once, whatever was erased since.
    pub fn check_is_new(&self, id: &MatterId) -> Result<(), DocketError> {
        match self.get(id) {
            Some(_) => Err(DocketError::Exists(id.clone())),
            None if self.is_erased(id) => Err(DocketError::ExistsErased(id.clone())),
            None => Ok(()),
        }
    }

    /// The versions of a demand that were received, the oldest first.
    pub fn versions(&self, of: &MatterId) -> impl DoubleEndedIterator<Item = Arc<Matter>> + use<> {
        let of = of.clone();
        self.matters().filter(move |matter| matter.id().is_of_the_same_demand(&of))
    }

    /// A matter by its whole name, or by the authority's own name for its demand where that says enough. Of several
    /// versions that is the newest.
    pub fn find(&self, name: &str) -> Result<Arc<Matter>, DocketError> {
        let books = self.books();
        if let Some(matter) = books.matters.values().find(|matter| matter.id().as_str() == name) {
            return Ok(matter.clone());
        }
        let is_newest = |matter: &&Arc<Matter>| {
            let newest = books.order.values().rev().find(|other| other.is_of_the_same_demand(matter.id()));
            newest == Some(matter.id())
        };
        let mut named = books.matters.values().filter(|m| m.id().demand_id() == name).filter(is_newest);
        match (named.next(), named.next()) {
            (Some(matter), None) => Ok(matter.clone()),
            (Some(first), Some(second)) => Err(DocketError::NoMatter {
                matter: name.to_owned(),
                hint: format!(" by that name alone: say `{}` or `{}`", first.id(), second.id()),
            }),
            (None, _) => {
                let names = books.matters.keys().flat_map(|id| [id.as_str(), id.demand_id()]);
                let hint = match crate::diagnostic::nearest(name, names) {
                    Some(near) => format!("; did you mean `{near}`?"),
                    None if books.matters.is_empty() => "; none was received yet".to_owned(),
                    None => {
                        // Versions of one demand go by one name.
                        let mut newest: Vec<String> = Vec::new();
                        for matter in books.order.values().rev() {
                            let name = format!("`{}`", matter.demand_id());
                            if newest.len() < 5 && !newest.contains(&name) {
                                newest.insert(0, name);
                            }
                        }
                        format!("; the newest are {}", newest.join(", "))
                    }
                };
                Err(DocketError::NoMatter { matter: name.to_owned(), hint })
            }
        }
    }

    /// Every recorded event of a matter, with the entry it is in.
    pub async fn events(&self, id: &MatterId) -> Result<Vec<(u64, Event)>, DocketError> {
        let mut events = Vec::new();
        for entry in 1..self.log.head().size {
            let Some(full) = self.log.opening(entry).await? else { continue };
            if AboutLog::read(&full.opening).is_some() {
                continue;
            }
            let unreadable = |error: NotAnEvent| DocketError::Unreadable { entry, why: error.to_string() };
            let (matter, event) = read_entry(&full.opening).map_err(unreadable)?;
            if &matter == id {
                events.push((entry, event));
            }
        }
        Ok(events)
    }

    /// Records an event and moves its matter. The event is checked against the matter first, so nothing impossible
    /// is recorded. If no quorum cosigns, the event has happened all the same, and the error says so: nothing can
    /// be released on the strength of it yet. Whoever calls it is the only one to enter in that matter meanwhile.
    pub async fn enter(
        &self,
        id: &MatterId,
        event: Event,
        grants: Vec<GrantTerms>,
    ) -> Result<Logged, DocketError> {
        self.rehearse(id, &event)?;
        let mut draft = EntryDraft::new(id.as_str(), event.at());
        draft = draft.with(Slot::Matter, Value::from(id.as_str()));
        for (name, value) in event.slots() {
            let slot = name.parse::<Slot>().expect("an event's fields are named as slots");
            draft = draft.with(slot, value);
        }
        let accounts = match (&event, self.get(id)) {
            (Event::Received { demand, .. }, _) => demand.accounts.clone(),
            (_, Some(matter)) => matter.demand().accounts.clone(),
            (_, None) => Vec::new(),
        };
        let public = serde_json::to_value(PublicEvent::of(&event, &accounts));
        draft = draft.with(Slot::Public, public.expect("what is public has only string keys"));
        draft = grants.into_iter().fold(draft, EntryDraft::granting);
        match self.log.append(draft).await {
            Ok(logged) => {
                self.take(id, logged.index, event)?;
                Ok(logged)
            }
            Err(AppendError::NoQuorum { index, reason }) => {
                self.take(id, index, event)?;
                Err(AppendError::NoQuorum { index, reason }.into())
            }
            Err(error) => Err(error.into()),
        }
    }

    fn rehearse(&self, id: &MatterId, event: &Event) -> Result<(), DocketError> {
        if matches!(event, Event::Received { .. }) {
            self.check_is_new(id)?;
        }
        match (self.get(id), event) {
            (Some(matter), _) => Ok(Matter::clone(&matter).apply(0, event.clone()).map(drop)?),
            (None, _) => Ok(Matter::open(event.clone()).map(drop)?),
        }
    }

    fn take(&self, id: &MatterId, entry: u64, event: Event) -> Result<(), DocketError> {
        let mut books = self.books.write().unwrap_or_else(PoisonError::into_inner);
        let at = event.at();
        books.latest = books.latest.max(Some(at));
        let matter = match books.matters.remove(id) {
            Some(matter) => Arc::unwrap_or_clone(matter).apply(entry, event)?,
            None => {
                let matter = Matter::open(event)?;
                books.order.insert(entry, id.clone());
                matter
            }
        };
        books.matters.insert(id.clone(), Arc::new(matter));
        books.entries.entry(id.clone()).or_default().push((entry, at));
        Ok(())
    }

    fn books(&self) -> RwLockReadGuard<'_, Books> {
        self.books.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads an entry's event from its opening.
pub fn read_entry(opening: &Opening) -> Result<(MatterId, Event), NotAnEvent> {
    let mut slots = Map::new();
    let mut matter = None;
    for (slot, _) in opening.slots() {
        let value = opening.value(slot).map_err(|error| NotAnEvent::new(error.to_string()))?;
        match (slot, value) {
            (_, None) | (Slot::Grants | Slot::Public, _) => {}
            (Slot::Matter, Some(Value::String(name))) => matter = Some(MatterId::from_recorded(name)),
            (slot, Some(value)) => {
                slots.insert(slot.as_str().to_owned(), value);
            }
        }
    }
    let matter = matter.ok_or_else(|| NotAnEvent::new("it names no matter"))?;
    Ok((matter, Event::from_slots(slots)?))
}
