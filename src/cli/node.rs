//! `rogatory region`: one region's node as a process of its own.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use tokio::net::TcpListener;

use super::common::node_runtime;
use super::{Exit, Outcome};
use crate::disk::RealDisk;
use crate::law::Law;
use crate::provider::cosigner_name;
use crate::region::process::{Lifeline, announce_failure, announce_ready};
use crate::region::{
    Call, Credentials, Enrolment, Node, NodeParts, Peer, Reply, ServerLimits, SharedService,
    credentials_path, serve,
};
use crate::world::{RegionId, World};

/// Run one region's node. Head office starts these; by hand it is for looking at one node alone.
///
/// The node serves its head office over mutual TLS 1.3 on a loopback port that the system picks, prints one line of
/// JSON when it is ready, and ends when its standard input closes.
#[derive(Args, Debug)]
pub struct RegionArguments {
    /// Which region, such as `ie-dublin`
    #[arg(long)]
    id: RegionId,
    /// The node's own folder, in which it was enrolled
    #[arg(long)]
    folder: PathBuf,
}

pub fn region(arguments: RegionArguments) -> Outcome {
    let RegionArguments { id, folder } = arguments;
    run(Peer::Region(id.clone()), &folder.clone(), move || {
        let enrolment = Enrolment::read(&folder, id.as_str())?;
        let (world, law) = match &enrolment.config {
            Some(root) => (World::load(root)?, Law::load(&root.join("config/law"))?),
            None => (World::standard()?, Law::standard()?),
        };
        // A region holds its own country's law and no other.
        let own = Node::laws_of(&world, &id);
        let parts = NodeParts {
            folder,
            region: id.clone(),
            world: Arc::new(world),
            law: Arc::new(law.only(&own)),
            disk: Arc::new(RealDisk),
        };
        Ok(Arc::new(Node::open(parts, &cosigner_name(id.as_str()))?) as SharedService<Call, Reply>)
    })
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Opens the node, serves it, and says so; whatever goes wrong before that is said on the same line.
fn run(
    peer: Peer,
    folder: &std::path::Path,
    open: impl FnOnce() -> Result<SharedService<Call, Reply>, Failure>,
) -> Outcome {
    let lifeline = Lifeline::tie()?;
    super::screen::log_to_stderr();
    let runtime = node_runtime()?;
    let started = runtime.block_on(async {
        let credentials = Credentials::load(&credentials_path(folder))?;
        let service = open()?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        Ok::<_, Failure>((credentials, service, listener))
    });
    let (credentials, service, listener) = match started {
        Ok(started) => started,
        Err(error) => {
            announce_failure(&error)?;
            return Err(error);
        }
    };
    announce_ready(&peer, listener.local_addr()?)?;
    runtime.block_on(serve(listener, &credentials, service, ServerLimits::default(), lifeline.let_go()))?;
    Ok(Exit::Done)
}
