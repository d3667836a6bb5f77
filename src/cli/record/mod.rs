//! `rogatory record`: the log, its checks, and what is inside a production.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

mod audit;
mod enrol;
mod handover;
mod openings;
mod production;
mod proof;
mod whole;

pub use audit::read_openings;

use crate::cli::common::{ConfigArguments, Ending, Failure, one_line, runtime};
use crate::cli::control::{RunningArguments, check_record_in};
use crate::cli::screen::{self, Format};
use crate::cli::{Exit, Outcome};
use crate::clock::SimTime;
use crate::diagnostic::SourceFile;
use crate::provider::Ask;
use crate::record::entry::Slot;
use crate::record::policy::{Accept, Policy};
use crate::record::serve::serve;
use crate::world::{Address, RecipientKey};

/// Look at the record of a deployment and check it; open a production as its recipient
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  rogatory record show
  rogatory record verify
  rogatory record verify --policy policy-from-a-witness.txt
  rogatory record openings 13-mag-2814
  rogatory record notices molly@post.example
  rogatory record open NAME.production --out molly.tar      one of data/demo/authorities/")]
pub struct RecordArguments {
    #[command(subcommand)]
    command: RecordCommand,
}

#[derive(Subcommand, Debug)]
enum RecordCommand {
    /// Show the head of the record and what has been published of it
    Show {
        /// The data folder of a deployment
        #[arg(long, value_name = "FOLDER", default_value = "data/demo")]
        data: PathBuf,
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Print the proof of one entry, for a file that convinces anyone who has the policy
    ///
    /// The file is a C2SP tlog-proof: the entry, its path to the root, and the checkpoint with its cosignatures. Keep it as
    /// `decision.tlog-proof` and check it with `record verify`, on any machine. By an entry's number it is made from what is
    /// served, and opens what has been published. By a demand's name it is of the newest decision, and head office, which
    /// has to be running, opens kind, matter, law, decision and timing of it.
    Prove {
        /// The number of an entry, or an authority's name for its demand, such as `13-mag-2814`
        id: String,
        /// Which slots to open, such as `decision,law`; head office is asked
        #[arg(long, value_name = "SLOT", value_delimiter = ',')]
        show: Option<Vec<Slot>>,
        #[command(flatten)]
        running: RunningArguments,
    },
    /// Print the public keys of the log and of its witnesses, as signed-note verifier keys
    ///
    /// The log's first, then the witnesses' in the order of the policy.
    Keys {
        /// The data folder of a deployment
        #[arg(long, value_name = "FOLDER", default_value = "data/demo")]
        data: PathBuf,
        /// A policy from elsewhere
        #[arg(long, value_name = "FILE")]
        policy: Option<PathBuf>,
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Check a proof, a production, or the whole record: log signature, cosignatures, every tile, every published opening
    ///
    /// Works offline and with public keys only: those of the policy that lies beside the tiles, or one that you were
    /// given by somebody else, which is what proves anything about head office. Names every damaged place and goes on, and
    /// changes nothing. Of a production the lengths are checked, and its seals in a world whose authorities' keys are public.
    Verify {
        /// A proof that `record prove` printed, a production, or a folder with what `record serve` serves; without it the
        /// record in the data folder is checked
        file: Option<PathBuf>,
        /// The data folder of a deployment
        #[arg(long, value_name = "FOLDER", default_value = "data/demo")]
        data: PathBuf,
        /// Take the policy's emergency quorum as enough
        #[arg(long)]
        emergency: bool,
        /// A policy from elsewhere: the log's key, the witnesses, the quorum
        #[arg(long, value_name = "FILE")]
        policy: Option<PathBuf>,
        #[arg(long, value_enum, default_value_t)]
        format: Format,
        #[command(flatten)]
        config: ConfigArguments,
    },
    /// Serve the record over HTTP, read-only, as static files (C2SP tlog-tiles) that a cache may keep
    ///
    /// On this machine only, because it speaks no TLS: to let others in, put a web server in front, or let it serve a
    /// copy of the folder `record/`. Runs until it is interrupted.
    Serve {
        /// The data folder of a deployment
        #[arg(long, value_name = "FOLDER", default_value = "data/demo")]
        data: PathBuf,
        /// A loopback address and port; port 0 picks one
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7600")]
        listen: SocketAddr,
    },
    /// Make recorded decisions again, by the law books they name, and list what comes out otherwise
    ///
    /// Asks head office, which has all openings and has to be running. With --openings it works offline, as an auditor
    /// would: on the openings in a folder, each checked against the record. Books of older revisions are found in `law/` of
    /// the data folder, where every deployment keeps those it decided by, or with --law. Ends with 1 if there is any
    /// difference, a decision whose books are nowhere, or nothing that could be made again among what is closed.
    Audit {
        /// A folder of openings, such as `record/opening` with those that were published
        #[arg(long, value_name = "FOLDER")]
        openings: Option<PathBuf>,
        /// A policy from elsewhere, beside --openings: the log's key, the witnesses, the quorum
        #[arg(long, value_name = "FILE", requires = "openings")]
        policy: Option<PathBuf>,
        /// A folder of law books of another revision, beside --openings; may be said several times
        #[arg(long, value_name = "FOLDER", requires = "openings")]
        law: Vec<PathBuf>,
        #[arg(long, value_enum, default_value_t)]
        format: Format,
        #[command(flatten)]
        running: RunningArguments,
        #[command(flatten)]
        config: ConfigArguments,
    },
    /// Enrol a witness again that lost its memory, or was restored from a backup
    ///
    /// A witness that has forgotten what it said stays silent, and a region that has releases nothing. This records that it
    /// begins anew, and gives it a memory that begins with that entry. Nothing else may be running on the folder. What a
    /// region forgot besides, such as mail, does not come back.
    Enrol {
        /// A region, or an outside witness, such as `ie-dublin`
        witness: String,
        /// What happened, for whoever reads the record
        #[arg(long, value_name = "TEXT", value_parser = one_line)]
        why: String,
        /// Also if its memory seems to be as it should
        #[arg(long)]
        force: bool,
        #[arg(long, value_enum, default_value_t)]
        format: Format,
        #[command(flatten)]
        running: RunningArguments,
    },
    /// List who holds which opening of which entry, under which key, and since when
    ///
    /// Head office keeps all; a region sees its own grant; courts, auditors and account holders have what they were given,
    /// and the public what was published. Says what keeps the rest closed, and until when.
    Openings {
        /// An authority's name for its demand, such as `13-mag-2814`; all entries if left out
        demand: Option<String>,
        #[arg(long, value_enum, default_value_t)]
        format: Format,
        #[command(flatten)]
        running: RunningArguments,
    },
    /// Give a court or an auditor openings, secret ones too, sealed to the reader's key in one file
    ///
    /// A court's key stands in the roster; an auditor shows one that `record new-key` made. Head office notes who was given what,
    /// under which key, and until when it may be used; nothing takes an opening back. `record unseal` opens the file.
    Give {
        /// A court or other authority by its id, such as `us-sdny`, or else an auditor's name
        #[arg(value_parser = one_line)]
        to: String,
        /// Of one demand only; of all entries if left out
        #[arg(long, value_name = "DEMAND")]
        demand: Option<String>,
        /// Where to write the sealed openings
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// The auditor's public key: `x25519:` and 32 bytes in base64
        #[arg(long, value_name = "KEY")]
        key: Option<RecipientKey>,
        /// Which slots, such as `public` for a report, or `kind,matter,demand,facts,law,decision` to make decisions again
        #[arg(long, value_name = "SLOT", value_delimiter = ',', default_value = "public")]
        show: Vec<Slot>,
        /// Until when the reader may use them
        #[arg(long, value_name = "TIME")]
        until: Option<SimTime>,
        #[command(flatten)]
        running: RunningArguments,
    },
    /// Open openings that you were given, and write each into a file that fits the record
    ///
    /// For --openings of `record audit` and `report`. Needs no running provider. Without --key it opens what an authority was
    /// given, in a world whose authorities' keys are public.
    Unseal {
        /// The file that `record give` wrote
        file: PathBuf,
        /// A file with your secret key, as `record new-key` writes it
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
        /// A new folder for the openings
        #[arg(long, value_name = "FOLDER")]
        out: PathBuf,
        #[command(flatten)]
        config: ConfigArguments,
    },
    /// Make a pair of keys that openings can be sealed to, and print the public one
    NewKey {
        /// Where to write the secret key
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Show what the holder of an account was told of demands for it
    ///
    /// With --out, writes a proof of every entry that was opened, each for `record verify` on any machine: the holder
    /// need not believe head office.
    Notices {
        /// The account, such as `molly@post.example`
        address: Address,
        /// A new folder for the proofs
        #[arg(long, value_name = "FOLDER")]
        out: Option<PathBuf>,
        #[arg(long, value_enum, default_value_t)]
        format: Format,
        #[command(flatten)]
        running: RunningArguments,
    },
    /// Erase what opens a demand that is over; its entries stay in the record
    ///
    /// Only when nothing more can happen in it, nothing is held for it and its holder was told. There is no way back.
    Erase {
        /// An authority's name for its demand, such as `13-mag-2814`
        demand: String,
        #[command(flatten)]
        running: RunningArguments,
    },
    /// Open a production with its recipient's key, and write the archive that is inside
    ///
    /// Only in a world whose authorities' keys are public, such as the demo's.
    Open {
        /// The production: its path, or its name in `authorities/` of the data folder
        production: PathBuf,
        /// The data folder of a deployment
        #[arg(long, value_name = "FOLDER", default_value = "data/demo")]
        data: PathBuf,
        /// Where to write the tar archive
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        #[command(flatten)]
        config: ConfigArguments,
    },
}

pub fn record(arguments: RecordArguments) -> Outcome {
    match arguments.command {
        RecordCommand::Show { data, format } => whole::show(&data, format),
        RecordCommand::Prove { id, show, running } => proof::prove(id, show, &running),
        RecordCommand::Audit { openings, policy, law, format, running, config } => {
            audit::audit(openings.as_deref(), policy.as_deref(), &law, &running, &config, format)
        }
        RecordCommand::Enrol { witness, why, force, format, running } => {
            enrol::enrol(&witness, &why, force, &running, format)
        }
        RecordCommand::Serve { data, listen } => serve_record(&data, listen),
        RecordCommand::Keys { data, policy, format } => proof::keys(&read_policy(&data, policy)?, format),
        RecordCommand::Verify { file, data, emergency, policy, format, config } => {
            let accept = if emergency { Accept::Emergency } else { Accept::NormalOnly };
            match file {
                Some(folder) if folder.is_dir() => {
                    whole::verify(&whole::Whole::in_folder(folder)?, policy, accept, format)
                }
                Some(file) if production::is_one(&file)? => production::verify(&file, &config, format),
                Some(file) => proof::verify(&file, policy.as_deref(), accept, format),
                None => whole::verify(&whole::Whole::of_deployment(&data)?, policy, accept, format),
            }
        }
        RecordCommand::Openings { demand, format, running } => openings::list(demand, format, &running),
        RecordCommand::Give { to, demand, out, key, show, until, running } => {
            let ask = Ask::Give { to: to.clone(), key, matter: demand, slots: show, until };
            handover::give(&to, &out, ask, &running)
        }
        RecordCommand::Unseal { file, key, out, config } => {
            handover::unseal(&file, key.as_deref(), &out, &config)
        }
        RecordCommand::NewKey { out } => handover::new_key(&out),
        RecordCommand::Notices { address, out, format, running } => {
            openings::notices(address, out.as_deref(), format, &running)
        }
        RecordCommand::Erase { demand, running } => openings::erase(demand, &running),
        RecordCommand::Open { production: named, data, out, config } => {
            production::open(&production::find(named, &data)?, &out, &config)
        }
    }
}

fn serve_record(data: &Path, listen: SocketAddr) -> Outcome {
    if !listen.ip().is_loopback() {
        return Err(format!(
            "`{listen}` is not on this machine, where `127.0.0.1` or `[::1]` is allowed: there is no TLS here, so put a \
             web server in front"
        )
        .into());
    }
    let folder = data.join("record");
    if !folder.join("checkpoint").exists() {
        return Err(format!("`{}` is no record: it has no `checkpoint`", folder.display()).into());
    }
    runtime()?.block_on(async {
        let mut ending = Ending::listen()?;
        let listener = tokio::net::TcpListener::bind(listen).await?;
        screen::line(&format!("the record is at http://{}/checkpoint", listener.local_addr()?))?;
        tokio::select! {
            ended = serve(folder, listener) => ended?,
            () = ending.asked() => {}
        }
        Ok(Exit::Done)
    })
}

pub fn read_policy(data: &Path, given: Option<PathBuf>) -> Result<Policy, Failure> {
    if given.is_none() {
        check_record_in(data)?;
    }
    let path = given.unwrap_or_else(|| data.join("record").join("policy"));
    Ok(Policy::read(&SourceFile::read(&path)?)?)
}
