//! A whole deployment in one data directory: head office, its regions and an outside witness.
//!
//! The regions are processes of this program, or live in this process; they are the same nodes, behind the same
//! links, with the same folders.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::{Cabinet, CabinetError, Down, MailClient, Provider, ProviderError, ProviderParts, RegionLink};
use crate::clock::{SimClock, SimTime};
use crate::disk::{Disk, write_whole};
use crate::entropy::Entropy;
use crate::law::Law;
use crate::record::genesis::{Digests, Genesis};
use crate::record::key::{KeyError, LogSigner};
use crate::record::log::{JOURNAL_MAX_BYTES, Log, LogError, LogOptions};
use crate::record::policy::{Accept, Policy, PolicyError, PolicyWitness};
use crate::record::secret::RecordSecret;
use crate::record::storage::FolderStorage;
use crate::record::verify::{Finding, verify_folder};
use crate::record::witness::{LocalWitness, Witness, WitnessClient};
use crate::region::process::{ChildSpec, ProcessError, Supervisor};
use crate::region::{
    CaError, Call, Credentials, DeploymentCa, Enrolment, EnrolmentError, Link, LinkLimits, LinkedWitness,
    Node, NodeError, NodeParts, Peer, Reply, ServiceError, SharedService, Wan, cosigner, intake_key, prepare,
    witness,
};
use crate::vault::{HeadOfficeKey, KeyFileError, component_entropy};
use crate::world::{KeyCustody, RegionId, World};

/// The format of a data directory that this program reads and writes.
pub const DATA_FORMAT: &str = "rogatory data 1\n";

/// The origin of a deployment's record, as its checkpoints name it.
pub const ORIGIN: &str = "rogatory.example/record";

/// Where the nodes live.
#[derive(Clone, Debug)]
pub enum Nodes {
    /// In this process.
    Here,
    /// Each in a process of its own, of this program.
    Processes { program: PathBuf },
}

/// What a deployment is made of.
pub struct DeploymentOptions {
    pub data: PathBuf,
    pub world: Arc<World>,
    pub law: Arc<Law>,
    /// The seed of a deployment that replays; without one, every secret comes from the operating system.
    pub seed: Option<String>,
    /// Simulated time at the first start.
    pub start: SimTime,
    pub nodes: Nodes,
    /// The folder of the world and law books, if they are not those built into the program.
    pub config: Option<PathBuf>,
    /// Simulates the distance between places.
    pub wan: bool,
    /// What head office and the nodes in this process keep their files on.
    pub disk: Arc<dyn Disk>,
}

/// A deployment that is running.
pub struct Deployment {
    pub provider: Provider,
    credentials: Option<Credentials>,
    supervisor: Option<Supervisor>,
    nodes: Vec<Arc<Node>>,
    down: Vec<Down>,
    policy: Policy,
    folder: FolderLock,
}

