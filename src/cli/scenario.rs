//! `rogatory scenario`: scripted runs.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::common::{ConfigArguments, script_names, wait};
use super::compare::{CompareArguments, compare};
use super::play::{ReportFormat, Telling, play_all};
use super::screen::{self, Format};
use super::{Exit, Outcome};
use crate::scenario::{Pace, Script, schema};

/// Play scripted cases, check scripts, list those built in
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  rogatory scenario list
  rogatory scenario run dublin-warrant --pace      one of those built in, at a pace for reading
  rogatory scenario check mine.toml                where a script is wrong: line, column, what is near
  rogatory scenario run mine.toml --format html --output mine.html    to project, print or attach
  rogatory scenario run *.toml --format junit --output results.xml    for a build server
  rogatory scenario compare dublin-warrant --at 2016-07-15 --at 2018-06-01
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
    ///
    /// A folder of real cases, such as `config/scenarios/cases`, is played as a table: what happened beside what the
    /// engine says, and by which rule. To disagree with history is no failure; only an expectation that does not hold is.
    Run {
        /// Script files, folders of cases, or names of built-in scripts such as `dublin-warrant`
        #[arg(required = true, value_name = "SCRIPT")]
        scripts: Vec<PathBuf>,
        /// How to report what came of it
        #[arg(long, value_enum, default_value_t)]
        format: ReportFormat,
        /// Write the report to this file, and to the screen only whether the expectations hold
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
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
    ///
    /// Names every script that is wrong, with line, column, what is allowed and what is near.
    Check {
        /// Script files, folders of scripts, or names of built-in scripts
        #[arg(required = true, value_name = "SCRIPT")]
        scripts: Vec<PathBuf>,
        #[command(flatten)]
        config: ConfigArguments,
    },
    Compare(CompareArguments),
    /// List the scripts built into the program
    List {
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Print the JSON Schema of scripts and of the files they include, for an editor
    ///
    /// An editor finds it through the first line of a script: `#:schema ./scenario.schema.json`.
    Schema,
}

pub fn scenario(arguments: ScenarioArguments) -> Outcome {
    match arguments.command {
        ScenarioCommand::Run { scripts, format, output, pace, verbose, config } => {
            let setup = config.read()?;
            let folder = scripts.iter().any(|path| !path.is_file());
            let scripts: Vec<Vec<Script>> =
                scripts.iter().map(|path| setup.scripts(path)).collect::<Result<_, _>>()?;
            let scripts: Vec<Script> = scripts.into_iter().flatten().collect();
            let as_table = folder && scripts.iter().all(|script| script.case.is_some());
            let pace = if pace { Pace::Reading } else { Pace::None };
            wait(play_all(&setup, scripts, as_table, Telling { format, output, pace, verbose }))
        }
        ScenarioCommand::Check { scripts, config } => {
            let setup = config.read()?;
            let mut wrong = Vec::new();
            for path in &scripts {
                match setup.scripts(path) {
                    Ok(scripts) => scripts.iter().try_for_each(print_size)?,
                    Err(error) => wrong.push(error.to_string()),
                }
            }
            if wrong.is_empty() { Ok(Exit::Done) } else { Err(wrong.join("\n").into()) }
        }
        ScenarioCommand::Compare(arguments) => compare(arguments),
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

fn print_size(script: &Script) -> std::io::Result<()> {
    let expectations: usize = script.steps.iter().map(|step| step.expects.len()).sum();
    screen::line(&format!(
        "{}: {} and {}",
        script.path.display(),
        screen::count(script.steps.len(), "step"),
        screen::count(expectations, "expectation")
    ))
}
