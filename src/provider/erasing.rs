//! Erasing what opens a matter that is over. The record stays as it is; nobody can tell any more what it says there.

use super::{Provider, ProviderError};
use crate::demand::Disposition;
use crate::gate::{Matter, MatterId, Phase};

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
        self.cabinet.keep_erased(self.docket.entries(&id), self.now())?;
        let erased = self.docket.erase(&id).await?;
        self.held().remove(&id);
        Ok(erased)
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