/// Why a deployment does not start.
#[derive(Debug, thiserror::Error)]
pub enum DeploymentError {
    #[error("`{}` cannot be read or written: {source}", path.display())]
    Io { path: PathBuf, source: std::io::Error },
    #[error("`{}` has the format `{}`, and this program reads `{}`: use the program that wrote it, or a newer one", path.display(), found.trim(), DATA_FORMAT.trim())]
    Format { path: PathBuf, found: String },
    #[error("`{}` is not empty and not a data directory: choose another with --data, or an empty one", .0.display())]
    NotOurs(PathBuf),
    #[error("there is no data directory at `{}`: name one with --data, or make one with `rogatory demo`", .0.display())]
    NotThere(PathBuf),
    #[error("`{}` is in use by another process of this program, perhaps a demo that is still playing: wait for it, stop it with Ctrl-C, or choose another folder with --data", .0.display())]
    InUse(PathBuf),
    #[error(
        "`{}` is missing, and the record of this provider goes back further: put the folder of {owner} back as it \
         was; without it nobody knows what is in it",
        path.display()
    )]
    Lost { owner: String, path: PathBuf },
    #[error(
        "the record in `{}` is damaged, and nobody could check what follows: {}; put the file back from any copy of that \
         folder, and `rogatory record verify` names every place",
        folder.display(),
        places(findings)
    )]
    RecordDamaged { folder: PathBuf, findings: Vec<Finding> },
    #[error(transparent)]
    Ca(#[from] CaError),
    #[error(transparent)]
    KeyFile(#[from] KeyFileError),
    #[error(transparent)]
    Key(#[from] KeyError),
    #[error(transparent)]
    Enrolment(#[from] EnrolmentError),
    #[error(transparent)]
    Policy(#[from] PolicyError),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Cabinet(#[from] CabinetError),
    #[error("region `{0}` does not open: {1}")]
    Node(RegionId, #[source] Box<NodeError>),
    #[error(transparent)]
    Process(#[from] ProcessError),
    #[error(transparent)]
    Service(#[from] ServiceError),
    #[error(transparent)]
    Provider(#[from] ProviderError),
}

impl Deployment {
    /// Starts the deployment in a data directory, making it at the first start.
    pub async fn start(options: DeploymentOptions) -> Result<Self, DeploymentError> {
        check_format(&*options.disk, &options.data)?;
        let record = options.data.join("record");
        let deployment = Deployment::open(options).await?;
        // With the log open, what a crash left half-written is whole again. What is wrong now is damage.
        if let Err(error) = check_record(record, deployment.policy.clone()).await {
            deployment.stop().await;
            return Err(error);
        }
        deployment.provider.finish_interrupted().await?;
        Ok(deployment)
    }

    /// Opens what is there only to answer questions. What a crash interrupted stays interrupted.
    pub async fn look(options: DeploymentOptions) -> Result<Self, DeploymentError> {
        if !options.data.join("format").exists() || !options.data.join("record").join("checkpoint").exists() {
            return Err(DeploymentError::NotThere(options.data));
        }
        check_format(&*options.disk, &options.data)?;
        Deployment::open(options).await
    }

    async fn open(options: DeploymentOptions) -> Result<Self, DeploymentError> {
        let folder = FolderLock::take(&options.data)?;
        let site = Site::prepare(&options)?;
        let (mut deployment_nodes, mut down) = (Vec::new(), Vec::new());
        let (links, witnesses, supervisor) = match &options.nodes {
            Nodes::Here => {
                let (links, witnesses) = site.open_here(&options, &mut deployment_nodes, &mut down)?;
                (links, witnesses, None)
            }
            Nodes::Processes { program } => {
                let (links, witnesses, supervisor) = site.start_processes(&options, program).await?;
                down.extend(supervisor.troubles().into_iter().map(|(who, why)| Down { who, why }));
                (links, witnesses, Some(supervisor))
            }
        };
        let Links { head_office: links, clients } = links;
        let cabinet = Cabinet::open(&*options.disk, &site.head_office, &site.entropy)?;
        let log = site.open_log(&options, &cabinet, witnesses).await?;
        let provider = Provider::open(ProviderParts {
            world: options.world.clone(),
            law: options.law.clone(),
            clock: SimClock::starting_at(options.start),
            entropy: site.entropy.clone(),
            regions: links,
            mail: MailClient::new(clients),
            log,
            cabinet,
            deliveries: options.data.join("authorities"),
            disk: options.disk.clone(),
        })
        .await?;
        Ok(Deployment {
            provider,
            credentials: site.credentials,
            supervisor,
            nodes: deployment_nodes,
            down,
            policy: site.policy,
            folder,
        })
    }

    /// The regions and witnesses that did not open. What needs them waits; nothing else does.
    pub fn down(&self) -> &[Down] {
        &self.down
    }

    /// What head office proves itself with to its regions, and to whoever asks it over the network.
    pub fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }

    /// The processes, if the nodes are processes.
    pub fn supervisor(&self) -> Option<&Supervisor> {
        self.supervisor.as_ref()
    }

    /// The provider, to be shared, apart from what keeps it running.
    pub fn split(self) -> (Provider, Held) {
        let log = self.provider.docket().log().clone();
        let held = Held {
            log,
            credentials: self.credentials,
            supervisor: self.supervisor,
            nodes: self.nodes,
            folder: self.folder,
        };
        (self.provider, held)
    }

    /// Stops everything in order: the record first, then the nodes.
    pub async fn stop(self) {
        let (provider, held) = self.split();
        held.stop().await;
        drop(provider);
    }
}

/// What keeps a deployment running beside its provider.
pub struct Held {
    log: Log,
    credentials: Option<Credentials>,
    supervisor: Option<Supervisor>,
    nodes: Vec<Arc<Node>>,
    folder: FolderLock,
}

/// The data directory is this process's own while this lives.
struct FolderLock {
    _format: std::fs::File,
}

impl FolderLock {
    fn take(data: &Path) -> Result<Self, DeploymentError> {
        let path = data.join("format");
        let failed = |source| DeploymentError::Io { path: path.clone(), source };
        let format = std::fs::File::open(&path).map_err(failed)?;
        match format.try_lock() {
            Ok(()) => Ok(FolderLock { _format: format }),
            Err(std::fs::TryLockError::WouldBlock) => Err(DeploymentError::InUse(data.to_owned())),
            Err(std::fs::TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}

impl Held {
    /// What head office proves itself with to whoever asks it over the network.
    pub fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }

    /// Stops everything in order: the record first, then the nodes.
    pub async fn stop(self) {
        self.log.close().await;
        if let Some(supervisor) = self.supervisor {
            supervisor.stop(Duration::from_secs(5)).await;
        }
        drop(self.nodes);
        drop(self.folder);
    }
}

/// The folders of a deployment, with every component's secret made.
struct Site {
    head_office: PathBuf,
    record: PathBuf,
    /// The record was begun at an earlier start. Then a component that does not open keeps none of the others from it.
    begun: bool,
    entropy: Entropy,
    policy: Policy,
    regions: BTreeMap<RegionId, PathBuf>,
    witnesses: Vec<(Peer, PathBuf)>,
    ca: Option<DeploymentCa>,
    credentials: Option<Credentials>,
}

impl Site {
    fn prepare(options: &DeploymentOptions) -> Result<Self, DeploymentError> {
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
        let mut witnesses = Vec::new();
        for outside in world.roster().witnesses() {
            let id = outside.id().as_str();
            let folder = data.join("witness").join(id);
            members.push(PolicyWitness {
                id: id.to_owned(),
                key: prepare(disk, &folder, id, &cosigner_name(id), &origin)?,
                country: outside.country().clone(),
                controlled_by: outside.controlled_by().to_owned(),
                independent: true,
                outsider: true,
            });
            witnesses.push((Peer::Witness(outside.id().clone()), folder));
        }
        let policy =
            Policy::standard(signer.verifier().clone(), world.provider().head_office().home(), members)?;

        let enrol = |folder: &Path, id: &str, custody: Option<KeyCustody>| {
            // Before the record began, an interrupted first start is finished.
            if Enrolment::is_there(folder) {
                return Ok(());
            }
            let mut enrolment = Enrolment::new(id, &policy);
            let wrapped = custody == Some(KeyCustody::Provider);
            enrolment.head_office = wrapped.then(|| *key.public().as_bytes());
            // A witness has nothing to send to a region.
            enrolment.intake = custody.map(|_| intake.clone()).unwrap_or_default();
            enrolment.config.clone_from(&options.config);
            enrolment.seed.clone_from(&options.seed);
            enrolment.write(disk, folder)
        };
        for region in world.regions() {
            enrol(&regions[region.id()], region.id().as_str(), Some(region.key_custody()))?;
        }
        for (peer, folder) in &witnesses {
            enrol(folder, peer.id(), None)?;
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
        Ok(Site { head_office, record, begun, entropy, policy, regions, witnesses, ca, credentials })
    }

    fn open_here(
        &self,
        options: &DeploymentOptions,
        nodes: &mut Vec<Arc<Node>>,
        down: &mut Vec<Down>,
    ) -> Result<Opened, DeploymentError> {
        let wan = wan(options);
        let (mut links, mut witnesses) = (Links::default(), Vec::new());
        for (id, folder) in &self.regions {
            let parts = NodeParts {
                folder: folder.clone(),
                region: id.clone(),
                world: options.world.clone(),
                law: options.law.clone(),
                disk: options.disk.clone(),
            };
            let to = Peer::Region(id.clone());
            let opened = Node::open(parts, &cosigner_name(id.as_str()))
                .map_err(|error| DeploymentError::Node(id.clone(), Box::new(error)));
            let service: SharedService<Call, Reply> = match opened {
                Ok(node) => {
                    let node = Arc::new(node);
                    nodes.push(node.clone());
                    node
                }
                Err(error) if self.begun => {
                    let one = Down { who: to.clone(), why: error.to_string() };
                    down.push(one.clone());
                    Arc::new(one)
                }
                Err(error) => return Err(error),
            };
            let link = |from: Peer| {
                Link::in_process(from, to.clone(), service.clone(), LinkLimits::default(), wan.clone())
            };
            let of_head_office = link(Peer::HeadOffice);
            witnesses.push((id.to_string(), linked(&of_head_office)));
            links.head_office.insert(id.clone(), of_head_office);
            links.clients.insert(id.clone(), link(Peer::Client));
        }
        for (peer, folder) in &self.witnesses {
            let outside = match open_outside(&*options.disk, folder, peer.id()) {
                Ok(outside) => outside,
                // The log has no way to reach it, and says so to whoever waits for a quorum.
                Err(error) if self.begun => {
                    let why = format!("witness `{}` does not open: {error}", peer.id());
                    down.push(Down { who: peer.clone(), why });
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let outside: Arc<dyn WitnessClient> = Arc::new(LocalWitness(Arc::new(outside)));
            witnesses.push((peer.id().to_owned(), outside));
        }
        Ok((links, witnesses))
    }

    async fn start_processes(
        &self,
        options: &DeploymentOptions,
        program: &Path,
    ) -> Result<(Links, Witnesses, Supervisor), DeploymentError> {
        let (Some(ca), Some(credentials)) = (&self.ca, &self.credentials) else {
            unreachable!("a deployment of processes has a certificate authority");
        };
        let mut specs = Vec::new();
        for (id, folder) in &self.regions {
            let peer = Peer::Region(id.clone());
            ca.provision(&peer, folder)?;
            specs.push(child(peer, program, "region", id.as_str(), folder));
        }
        for (peer, folder) in &self.witnesses {
            ca.provision(peer, folder)?;
            specs.push(child(peer.clone(), program, "witness", peer.id(), folder));
        }
        let deadline = Duration::from_secs(20);
        let supervisor = match self.begun {
            true => Supervisor::start_those_that_can(specs, deadline).await?,
            false => Supervisor::start(specs, deadline).await?,
        };
        let wan = wan(options);
        let link = |from: &Credentials, peer: &Peer| -> Result<RegionLink, DeploymentError> {
            let address = supervisor.whereabouts(peer)?;
            Ok(Link::over_network(from, peer.clone(), address, LinkLimits::default(), wan.clone())?)
        };
        let client = ca.provision(&Peer::Client, &client_folder(&options.data))?;
        let (mut links, mut witnesses) = (Links::default(), Vec::new());
        for id in self.regions.keys() {
            let peer = Peer::Region(id.clone());
            let of_head_office = link(credentials, &peer)?;
            witnesses.push((id.to_string(), linked(&of_head_office)));
            links.head_office.insert(id.clone(), of_head_office);
            links.clients.insert(id.clone(), link(&client, &peer)?);
        }
        for (peer, _) in &self.witnesses {
            witnesses.push((peer.id().to_owned(), linked(&link(credentials, peer)?)));
        }
        Ok((links, witnesses, supervisor))
    }

    /// Opens the record, or starts it with its genesis.
    async fn open_log(
        &self,
        options: &DeploymentOptions,
        cabinet: &Cabinet,
        witnesses: Witnesses,
    ) -> Result<Log, DeploymentError> {
        let failed = |error| DeploymentError::Io { path: self.record.clone(), source: error };
        let log_options = LogOptions {
            signer: LogSigner::new(ORIGIN, &self.entropy.draw("signing key", b"log"))?,
            secret: RecordSecret::draw(&self.entropy),
            policy: self.policy.clone(),
            accept: Accept::NormalOnly,
            storage: Arc::new(FolderStorage::open(&self.record, &self.head_office).map_err(failed)?),
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

/// Checks every tile and opening that is served.
async fn check_record(folder: PathBuf, policy: Policy) -> Result<(), DeploymentError> {
    let served = folder.clone();
    let checking = tokio::task::spawn_blocking(move || {
        verify_folder(&served, &policy, Accept::NormalOnly, &mut |_, _| {})
    });
    let found = checking.await.map_err(|panic| DeploymentError::Io {
        path: folder.clone(),
        source: std::io::Error::other(panic),
    })?;
    // The checkpoint is served anew, with what cosignatures there are.
    let findings: Vec<Finding> =
        found.findings.into_iter().filter(|finding| finding.path != "checkpoint").collect();
    if findings.is_empty() { Ok(()) } else { Err(DeploymentError::RecordDamaged { folder, findings }) }
}

/// The first places, and how many more there are.
fn places(findings: &[Finding]) -> String {
    let first: Vec<String> = findings.iter().take(3).map(ToString::to_string).collect();
    let more = findings.len() - first.len();
    let first = first.join("; ");
    if more == 0 { first } else { format!("{first}; and {more} more") }
}

fn open_outside(disk: &dyn Disk, folder: &Path, id: &str) -> Result<Witness, EnrolmentError> {
    let enrolment = Enrolment::read(folder, id)?;
    let key = cosigner(disk, folder, id, &cosigner_name(id), &enrolment.entropy())?;
    witness(folder, key, &enrolment.policy()?)
}

/// With the first entry of the record everything was there that a component remembers. What is missing later was lost,
/// and is not made anew: a component that starts again would say that there is nothing where nobody knows.
fn check_nothing_is_lost(data: &Path, world: &World) -> Result<(), DeploymentError> {
    let check = |owner: String, path: PathBuf| match path.exists() {
        true => Ok(()),
        false => Err(DeploymentError::Lost { owner, path }),
    };
    for file in ["wrap.key", "cabinet", "cabinet.key"] {
        check("head office".to_owned(), data.join("head-office").join(file))?;
    }
    for region in world.regions().map(|region| region.id()) {
        let folder = data.join("regions").join(region.as_str());
        check(format!("region `{region}`"), folder.join("enrolment.json"))?;
    }
    for witness in world.roster().witnesses().map(|witness| witness.id()) {
        let folder = data.join("witness").join(witness.as_str());
        check(format!("witness `{witness}`"), folder.join("enrolment.json"))?;
    }
    Ok(())
}

type Witnesses = Vec<(String, Arc<dyn WitnessClient>)>;
type Opened = (Links, Witnesses);

/// The same regions, as head office reaches them and as mail clients do.
#[derive(Default)]
struct Links {
    head_office: BTreeMap<RegionId, RegionLink>,
    clients: BTreeMap<RegionId, RegionLink>,
}

/// The folder with what mail clients on this machine prove themselves with.
pub fn client_folder(data: &Path) -> PathBuf {
    data.join("client")
}

/// The name of a node's cosigning key in signature lines.
pub fn cosigner_name(id: &str) -> String {
    format!("{id}.rogatory.example")
}

fn linked(link: &RegionLink) -> Arc<dyn WitnessClient> {
    Arc::new(LinkedWitness(link.clone()))
}

fn child(peer: Peer, program: &Path, command: &str, id: &str, folder: &Path) -> ChildSpec {
    let args = [command, "--id", id, "--folder"].map(OsString::from);
    ChildSpec {
        peer,
        program: program.to_owned(),
        args: args.into_iter().chain([folder.as_os_str().to_owned()]).collect(),
        log: Some(folder.join("log")),
    }
}

/// Delays between places as far apart as the world says; head office is where its country's first region is.
fn wan(options: &DeploymentOptions) -> Wan {
    if !options.wan {
        return Wan::none();
    }
    let world = options.world.clone();
    let home = world.provider().head_office().home().clone();
    let office = world.regions().find(|region| region.country() == &home).map(|region| region.id().clone());
    Wan::with_delay(move |a: &Peer, b: &Peer| {
        let place = |peer: &Peer| peer.region().cloned().or_else(|| office.clone());
        match (place(a), place(b)) {
            (Some(a), Some(b)) => world.wan_delay(&a, &b).unwrap_or_default(),
            _ => Duration::ZERO,
        }
    })
}

/// Accepts an empty folder or one of this program's own; a newer format is refused.
fn check_format(disk: &dyn Disk, data: &Path) -> Result<(), DeploymentError> {
    let failed = |error| DeploymentError::Io { path: data.to_owned(), source: error };
    disk.make_folder(data).map_err(failed)?;
    let path = data.join("format");
    match std::fs::read_to_string(&path) {
        Ok(found) if found == DATA_FORMAT => Ok(()),
        Ok(found) => Err(DeploymentError::Format { path: data.to_owned(), found }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            if std::fs::read_dir(data).map_err(failed)?.next().is_some() {
                return Err(DeploymentError::NotOurs(data.to_owned()));
            }
            write_whole(disk, &path, DATA_FORMAT.as_bytes()).map_err(failed)
        }
        Err(error) => Err(failed(error)),
    }
}
