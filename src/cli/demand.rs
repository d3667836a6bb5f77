//! `rogatory demand`: a demand on a running provider.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::common::{ConfigArguments, look, wait};
use super::control::{RunningArguments, unexpected};
use super::screen::{self, Format};
use super::{Exit, Outcome};
use crate::demand::Demand;
use crate::diagnostic::SourceFile;
use crate::provider::{Ask, Told};
use crate::region::Body;
use crate::scenario::{history_text, matter_text};

/// File a demand with a running provider, follow it, ask why
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  rogatory demand list
  rogatory demand show 13-mag-2814
  rogatory demand explain 18-mag-2713 --format json
  rogatory demand file my-warrant.toml            docs/formats.md has one to start from")]
pub struct DemandArguments {
    #[command(subcommand)]
    command: DemandCommand,
}

#[derive(Subcommand, Debug)]
enum DemandCommand {
    /// Serve a demand on the provider and see what the gate decides
    ///
    /// The file is TOML with the fields of a demand (docs/formats.md). In a demo, whose authorities' keys are public, it
    /// is signed here as its issuer would; a provider with real authorities takes signed demands only.
    File {
        file: PathBuf,
        #[arg(long, value_enum, default_value_t)]
        format: Format,
        #[command(flatten)]
        running: RunningArguments,
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
            let source = SourceFile::read(&file)?;
            let demand: Demand = source.parse_toml()?;
            let id = demand.id.to_string();
            let ask = Ask::FileUnsigned { demand: Box::new(demand) };
            wait(async {
                running.ask(ask, Body::empty()).await?;
                show(id, format, running).await
            })
        }
        DemandCommand::List { format, running } => wait(list(format, running)),
        DemandCommand::Show { demand, format, running } => wait(show(demand, format, running)),
        DemandCommand::Explain { demand, format, running } => wait(explain(demand, format, running)),
    }
}

async fn list(format: Format, running: RunningArguments) -> Outcome {
    let Told::Matters { matters } = running.ask(Ask::List, Body::empty()).await?.reply else {
        return Err(unexpected());
    };
    if format == Format::Json {
        screen::json(&matters)?;
        return Ok(Exit::Done);
    }
    for matter in &matters {
        screen::line(&format!(
            "{:<18} {:<20} {}  {}",
            matter.demand,
            matter.issuing,
            matter.received.date_utc(),
            matter.disposition
        ))?;
    }
    if matters.is_empty() {
        screen::line("no demand was received yet; `rogatory demand file FILE` serves one")?;
    }
    Ok(Exit::Done)
}

async fn show(matter: String, format: Format, running: RunningArguments) -> Outcome {
    let Told::Matter(matter) = running.ask(Ask::Show { matter }, Body::empty()).await?.reply else {
        return Err(unexpected());
    };
    if format == Format::Json {
        screen::json(&matter)?;
        return Ok(Exit::Done);
    }
    let Told::Status(status) = running.ask(Ask::Status, Body::empty()).await?.reply else {
        return Err(unexpected());
    };
    let names = ConfigArguments { config: None }.read()?.names;
    screen::text(&matter_text(&matter, status.now, &names, look()))?;
    Ok(Exit::Done)
}

async fn explain(matter: String, format: Format, running: RunningArguments) -> Outcome {
    let Told::History(history) = running.ask(Ask::Explain { matter }, Body::empty()).await?.reply else {
        return Err(unexpected());
    };
    if format == Format::Json {
        screen::json(&history)?;
        return Ok(Exit::Done);
    }
    let names = ConfigArguments { config: None }.read()?.names;
    screen::text(&history_text(&history, &names, look()))?;
    Ok(Exit::Done)
}
