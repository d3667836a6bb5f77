//! `rogatory region` and `rogatory witness`: one node as a process of its own.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use tokio::net::TcpListener;

use super::{Exit, Outcome};
use crate::disk::RealDisk;
use crate::law::Law;
use crate::provider::cosigner_name;
use crate::region::process::{Lifeline, announce_failure, announce_ready};
use crate::region::{
    Call, Credentials, Enrolment, Node, NodeParts, Peer, Reply, ServerLimits, SharedService, WitnessNode,
    cosigner, credentials_path, serve, witness as open_witness,
};
use crate::world::{RegionId, WitnessId, World};

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

/// Run an outside witness: it cosigns the record's checkpoints after checking that they only grow.
///
/// It belongs to somebody whom head office cannot order, and knows nothing but sizes and hashes.
#[derive(Args, Debug)]
pub struct WitnessArguments {
    /// Its name on the roster
    #[arg(long)]
    id: WitnessId,
    /// The witness's own folder, in which it was enrolled
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

pub fn witness(arguments: WitnessArguments) -> Outcome {
    let WitnessArguments { id, folder } = arguments;
    run(Peer::Witness(id.clone()), &folder.clone(), move || {
        let enrolment = Enrolment::read(&folder, id.as_str())?;
        let key =
            cosigner(&RealDisk, &folder, id.as_str(), &cosigner_name(id.as_str()), &enrolment.entropy())?;
        let witness = open_witness(&RealDisk, &folder, key, &enrolment.policy()?)?;
        Ok(Arc::new(WitnessNode(Arc::new(witness))) as SharedService<Call, Reply>)
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
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .max_blocking_threads(16)
        .enable_all()
        .build()?;
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
