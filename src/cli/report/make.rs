//! A report is made and written out.

use super::text::tell;
use super::{Record, ReportArguments, ReportFormat};
use crate::cli::common::wait;
use crate::cli::control::{check_record_in, unexpected};
use crate::cli::{Exit, Outcome, screen};
use crate::provider::{Ask, Told};
use crate::record::entry::Slot;
use crate::report::{Span, TransparencyReport, csv, html, read};

pub fn make(arguments: ReportArguments) -> Outcome {
    let ReportArguments { from, to, published, openings, bands, format, html: page, running, config, .. } =
        arguments;
    let (Some(from), Some(to)) = (from, to) else { return Err("say --from and --to".into()) };
    check_record_in(&running.data)?;
    let world = config.read()?.world;
    let outside = published || openings.is_some();
    let record = Record { data: &running.data, policy: None, openings: openings.as_deref() };
    let (given, made) = if outside {
        (record.given()?, to)
    } else {
        let ask = Ask::Opened { matter: None, slots: vec![Slot::Public] };
        let Told::Opened { openings, now } = wait(running.look(ask))? else { return Err(unexpected()) };
        (openings, now.date_utc())
    };
    let (mut log, _) = record.open()?;
    let size = log.published().checkpoint.head().size;
    let counted = read(&mut log, size, &given)?;
    let form = (!outside && counted.closed.is_empty()).then_some(bands);
    if !outside && form.is_none() {
        screen::note(&format!(
            "{} matters are left out, because what opens them was erased or lost",
            counted.closed.len()
        ));
    }
    let report = TransparencyReport::make(&world, &counted.whole(), Span { from, to, made }, form)?;
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
