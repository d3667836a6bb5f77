//! Enrolling a witness again, whose memory is lost or older than what it said.
//!
//! The entry is head office's, the memory is its operator's. A deployment that made a witness does both.

use std::path::Path;

use serde::Serialize;

use super::folder::{check_format, check_there, lock_folder};
use super::site::{Site, check_record};
use super::{Deployment, DeploymentError, DeploymentOptions};
use crate::provider::Cabinet;
use crate::record::about_log::{AboutLog, EnrolledAgain};
use crate::record::log::{AppendError, LogError};
use crate::region::{remember_again, remembered};

/// What came of it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct EnrolledWitness {
    pub witness: String,
    /// The size of the head that was in its memory; absent if that was lost, or is somewhere else.
    pub remembered: Option<u64>,
    /// True if somebody else runs it: then its operator gives it its memory.
    pub elsewhere: bool,
    /// The entry that says so.
    pub entry: u64,
    /// The size that it vouches for the record from: of the head with that entry, or, if somebody else runs it and it is not
    /// cosigned yet, of the newest checkpoint there is.
    pub size: u64,
    /// True if the other witnesses were a quorum for that entry. If not, it is cosigned when this one is back.
    pub cosigned: bool,
}

impl Deployment {
    /// Enrols one witness again, a region's or an outside one, with nothing else running on the folder. An entry of the record
    /// says so first; only then does the witness get a memory, which begins with the head that has that entry. A witness that
    /// somebody else runs gets it from its operator.
    ///
    /// One that remembers all there is is enrolled only if it is `forced`.
    ///
    /// The witness believes that head as it believed the first; the others' cosignatures, if they were enough, and the entry
    /// are there to be looked at.
    pub async fn enrol_again(
        options: DeploymentOptions,
        id: &str,
        why: &str,
        forced: bool,
    ) -> Result<EnrolledWitness, DeploymentError> {
        let disk = options.disk.clone();
        check_there(&options.data, "format")?;
        check_format(&*disk, &options.data)?;
        Deployment::check_begun(&options.data)?;
        let _lock = lock_folder(&options.data)?;
        let site = Site::prepare(&options)?;
        let Some(witness) = site.policy.witness(id) else {
            let known = site.policy.witnesses().iter().map(|witness| witness.id.clone()).collect();
            return Err(DeploymentError::NoWitness { id: id.to_owned(), known });
        };
        let (folder, key) = (site.folder_of(id).map(Path::to_owned), witness.key.to_string());
        let mut started = site.start_nodes(&options).await?;
        // It is not asked for what it is to begin anew with.
        started.witnesses.retain(|(other, _)| other != id);
        let witnesses = std::mem::take(&mut started.witnesses);
        let cabinet = Cabinet::open(disk.clone(), &site.head_office, &site.entropy)?;
        let log = site.open_log(&options, &cabinet, witnesses).await?;
        let enrolled = async {
            let findings = check_record(site.record.clone(), site.policy.clone()).await?;
            if !findings.is_empty() {
                return Err(DeploymentError::RecordDamaged { folder: site.record.clone(), findings });
            }
            // The node that has the memory in this process lets go of it.
            let held = (std::mem::take(&mut started.nodes), std::mem::take(&mut started.links));
            drop((held, std::mem::take(&mut started.clients)));
            let remembered = folder.as_deref().and_then(|folder| remembered(&*disk, folder));
            // A memory that lacks nothing is given up only if somebody insists.
            if let Some(size) = remembered.filter(|size| !forced && *size >= log.head().size) {
                return Err(DeploymentError::WitnessIsWell { id: id.to_owned(), size });
            }
            let timing = cabinet.clock().unwrap_or(options.start);
            let (witness, why) = (id.to_owned(), why.to_owned());
            let about = EnrolledAgain { witness: witness.clone(), key, remembered, why, timing };
            let draft = AboutLog::EnrolledAgain(about).draft();
            let (entry, cosigned) = match log.append(draft).await {
                Ok(logged) => (logged.index, true),
                Err(AppendError::NoQuorum { index, .. }) => (index, false),
                Err(error) => return Err(DeploymentError::Log(LogError::Append(error))),
            };
            // What is not cosigned yet is published when it is, at a later start.
            if let Some(full) = log.opening(entry).await?.filter(|_| cosigned) {
                log.publish_opening(full.opening.subset(&AboutLog::OPEN)).await?;
            }
            let head = log.head();
            let published = log.published().map_or(0, |published| published.checkpoint.head().size);
            let size = if folder.is_none() { published } else { head.size };
            Ok::<_, DeploymentError>((
                EnrolledWitness { witness, remembered, elsewhere: folder.is_none(), entry, size, cosigned },
                head,
            ))
        };
        let enrolled = enrolled.await;
        log.close().await;
        drop(started);
        let (enrolled, head) = enrolled?;
        if let Some(folder) = folder {
            remember_again(&*disk, &folder, head)?;
        }
        Ok(enrolled)
    }
}

impl Site {
    /// Where a witness of this deployment keeps its memory.
    fn folder_of(&self, witness: &str) -> Option<&Path> {
        let region = self.regions.iter().find(|(id, _)| id.as_str() == witness).map(|(_, folder)| folder);
        let outside =
            || self.witnesses.iter().find(|(peer, _)| peer.id() == witness).map(|(_, folder)| folder);
        region.or_else(outside).map(std::path::PathBuf::as_path)
    }
}
