//! What head office shows of the record: one entry's proof, with what it chooses to open; and all decisions, made again.

use std::sync::Arc;

use super::{Provider, ProviderError};
use crate::gate::{AuditReport, Auditor, DocketError};
use crate::record::about_log::AboutLog;
use crate::record::entry::Slot;
use crate::record::log::Logged;
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
        let opening = logged.full.as_deref().map(|full| full.opening.used(show));
        Ok(LogProof::new(&logged, opening))
    }

    /// Publishes what the record says of itself, where no quorum was there when it was recorded.
    pub(super) async fn publish_about_log(&self) -> Result<(), ProviderError> {
        let log = self.docket.log();
        for entry in self.docket.about_log().into_keys() {
            if log.is_published(entry).await.map_err(DocketError::from)? {
                continue;
            }
            let Ok(Logged { full: Some(full), .. }) = log.await_quorum(entry).await else { continue };
            let opening = full.opening.subset(&AboutLog::OPEN);
            log.publish_opening(opening).await.map_err(DocketError::from)?;
        }
        Ok(())
    }

    /// Makes every recorded decision again, by the law books that it names: those of this provider, or older ones that
    /// were kept beside the record.
    pub fn audit(&self) -> impl Future<Output = Result<AuditReport, ProviderError>> + Send + use<> {
        let (log, law, shelf) = (self.docket.log().clone(), self.law.clone(), self.shelf.clone());
        async move {
            let find = |revision: &str| match shelf.find(revision) {
                Ok(found) => found.map(Arc::new),
                Err(error) => {
                    tracing::error!(%error, "law books that were kept cannot be read");
                    None
                }
            };
            let mut auditor = Auditor::new(&law).of(log.head().size).finding(&find);
            if let Some(published) = log.published() {
                auditor.cosigned(published.checkpoint.head().size, &published.quorum);
            }
            for entry in 0..log.head().size {
                match log.opening(entry).await.map_err(DocketError::from)? {
                    Some(full) => {
                        let leaf = log.leaf(entry).await.map_err(DocketError::from)?;
                        auditor.take_full(&full, &leaf);
                    }
                    None => {
                        let leaf = log.leaf(entry).await.map_err(DocketError::from)?;
                        auditor.take_closed(entry, &leaf);
                    }
                }
            }
            for entry in auditor.unseen() {
                auditor.see(entry, &log.leaf(entry).await.map_err(DocketError::from)?);
            }
            Ok(auditor.report())
        }
    }
}
