//! `rogatory keys`: the life of the regions' keys.

use clap::{Args, Subcommand};

use super::common::wait;
use super::control::{RunningArguments, unexpected};
use super::screen::{self, BOLD, Format};
use super::{Exit, Outcome};
use crate::provider::{Ask, Told};
use crate::region::Body;
use crate::world::RegionId;

/// Show the regions' keys, or give a region a new one
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  rogatory keys status
  rogatory keys status --region ie-dublin
  rogatory keys rotate ie-dublin
  rogatory keys shred")]
pub struct KeysArguments {
    #[command(subcommand)]
    command: KeysCommand,
}

#[derive(Subcommand, Debug)]
enum KeysCommand {
    /// Objects and wraps for each key epoch, stragglers, and what is deleted and not yet shredded
    Status {
        /// Only this region
        #[arg(long)]
        region: Option<RegionId>,
        #[arg(long, value_enum, default_value_t)]
        format: Format,
        #[command(flatten)]
        running: RunningArguments,
    },
    /// Give new keys to the copies that mail was deleted from: nothing opens it any more, unless a hold needs it
    Shred {
        /// Only this region
        region: Option<RegionId>,
        #[arg(long, value_enum, default_value_t)]
        format: Format,
        #[command(flatten)]
        running: RunningArguments,
    },
    /// Give a region a new key: every copy's key is wrapped anew, and no object is touched
    Rotate {
        region: RegionId,
        #[arg(long, value_enum, default_value_t)]
        format: Format,
        #[command(flatten)]
        running: RunningArguments,
    },
}

pub fn keys(arguments: KeysArguments) -> Outcome {
    let (ask, format, running) = match arguments.command {
        KeysCommand::Status { region, format, running } => {
            (Ask::Keys { region, rotate: false }, format, running)
        }
        KeysCommand::Rotate { region, format, running } => {
            (Ask::Keys { region: Some(region), rotate: true }, format, running)
        }
        KeysCommand::Shred { region, format, running } => (Ask::Shred { region }, format, running),
    };
    let shredding = matches!(ask, Ask::Shred { .. });
    let looking = matches!(ask, Ask::Keys { rotate: false, .. });
    let told = wait(async {
        if looking { running.look(ask).await } else { Ok(running.ask(ask, Body::empty()).await?.reply) }
    })?;
    let Told::Keys { regions } = told else { return Err(unexpected()) };
    if format == Format::Json {
        screen::json(&regions)?;
        return Ok(Exit::Done);
    }
    for (region, status) in &regions {
        if shredding {
            let (shredded, held) = (&status["shredded"], &status["held"]);
            screen::line(&format!(
                "{BOLD}{region}{BOLD:#}: {shredded} deleted objects shredded, {held} kept by holds"
            ))?;
            continue;
        }
        screen::line(&format!(
            "{BOLD}{region}{BOLD:#}: {} in {}, {} deleted and not yet shredded",
            screen::counted(&status["objects"], "object", "objects"),
            screen::counted(&status["copies"], "copy", "copies"),
            status["deleted_not_shredded"]
        ))?;
        for epoch in status["epochs"].as_array().into_iter().flatten() {
            screen::line(&format!(
                "  epoch {:<3} {:<10} {:>12} {:>14} {:>13}",
                epoch["epoch"],
                epoch["state"].as_str().unwrap_or_default(),
                screen::counted(&epoch["wraps"], "wrap", "wraps"),
                screen::counted(&epoch["objects"], "object", "objects"),
                screen::counted(&epoch["stragglers"], "straggler", "stragglers")
            ))?;
        }
    }
    Ok(Exit::Done)
}
