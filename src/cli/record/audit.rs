//! Recorded decisions, made again.

use std::path::Path;

use crate::cli::common::{ConfigArguments, Failure, wait};
use crate::cli::control::RunningArguments;
use crate::cli::screen::{self, BAD, BOLD, Format};
use crate::cli::{Exit, Outcome};
use crate::diagnostic::SourceFile;
use crate::gate::{AuditReport, Auditor};
use crate::provider::{Ask, Told};
use crate::record::opening::Opening;
use crate::record::policy::{Accept, Policy};
use crate::record::served::ServedLog;
use crate::record::storage::ServedFolder;
use crate::region::Body;

/// Audits all entries of a running provider, or those of which the auditor has openings.
pub fn audit(
    openings: Option<&Path>,
    policy: Option<&Path>,
    running: &RunningArguments,
    config: &ConfigArguments,
    format: Format,
) -> Outcome {
    let report = match openings {
        Some(folder) => from_openings(folder, policy, &running.data, config)?,
        None => {
            let told = wait(running.ask(Ask::Audit, Body::empty()))?.reply;
            let Told::Audited(report) = told else {
                return Err("the provider answered another question; is it of another version?".into());
            };
            report
        }
    };
    match format {
        Format::Json => screen::json(&report)?,
        Format::Text => tell(&report)?,
    }
    Ok(if report.differences.is_empty() { Exit::Done } else { Exit::Failed })
}

fn from_openings(
    folder: &Path,
    policy: Option<&Path>,
    data: &Path,
    config: &ConfigArguments,
) -> Result<AuditReport, Failure> {
    let policy = match policy {
        Some(path) => Policy::read(&SourceFile::read(path)?)?,
        None => super::read_policy(data, None)?,
    };
    let law = config.read()?.law;
    let mut log = ServedLog::open(ServedFolder(data.join("record")), &policy, Accept::Emergency)?;
    let mut auditor = Auditor::new(&law);
    let mut openings = Vec::new();
    read_openings(folder, &mut openings)?;
    openings.sort_by_key(Opening::entry);
    for opening in &openings {
        auditor.take(opening, &log.prove(opening.entry())?.leaf);
    }
    Ok(auditor.report())
}

/// Reads every opening in a folder and the folders in it.
pub fn read_openings(folder: &Path, openings: &mut Vec<Opening>) -> Result<(), Failure> {
    let failed = |path: &Path, error: &dyn std::fmt::Display| -> Failure {
        format!("`{}`: {error}", path.display()).into()
    };
    for entry in std::fs::read_dir(folder).map_err(|error| failed(folder, &error))? {
        let path = entry.map_err(|error| failed(folder, &error))?.path();
        if path.is_dir() {
            read_openings(&path, openings)?;
            continue;
        }
        let bytes = std::fs::read(&path).map_err(|error| failed(&path, &error))?;
        let opening = serde_json::from_slice(&bytes);
        openings.push(opening.map_err(|error| failed(&path, &format!("not an opening: {error}")))?);
    }
    Ok(())
}

fn tell(report: &AuditReport) -> std::io::Result<()> {
    for difference in &report.differences {
        screen::line(&format!("{BAD}{difference}{BAD:#}"))?;
    }
    if !report.closed.is_empty() {
        let closed: Vec<String> = report.closed.iter().map(u64::to_string).collect();
        screen::line(&format!("closed, and so not audited: entries {}", closed.join(", ")))?;
    }
    let verdict = match report.differences.len() {
        0 => "all come out as recorded".to_owned(),
        count => format!("{count} differences"),
    };
    screen::line(&format!(
        "{} entries looked at, {} decisions on {} items made again: {BOLD}{verdict}{BOLD:#}",
        report.entries, report.decisions, report.items
    ))
}
