//! What head office shows of the record: one entry's proof, with what it chooses to open; and all decisions, made again.

use super::telling::used;
use super::{Provider, ProviderError};
use crate::gate::{AuditReport, Auditor, DocketError};
use crate::record::entry::Slot;
use crate::record::log::Logged;
use crate::record::proof::LogProof;
use crate::record::renewal::EnrolledAgain;

impl Provider {
    /// Proves an entry, by its number, or the newest decision on a demand, by the demand's name; opens those of `show` that
    /// the entry uses. Waits for a quorum if need be.
    pub async fn prove(&self, id: &str, show: &[Slot]) -> Result<LogProof, ProviderError> {
        let entry = match id.parse() {
            Ok(entry) => entry,
            Err(_) => self.show(id)?.entry.ok_or_else(|| ProviderError::NothingDecided(id.to_owned()))?,
        };
        let logged = self.docket.log().prove(entry).await.map_err(DocketError::from)?;
        let opening = used(logged.full.as_deref(), show);
        Ok(LogProof::new(&logged, opening))
    }

    /// Publishes what the record says of its witnesses, where no quorum was there when it was recorded.
    pub(super) async fn publish_renewals(&self) -> Result<(), ProviderError> {
        let log = self.docket.log();
        for entry in self.docket.renewals() {
            let Ok(Logged { full: Some(full), .. }) = log.await_quorum(entry).await else { continue };
            let opening = full.opening.subset(&EnrolledAgain::OPEN);
            log.publish_opening(opening).await.map_err(DocketError::from)?;
        }
        Ok(())
    }

    /// Makes every recorded decision again, by the law books of this provider.
    pub fn audit(&self) -> impl Future<Output = Result<AuditReport, ProviderError>> + Send + use<> {
        let (log, law) = (self.docket.log().clone(), self.law.clone());
        async move {
            let mut auditor = Auditor::new(&law);
            for entry in 0..log.head().size {
                match log.opening(entry).await.map_err(DocketError::from)? {
                    Some(full) => {
                        let leaf = log.leaf(entry).await.map_err(DocketError::from)?;
                        auditor.take_full(&full, &leaf);
                    }
                    None => auditor.take_closed(entry),
                }
            }
            Ok(auditor.report())
        }
    }
}
