//! Erasing what opens a matter that is over. The record stays as it is, and says that it was done; nobody can tell any more
//! what it says there.

use std::collections::BTreeSet;

use super::lapses::is_want_of_a_quorum;
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
        self.say_erased(self.docket.entries(&id)).await?;
        let erased = self.docket.erase(&id).await?;
        self.held().remove(&id);
        Ok(erased)
    }

    /// Enters that these entries are to be closed for good. Being in the log is enough: whoever reads it later reads that, too.
    async fn say_erased(&self, entries: Vec<u64>) -> Result<(), ProviderError> {
        if self.docket.said_erased().iter().any(|erased| erased.entries == entries) {
            return Ok(());
        }
        let about = AboutLog::Erased(Erased { entries, timing: self.now() });
        match self.docket.enter_about_log(about).await {
            Ok(logged) => {
                let Some(full) = logged.full else { return Ok(()) };
                let opening = full.opening.subset(&AboutLog::OPEN);
                Ok(self.docket.log().publish_opening(opening).await.map_err(DocketError::from)?)
            }
            // It is published when it is cosigned, at the next start.
            Err(error) if is_want_of_a_quorum(&error) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Erases what the record says was erased, and a crash kept from it.
    pub(super) async fn finish_erasing(&self) -> Result<(), ProviderError> {
        let said: BTreeSet<u64> =
            self.docket.said_erased().into_iter().flat_map(|erased| erased.entries).collect();
        for matter in self.docket.matters() {
            let first = self.docket.entries(matter.id()).first().copied();
            if first.is_some_and(|entry| said.contains(&entry)) {
                self.docket.erase(matter.id()).await?;
                self.held().remove(matter.id());
            }
        }
        Ok(())
    }

    fn still_needed(&self, matter: &Matter) -> Option<String> {
        let id: &MatterId = matter.id();
        if matches!(matter.phase(), Phase::Unreadable { .. }) {
            return None;
        }
        let disposition = matter.disposition();
        if !matter.granted().is_empty() || matches!(disposition, Disposition::Pending | Disposition::Routed) {
            return Some(format!("it is not over; it is {disposition}"));
        }
        if self.held().get(id).is_some_and(|held| !held.is_empty()) {
            return Some("mail is held for it".to_owned());
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
