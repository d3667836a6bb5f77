//! Where the regions and the outside witness live: in this process, or each in one of its own.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::site::{Site, Witnesses, client_folder, cosigner_name};
use super::{DeploymentError, DeploymentOptions, Nodes};
use crate::provider::{Down, RegionLink};
use crate::record::witness::{LocalWitness, RemoteWitness, WitnessClient};
use crate::region::process::{ChildSpec, Supervisor};
use crate::region::{
    Call, Credentials, Link, LinkLimits, LinkedWitness, Node, NodeParts, Outside, Peer, Reply, SharedService,
    Wan,
};
use crate::world::{RegionId, WitnessUrl};

/// The nodes, and the ways to them.
#[derive(Default)]
pub(super) struct Started {
    /// The regions, as head office reaches them.
    pub(super) links: BTreeMap<RegionId, RegionLink>,
    /// The same regions, as mail clients do.
    pub(super) clients: BTreeMap<RegionId, RegionLink>,
    pub(super) witnesses: Witnesses,
    pub(super) supervisor: Option<Supervisor>,
    /// The nodes of this process.
    pub(super) nodes: Vec<Arc<Node>>,
    pub(super) down: Vec<Down>,
}

impl Site {
    pub(super) async fn start_nodes(&self, options: &DeploymentOptions) -> Result<Started, DeploymentError> {
        match &options.nodes {
            Nodes::Here => self.open_here(options),
            Nodes::Processes { program } => self.start_processes(options, program).await,
        }
    }

    fn open_here(&self, options: &DeploymentOptions) -> Result<Started, DeploymentError> {
        let wan = wan(options);
        let mut started = Started::default();
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
                    started.nodes.push(node.clone());
                    node
                }
                Err(error) if self.begun => {
                    let one = Down { who: to.clone(), why: error.to_string() };
                    started.down.push(one.clone());
                    Arc::new(one)
                }
                Err(error) => return Err(error),
            };
            let link = |from: Peer| {
                Link::in_process(from, to.clone(), service.clone(), LinkLimits::default(), wan.clone())
            };
            let of_head_office = link(Peer::HeadOffice);
            started.witnesses.push((id.to_string(), linked(&of_head_office)));
            started.links.insert(id.clone(), of_head_office);
            started.clients.insert(id.clone(), link(Peer::Client));
        }
        for (peer, folder) in &self.witnesses {
            let opened = Outside::open(folder).and_then(|outside| outside.witness(&*options.disk));
            let outside = match opened {
                Ok(outside) => outside,
                // The log has no way to reach it, and says so to whoever waits for a quorum.
                Err(error) if self.begun => {
                    let why = format!("witness `{}` does not open: {error}", peer.id());
                    started.down.push(Down { who: peer.clone(), why });
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let outside: Arc<dyn WitnessClient> = Arc::new(LocalWitness(Arc::new(outside)));
            started.witnesses.push((peer.id().to_owned(), outside));
        }
        started.witnesses.extend(self.elsewhere());
        Ok(started)
    }

    /// The ways to the witnesses that others run. Whether they answer shows when they are asked.
    fn elsewhere(&self) -> impl Iterator<Item = (String, Arc<dyn WitnessClient>)> {
        self.elsewhere.iter().map(|(id, url)| {
            let remote: Arc<dyn WitnessClient> = Arc::new(RemoteWitness::at(url.clone()));
            (id.to_string(), remote)
        })
    }

    async fn start_processes(
        &self,
        options: &DeploymentOptions,
        program: &Path,
    ) -> Result<Started, DeploymentError> {
        let (Some(ca), Some(credentials)) = (&self.ca, &self.credentials) else {
            unreachable!("a deployment of processes has a certificate authority");
        };
        let mut specs = Vec::new();
        for (id, folder) in &self.regions {
            let peer = Peer::Region(id.clone());
            ca.provision(&peer, folder)?;
            specs.push(child(
                peer,
                program,
                ["region", "--id", id.as_str(), "--folder"].map(OsString::from),
                folder,
            ));
        }
        for (peer, folder) in &self.witnesses {
            let args = ["witness", "run", "--listen", "127.0.0.1:0", "--tied", peer.id()].map(OsString::from);
            specs.push(child(peer.clone(), program, args, folder));
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
        let mut started = Started::default();
        for id in self.regions.keys() {
            let peer = Peer::Region(id.clone());
            let of_head_office = link(credentials, &peer)?;
            started.witnesses.push((id.to_string(), linked(&of_head_office)));
            started.links.insert(id.clone(), of_head_office);
            started.clients.insert(id.clone(), link(&client, &peer)?);
        }
        for (peer, _) in &self.witnesses {
            let (who, address) = (peer.clone(), supervisor.whereabouts(peer)?);
            let whereabouts = move || address.now(&who).map(WitnessUrl::from).map_err(|down| down.message);
            let outside: Arc<dyn WitnessClient> = Arc::new(RemoteWitness::new(Box::new(whereabouts)));
            started.witnesses.push((peer.id().to_owned(), outside));
        }
        started.witnesses.extend(self.elsewhere());
        let troubles = supervisor.troubles().into_iter();
        started.down = troubles.map(|(who, why)| Down { who, why }).collect();
        started.supervisor = Some(supervisor);
        Ok(started)
    }
}

fn linked(link: &RegionLink) -> Arc<dyn WitnessClient> {
    Arc::new(LinkedWitness(link.clone()))
}

/// How to start a node; its folder is the last of its arguments.
fn child<const N: usize>(peer: Peer, program: &Path, args: [OsString; N], folder: &Path) -> ChildSpec {
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
