//! Recorded decisions, made again.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::cli::common::{ConfigArguments, Failure, wait};
use crate::cli::control::RunningArguments;
use crate::cli::screen::{self, BAD, BOLD, Format};
use crate::cli::{Exit, Outcome};
use crate::diagnostic::SourceFile;
use crate::gate::{AuditReport, Auditor};
use crate::law::{Law, Shelf};
use crate::provider::{Ask, Told};
use crate::record::opening::Opening;
use crate::record::policy::{Accept, Policy, cosigned_by};
use crate::record::served::ServedLog;
use crate::record::storage::ServedFolder;
use crate::region::Body;

/// Audits all entries of a running provider, or those of which the auditor has openings.
pub fn audit(
    openings: Option<&Path>,
    policy: Option<&Path>,
    books: &[PathBuf],
    running: &RunningArguments,
    config: &ConfigArguments,
    format: Format,
) -> Outcome {
    let report = match openings {
        Some(folder) => from_openings(folder, policy, books, &running.data, config)?,
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
    Ok(if report.agrees() { Exit::Done } else { Exit::Failed })
}

fn from_openings(
    folder: &Path,
    policy: Option<&Path>,
    books: &[PathBuf],
    data: &Path,
    config: &ConfigArguments,
) -> Result<AuditReport, Failure> {
    let policy = match policy {
        Some(path) => Policy::read(&SourceFile::read(path)?)?,
        None => super::read_policy(data, None)?,
    };
    let law = config.read()?.law;
    let mut log = ServedLog::open(ServedFolder(data.join("record")), &policy, Accept::Emergency)?;
    // Books are known by their digest, so it does not matter who had them.
    let mut given = Vec::new();
    for folder in books {
        given.push(Arc::new(Law::load(folder)?));
    }
    let kept = Shelf::new(data.join("law"));
    let find = |revision: &str| match given.iter().find(|law| law.revision() == revision) {
        Some(law) => Some(law.clone()),
        None => kept.find(revision).ok().flatten().map(Arc::new),
    };
    let published = log.published();
    let size = published.checkpoint.head().size;
    let mut auditor = Auditor::new(&law).of(size).finding(&find);
    auditor.cosigned(size, &published.quorum);
    let mut openings = Vec::new();
    read_openings(folder, &mut openings)?;
    openings.sort_by_key(Opening::entry);
    openings.dedup();
    if let Some([one, _]) = openings.windows(2).find(|pair| pair[0].entry() == pair[1].entry()) {
        return Err(format!(
            "`{}` has two openings of entry {} that differ: an audit takes the one with more slots; move the other away",
            folder.display(),
            one.entry()
        )
        .into());
    }
    if openings.is_empty() {
        return Err(format!("there is no opening in `{}`, and so nothing to audit", folder.display()).into());
    }
    for opening in &openings {
        auditor.take(opening, &log.prove(opening.entry())?.leaf);
    }
    for entry in auditor.unseen() {
        auditor.see(entry, &log.prove(entry)?.leaf);
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
    // Both are in order.
    let closed: Vec<u64> =
        report.closed.iter().filter(|entry| report.erased.binary_search(entry).is_err()).copied().collect();
    if !report.erased.is_empty() {
        let erased = entries(&report.erased);
        screen::line(&format!("erased, as head office says in the record, and so not audited: {erased}"))?;
    }
    if !closed.is_empty() {
        screen::line(&format!("closed, and so not audited: {}", entries(&closed)))?;
    }
    for (revision, recorded) in &report.other_law {
        screen::line(&format!(
            "{BAD}not made again: {}, recorded under the law books {revision}; here are the books {}. Supply theirs \
             with --law FOLDER{BAD:#}",
            entries(recorded),
            report.law
        ))?;
    }
    if !report.uncosigned.is_empty() {
        screen::line(&format!(
            "{BAD}covered by no cosigned checkpoint: {}{BAD:#}",
            entries(&report.uncosigned)
        ))?;
    }
    match (report.cosigned_by.as_slice(), report.outsider) {
        ([], _) => screen::line(&format!("{BAD}no quorum has cosigned it{BAD:#}"))?,
        (names, outsider) => {
            screen::long_line(&cosigned_by(&names.join(", "), outsider))?;
        }
    }
    let missing: usize = report.other_law.values().map(Vec::len).sum();
    let verdict = match (report.differences.len(), missing) {
        (0, 0) if report.decisions == 0 => "nothing to compare".to_owned(),
        (0, 0) => "all come out as recorded".to_owned(),
        (0, missing) => format!("{missing} could not be made again, and the others come out as recorded"),
        (differences, 0) => screen::count(differences, "difference"),
        (differences, missing) => {
            format!("{}, and {missing} could not be made again", screen::count(differences, "difference"))
        }
    };
    screen::line(&format!(
        "{} of {} open, {} on {} made again: {BOLD}{verdict}{BOLD:#}",
        report.entries - report.closed.len() as u64,
        screen::counted(report.size, "entry", "entries"),
        screen::count(report.decisions as usize, "decision"),
        screen::count(report.items as usize, "item")
    ))
}

/// `entry 7`, `entries 7, 9`.
fn entries(numbers: &[u64]) -> String {
    let listed: Vec<String> = numbers.iter().map(u64::to_string).collect();
    format!("{} {}", if numbers.len() == 1 { "entry" } else { "entries" }, listed.join(", "))
}
