//! That an account holder was told late, as an entry of the record.
//!
//! What is told in the instant in which it happens needs no entry of its own: its own entry says when that was. What was
//! closed first, and is told when the ban ends, is told by an event of the matter that names the holder and the entries.
//! So it can be audited; and what a restart finds in the record it does not tell again.

use std::collections::BTreeSet;

use super::given::Holder;
use super::{Provider, ProviderError};
use crate::clock::SimTime;
use crate::gate::{Event, Matter, MatterId};
use crate::record::storage::opening_path;
use crate::world::Address;

impl Provider {
    /// Enters that the holders of accounts are told of what was closed to them, as far as nothing forbids it any more.
    /// Called in the matter's turn.
    pub(super) async fn enter_tellings(&self, id: &MatterId) -> Result<(), ProviderError> {
        let matter = self.matter(id)?;
        let accounts: BTreeSet<&Address> = matter.demand().accounts.iter().collect();
        for account in accounts {
            let lacking = self.untold(&matter, account);
            let late = lacking.iter().any(|(entry, at)| *at < self.now() && !is_telling(&matter, *entry));
            if !late || self.directory.get(account).is_none() || !self.secrecy(&matter, account).is_over() {
                continue;
            }
            // An entry of a matter overtakes the permits that a region has not answered yet. That is worth it once.
            if !matter.granted().is_empty() && told_before(&matter, account) {
                continue;
            }
            let note =
                lacking.into_iter().map(|(entry, _)| entry).filter(|entry| !is_telling(&matter, *entry));
            let told = Event::Told { parties: account.clone(), note: note.collect(), timing: self.now() };
            self.enter(id, told).await?;
        }
        Ok(())
    }

    /// When an account holder is, or was, told of an entry that may be told now; `None` if its telling has to be entered first.
    pub(super) fn telling_time(
        &self,
        matter: &Matter,
        account: &Address,
        entry: u64,
        at: SimTime,
    ) -> Option<SimTime> {
        let told = matter.tellings().iter().find(|told| told.account == *account && told.of.contains(&entry));
        match told {
            Some(told) => Some(told.at),
            None => (at >= self.now() || is_telling(matter, entry)).then(|| self.now()),
        }
    }

    /// Those of the files in the served folder that are openings which head office does not know to be published: a crash came
    /// while they were, and before that was noted.
    pub(super) fn unfinished_openings<'p>(&self, files: impl Iterator<Item = &'p str>) -> BTreeSet<String> {
        let files: BTreeSet<&str> = files.filter(|file| file.starts_with("opening/")).collect();
        if files.is_empty() {
            return BTreeSet::new();
        }
        let known = |entry: &u64| self.cabinet.given(*entry).iter().any(|given| given.to == Holder::Public);
        let entries = (1..self.docket().log().head().size).filter(|entry| !known(entry));
        entries.map(opening_path).filter(|path| files.contains(path.as_str())).collect()
    }

    /// The entries of a matter that neither the record nor the cabinet says an account holder was told of.
    fn untold(&self, matter: &Matter, account: &Address) -> Vec<(u64, SimTime)> {
        let holder = Holder::AccountHolder(account.clone());
        let of = |entry: u64| {
            self.cabinet.given(entry).iter().any(|given| given.to == holder)
                || matter.tellings().iter().any(|told| told.account == *account && told.of.contains(&entry))
        };
        let mut entries = self.covered(matter);
        entries.retain(|(entry, _)| !of(*entry));
        entries
    }

    /// The entries of a matter that a cosigned checkpoint covers: what none covers yet nobody could check.
    pub(super) fn covered(&self, matter: &Matter) -> Vec<(u64, SimTime)> {
        let covered = self.docket().log().published().map_or(0, |published| published.checkpoint.head().size);
        let mut entries = self.docket().dated_entries(matter.id());
        entries.retain(|(entry, _)| *entry < covered);
        entries
    }
}

fn is_telling(matter: &Matter, entry: u64) -> bool {
    matter.tellings().iter().any(|told| told.entry == entry)
}

fn told_before(matter: &Matter, account: &Address) -> bool {
    matter.tellings().iter().any(|told| told.account == *account)
}
