//! `rogatory witness`: an outside witness, made and run by whoever has its folder.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand};
use tokio::net::TcpListener;

use super::common::{Ending, Failure, node_runtime};
use super::screen::{self, BOLD, Format};
use super::{Exit, Outcome};
use crate::disk::RealDisk;
use crate::entropy::Entropy;
use crate::record::checkpoint::SignedCheckpoint;
use crate::record::key::{KeyError, VerifierKey};
use crate::record::witness::{Witness, checkpoint_path, serve};
use crate::region::process::{Lifeline, announce_failure, announce_ready};
use crate::region::{Outside, OutsideError, Peer};
use crate::world::WitnessId;

/// Make and run an outside witness: it cosigns a record's checkpoints after checking that they only grow
///
/// It belongs to somebody whom head office cannot order, runs on any machine, and knows nothing but sizes and hashes. It
/// speaks C2SP tlog-witness over HTTP, so other people's logs and tools can use it, and Rogatory theirs.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  rogatory witness new my-witness --name witness.fjord.example       prints its public key, for the roster
  rogatory witness trust my-witness 'post.example/record+5ac0…'      which log it watches
  rogatory witness run my-witness --listen 192.0.2.7:7700
  rogatory witness show my-witness")]
pub struct WitnessArguments {
    #[command(subcommand)]
    command: WitnessCommand,
}

#[derive(Subcommand, Debug)]
enum WitnessCommand {
    /// Make a witness in a folder of its own, and print its public key
    ///
    /// The key and the address go into the provider's `config/roster.toml`, before its record begins.
    New {
        /// A new folder. It holds the secret key and what the witness remembers, so nobody else should have it
        folder: PathBuf,
        /// The name in its signature lines: a domain of yours, perhaps with a path
        #[arg(long)]
        name: String,
    },
    /// Tell a witness which log to watch
    ///
    /// `rogatory record keys` prints the log's key first; ask for it by a way that you trust. With --from it begins with that
    /// checkpoint instead of the first entry: for a witness that lost its memory, after `rogatory record enrol` has said so
    /// in the record. It believes that checkpoint, so look at it first (`rogatory record verify`).
    Trust {
        /// The witness's folder
        folder: PathBuf,
        /// The log's public key, as a signed-note verifier key
        #[arg(value_parser = log_key)]
        key: Box<VerifierKey>,
        /// A checkpoint of that log
        #[arg(long, value_name = "FILE")]
        from: Option<PathBuf>,
        /// Begin with it also if nothing was lost, and forget what was cosigned
        #[arg(long, requires = "from")]
        force: bool,
    },
    /// Cosign what is sent, until interrupted
    ///
    /// `POST /add-checkpoint` and `GET /<SHA-256 of the log's origin>/checkpoint`. Without TLS: everything in it is signed, and
    /// nothing secret; keep it behind whatever keeps strangers from asking without end. What it refuses, and why, it says on
    /// standard error.
    Run {
        /// The witness's folder
        folder: PathBuf,
        /// The address and port to listen on; port 0 picks one. An address that others can reach lets them ask
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7700")]
        listen: SocketAddr,
        /// Started by a deployment, as this one of its witnesses: ends with it
        #[arg(long, value_name = "ID", hide = true)]
        tied: Option<WitnessId>,
    },
    /// Show a witness: its key, its log, and how much of that it has cosigned
    Show {
        /// The witness's folder
        folder: PathBuf,
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
}

fn log_key(text: &str) -> Result<Box<VerifierKey>, KeyError> {
    text.parse().map(Box::new)
}

pub fn witness(arguments: WitnessArguments) -> Outcome {
    match arguments.command {
        WitnessCommand::New { folder, name } => new(&folder, &name),
        WitnessCommand::Trust { folder, key, from, force } => trust(&folder, &key, from.as_deref(), force),
        WitnessCommand::Run { folder, listen, tied: None } => run(&folder, listen),
        WitnessCommand::Run { folder, listen, tied: Some(id) } => run_tied(&folder, listen, id),
        WitnessCommand::Show { folder, format } => show(&folder, format),
    }
}

fn new(folder: &Path, name: &str) -> Outcome {
    let key = Outside::make(&RealDisk, folder, name, &Entropy::system())?.key(&RealDisk)?;
    screen::line(&key.to_string())?;
    screen::note(&format!(
        "This is its public key. A provider names it in its `config/roster.toml`, before its record begins:\n\n  \
         [witnesses.SHORT-NAME]\n  name = \"WHO YOU ARE\"\n  country = \"CC\"\n  controlled-by = \"WHO RUNS IT\"\n  \
         verifier-key = \"{key}\"\n  url = \"http://HOST:7700/\"\n\nThen tell the witness of the provider's log (`rogatory \
         witness trust`), and run it."
    ));
    Ok(Exit::Done)
}

fn trust(folder: &Path, key: &VerifierKey, from: Option<&Path>, forced: bool) -> Outcome {
    let mut outside = Outside::open(folder)?;
    match from {
        None => outside.trust(&RealDisk, key)?,
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .map_err(|error| format!("`{}` cannot be read: {error}", path.display()))?;
            let wrong = |error: &dyn std::fmt::Display| format!("`{}`: {error}", path.display());
            let checkpoint = SignedCheckpoint::parse(&text).map_err(|error| wrong(&error))?;
            match outside.trust_from(&RealDisk, key, &checkpoint, forced) {
                Err(error @ OutsideError::Checkpoint(_)) => return Err(wrong(&error).into()),
                other => other?,
            }
        }
    }
    // One that is running keeps that to itself.
    let from =
        outside.remembered(&RealDisk).map(|size| format!(" from {} on", entries(size))).unwrap_or_default();
    screen::line(&format!("{BOLD}{}{BOLD:#} watches {}{from}", outside.name(), key.name()))?;
    Ok(Exit::Done)
}

