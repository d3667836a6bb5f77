//! `rogatory scenario`: scripted runs.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::common::{ConfigArguments, Failure, Setup, look, script_names, wait};
use super::screen::{self, Format, Unlocked};
use super::{Exit, Outcome};
use crate::provider::Nodes;
use crate::scenario::{
    Backstage, Observer, Pace, Playhouse, Report, Script, TextObserver, Unwatched, run, schema,
};

/// Play scripted cases, check scripts, list those built in
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  rogatory scenario list
  rogatory scenario run dublin-warrant --pace      one of those built in, at a pace for reading
  rogatory scenario check mine.toml                where a script is wrong: line, column, what is near
  rogatory scenario run mine.toml --format json    for programs
  rogatory scenario schema > scenario.schema.json  for the completion and checks of an editor")]
pub struct ScenarioArguments {
    #[command(subcommand)]
    command: ScenarioCommand,
}

#[derive(Subcommand, Debug)]
enum ScenarioCommand {
    /// Play scripts on a provider of their own, and compare what comes out with what they expect
    ///
    /// Ends with 0 if every expectation holds and with 3 if one does not. Each script gets a fresh provider with its
    /// regions, its record and its witnesses, in this process and in a temporary folder.
    Run {
        /// Script files, or names of built-in scripts such as `dublin-warrant`
        #[arg(required = true, value_name = "SCRIPT")]
        scripts: Vec<PathBuf>,
        /// How to show the play
        #[arg(long, value_enum, default_value_t)]
        format: Format,
        /// Rest between the steps, long enough to read
        #[arg(long)]
        pace: bool,
        /// Also show the expectations that hold
        #[arg(long, short)]
        verbose: bool,
        #[command(flatten)]
        config: ConfigArguments,
    },
    /// Read scripts and say what is wrong with them, without playing them
    Check {
        #[arg(required = true, value_name = "SCRIPT")]
        scripts: Vec<PathBuf>,
        #[command(flatten)]
        config: ConfigArguments,
    },
    /// List the scripts built into the program
    List {
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Print the JSON Schema of scripts, for an editor
    Schema,
}

pub fn scenario(arguments: ScenarioArguments) -> Outcome {
    match arguments.command {
        ScenarioCommand::Run { scripts, format, pace, verbose, config } => {
            let setup = config.read()?;
            let scripts: Vec<Script> =
                scripts.iter().map(|path| setup.script(path)).collect::<Result<_, _>>()?;
            let pace = if pace { Pace::Reading } else { Pace::None };
            wait(async {
                let mut all_hold = true;
                for script in &scripts {
                    all_hold &= play(&setup, script, format, pace, verbose).await?.holds();
                }
                Ok(if all_hold { Exit::Done } else { Exit::ExpectationFailed })
            })
        }
        ScenarioCommand::Check { scripts, config } => {
            let setup = config.read()?;
            for path in &scripts {
                let script = setup.script(path)?;
                let expectations: usize = script.steps.iter().map(|step| step.expects.len()).sum();
                screen::line(&format!(
                    "{}: {} steps, {expectations} expectations",
                    script.path.display(),
                    script.steps.len()
                ))?;
            }
            Ok(Exit::Done)
        }
        ScenarioCommand::List { format } => {
            let setup = ConfigArguments { config: None }.read()?;
            let mut listed = Vec::new();
            for name in script_names() {
                let script = setup.script(&PathBuf::from(&name))?;
                listed.push(
                    serde_json::json!({ "name": name, "title": script.title, "steps": script.steps.len() }),
                );
            }
            match format {
                Format::Json => screen::json(&listed)?,
                Format::Text => {
                    for script in &listed {
                        let name = script["name"].as_str().unwrap_or_default();
                        screen::line(&format!(
                            "{name:<26} {}",
                            script["title"].as_str().unwrap_or_default()
                        ))?;
                    }
                }
            }
            Ok(Exit::Done)
        }
        ScenarioCommand::Schema => {
            screen::line(schema().trim_end())?;
            Ok(Exit::Done)
        }
    }
}

/// Plays one script in this process and a temporary folder.
pub async fn play(
    setup: &Setup,
    script: &Script,
    format: Format,
    pace: Pace,
    verbose: bool,
) -> Result<Report, Failure> {
    let folder = tempfile::tempdir()?;
    let mut playhouse = Playhouse::new(Backstage {
        world: setup.source.clone(),
        law: setup.law.clone(),
        story: setup.story.clone(),
        data: folder.path().join("play"),
        nodes: Nodes::Here,
        wan: false,
    });
    let report = match format {
        Format::Text => {
            let observer = TextObserver::new(Unlocked, &setup.names, look(), pace);
            let mut observer = observer.with_expectations(verbose);
            run(script, &mut playhouse, &mut observer as &mut dyn Observer).await?
        }
        Format::Json => {
            let report = run(script, &mut playhouse, &mut Unwatched).await?;
            report.write_json(&mut screen::screen())?;
            report
        }
    };
    if let Some(deployment) = playhouse.into_deployment() {
        deployment.stop().await;
    }
    Ok(report)
}
