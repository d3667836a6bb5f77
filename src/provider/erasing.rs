//! Erasing what opens a matter that is over. The record stays as it is, and says that it was done; nobody can tell any more
//! what it says there.
//!
//! It is said first, in an entry that a quorum has cosigned, and done then. What a crash kept from being done is done at the next
//! start, before anything else happens.

use super::{Provider, ProviderError};
use crate::demand::Disposition;
use crate::gate::{DocketError, Matter, MatterId, Phase};
use crate::record::about_log::{AboutLog, Erased};

impl Provider {
    /// Erases what opens the entries of a matter, with its instrument, and forgets it. Only when nothing more can happen in
    /// it, nothing is held for it, and everybody who is to be told was told: a secret never lets anything be left out.
    pub async fn erase(&self, name: &str) -> Result<Vec<u64>, ProviderError> {
        let id = self.find(name)?.id().clone();
        let _still = self.time.read().await;
        let _turn = self.turn(&id).await?;
        let matter = self.matter(&id)?;
        if let Some(why) = self.still_needed(&matter) {
            return Err(ProviderError::NotErasable { matter: id, why });
        }
        let entries = self.docket.all_entries(&id).await?;
        if let Err(error) = self.say_erased(&entries).await {
            return Err(ProviderError::NotErasedYet { matter: id, error: Box::new(error) });
        }
        self.docket.erase(&id, &entries).await?;
        self.held().remove(&id);
        Ok(entries)
    }

    /// Enters that these entries are closed for good, if that was not done before, and waits for a quorum.
    async fn say_erased(&self, entries: &[u64]) -> Result<(), DocketError> {
        let log = self.docket.log();
        let said = self.docket.said_erased().into_iter().find(|(_, erased)| erased.entries == entries);
        let logged = match said {
            Some((entry, _)) => log.await_quorum(entry).await?,
            None => {
                let about = Erased { entries: entries.to_vec(), timing: self.now() };
                self.docket.enter_about_log(AboutLog::Erased(about)).await?
            }
        };
        match logged.full {
            Some(full) => Ok(log.publish_opening(full.opening.subset(&AboutLog::OPEN)).await?),
            None => Ok(()),
        }
    }

    /// Erases what the record says was erased, and a crash kept from it: those very entries, and only if the matter has no
    /// others by now.
    pub(super) async fn finish_erasing(&self) -> Result<(), ProviderError> {
        let cosigned = self.docket.log().published().map_or(0, |published| published.checkpoint.head().size);
        for (entry, Erased { entries, .. }) in self.docket.said_erased() {
            let first = entries.first().copied();
            let mut matters = self.docket.matters();
            let is_meant =
                |matter: &MatterId| first.is_some() && self.docket.entries(matter).first().copied() == first;
            let Some(id) = matters.find(|matter| is_meant(matter.id())).map(|matter| matter.id().clone())
            else {
                continue;
            };
            if entry >= cosigned || self.docket.all_entries(&id).await? != entries {
                tracing::warn!(entry, "what opens a matter was to be erased, and is not: erase it again");
                continue;
            }
            self.docket.erase(&id, &entries).await?;
            self.held().remove(&id);
        }
        Ok(())
    }

    fn still_needed(&self, matter: &Matter) -> Option<String> {
        let id: &MatterId = matter.id();
        if self.held().get(id).is_some_and(|held| !held.is_empty()) {
            return Some("mail is held for it".to_owned());
        }
        if matches!(matter.phase(), Phase::Unreadable { .. }) {
            return None;
        }
        let disposition = matter.disposition();
        if !matter.granted().is_empty() || matches!(disposition, Disposition::Pending | Disposition::Routed) {
            return Some(format!("it is not over; it is {disposition}"));
        }
        if matter.route().is_some_and(|route| route.ended.is_none()) {
            return Some("a request to another state is under way".to_owned());
        }
        let (told, _) = self.told(matter);
        let mut accounts =
            matter.demand().accounts.iter().filter(|account| self.directory.get(account).is_some());
        let untold = accounts.find(|account| !told.iter().any(|told| told.account == **account))?;
        Some(format!("the holder of `{untold}` was not told of it yet"))
    }
}
