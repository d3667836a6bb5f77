//! A whole deployment in one data directory: head office, its regions and an outside witness.
//!
//! The regions are processes of this program, or live in this process; they are the same nodes, behind the same
//! links, with the same folders.

mod enrolling;
mod error;
mod folder;
mod nodes;
mod site;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub use enrolling::EnrolledWitness;
pub use error::DeploymentError;
pub use folder::DATA_FORMAT;
pub use site::{ORIGIN, client_folder, cosigner_name};

use folder::{check_format, check_there, lock_folder};
use nodes::Started;
use site::{Site, check_record};

use super::{Cabinet, Down, MailClient, Provider, ProviderParts};
use crate::clock::{SimClock, SimTime};
use crate::disk::{Disk, FileLock};
use crate::law::{Law, Shelf};
use crate::record::log::Log;
use crate::record::policy::Policy;
use crate::region::process::Supervisor;
use crate::region::{Credentials, Node};
use crate::world::World;

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
    folder: FileLock,
}

impl Deployment {
    /// Starts the deployment in a data directory, making it at the first start.
    pub async fn start(options: DeploymentOptions) -> Result<Self, DeploymentError> {
        check_format(&*options.disk, &options.data)?;
        let record = options.data.join("record");
        let deployment = Deployment::open(options).await?;
        // With the log open, what a crash left half-written is whole again, but for openings that were being published:
        // those are published again with whatever else was interrupted. What is wrong beside them is damage.
        let wrong = check_record(record.clone(), deployment.policy.clone()).await?;
        let of_openings =
            deployment.provider.unfinished_openings(wrong.iter().map(|found| found.path.as_str()));
        if wrong.iter().any(|found| !of_openings.contains(&found.path)) {
            deployment.stop().await;
            return Err(DeploymentError::RecordDamaged { folder: record, findings: wrong });
        }
        deployment.provider.publish_about_log().await?;
        deployment.provider.finish_erasing().await?;
        deployment.provider.finish_interrupted().await?;
        if !wrong.is_empty() {
            let findings = check_record(record.clone(), deployment.policy.clone()).await?;
            if !findings.is_empty() {
                deployment.stop().await;
                return Err(DeploymentError::RecordDamaged { folder: record, findings });
            }
        }
        Ok(deployment)
    }

    /// Accepts a folder in which a deployment has begun its record.
    pub fn check_begun(data: &Path) -> Result<(), DeploymentError> {
        check_there(data, "record/policy")
    }

    /// Opens what is there only to answer questions. What a crash interrupted stays interrupted.
    pub async fn look(options: DeploymentOptions) -> Result<Self, DeploymentError> {
        check_there(&options.data, "format")?;
        check_format(&*options.disk, &options.data)?;
        Deployment::check_begun(&options.data)?;
        Deployment::open(options).await
    }

    async fn open(options: DeploymentOptions) -> Result<Self, DeploymentError> {
        let folder = lock_folder(&options.data)?;
        let site = Site::prepare(&options)?;
        let Started { links, clients, witnesses, supervisor, nodes, down } =
            site.start_nodes(&options).await?;
        let cabinet = Cabinet::open(options.disk.clone(), &site.head_office, &site.entropy)?;
        // Before anything can be decided by them.
        let shelf = Shelf::new(options.data.join("law"));
        shelf.keep(&*options.disk, &options.law).map_err(|source| {
            let path = options.data.join("law");
            DeploymentError::Io { path, source }
        })?;
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
            shelf,
        })
        .await?;
        Ok(Deployment {
            provider,
            credentials: site.credentials,
            supervisor,
            nodes,
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
    folder: FileLock,
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
