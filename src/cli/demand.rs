//! `rogatory demand`: a demand on a running provider.

use std::io::Write;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, Subcommand};
use ed25519_dalek::SigningKey;

use super::common::{ConfigArguments, Failure, Setup, look, not_made, wait};
use super::control::{RunningArguments, unexpected};
use super::screen::{self, Format};
use super::why::{why_json, why_text};
use super::{Exit, Outcome};
use crate::demand::{Demand, SignedInstrument};
use crate::diagnostic::SourceFile;
use crate::provider::{Ask, Newest, Told};
use crate::region::Body;
use crate::scenario::{history_text, matter_text};
use crate::world::AuthorityId;

/// File a demand with a running provider, follow it, ask why
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  rogatory demand list
  rogatory demand show 13-mag-2814
  rogatory demand explain 18-mag-2713 --format json
  rogatory demand file my-warrant.toml            docs/formats.md has one to start from
  rogatory demand sign my-warrant.toml --as us-sdny-magistrate --out my-warrant.signed
  rogatory demand file my-warrant.signed")]
pub struct DemandArguments {
    #[command(subcommand)]
    command: DemandCommand,
}

#[derive(Subcommand, Debug)]
enum DemandCommand {
    /// Serve a demand on the provider and see what the gate decides
    ///
    /// The file is a demand that its issuer signed (`rogatory demand sign`), or, in a demo, whose authorities' keys are
    /// public, TOML with the fields of a demand, which is then signed on the way in as its issuer would.
    File {
        file: PathBuf,
        #[arg(long, value_enum, default_value_t)]
        format: Format,
        #[command(flatten)]
        running: RunningArguments,
    },
    /// Sign a demand as its issuer
    ///
    /// Takes TOML with the fields of a demand and writes the signed demand, whose text can be read and not be changed.
    /// In a demo the authorities' keys are public and need not be named. Needs no running provider.
    Sign {
        file: PathBuf,
        /// Who signs; has to be the authority that the demand says it is issued by
        #[arg(long = "as", value_name = "AUTHORITY")]
        authority: AuthorityId,
        /// A file with the authority's signing key: `ed25519-secret:` and 32 bytes in base64
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
        /// Where to write it; standard output if left out
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        #[command(flatten)]
        config: ConfigArguments,
    },
    /// List all demands
    List {
        #[arg(long, value_enum, default_value_t)]
        format: Format,
        #[command(flatten)]
        running: RunningArguments,
    },
    /// Show how a demand stands
    Show {
        /// The authority's name for it, such as `13-mag-2814`
        demand: String,
        #[arg(long, value_enum, default_value_t)]
        format: Format,
        #[command(flatten)]
        running: RunningArguments,
    },
    /// Show every recorded step of a demand, with the rules behind each decision
    Explain {
        /// The authority's name for it, such as `13-mag-2814`
        demand: String,
        #[arg(long, value_enum, default_value_t)]
        format: Format,
        #[command(flatten)]
        running: RunningArguments,
    },
}

pub fn demand(arguments: DemandArguments) -> Outcome {
    match arguments.command {
        DemandCommand::File { file, format, running } => {
            let (id, ask) = read(&file)?;
            wait(async {
                let told = running.ask(ask, Body::empty()).await?.reply;
                if let (Told::Delayed(matter), Format::Text) = (&told, format) {
                    screen::line(&format!(
                        "`{}` was received and is in the record. It does not have to be filed again.\n",
                        matter.demand
                    ))?;
                }
                show(id, format, running).await
            })
        }
        DemandCommand::Sign { file, authority, key, out, config } => {
            sign(&file, authority, key, out, &config)
        }
        DemandCommand::List { format, running } => wait(list(format, running)),
        DemandCommand::Show { demand, format, running } => wait(show(demand, format, running)),
        DemandCommand::Explain { demand, format, running } => wait(explain(demand, format, running)),
    }
}

/// A demand from a file, signed or not, as the question to ask, and its name.
fn read(file: &Path) -> Result<(String, Ask), Failure> {
    let source = SourceFile::read(file)?;
    if !SignedInstrument::is_letter(source.text()) {
        let demand: Demand = source.parse_toml()?;
        return Ok((demand.id.to_string(), Ask::FileUnsigned { demand: Box::new(demand) }));
    }
    let at = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
    let instrument = SignedInstrument::from_letter(source.text()).map_err(|error| at(&error))?;
    let matter = instrument.claimed_matter().map_err(|error| at(&error))?;
    Ok((matter, Ask::File { instrument }))
}

