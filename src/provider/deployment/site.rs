//! The folders of a deployment, and what is made in them at the first start: secrets, enrolments, the record.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::folder::check_nothing_is_lost;
use super::{DeploymentError, DeploymentOptions, Nodes};
use crate::diagnostic::SourceFile;
use crate::disk::Disk;
use crate::entropy::Entropy;
use crate::provider::Cabinet;
use crate::record::entry::Slot;
use crate::record::genesis::{Digests, Genesis};
use crate::record::key::{LogSigner, VerifierKey};
use crate::record::log::{JOURNAL_MAX_BYTES, Log, LogOptions};
use crate::record::opening::OpeningStore;
use crate::record::policy::{Accept, Policy, PolicyWitness};
use crate::record::secret::RecordSecret;
use crate::record::storage::FolderStorage;
use crate::record::verify::{Finding, verify_folder};
use crate::record::witness::WitnessClient;
use crate::region::{
    Credentials, DeploymentCa, Enrolment, Outside, OutsideError, Peer, intake_key, outside_key, prepare,
};
use crate::vault::{HeadOfficeKey, component_entropy};
use crate::world::{Elsewhere, KeyCustody, RegionId, WitnessId, WitnessUrl};

/// The origin of a deployment's record, as its checkpoints name it.
pub const ORIGIN: &str = "rogatory.example/record";

/// The ways to the witnesses, by their names in the policy.
pub(super) type Witnesses = Vec<(String, Arc<dyn WitnessClient>)>;

/// The folders of a deployment, with every component's secret made.
pub(super) struct Site {
    pub(super) head_office: PathBuf,
    pub(super) record: PathBuf,
    /// The record was begun at an earlier start. Then a component that does not open keeps none of the others from it.
    pub(super) begun: bool,
    pub(super) entropy: Entropy,
    pub(super) policy: Policy,
    pub(super) regions: BTreeMap<RegionId, PathBuf>,
    /// The outside witnesses that this deployment made.
    pub(super) witnesses: Vec<(Peer, PathBuf)>,
    /// Those that others run.
    pub(super) elsewhere: Vec<(WitnessId, WitnessUrl)>,
    pub(super) ca: Option<DeploymentCa>,
    pub(super) credentials: Option<Credentials>,
}

impl Site {
    pub(super) fn prepare(options: &DeploymentOptions) -> Result<Self, DeploymentError> {
        let (data, disk) = (&options.data, &*options.disk);
        let world = &options.world;
        let origin = options.seed.as_deref().map_or_else(Entropy::system, Entropy::seeded);
        let head_office = data.join("head-office");
        let begun = FolderStorage::is_begun(&head_office);
        if begun {
            check_nothing_is_lost(data, world)?;
        }
        let entropy = component_entropy(disk, &head_office, "head office", &origin.child("head office"))?;
        let key_path = head_office.join("wrap.key");
        let key = if key_path.exists() {
            HeadOfficeKey::open(&key_path)?
        } else {
            HeadOfficeKey::create(disk, &key_path, &entropy)?
        };
        let signer = LogSigner::new(ORIGIN, &entropy.draw("signing key", b"log"))?;

        let mut members = Vec::new();
        let (mut regions, mut intake) = (BTreeMap::new(), BTreeMap::new());
        for region in world.regions() {
            let folder = data.join("regions").join(region.id().as_str());
            let id = region.id().as_str();
            members.push(PolicyWitness {
                id: id.to_owned(),
                key: prepare(disk, &folder, id, &cosigner_name(id), &origin)?,
                country: region.country().clone(),
                controlled_by: region.operator().to_string(),
                independent: region.key_custody() == KeyCustody::Region,
                outsider: false,
            });
            intake.insert(region.id().clone(), intake_key(disk, &folder, id, &origin)?);
            regions.insert(region.id().clone(), folder);
        }
        let (mut witnesses, mut elsewhere) = (Vec::new(), Vec::new());
        for outside in world.roster().witnesses() {
            let id = outside.id().as_str();
            let key = match outside.elsewhere() {
                Some(Elsewhere { key, url }) => {
                    elsewhere.push((outside.id().clone(), url.clone()));
                    key.clone()
                }
                None => {
                    let folder = data.join("witness").join(id);
                    if !begun {
                        make_outside(disk, &folder, id, &origin, signer.verifier())?;
                    }
                    let key = outside_key(disk, &folder, &cosigner_name(id))?;
                    witnesses.push((Peer::Witness(outside.id().clone()), folder));
                    key
                }
            };
            members.push(PolicyWitness {
                id: id.to_owned(),
                key,
                country: outside.country().clone(),
                controlled_by: outside.controlled_by().to_owned(),
                independent: true,
                outsider: true,
            });
        }
        let policy =
            Policy::standard(signer.verifier().clone(), world.provider().head_office().home(), members)?;

        for region in world.regions() {
            let folder = &regions[region.id()];
            // Before the record began, an interrupted first start is finished.
            if Enrolment::is_there(folder) {
                continue;
            }
            let mut enrolment = Enrolment::new(region.id().as_str(), &policy);
            let wrapped = region.key_custody() == KeyCustody::Provider;
            enrolment.head_office = wrapped.then(|| *key.public().as_bytes());
            enrolment.intake = intake.clone();
            enrolment.config.clone_from(&options.config);
            enrolment.seed.clone_from(&options.seed);
            enrolment.write(disk, folder)?;
        }
        let (ca, credentials) = match options.nodes {
            Nodes::Here => (None, None),
            Nodes::Processes { .. } => {
                let ca = DeploymentCa::open(&data.join("ca"))?;
                let credentials = ca.provision(&Peer::HeadOffice, &head_office)?;
                (Some(ca), Some(credentials))
            }
        };
        let record = data.join("record");
        let site = Site {
            head_office,
            record,
            begun,
            entropy,
            policy,
            regions,
            witnesses,
            elsewhere,
            ca,
            credentials,
        };
        Ok(site)
    }

