//! Who holds which opening, what account holders were told, and erasing.

use std::io::Write;
use std::path::Path;

use crate::cli::common::{Failure, not_made, private_file, wait};
use crate::cli::control::{RunningArguments, unexpected};
use crate::cli::screen::{self, BOLD, DIM, Format};
use crate::cli::{Exit, Outcome};
use crate::clock::SimTime;
use crate::provider::{Ask, EntryOpenings, Holder, NoticeView, Told};
use crate::region::Body;
use crate::world::Address;

/// Lists who holds which opening.
pub fn list(matter: Option<String>, format: Format, running: &RunningArguments) -> Outcome {
    let Told::Openings { entries } = wait(running.look(Ask::Openings { matter }))? else {
        return Err(unexpected());
    };
    if format == Format::Json {
        screen::json(&entries)?;
        return Ok(Exit::Done);
    }
    for entry in &entries {
        tell_entry(entry)?;
    }
    Ok(Exit::Done)
}

fn tell_entry(entry: &EntryOpenings) -> std::io::Result<()> {
    let what = match (&entry.kind, &entry.matter, entry.erased) {
        (Some(kind), Some(matter), _) => format!("{kind}, {}", matter.label()),
        (Some(kind), None, _) => kind.clone(),
        (None, _, Some(at)) => format!("what opens it was erased on {}", at.date_utc()),
        (None, ..) => "what opens it is gone".to_owned(),
    };
    screen::line(&format!("{BOLD}entry {}{BOLD:#}  {what}", entry.entry))?;
    for holding in &entry.holdings {
        let slots: Vec<&str> = holding.slots.iter().map(|slot| slot.as_str()).collect();
        let until = holding.until.map(|until| format!(", until {}", until.date_utc())).unwrap_or_default();
        screen::line(&format!(
            "  {:<34} since {}{until}  {DIM}key: {}{DIM:#}",
            holder(&holding.holder),
            holding.since.date_utc(),
            holding.key
        ))?;
        for line in screen::wrapped(&slots.join(", "), screen::width().saturating_sub(6)) {
            screen::line(&format!("      {line}"))?;
        }
    }
    for closed in &entry.closed {
        let why = closed.by.sentence(|time: SimTime| time.date_utc().to_string());
        screen::line(&format!("  closed to {}: {why}", closed.account))?;
    }
    Ok(())
}

fn holder(holder: &Holder) -> String {
    match holder {
        Holder::HeadOffice => "head office".to_owned(),
        Holder::Region(id) => format!("region {id}"),
        Holder::Authority(id) => format!("authority {id}"),
        Holder::Auditor(name) => format!("auditor {name}"),
        Holder::AccountHolder(address) => format!("account holder {address}"),
        Holder::Public => "the public".to_owned(),
    }
}

/// Shows what the holder of an account was told.
pub fn notices(account: Address, out: Option<&Path>, format: Format, running: &RunningArguments) -> Outcome {
    let ask = Ask::Notices { account: account.clone(), proofs: out.is_some() || format == Format::Json };
    let Told::Notices { notices, unopened } = wait(running.look(ask))? else { return Err(unexpected()) };
    if let Some(folder) = out {
        write_proofs(folder, &notices)?;
    }
    if unopened > 0 {
        screen::note(&format!(
            "What opened {} was erased or lost; whether {account} was told of them is not known any more.",
            screen::counted(unopened, "entry", "entries")
        ));
    }
    if format == Format::Json {
        screen::json(&notices)?;
        return Ok(Exit::Done);
    }
    if notices.is_empty() && unopened == 0 {
        screen::line(&format!("{account} was told of no demand."))?;
    } else if notices.is_empty() {
        screen::line(&format!("It is not known that {account} was told of any demand."))?;
    }
    for notice in &notices {
        let demand = &notice.demand;
        screen::line(&format!(
            "{BOLD}{demand}{BOLD:#}  {} of {}, received on {}; told on {}",
            notice.instrument,
            notice.issuing,
            notice.received.date_utc(),
            notice.told.date_utc()
        ))?;
        for entry in &notice.entries {
            let kind = &entry.kind;
            screen::line(&format!(
                "  entry {:<6} {kind:<11} {}  {DIM}told {}{DIM:#}",
                entry.entry,
                entry.at.date_utc(),
                entry.told.date_utc()
            ))?;
        }
        if let Some(closed) = &notice.closed {
            let why = closed.sentence(|time: SimTime| time.date_utc().to_string());
            screen::line(&format!("  what came later is closed: {why}"))?;
        }
    }
    if let Some(folder) = out {
        let count: usize = notices.iter().map(|notice| notice.entries.len()).sum();
        screen::line(&format!(
            "{} in `{}`; `rogatory record verify FILE --policy POLICY` checks one on any machine",
            screen::count(count, "proof"),
            folder.display()
        ))?;
    }
    Ok(Exit::Done)
}

fn write_proofs(folder: &Path, notices: &[NoticeView]) -> Result<(), Failure> {
    let failed = |path: &Path, error: std::io::Error| not_made(path, &error);
    std::fs::create_dir(folder).map_err(|error| failed(folder, error))?;
    for entry in notices.iter().flat_map(|notice| &notice.entries) {
        let Some(proof) = &entry.proof else { continue };
        let path = folder.join(format!("{}.tlog-proof", entry.entry));
        let mut file = private_file(&path)?;
        file.write_all(proof.as_bytes()).map_err(|error| failed(&path, error))?;
    }
    Ok(())
}

/// Erases what opens a demand that is over.
pub fn erase(matter: String, running: &RunningArguments) -> Outcome {
    let told = wait(running.ask(Ask::Erase { matter: matter.clone() }, Body::empty()))?.reply;
    let Told::Erased { entries } = told else { return Err(unexpected()) };
    screen::line(&format!(
        "what opens {} of {matter} is erased; they stay in the record, which says so",
        screen::counted(entries.len(), "entry", "entries")
    ))?;
    Ok(Exit::Done)
}
