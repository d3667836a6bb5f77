//! Plays scripts, and tells what came of them in the form that is asked for.

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::common::{Failure, Setup, look};
use super::screen::{self, BOLD, Unlocked};
use super::{Exit, Outcome};
use crate::provider::Nodes;
use crate::scenario::{
    Backstage, CaseRole, CaseRow, CaseTally, Look, Observer, Pace, Played, Playhouse, Provenance, Report,
    Script, TextObserver, Unwatched, Verdict, html, junit, run, summary, tap,
};

/// How what came of a play is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum ReportFormat {
    /// For people.
    #[default]
    Text,
    /// For programs; the shapes are in docs/formats.md.
    Json,
    /// For build servers: JUnit XML.
    Junit,
    /// For test harnesses: TAP version 14.
    Tap,
    /// One page that needs nothing else, to project, print or attach.
    Html,
}

/// In which form, and where to.
#[derive(Debug)]
pub struct Telling {
    pub format: ReportFormat,
    pub output: Option<PathBuf>,
    pub pace: Pace,
    /// Also the expectations that hold.
    pub verbose: bool,
}

/// Columns of a text that goes to a file.
const FILE_WIDTH: usize = 100;

/// Plays scripts one after the other. Real cases that were asked for as a folder are told as a table.
pub async fn play_all(setup: &Setup, scripts: Vec<Script>, as_table: bool, telling: Telling) -> Outcome {
    let Telling { format, output, pace, verbose } = telling;
    if let Some(path) = &output {
        has_folder(path)?;
    }
    if format == ReportFormat::Text && output.is_none() {
        return if as_table {
            table(setup, scripts).await
        } else {
            show(setup, &scripts, pace, verbose).await
        };
    }
    let mut text = Vec::new();
    let mut plays = Vec::new();
    for script in scripts {
        let report = if format == ReportFormat::Text && !as_table {
            let plain = Look { width: FILE_WIDTH, colour: false };
            let observer = TextObserver::new(&mut text, &setup.names, plain, Pace::None);
            perform(setup, &script, &mut observer.with_expectations(verbose)).await?
        } else {
            play_quietly(setup, &script).await?
        };
        plays.push(Played { script, report });
    }
    let told = match format {
        ReportFormat::Text if as_table => anstream::adapter::strip_str(&table_text(&plays)).to_string(),
        ReportFormat::Text => String::from_utf8_lossy(&text).into_owned(),
        ReportFormat::Json => json(&plays, as_table)?,
        ReportFormat::Junit => junit(&plays),
        ReportFormat::Tap => tap(&plays),
        ReportFormat::Html => {
            let provenance = Provenance { version: env!("CARGO_PKG_VERSION"), law: setup.law.revision() };
            html(&plays, &setup.names, provenance)
        }
    };
    match output {
        None => screen::text(&told)?,
        Some(path) => {
            std::fs::write(&path, told)
                .map_err(|error| format!("`{}` cannot be written: {error}", path.display()))?;
            for play in &plays {
                let sign = if play.report.holds() { "✓" } else { "✗" };
                screen::line(&format!("{sign} {}: {}", play.label(), summary(&play.report)))?;
            }
            if as_table {
                screen::text(&totals_text(&plays))?;
            }
            screen::line(&format!("the report is in {}", path.display()))?;
        }
    }
    Ok(exit(plays.iter().all(|play| play.report.holds())))
}

fn exit(all_hold: bool) -> Exit {
    if all_hold { Exit::Done } else { Exit::ExpectationFailed }
}

/// A report that cannot be written should not be worked for first.
fn has_folder(path: &Path) -> Result<(), Failure> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder.filter(|folder| !folder.is_dir()) {
        return Err(format!(
            "no folder `{}` to write `{}` to; make it first",
            folder.display(),
            path.display()
        )
        .into());
    }
    if path.is_dir() {
        return Err(format!("`{}` is a folder; name a file in it", path.display()).into());
    }
    Ok(())
}

async fn show(setup: &Setup, scripts: &[Script], pace: Pace, verbose: bool) -> Outcome {
    let mut all_hold = true;
    for script in scripts {
        all_hold &= play(setup, script, pace, verbose).await?.holds();
    }
    Ok(exit(all_hold))
}

