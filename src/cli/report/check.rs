//! A report that somebody made is counted again, and signed.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::Record;
use crate::cli::common::{ConfigArguments, Failure};
use crate::cli::demand::read_key;
use crate::cli::screen::{self, BAD, BOLD};
use crate::cli::{Exit, Outcome};
use crate::diagnostic::SourceFile;
use crate::record::key::{LogSigner, VerifierKey};
use crate::report::{Basis, FORMAT, ReportCheck, Statement, TransparencyReport, check};

fn read_report(file: &Path) -> Result<TransparencyReport, Failure> {
    let text = SourceFile::read(file)?;
    let no_report = |error| format!("`{}` is no report: {error}", file.display());
    // The rest of another format may be anything.
    let Format { format } = serde_json::from_str(text.text()).map_err(no_report)?;
    if format != FORMAT {
        let file = file.display();
        return Err(
            format!("`{file}` is a report of format {format}, and this program reads {FORMAT}").into()
        );
    }
    Ok(serde_json::from_str(text.text()).map_err(no_report)?)
}

#[derive(serde::Deserialize)]
struct Format {
    format: u32,
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
    let counted = record.counted(&report)?;
    let found = check(&report, &config.read()?.world, &counted, &auditors)?;
    if format == screen::Format::Json {
        screen::json(&found)?;
    } else {
        tell_check(&found)?;
    }
    Ok(if found.is_wrong() { Exit::Failed } else { Exit::Done })
}

fn tell_check(found: &ReportCheck) -> std::io::Result<()> {
    let of = |basis: fn(&Basis) -> bool| found.figures.iter().filter(move |figure| basis(&figure.basis));
    for figure in of(|basis| *basis == Basis::Wrong) {
        let counted = figure.counted.unwrap_or(0);
        screen::line(&format!(
            "{BAD}{}: says {}, and {counted} comes out{BAD:#}",
            figure.figure, figure.said
        ))?;
    }
    let recomputed = of(|basis| *basis == Basis::Recomputed).count();
    screen::line(&format!(
        "{} counted again from openings that anybody can fetch",
        screen::count(recomputed, "figure")
    ))?;
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
    let verdict =
        if found.is_wrong() { "NOT what the record says" } else { "no figure contradicts the record" };
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
    made.map_err(|error| format!("`{}` cannot be made: {error}", out.display()))?;
    screen::line(&format!(
        "every figure comes out; signed in `{}`. Who checks it needs your public key:",
        out.display()
    ))?;
    screen::line(&signer.verifier().to_string())?;
    Ok(Exit::Done)
}
