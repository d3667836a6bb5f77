//! `rogatory record`: the log, its checks, and what is inside a production.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

mod audit;
mod enrol;
mod openings;
mod proof;

pub use audit::read_openings;

use crate::cli::common::{ConfigArguments, Ending, Failure, private_file, runtime};
use crate::cli::control::{RunningArguments, check_record_in};
use crate::cli::screen::{self, BOLD, Format};
use crate::cli::{Exit, Outcome};
use crate::clock::SimTime;
use crate::diagnostic::SourceFile;
use crate::provider::Ask;
use crate::record::checkpoint::SignedCheckpoint;
use crate::record::entry::Slot;
use crate::record::policy::{Accept, Policy};
use crate::record::serve::serve;
use crate::record::storage::ServedFolder;
use crate::record::verify::{verify_folder, verify_journal};
use crate::region::production;
use crate::world::{Address, AuthorityId};

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
        /// A proof that `record prove` printed, or a production; without it the record in the data folder is checked
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
    /// would: on the openings in a folder, each checked against the record. Ends with 1 if there is any difference.
    Audit {
        /// A folder of openings, such as `record/opening` with those that were published
        #[arg(long, value_name = "FOLDER")]
        openings: Option<PathBuf>,
        /// A policy from elsewhere: the log's key, the witnesses, the quorum
        #[arg(long, value_name = "FILE", requires = "openings")]
        policy: Option<PathBuf>,
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
        #[arg(long, value_name = "TEXT")]
        why: String,
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
    /// Give a court or an auditor openings, secret ones too, as files that fit the record
    ///
    /// Head office notes who was given what, and until when it may be used; nothing takes an opening back.
    Give {
        /// A court or other authority by its id, such as `us-sdny`, or else an auditor's name
        to: String,
        /// Of one demand only; of all entries if left out
        #[arg(long, value_name = "DEMAND")]
        demand: Option<String>,
        /// A new folder for the openings
        #[arg(long, value_name = "FOLDER")]
        out: PathBuf,
        /// Which slots, such as `public` for a report, or `kind,matter,demand,facts,law,decision` to make decisions again
        #[arg(long, value_name = "SLOT", value_delimiter = ',', default_value = "public")]
        show: Vec<Slot>,
        /// Until when the auditor may use them
        #[arg(long, value_name = "TIME")]
        until: Option<SimTime>,
        #[command(flatten)]
        running: RunningArguments,
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
        RecordCommand::Show { data, format } => show(data, format),
        RecordCommand::Prove { id, show, running } => proof::prove(id, show, &running),
        RecordCommand::Audit { openings, policy, format, running, config } => {
            audit::audit(openings.as_deref(), policy.as_deref(), &running, &config, format)
        }
        RecordCommand::Enrol { witness, why, format, running } => {
            enrol::enrol(&witness, &why, &running, format)
        }
        RecordCommand::Serve { data, listen } => serve_record(&data, listen),
        RecordCommand::Keys { data, policy, format } => proof::keys(&read_policy(&data, policy)?, format),
        RecordCommand::Verify { file, data, emergency, policy, format, config } => {
            let accept = if emergency { Accept::Emergency } else { Accept::NormalOnly };
            match file {
                Some(file) if production::is_one(&file)? => verify_production(&file, &config, format),
                Some(file) => {
                    let text = SourceFile::read(&file)?;
                    proof::verify(text.text(), &file, policy.as_deref(), accept, format)
                }
                None => verify(data, policy, accept, format),
            }
        }
        RecordCommand::Openings { demand, format, running } => openings::list(demand, format, &running),
        RecordCommand::Give { to, demand, out, show, until, running } => {
            let ask = Ask::Give { to: Some(to.clone()), matter: demand, slots: show, until };
            openings::give(&to, &out, ask, &running)
        }
        RecordCommand::Notices { address, out, format, running } => {
            openings::notices(address, out.as_deref(), format, &running)
        }
        RecordCommand::Erase { demand, running } => openings::erase(demand, &running),
        RecordCommand::Open { production, data, out, config } => {
            open(find_production(production, &data)?, out, config)
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

fn show(data: PathBuf, format: Format) -> Outcome {
    check_record_in(&data)?;
    let checkpoint = SourceFile::read(&data.join("record").join("checkpoint"))?;
    let policy = read_policy(&data, None)?;
    let mut lines = checkpoint.text().lines();
    let origin = lines.next().unwrap_or_default();
    let size = lines.next().unwrap_or_default();
    let root = lines.next().unwrap_or_default();
    let cosigned = SignedCheckpoint::parse(checkpoint.text()).map_err(|error| error.to_string());
    let cosigned = cosigned.and_then(|checkpoint| {
        policy.check(&checkpoint, Accept::Emergency).map_err(|error| error.to_string())
    });
    let genesis = ServedFolder(data.join("record")).opening(0).ok().flatten();
    let genesis = genesis.and_then(|opening| opening.value(Slot::Facts).ok().flatten());
    if format == Format::Json {
        screen::json(&serde_json::json!({
            "origin": origin, "size": size, "root": root, "policy": policy.to_text(), "genesis": genesis,
            "quorum": cosigned.as_ref().ok(), "no-quorum": cosigned.as_ref().err(),
        }))?;
        return Ok(Exit::Done);
    }
    screen::line(&format!("{BOLD}{origin}{BOLD:#}: {size} entries, root {root}"))?;
    screen::line(&match &cosigned {
        Ok(quorum) => proof::cosigners(quorum),
        Err(why) => format!("{}no quorum: {why}{:#}", screen::BAD, screen::BAD),
    })?;
    for witness in policy.witnesses() {
        let independent = if witness.independent { "independent" } else { "head office holds its keys" };
        let outsider = if witness.outsider { ", an outsider" } else { "" };
        screen::line(&format!(
            "  {:<18} {}  {independent}{outsider}, controlled by {}",
            witness.id, witness.country, witness.controlled_by
        ))?;
    }
    if genesis.as_ref().is_some_and(|genesis| genesis["seeded"] == true) {
        screen::line(
            "seeded: its secrets can be derived by anyone who knows the seed; nothing in it is private",
        )?;
    }
    Ok(Exit::Done)
}

fn verify(data: PathBuf, policy: Option<PathBuf>, accept: Accept, format: Format) -> Outcome {
    let beside = policy.is_none();
    let path = policy.clone().unwrap_or_else(|| data.join("record").join("policy"));
    let policy = read_policy(&data, policy)?;
    let mut found = verify_folder(&data.join("record"), &policy, accept, &mut |_, _| {});
    let journal = data.join("head-office").join("journal");
    // A copy of what is served has none.
    if journal.exists() {
        verify_journal(&journal, &mut found);
    }
    if format == Format::Json {
        let mut told = serde_json::to_value(&found)?;
        told["policy"] = serde_json::json!({ "file": path, "beside-the-record": beside });
        screen::json(&told)?;
    } else {
        for finding in &found.findings {
            screen::line(&format!("{}{finding}{:#}", screen::BAD, screen::BAD))?;
        }
        if let Some(quorum) = &found.quorum {
            screen::line(&proof::cosigners(quorum))?;
        }
        let verdict = if found.is_sound() { "sound" } else { "NOT sound" };
        screen::line(&format!(
            "{} entries and {} published openings checked: {BOLD}{verdict}{BOLD:#}",
            found.entries, found.openings
        ))?;
        let whose = match beside {
            true => {
                ", which lies beside the record: who can rewrite one can rewrite the other. A policy from one of the \
                 witnesses (--policy) proves more"
            }
            false => "",
        };
        screen::line(&format!("by the policy in `{}`{whose}", path.display()))?;
    }
    Ok(if found.is_sound() { Exit::Done } else { Exit::Failed })
}

fn verify_production(path: &Path, config: &ConfigArguments, format: Format) -> Outcome {
    let failed = |error: std::io::Error| -> Failure { format!("`{}`: {error}", path.display()).into() };
    let read = || Ok::<_, Failure>(std::io::BufReader::new(std::fs::File::open(path).map_err(failed)?));
    let header = production::ProductionHeader::read(&mut read()?)?;
    let secret = config.read()?.world.roster().demo_recipient_secret(&header.recipient);
    let found = production::examine(read()?, secret.as_ref())?;
    // What is damaged outside does not open.
    let contents = match &secret {
        Some(secret) if found.damage.is_empty() => Some(production::check_contents(read()?, secret)?),
        _ => None,
    };
    let wrong: &[String] = contents.as_ref().map_or(&[], |contents| &contents.wrong);
    let sound = found.damage.is_empty() && wrong.is_empty();
    if format == Format::Json {
        let mut told = serde_json::to_value(&found)?;
        told["contents"] = serde_json::to_value(&contents)?;
        screen::json(&told)?;
    } else {
        for damage in &found.damage {
            screen::line(&format!("{}{}: {damage}{:#}", screen::BAD, path.display(), screen::BAD))?;
        }
        for wrong in wrong {
            screen::line(&format!("{}{}: {wrong}{:#}", screen::BAD, path.display(), screen::BAD))?;
        }
        if let Some(contents) = &contents {
            screen::line(&format!(
                "{} files held against the manifest, SHA-256 {}",
                contents.files, contents.manifest
            ))?;
        }
        let verdict = if sound { "sound" } else { "NOT sound" };
        let seals = match found.unsealed {
            0 if secret.is_none() => "no seal, for want of the recipient's key".to_owned(),
            count => format!("{count} seals"),
        };
        screen::line(&format!(
            "for {}: {} parts and {seals} checked: {BOLD}{verdict}{BOLD:#}; SIMULATED",
            found.header.recipient, found.parts
        ))?;
    }
    Ok(if sound { Exit::Done } else { Exit::Failed })
}

/// A production by its path, or by its name among those that wait for the authorities.
fn find_production(named: PathBuf, data: &Path) -> Result<PathBuf, Failure> {
    if named.exists() {
        return Ok(named);
    }
    let folders = std::fs::read_dir(data.join("authorities")).into_iter().flatten().flatten();
    let files = folders.filter_map(|folder| std::fs::read_dir(folder.path()).ok()).flatten().flatten();
    let mut there: Vec<PathBuf> = files.map(|file| file.path()).collect();
    there.sort();
    let is_named = |path: &&PathBuf| {
        path.file_name() == Some(named.as_os_str()) || path.file_stem() == Some(named.as_os_str())
    };
    if let Some(path) = there.iter().find(is_named) {
        return Ok(path.clone());
    }
    let names: Vec<String> =
        there.iter().filter_map(|path| Some(format!("`{}`", path.file_name()?.to_string_lossy()))).collect();
    let hint =
        if names.is_empty() { "there is none".to_owned() } else { format!("there are {}", names.join(", ")) };
    Err(format!(
        "no production `{}`, neither as a path nor in `{}`: {hint}",
        named.display(),
        data.join("authorities").display()
    )
    .into())
}

fn open(path: PathBuf, out: PathBuf, config: ConfigArguments) -> Outcome {
    let setup = config.read()?;
    let failed = |error: std::io::Error| -> Failure { format!("`{}`: {error}", path.display()).into() };
    let mut file = std::io::BufReader::new(std::fs::File::open(&path).map_err(failed)?);
    let header = production::ProductionHeader::read(&mut file)?;
    let recipient: AuthorityId = header.recipient.clone();
    let secret =
        setup.world.roster().demo_recipient_secret(&recipient).ok_or_else(|| {
            format!("the production is for `{recipient}`, whose secret only `{recipient}` has")
        })?;
    let file = std::io::BufReader::new(std::fs::File::open(&path).map_err(failed)?);
    let mut archive = std::io::BufWriter::new(private_file(&out)?);
    let opened = production::open(file, &secret, &mut archive);
    if opened.is_err() {
        // What verified before the first bad part is true, and no production.
        let _ = std::fs::remove_file(&out);
    }
    let (_, bytes) = opened?;
    screen::line(&format!(
        "opened as {recipient}: {bytes} bytes of tar archive in `{}`; SIMULATED",
        out.display()
    ))?;
    Ok(Exit::Done)
}
