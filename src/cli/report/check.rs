//! A report that somebody made is counted again, and signed.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::Record;
use crate::cli::common::{ConfigArguments, Failure, not_made};
use crate::cli::demand::read_key;
use crate::cli::screen::{self, BAD, BOLD};
use crate::cli::{Exit, Outcome};
use crate::diagnostic::SourceFile;
use crate::record::key::{LogSigner, VerifierKey};
use crate::report::{Basis, Later, ReportCheck, Statement, TransparencyReport, Verdict, check};

fn read_report(file: &Path) -> Result<TransparencyReport, Failure> {
    let text = SourceFile::read(file)?;
    Ok(TransparencyReport::parse(text.text()).map_err(|error| format!("`{}` {error}", file.display()))?)
}

/// Says which figures come out, and on whose word the others rest.
pub fn verify(
    file: &Path,
    record: Record<'_>,
    signed: Option<(PathBuf, String)>,
    format: screen::Format,
    config: &ConfigArguments,
) -> Outcome {
    let report = read_report(file)?;
    let mut auditors = Vec::new();
    if let Some((path, key)) = signed {
        let key: VerifierKey = key.parse()?;
        Statement::verify(&report, SourceFile::read(&path)?.text(), &key)
            .map_err(|error| format!("`{}`: {error}", path.display()))?;
        auditors.push(key.name().to_owned());
    }
    let (then, now) = record.counted_then_and_now(&report)?;
    let world = config.read()?.world;
    let found = check(&report, &world, &then, &auditors)?.since(&report, &world, &then, &now)?;
    if format == screen::Format::Json {
        screen::json(&found)?;
    } else {
        tell_check(&found)?;
    }
    Ok(match found.verdict {
        Verdict::Holds => Exit::Done,
        Verdict::Wrong => Exit::Failed,
        // It says what was so, and who relies on its figures for these days is misled: neither done nor failed.
        Verdict::Overtaken => Exit::ExpectationFailed,
    })
}

fn tell_check(found: &ReportCheck) -> std::io::Result<()> {
    let of = |basis: fn(&Basis) -> bool| found.figures.iter().filter(move |figure| basis(&figure.basis));
    for figure in of(|basis| *basis == Basis::Wrong) {
        let comes_out = || format!("{} comes out", figure.counted.unwrap_or(0));
        let instead = figure.instead.clone().unwrap_or_else(comes_out);
        screen::line(&format!("{BAD}{}: says {}, and {instead}{BAD:#}", figure.figure, figure.said))?;
    }
    let recomputed = of(|basis| *basis == Basis::Recomputed).count();
    screen::line(&format!("{} counted again from openings", screen::count(recomputed, "figure")))?;
    for figure in of(|basis| !matches!(basis, Basis::Wrong | Basis::Recomputed)) {
        let rests = match &figure.basis {
            Basis::Signed(auditors) => format!("rests on the signature of {}", auditors.join(", ")),
            _ => "rests on the provider's word alone".to_owned(),
        };
        let open = figure.counted.map(|counted| format!(", of which {counted} is open")).unwrap_or_default();
        screen::line(&format!("{}: {}{open}; {rests}", figure.figure, figure.said))?;
    }
    let closed = found.closed;
    screen::line(&format!("{} of the record closed in whole or part", screen::count(closed, "matter")))?;
    screen::line(&format!("made from a checkpoint {}", found.quorum))?;
    let Later { entries, figures_differ } = found.later;
    if entries > 0 || figures_differ {
        let more = screen::counted(entries, "more entry", "more entries");
        let would = if figures_differ { "would differ" } else { "would be the same" };
        screen::line(&format!(
            "the record holds {more} dated within this span; made from it today, the figures {would}"
        ))?;
    }
    let verdict = match found.verdict {
        Verdict::Holds => "no figure contradicts the record",
        Verdict::Overtaken => {
            "OVERTAKEN: no figure contradicts what the record held then, and it holds more by now"
        }
        Verdict::Wrong => "NOT what the record says",
    };
    screen::line(&format!("{BOLD}{verdict}{BOLD:#}"))
}

/// Counts a report again and signs it.
pub fn sign(
    file: &Path,
    record: Record<'_>,
    auditor: &str,
    key: &Path,
    out: &Path,
    config: &ConfigArguments,
) -> Outcome {
    let report = read_report(file)?;
    let signer = LogSigner::new(auditor, &read_key(key)?.to_bytes())?;
    let counted = record.counted(&report)?;
    let note = Statement::sign(&report, &config.read()?.world, &counted, &signer)?;
    let made = std::fs::File::create_new(out).and_then(|mut file| file.write_all(note.as_bytes()));
    made.map_err(|error| not_made(out, &error))?;
    screen::line(&format!(
        "every figure comes out; signed in `{}`. Who checks it needs your public key:",
        out.display()
    ))?;
    screen::line(&signer.verifier().to_string())?;
    Ok(Exit::Done)
}
