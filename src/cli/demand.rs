//! `rogatory demand`: a demand on a running provider.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::common::{Failure, runtime};
use super::control::RunningArguments;
use super::screen::{self, BOLD, Format};
use super::{Exit, Outcome};
use crate::demand::Demand;
use crate::diagnostic::SourceFile;
use crate::gate::{Event, ItemDecision};
use crate::law::Position;
use crate::provider::{Ask, History, MatterView, Told};
use crate::region::Body;

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
    let runtime = runtime()?;
    match arguments.command {
        DemandCommand::File { file, format, running } => {
            let source = SourceFile::read(&file)?;
            let demand: Demand = source.parse_toml()?;
            let id = demand.id.to_string();
            runtime.block_on(running.ask(Ask::FileUnsigned { demand: Box::new(demand) }, Body::empty()))?;
            let told = runtime.block_on(running.ask(Ask::Show { matter: id }, Body::empty()))?.reply;
            show(told, format)
        }
        DemandCommand::List { format, running } => {
            let Told::Matters { matters } = runtime.block_on(running.ask(Ask::List, Body::empty()))?.reply
            else {
                return Err(wrong_answer());
            };
            match format {
                Format::Json => screen::json(&matters)?,
                Format::Text => {
                    for matter in &matters {
                        screen::line(&format!(
                            "{:<16} {:<20} {}  {}",
                            matter.demand,
                            matter.issuing,
                            matter.received.date_utc(),
                            matter.disposition
                        ))?;
                    }
                }
            }
            Ok(Exit::Done)
        }
        DemandCommand::Show { demand, format, running } => {
            let told = runtime.block_on(running.ask(Ask::Show { matter: demand }, Body::empty()))?.reply;
            show(told, format)
        }
        DemandCommand::Explain { demand, format, running } => {
            let told = runtime.block_on(running.ask(Ask::Explain { matter: demand }, Body::empty()))?.reply;
            let Told::History(history) = told else { return Err(wrong_answer()) };
            match format {
                Format::Json => screen::json(&history)?,
                Format::Text => explain(&history)?,
            }
            Ok(Exit::Done)
        }
    }
}

fn wrong_answer() -> Failure {
    "the provider answered another question; is it of another version?".into()
}

fn show(told: Told, format: Format) -> Outcome {
    let Told::Matter(matter) = told else { return Err(wrong_answer()) };
    match format {
        Format::Json => screen::json(&matter)?,
        Format::Text => {
            heading(&matter)?;
            for item in &matter.items {
                summary(item)?;
                item.positions.iter().try_for_each(position)?;
            }
        }
    }
    Ok(Exit::Done)
}

fn heading(matter: &MatterView) -> std::io::Result<()> {
    screen::line(&format!(
        "{BOLD}{}{BOLD:#} of {}, received {}: {BOLD}{}{BOLD:#}",
        matter.demand,
        matter.issuing,
        matter.received.date_utc(),
        matter.disposition
    ))?;
    for finding in &matter.returned_for {
        screen::line(&format!("  sent back: {}; {}", finding.what, finding.remedy))?;
    }
    if let Some(later) = &matter.superseded_by {
        screen::line(&format!("  superseded by {later}"))?;
    }
    Ok(())
}

fn summary(item: &ItemDecision) -> std::io::Result<()> {
    let regions: Vec<&str> = item.item.place.regions().iter().map(|region| region.as_str()).collect();
    let outcome = item.outcome.map_or("pending", |outcome| outcome.as_str());
    let conduct = item.conduct.map_or_else(String::new, |conduct| format!(", {conduct}"));
    screen::line(&format!(
        "  {} {} in {}: duty {}{conduct}: {BOLD}{outcome}{BOLD:#}",
        item.act,
        item.item.class,
        regions.join(", "),
        item.duty
    ))?;
    if let Some(due) = item.due {
        screen::line(&format!("    due {due}"))?;
    }
    if !item.suspended_by.is_empty() {
        let by: Vec<&str> = item.suspended_by.iter().map(|paper| paper.as_str()).collect();
        screen::line(&format!("    suspended by {}", by.join(", ")))?;
    }
    if let Some(treaty) = &item.treaty {
        screen::line(&format!("    treaty: {treaty}"))?;
    }
    Ok(())
}

fn position(position: &Position) -> std::io::Result<()> {
    screen::line(&format!("    {} {}", position.jurisdiction, position.kind))?;
    if let Some(gap) = &position.gap {
        screen::line(&format!("      {gap}"))?;
    }
    for rule in &position.rules {
        screen::line(&format!("      {}: {}", rule.id, rule.says))?;
        let penalty = rule.penalty.as_ref().map_or_else(String::new, |penalty| format!(" · {penalty}"));
        screen::line(&format!("        {} · {} · {}{penalty}", rule.cite, rule.weight, rule.source.mark))?;
    }
    Ok(())
}

fn explain(history: &History) -> std::io::Result<()> {
    heading(&history.matter)?;
    for (entry, event) in &history.events {
        screen::line(&format!("\n{BOLD}entry {entry}{BOLD:#} · {} · {}", event.at(), event.kind()))?;
        match event {
            Event::Received { instrument, .. } => {
                screen::line(&format!(
                    "  served on {}, text {}",
                    instrument.served_on,
                    &instrument.digest[..12]
                ))?;
            }
            Event::Returned { note, .. } => {
                for finding in note {
                    screen::line(&format!("  {}; {}", finding.what, finding.remedy))?;
                }
            }
            Event::Decided { law, decision, .. } => {
                screen::line(&format!("  by law books {}", &law[..12]))?;
                for item in decision {
                    summary(item)?;
                    item.positions.iter().try_for_each(position)?;
                }
            }
            Event::Ordered { order, .. } => {
                screen::line(&format!("  {} {} ({})", order.by, order.effect.as_str(), order.id))?;
            }
            Event::Filed { order, .. } => screen::line(&format!("  {}", order.id))?,
            Event::Delivered { production, .. } => {
                for answer in production {
                    let text = serde_json::to_string(&answer.answer).unwrap_or_default();
                    screen::line(&format!("  {}: {text}", answer.region))?;
                }
            }
            Event::Routed { route, .. } => {
                screen::line(&format!("  {}", serde_json::to_string(route).unwrap_or_default()))?;
            }
            Event::Superseded { note, .. } => screen::line(&format!("  by {note}"))?,
        }
    }
    Ok(())
}