/// One report as it is, several as a list, cases as the table of them.
fn json(plays: &[Played], as_table: bool) -> Result<String, serde_json::Error> {
    let mut text = if as_table {
        let rows: Vec<CaseRow> = plays.iter().filter_map(Played::case).collect();
        let made = CaseTally::of(&rows, CaseRole::Made);
        let tests = CaseTally::of(&rows, CaseRole::Tests);
        serde_json::to_string_pretty(&serde_json::json!({ "cases": rows, "made": made, "tests": tests }))?
    } else if let [one] = plays {
        serde_json::to_string_pretty(&one.report)?
    } else {
        serde_json::to_string_pretty(&plays.iter().map(|play| &play.report).collect::<Vec<_>>())?
    };
    text.push('\n');
    Ok(text)
}

/// Plays cases and shows what happened beside what the engine says, each as soon as it is played.
async fn table(setup: &Setup, scripts: Vec<Script>) -> Outcome {
    let mut plays = Vec::new();
    for script in scripts {
        let report = play_quietly(setup, &script).await?;
        let play = Played { script, report };
        screen::text(&case_text(&play))?;
        plays.push(play);
    }
    screen::text(&totals_text(&plays))?;
    Ok(exit(plays.iter().all(|play| play.report.holds())))
}

fn table_text(plays: &[Played]) -> String {
    plays.iter().map(case_text).chain([totals_text(plays)]).collect()
}

/// One case as a few lines.
fn case_text(play: &Played) -> String {
    let Some(row) = play.case() else { return String::new() };
    let CaseRow { case, says, agrees, .. } = &row;
    let verdict = if *agrees == Some(false) { "DISAGREES" } else { row.agreement() };
    let role = case.role.as_str();
    let mut lines = vec![
        format!("{BOLD}{}{BOLD:#}, {}, {}; {role}", case.name, case.court, case.date),
        format!("    happened: {:<8} Rogatory: {says:<13} {verdict}", case.outcome),
    ];
    let by = if row.by.is_empty() { "nothing".to_owned() } else { row.by.join(", ") };
    let outside = case.outside.as_ref().map(|outside| format!("outside the model: {outside}"));
    for text in [format!("by {by}")].into_iter().chain(row.rule_besides()).chain(outside) {
        let wrapped = screen::wrapped(&text, screen::width().saturating_sub(8));
        lines.extend(wrapped.iter().map(|line| format!("        {line}")));
    }
    if let Some(stop) = &play.report.stopped {
        lines.push(format!("        the play broke off: {}", stop.why));
    }
    for check in play.report.checks().filter(|check| check.verdict != Verdict::Held) {
        lines.push(format!(
            "        an expectation does not hold (line {}): {}: {}",
            check.line,
            check.subject,
            check.expected.join(", ")
        ));
    }
    lines.join("\n") + "\n"
}

fn totals_text(plays: &[Played]) -> String {
    let rows: Vec<CaseRow> = plays.iter().filter_map(Played::case).collect();
    let mut text = String::from("\n");
    for (what, role) in [
        ("cases that made the rule that decides them", CaseRole::Made),
        ("cases that test rules made by others", CaseRole::Tests),
    ] {
        let CaseTally { agree, disagree, not_compared } = CaseTally::of(&rows, role);
        text += &format!("{what}: {agree} agree, {disagree} disagree, {not_compared} cannot be compared\n");
    }
    text += "Reported cases are the contested ones, and many of these are one question: no rate follows from them.\n";
    text
}

/// Plays one script in this process and a temporary folder, with nobody watching.
pub async fn play_quietly(setup: &Setup, script: &Script) -> Result<Report, Failure> {
    perform(setup, script, &mut Unwatched).await
}

/// Plays one script in this process and a temporary folder, on the screen.
pub async fn play(setup: &Setup, script: &Script, pace: Pace, verbose: bool) -> Result<Report, Failure> {
    let observer = TextObserver::new(Unlocked, &setup.names, look(), pace);
    perform(setup, script, &mut observer.with_expectations(verbose)).await
}

async fn perform(setup: &Setup, script: &Script, observer: &mut dyn Observer) -> Result<Report, Failure> {
    let folder = tempfile::tempdir()?;
    let mut playhouse = Playhouse::new(Backstage {
        world: setup.source.clone(),
        law: setup.law.clone(),
        story: setup.story.clone(),
        data: folder.path().join("play"),
        nodes: Nodes::Here,
        wan: false,
    });
    let report = run(script, &mut playhouse, observer).await?;
    if let Some(deployment) = playhouse.into_deployment() {
        deployment.stop().await;
    }
    Ok(report)
}