    /// A record keeps the witnesses that its entry 0 names: nobody would believe what others cosign.
    fn check_policy(&self, cabinet: &Cabinet) -> std::io::Result<Result<(), DeploymentError>> {
        let facts = cabinet.get(0)?.and_then(|full| full.opening.value(Slot::Facts).ok().flatten());
        let Some(genesis) = facts.and_then(|facts| serde_json::from_value::<Genesis>(facts).ok()) else {
            return Ok(Ok(()));
        };
        if genesis.policy == self.policy.to_text() {
            return Ok(Ok(()));
        }
        let begun = Policy::read(&SourceFile::new("policy", genesis.policy));
        let differences = begun.map(|begun| differences(&begun, &self.policy)).unwrap_or_default();
        Ok(Err(DeploymentError::OtherWitnesses(differences)))
    }

    /// Opens the record, or starts it with its genesis.
    pub(super) async fn open_log(
        &self,
        options: &DeploymentOptions,
        cabinet: &Cabinet,
        witnesses: Witnesses,
    ) -> Result<Log, DeploymentError> {
        let failed = |error| DeploymentError::Io { path: self.record.clone(), source: error };
        self.check_policy(cabinet).map_err(failed)??;
        let log_options = LogOptions {
            signer: LogSigner::new(ORIGIN, &self.entropy.draw("signing key", b"log"))?,
            secret: RecordSecret::draw(&self.entropy),
            policy: self.policy.clone(),
            accept: Accept::NormalOnly,
            storage: Arc::new(
                FolderStorage::open(options.disk.clone(), &self.record, &self.head_office).map_err(failed)?,
            ),
            openings: Arc::new(cabinet.clone()),
            witnesses,
            witness_deadline: Duration::from_secs(5),
            journal_max_bytes: JOURNAL_MAX_BYTES,
        };
        let digests = Digests {
            world: options.world.digest(),
            roster: options.world.roster_digest(),
            law: options.law.digest(),
        };
        let genesis = Genesis::new(&self.policy, options.start, options.seed.is_some(), digests);
        Ok(Log::open_or_create(log_options, &genesis).await?)
    }
}

/// How the witnesses of a policy differ from those that the record began with, in words.
fn differences(begun: &Policy, now: &Policy) -> Vec<String> {
    let gone = begun.witnesses().iter().filter(|witness| now.witness(&witness.id).is_none());
    let gone = gone.map(|witness| format!("`{}` is missing", witness.id));
    let other = now.witnesses().iter().filter_map(|witness| match begun.witness(&witness.id) {
        None => Some(format!("`{}` is new", witness.id)),
        Some(before) if before.key != witness.key => {
            Some(format!("`{}` has the key `{}` instead of `{}`", witness.id, witness.key, before.key))
        }
        Some(before) if before != witness => Some(format!("`{}` is described otherwise", witness.id)),
        Some(_) => None,
    });
    gone.chain(other).collect()
}

/// Checks every tile and opening that is served; gives what is wrong.
pub(super) async fn check_record(folder: PathBuf, policy: Policy) -> Result<Vec<Finding>, DeploymentError> {
    let served = folder.clone();
    let checking = tokio::task::spawn_blocking(move || {
        verify_folder(&served, &policy, Accept::NormalOnly, &mut |_, _| {})
    });
    let found = checking.await.map_err(|panic| DeploymentError::Io {
        path: folder.clone(),
        source: std::io::Error::other(panic),
    })?;
    // The checkpoint is served anew, with what cosignatures there are.
    Ok(found.findings.into_iter().filter(|finding| finding.path != "checkpoint").collect())
}

/// Makes a witness for a demo, in place of an operator, and tells it of the log; finishes what was interrupted.
fn make_outside(
    disk: &dyn Disk,
    folder: &Path,
    id: &str,
    origin: &Entropy,
    log: &VerifierKey,
) -> Result<(), OutsideError> {
    let mut outside = match Outside::open(folder) {
        Err(OutsideError::NotThere(_)) => {
            Outside::make_or_finish(disk, folder, &cosigner_name(id), &origin.child(id))?
        }
        found => found?,
    };
    outside.trust(disk, log)
}

/// The folder with what mail clients on this machine prove themselves with.
pub fn client_folder(data: &Path) -> PathBuf {
    data.join("client")
}

/// The name of a node's cosigning key in signature lines.
pub fn cosigner_name(id: &str) -> String {
    format!("{id}.rogatory.example")
}
