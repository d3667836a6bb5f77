//! A report is made and written out.

use super::text::tell;
use super::{Record, ReportArguments, ReportFormat};
use crate::cli::common::wait;
use crate::cli::control::{check_record_in, unexpected};
use crate::cli::{Exit, Outcome, screen};
use crate::provider::{Ask, Told};
use crate::record::entry::Slot;
use crate::report::{Openness, Span, SpanError, TransparencyReport, csv, html, read};

pub fn make(arguments: ReportArguments) -> Outcome {
    let ReportArguments { from, to, published, openings, bands, format, html: page, running, config, .. } =
        arguments;
    let (Some(from), Some(to)) = (from, to) else { return Err("say --from and --to".into()) };
    check_record_in(&running.data)?;
    let world = config.read()?.world;
    let outside = published || openings.is_some();
    let record = Record { data: &running.data, policy: None, openings: openings.as_deref() };
    let (given, now) = if outside {
        (record.given()?, None)
    } else {
        let ask = Ask::Opened { matter: None, slots: vec![Slot::Public] };
        let Told::Opened { openings, now } = wait(running.look(ask))? else { return Err(unexpected()) };
        (openings, Some(now.date_utc()))
    };
    let (mut log, _) = record.open()?;
    let size = log.published().checkpoint.head().size;
    let counted = read(&mut log, size, &given)?;
    // Later days are in no entry yet; only where there is none at all does the clock say more than the record.
    let Some(made) = counted.newest().or(now) else {
        return Err("no entry of the record is open to you, so there is nothing to count".into());
    };
    let form = (!outside && counted.closed.is_empty()).then_some(bands);
    let report = TransparencyReport::make(&world, &counted.whole(), Span { from, to, made }, form);
    let report = report.map_err(|error| match error {
        SpanError::Future { made, .. } => format!("{error}; name --to {made} or earlier"),
        SpanError::Reversed { .. } => error.to_string(),
    })?;
    let report = if outside { report } else { report.leaving_out(counted.closed.len()) };
    // The text says it itself.
    if format != ReportFormat::Text && report.openness() != Openness::All {
        screen::note(&report.openness().to_string());
    }
    if let Some(path) = &page {
        std::fs::write(path, html(&report)).map_err(|error| format!("`{}`: {error}", path.display()))?;
        screen::note(&format!("a page with charts is in `{}`", path.display()));
    }
    match format {
        ReportFormat::Json => screen::json(&report)?,
        ReportFormat::Csv => screen::text(&csv(&report))?,
        ReportFormat::Text => tell(&report)?,
    }
    Ok(Exit::Done)
}
