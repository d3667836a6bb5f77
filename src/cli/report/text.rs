//! A report on the screen.

use crate::cli::screen::{self, BOLD};
use crate::report::TransparencyReport;

/// The figures as tables.
pub fn tell(report: &TransparencyReport) -> std::io::Result<()> {
    screen::line(&format!(
        "{BOLD}Demands received from {} to {}{BOLD:#}, as they stood then; made on {}. SIMULATED.\n",
        report.from, report.to, report.made
    ))?;
    screen::long_line(&report.openness().to_string())?;
    screen::line("")?;
    screen::line(&format!(
        "{:<32}{:>8}{:>9}{:>10}{:>8}{:>9}{:>8}{:>9}{:>7}{:>7}{:>8}",
        "state, instrument",
        "demands",
        "accounts",
        "emergency",
        "content",
        "non-cont",
        "no data",
        "rejected",
        "treaty",
        "lapsed",
        "pending"
    ))?;
    for row in &report.figures.demands {
        let through = row.executes.as_ref().map(|state| format!(" for {state}")).unwrap_or_default();
        let name = format!("{} {}{through}", row.country, row.instrument);
        screen::line(&format!(
            "{name:<32}{:>8}{:>9}{:>10}{:>8}{:>9}{:>8}{:>9}{:>7}{:>7}{:>8}",
            row.demands,
            row.accounts,
            row.emergency,
            row.content,
            row.non_content,
            row.no_data,
            row.rejected,
            row.treaty,
            row.lapsed,
            row.pending
        ))?;
    }
    if report.figures.demands.is_empty() {
        screen::line("none")?;
    }
    section(
        "By class of data, for each account and place",
        report.figures.classes.iter().map(|row| {
            format!(
                "{:<32}{:<16}{:<20}{:>6}",
                format!("{} {}", row.country, row.instrument),
                row.class,
                row.outcome,
                row.items
            )
        }),
    )?;
    section(
        "For something else than disclosure",
        report.figures.others.iter().map(|row| {
            let name = format!("{} {}", row.country, row.instrument);
            format!(
                "{name:<32}to {:<13}{}, {}, {} done",
                row.act,
                screen::count(row.demands as usize, "demand"),
                screen::count(row.accounts as usize, "account"),
                row.done
            )
        }),
    )?;
    section(
        "Warrants at home for content stored abroad",
        report.figures.abroad.iter().map(|row| {
            format!(
                "{} {:<12}{}, {} led to content",
                row.country,
                row.customer.as_str(),
                screen::count(row.warrants as usize, "warrant"),
                row.content
            )
        }),
    )?;
    section(
        "Due, and not handed over in time",
        report.figures.missed.iter().map(|row| {
            let name = format!("{} {}", row.country, row.instrument);
            let demands = screen::count(row.demands as usize, "demand");
            let items = screen::count(row.items as usize, "item");
            format!("{name:<32}{demands}, {items}, for want of {}", row.for_want_of.as_str())
        }),
    )?;
    if let Some(told) = &report.national_security {
        section(
            "National security",
            told.rows
                .iter()
                .map(|row| format!("{:<40}{} to {}  {:>10}", row.what, row.from, row.to, row.band)),
        )?;
        screen::long_line(&told.note())?;
    }
    let mut lines = report.checkpoint.lines();
    let (origin, size, root) =
        (lines.next().unwrap_or(""), lines.next().unwrap_or(""), lines.next().unwrap_or(""));
    screen::line(&format!("\nMade from {origin}, {size} entries, root {root}"))?;
    screen::line(&report.quorum.to_string())
}

fn section(title: &str, rows: impl Iterator<Item = String>) -> std::io::Result<()> {
    for (place, row) in rows.enumerate() {
        if place == 0 {
            screen::line(&format!("\n{BOLD}{title}{BOLD:#}"))?;
        }
        screen::line(&row)?;
    }
    Ok(())
}