fn sign(
    file: &Path,
    authority: AuthorityId,
    key: Option<PathBuf>,
    out: Option<PathBuf>,
    config: &ConfigArguments,
) -> Outcome {
    let setup = config.read()?;
    let roster = setup.world.roster();
    roster.authority(&authority)?;
    let demand: Demand = SourceFile::read(file)?.parse_toml()?;
    if demand.issuing != authority {
        return Err(format!(
            "{}: the demand says that `{}` issues it, and `{authority}` signs; the issuer has to sign",
            file.display(),
            demand.issuing
        )
        .into());
    }
    let key = match key {
        Some(path) => read_key(&path)?,
        None => roster.demo_signing_key(&authority).ok_or_else(|| {
            format!("`{authority}` is an authority of the real world here: name its key with --key")
        })?,
    };
    let letter = demand.sign_readably(&key).to_letter();
    match out {
        None => screen::text(&String::from_utf8(letter)?)?,
        Some(path) => {
            let made = std::fs::File::create_new(&path).and_then(|mut file| file.write_all(&letter));
            made.map_err(|error| not_made(&path, &error))?;
            screen::line(&format!("{} signed as {authority} in `{}`", demand.id, path.display()))?;
        }
    }
    Ok(Exit::Done)
}

/// Reads a signing key, and says nothing of it in errors.
pub fn read_key(path: &Path) -> Result<SigningKey, Failure> {
    let bad = || -> Failure {
        format!(
            "`{}` is no signing key: it has to hold `ed25519-secret:` and 32 bytes in base64",
            path.display()
        )
        .into()
    };
    let text = zeroize::Zeroizing::new(
        std::fs::read_to_string(path)
            .map_err(|error| format!("`{}` cannot be read: {error}", path.display()))?,
    );
    let secret = text.trim().strip_prefix("ed25519-secret:").ok_or_else(bad)?;
    let bytes = zeroize::Zeroizing::new(STANDARD.decode(secret).map_err(|_| bad())?);
    let bytes: &[u8; 32] = bytes.as_slice().try_into().map_err(|_| bad())?;
    Ok(SigningKey::from_bytes(bytes))
}

async fn list(format: Format, running: RunningArguments) -> Outcome {
    let Told::Matters { matters } = running.look(Ask::List).await? else {
        return Err(unexpected());
    };
    if format == Format::Json {
        screen::json(&matters)?;
        return Ok(Exit::Done);
    }
    for matter in &matters {
        screen::line(&format!(
            "{:<18} {:<20} {}  {}",
            matter.matter.label(),
            matter.issuing,
            matter.received.date_utc(),
            matter.disposition
        ))?;
    }
    for matter in &matters {
        if let Some(why) = &matter.delayed_by {
            screen::line(&format!("\n{} waits: {why}", matter.demand))?;
        }
    }
    if matters.is_empty() {
        screen::line("no demand was received yet; `rogatory demand file FILE` serves one")?;
    }
    Ok(Exit::Done)
}

async fn show(matter: String, format: Format, running: RunningArguments) -> Outcome {
    let office = running.office().await?;
    let told = (office.ask(Ask::Show { matter }).await, office.ask(Ask::Status).await);
    office.leave().await;
    let (Told::Matter(matter), Told::Status(status)) = (told.0?, told.1?) else { return Err(unexpected()) };
    if format == Format::Json {
        screen::json(&matter)?;
        return Ok(Exit::Done);
    }
    let names = running.setup()?.names;
    screen::text(&matter_text(&matter, status.now, &names, look()))?;
    Ok(Exit::Done)
}

async fn explain(matter: String, format: Format, running: RunningArguments) -> Outcome {
    let Setup { names, law, world, .. } = running.setup()?;
    let Told::History(history) = running.look(Ask::Explain { matter }).await? else {
        return Err(unexpected());
    };
    // Other books than those it was decided by would explain another decision.
    let (explained, other): (Vec<Newest<'_>>, Vec<Newest<'_>>) =
        history.newest().into_iter().partition(|newest| newest.law == law.revision());
    let other = !other.is_empty();
    if format == Format::Json {
        let mut value = serde_json::to_value(&history)?;
        if let Some(value) = value.as_object_mut() {
            let why: Vec<_> = explained.iter().map(|newest| why_json(&law, &world, newest)).collect();
            value.insert("why".to_owned(), why.into());
            value.insert("why-by-other-books".to_owned(), other.into());
        }
        screen::json(&value)?;
        return Ok(Exit::Done);
    }
    screen::text(&history_text(&history, &names, look()))?;
    if other {
        let which = match running.config_of_regions() {
            Some(config) => format!("in `{}` now", config.join("config/law").display()),
            None => "built in here".to_owned(),
        };
        screen::line(&format!(
            "WHY  a decision names another revision of the law books than those {which}: it is not explained."
        ))?;
    }
    screen::text(&why_text(&law, &world, &explained, screen::width()))?;
    Ok(Exit::Done)
}