fn run(folder: &Path, listen: SocketAddr) -> Outcome {
    screen::log_to_stderr();
    let witness = Arc::new(Outside::open(folder)?.witness(&RealDisk)?);
    node_runtime()?.block_on(async {
        let mut ending = Ending::listen()?;
        let listener = bind(listen).await?;
        let (key, log) = (witness.verifier(), witness.log());
        screen::line(&format!(
            "{BOLD}{}{BOLD:#} cosigns {} from {} on, at http://{at}/; what it cosigned last is at http://{at}{}",
            key.name(),
            log.name(),
            entries(witness.head().size),
            checkpoint_path(log.name()),
            at = listener.local_addr()?,
        ))?;
        tokio::select! {
            ended = serve(witness, listener) => ended?,
            () = ending.asked() => {}
        }
        Ok(Exit::Done)
    })
}

/// As a child of a deployment, which hears on standard output where the witness is, or why it is not.
fn run_tied(folder: &Path, listen: SocketAddr, id: WitnessId) -> Outcome {
    let lifeline = Lifeline::tie()?;
    screen::log_to_stderr();
    let started =
        || -> Result<Arc<Witness>, Failure> { Ok(Arc::new(Outside::open(folder)?.witness(&RealDisk)?)) };
    let runtime = node_runtime()?;
    let ready = started().and_then(|witness| Ok((witness, runtime.block_on(bind(listen))?)));
    let (witness, listener) = match ready {
        Ok(ready) => ready,
        Err(error) => {
            announce_failure(&error)?;
            return Err(error);
        }
    };
    announce_ready(&Peer::Witness(id), listener.local_addr()?)?;
    runtime.block_on(async {
        tokio::select! {
            ended = serve(witness, listener) => ended?,
            () = lifeline.let_go() => {}
        }
        Ok(Exit::Done)
    })
}

async fn bind(listen: SocketAddr) -> Result<TcpListener, Failure> {
    let bound = TcpListener::bind(listen).await;
    bound.map_err(|error| {
        format!("`{listen}` cannot be listened on: {error}; choose another with --listen").into()
    })
}

fn show(folder: &Path, format: Format) -> Outcome {
    let outside = Outside::open(folder)?;
    let key = outside.key(&RealDisk)?.to_string();
    let log = outside.log().map(ToString::to_string);
    // A witness that is running keeps its memory to itself.
    let size = log.as_ref().map(|_| outside.remembered(&RealDisk)).transpose();
    if format == Format::Json {
        screen::json(
            &serde_json::json!({ "name": outside.name(), "key": key, "log": log, "size": size.ok().flatten() }),
        )?;
        return Ok(Exit::Done);
    }
    screen::line(&format!("{BOLD}{}{BOLD:#}", outside.name()))?;
    screen::line(&format!("key   {key}"))?;
    screen::line(&format!(
        "log   {}",
        log.as_deref().unwrap_or("none yet: `rogatory witness trust` tells it of one")
    ))?;
    match size {
        Ok(None) => {}
        Ok(Some(size)) => screen::line(&format!("size  {}", entries(size)))?,
        Err(error) => screen::line(&format!("size  not known: {error}"))?,
    }
    Ok(Exit::Done)
}

fn entries(size: u64) -> String {
    screen::counted(size, "entry", "entries")
}
