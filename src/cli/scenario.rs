//! `rogatory scenario`: scripted runs.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use super::common::{ConfigArguments, Failure, Setup, look, script_names, wait};
use super::compare::{CompareArguments, compare};
use super::screen::{self, BOLD, Format, Unlocked};
use super::{Exit, Outcome};
use crate::provider::Nodes;
use crate::scenario::{
    Backstage, CaseRole, CaseRow, CaseTally, Observer, Pace, Playhouse, Report, Script, TextObserver,
    Unwatched, Verdict, run, schema,
};

/// Play scripted cases, check scripts, list those built in
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  rogatory scenario list
  rogatory scenario run dublin-warrant --pace      one of those built in, at a pace for reading
  rogatory scenario check mine.toml                where a script is wrong: line, column, what is near
  rogatory scenario run mine.toml --format json    for programs
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
    Compare(CompareArguments),
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
            let folder = scripts.iter().any(|path| !path.is_file());
            let scripts: Vec<Vec<Script>> =
                scripts.iter().map(|path| setup.scripts(path)).collect::<Result<_, _>>()?;
            let scripts: Vec<Script> = scripts.into_iter().flatten().collect();
            if folder && scripts.iter().all(|script| script.case.is_some()) {
                return wait(table(&setup, &scripts, format));
            }
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
                    "{}: {} and {}",
                    script.path.display(),
                    screen::count(script.steps.len(), "step"),
                    screen::count(expectations, "expectation")
                ))?;
            }
            Ok(Exit::Done)
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

/// Plays cases and shows what happened beside what the engine says.
async fn table(setup: &Setup, scripts: &[Script], format: Format) -> Outcome {
    let mut rows = Vec::new();
    for script in scripts {
        let Some(case) = &script.case else { continue };
        let report = play_quietly(setup, script).await?;
        let row = CaseRow::of(case, script, &report);
        if format == Format::Text {
            print_case(&row, &report)?;
        }
        rows.push(row);
    }
    let made = CaseTally::of(&rows, CaseRole::Made);
    let tests = CaseTally::of(&rows, CaseRole::Tests);
    match format {
        Format::Json => screen::json(&serde_json::json!({ "cases": rows, "made": made, "tests": tests }))?,
        Format::Text => {
            screen::line("")?;
            for (what, tally) in [
                ("cases that made the rule that decides them", made),
                ("cases that test rules made by others", tests),
            ] {
                screen::line(&format!(
                    "{what}: {} agree, {} disagree, {} cannot be compared",
                    tally.agree, tally.disagree, tally.not_compared
                ))?;
            }
            screen::line(
                "Reported cases are the contested ones, and many of these are one question: no rate follows from them.",
            )?;
        }
    }
    Ok(if rows.iter().all(|row| row.holds) { Exit::Done } else { Exit::ExpectationFailed })
}

fn print_case(row: &CaseRow, report: &Report) -> Result<(), Failure> {
    let CaseRow { case, says, agrees, .. } = row;
    let verdict = match agrees {
        Some(true) => "agrees",
        Some(false) => "DISAGREES",
        None => "not compared",
    };
    let role = if case.role == CaseRole::Made { "made the rule" } else { "tests it" };
    screen::line(&format!("{BOLD}{}{BOLD:#}, {}, {}; {role}", case.name, case.court, case.date))?;
    screen::line(&format!("    happened: {:<8} Rogatory: {says:<13} {verdict}", case.outcome))?;
    let by = if row.by.is_empty() { "nothing".to_owned() } else { row.by.join(", ") };
    for line in screen::wrapped(&format!("by {by}"), screen::width().saturating_sub(8)) {
        screen::line(&format!("        {line}"))?;
    }
    if let Some(outside) = &case.outside {
        for line in
            screen::wrapped(&format!("outside the model: {outside}"), screen::width().saturating_sub(8))
        {
            screen::line(&format!("        {line}"))?;
        }
    }
    if let Some(stop) = &report.stopped {
        screen::line(&format!("        the play broke off: {}", stop.why))?;
    }
    for check in report.checks().filter(|check| check.verdict != Verdict::Held) {
        screen::line(&format!(
            "        an expectation does not hold (line {}): {}: {}",
            check.line,
            check.subject,
            check.expected.join(", ")
        ))?;
    }
    Ok(())
}

/// Plays one script in this process and a temporary folder, with nobody watching.
pub(super) async fn play_quietly(setup: &Setup, script: &Script) -> Result<Report, Failure> {
    let folder = tempfile::tempdir()?;
    let mut playhouse = Playhouse::new(backstage(setup, folder.path()));
    let report = run(script, &mut playhouse, &mut Unwatched).await?;
    if let Some(deployment) = playhouse.into_deployment() {
        deployment.stop().await;
    }
    Ok(report)
}

fn backstage(setup: &Setup, folder: &Path) -> Backstage {
    Backstage {
        world: setup.source.clone(),
        law: setup.law.clone(),
        story: setup.story.clone(),
        data: folder.join("play"),
        nodes: Nodes::Here,
        wan: false,
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
    let mut playhouse = Playhouse::new(backstage(setup, folder.path()));
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
