//! One entry's proof, with what head office chooses to open of it.

use super::{Provider, ProviderError};
use crate::gate::DocketError;
use crate::record::entry::Slot;
use crate::record::proof::LogProof;

impl Provider {
    /// Proves an entry, by its number, or the newest decision on a demand, by the demand's name; opens those of `show` that
    /// the entry uses. Waits for a quorum if need be.
    pub async fn prove(&self, id: &str, show: &[Slot]) -> Result<LogProof, ProviderError> {
        let entry = match id.parse() {
            Ok(entry) => entry,
            Err(_) => self.show(id)?.entry.ok_or_else(|| ProviderError::NothingDecided(id.to_owned()))?,
        };
        let logged = self.docket.log().prove(entry).await.map_err(DocketError::from)?;
        let opening = logged.full.as_ref().map(|full| {
            let used =
                |slot: &&Slot| full.opening.slot(**slot).is_some_and(|opened| !opened.value.is_empty());
            full.opening.subset(&show.iter().filter(used).copied().collect::<Vec<_>>())
        });
        Ok(LogProof::new(&logged, opening))
    }
}
