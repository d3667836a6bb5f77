//! `rogatory law diff`: what changed between two days, and what was only read differently before.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;

use super::common::{ConfigArguments, Failure, Setup, wait};
use super::compare::{differences_text, paragraph, play_all};
use super::screen::{self, BOLD, Format};
use super::{Exit, Outcome};
use crate::clock::Date;
use crate::demand::DemandId;
use crate::law::{Correction, Law, LawChange, Part, Rule};
use crate::scenario::{Difference, Row, Variant, demands};
use crate::world::{Jurisdiction, Treaty, World};

/// Say which rules came, went or changed between two days, and what comes out otherwise for it
///
/// A change of the law and a corrected reading of it are told apart. The law changes from one day to another: a rule gets
/// another version, and what held before stands in the book with its days. A reading is corrected from one revision of the
/// books to another, for every day of the rule: `--books` compares with an earlier revision.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  rogatory law diff 2016-07-13 2018-06-01 --of US
  rogatory law diff 2018-03-22 2018-03-23 --scenario dublin-warrant
  rogatory law diff --books ../before              the same books, as they were read in another folder")]
pub struct DiffArguments {
    /// A civil date: 2016-07-13
    #[arg(required_unless_present = "books", requires = "later")]
    earlier: Option<Date>,
    /// A later one
    later: Option<Date>,
    /// Only this law: `US`, `EU`; may be given several times
    #[arg(long, value_name = "CODE")]
    of: Vec<Jurisdiction>,
    /// Play every demand of this script on both days, and show what comes out otherwise
    #[arg(long, value_name = "SCRIPT", requires = "later")]
    scenario: Option<PathBuf>,
    /// A folder with `config/law` in an earlier revision: show which readings were corrected since
    #[arg(long, value_name = "FOLDER")]
    books: Option<PathBuf>,
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    config: ConfigArguments,
}

/// What a demand of a scenario comes to on the two days.
struct Played {
    demand: DemandId,
    stopped: Vec<String>,
    differences: Vec<Difference>,
    names: Vec<(Row, String)>,
    items: usize,
}

pub fn diff(arguments: DiffArguments) -> Outcome {
    let setup = arguments.config.read()?;
    let law = &*setup.law;
    known(law, &arguments.of)?;
    let wanted = |code: &Jurisdiction| arguments.of.is_empty() || arguments.of.contains(code);
    let days = match (arguments.earlier, arguments.later) {
        (Some(earlier), Some(later)) if later <= earlier => {
            return Err(format!("{later} is not later than {earlier}; write the earlier day first").into());
        }
        (Some(earlier), Some(later)) => Some((earlier, later)),
        _ => None,
    };
    let mut changes = days.map_or(Vec::new(), |(earlier, later)| law.changes(earlier, later));
    changes.retain(|change| wanted(change.jurisdiction));
    let treaties = days.map_or(Vec::new(), |days| treaties(&setup.world, days));
    let played = match (&arguments.scenario, days) {
        (Some(path), Some(days)) => play(&setup, path, days)?,
        _ => Vec::new(),
    };
    let before = match &arguments.books {
        Some(root) => Some(Law::load(&root.join("config/law"))?),
        None => None,
    };
    let mut corrections = before.as_ref().map_or(Vec::new(), |before| law.corrections(before));
    corrections.retain(|correction| wanted(correction.jurisdiction));
    let mut heads = before.as_ref().map_or(Vec::new(), |before| law.heads_changed(before));
    heads.retain(|code| wanted(code));
    if arguments.format == Format::Json {
        let demands: Vec<_> = played
            .iter()
            .map(|one| {
                let (differences, stopped) = (&one.differences, &one.stopped);
                serde_json::json!({ "demand": one.demand, "differences": differences, "stopped": stopped })
            })
            .collect();
        let treaties: Vec<_> = treaties
            .iter()
            .map(|(what, treaty)| {
                let dates = (treaty.in_force(), treaty.until());
                serde_json::json!({ "title": treaty.title(), "what": what, "from": dates.0, "until": dates.1 })
            })
            .collect();
        screen::json(&serde_json::json!({
            "earlier": arguments.earlier, "later": arguments.later, "changes": changes, "treaties": treaties,
            "demands": demands,
            "revision": law.revision(), "revision-before": before.as_ref().map(Law::revision),
            "corrections": corrections, "heads-changed": heads,
        }))?;
        return Ok(Exit::Done);
    }
    let width = screen::width();
    let mut out = String::new();
    if let Some((earlier, later)) = days {
        let _ = writeln!(out, "{BOLD}The law, from {earlier} to {later}{BOLD:#}");
        changes_text(&mut out, law, &changes, width);
        for (what, treaty) in &treaties {
            paragraph(&mut out, 2, width, &format!("{what:<8} {}; {}", treaty.title(), treaty.source()));
        }
        if changes.is_empty() && treaties.is_empty() {
            out.push_str("  nothing changes\n");
        }
    }
    for one in &played {
        let _ = writeln!(out, "\n{BOLD}{}, received alone on each of the two days{BOLD:#}", one.demand);
        for why in &one.stopped {
            paragraph(&mut out, 2, width, &format!("could not be played: {why}"));
        }
        let flips: Vec<Difference> = one.differences.iter().filter(|d| d.flips()).cloned().collect();
        let name = |row: &Row| one.names.iter().find(|(known, _)| known == row).map_or("", |(_, name)| name);
        out.push_str(&differences_text(&flips, |row| name(row).to_owned(), width));
        let same = one.items.saturating_sub(flips.len());
        if same > 0 {
            let _ = writeln!(out, "  {} as before", screen::count(same, "item"));
        }
    }
    if let Some(before) = &before {
        let short = |law: &Law| law.revision().get(..16).unwrap_or_default().to_owned();
        let title = format!("Corrected readings, from revision {} to {}", short(before), short(law));
        let gap = if out.is_empty() { "" } else { "\n" };
        let _ = writeln!(out, "{gap}{BOLD}{title}{BOLD:#}; no law changed by them");
        corrections_text(&mut out, &corrections, width);
        for code in &heads {
            let what = "the head of the book: its span, what it covers, or what it calls the data";
            paragraph(&mut out, 2, width, &format!("{code}  {what}"));
        }
        if corrections.is_empty() && heads.is_empty() {
            out.push_str("  none\n");
        }
    }
    screen::text(&out)?;
    Ok(Exit::Done)
}

/// Says which codes have no book.
pub(super) fn known(law: &Law, of: &[Jurisdiction]) -> Result<(), Failure> {
    let known: Vec<&Jurisdiction> = law.jurisdictions().collect();
    match of.iter().find(|code| !known.contains(code)) {
        None => Ok(()),
        Some(unknown) => {
            let known: Vec<&str> = known.iter().map(|code| code.as_str()).collect();
            Err(format!("there is no law book for `{unknown}`; there are {}", known.join(", ")).into())
        }
    }
}

/// Treaties that came into force after the one day and by the other, or ceased to be.
fn treaties(world: &World, (earlier, later): (Date, Date)) -> Vec<(&'static str, &Treaty)> {
    let between = |day: Option<Date>| day.is_some_and(|day| earlier < day && day <= later);
    let mut found = Vec::new();
    for treaty in world.treaties() {
        if between(treaty.in_force()) {
            found.push(("came", treaty));
        }
        if between(treaty.until()) {
            found.push(("went", treaty));
        }
    }
    found
}

fn play(setup: &Setup, path: &std::path::Path, days: (Date, Date)) -> Result<Vec<Played>, Failure> {
    let script = setup.script(path)?;
    let ids: Vec<DemandId> = demands(&script).cloned().collect();
    let on = |day: Date| Variant { at: Some(day), ..Variant::default() };
    let mut played = Vec::new();
    for demand in ids {
        let both = wait(play_all(setup, &script, &demand, vec![on(days.0), on(days.1)]))?;
        let [before, after] = &both[..] else { continue };
        let names = before.rows().into_iter().chain(after.rows()).map(|(row, item)| (row, item.label()));
        let names: Vec<(Row, String)> = names.collect();
        played.push(Played {
            demand,
            stopped: both.iter().filter_map(|one| one.stopped.clone()).collect(),
            differences: before.differences(after),
            items: before
                .rows()
                .keys()
                .chain(after.rows().keys())
                .collect::<std::collections::BTreeSet<_>>()
                .len(),
            names,
        });
    }
    Ok(played)
}

fn changes_text(out: &mut String, law: &Law, changes: &[LawChange<'_>], width: usize) {
    let mut shown = None;
    for change in changes {
        if shown != Some(change.jurisdiction) {
            let name = law.header(change.jurisdiction).map_or("", |header| &header.name);
            let _ = writeln!(out, "{}  {name}", change.jurisdiction);
            shown = Some(change.jurisdiction);
        }
        match (change.before, change.after) {
            (None, Some(rule)) => version(out, "came", rule, width),
            (Some(rule), None) => version(out, "went", rule, width),
            (Some(before), Some(after)) if before.from != after.from => {
                version(out, "was", before, width);
                version(out, "is", after, width);
            }
            _ => {}
        }
        for rule in &change.between {
            // What is there on the later day was shown.
            if change.after.is_none_or(|after| after.from != rule.from) {
                version(out, "between", rule, width);
            }
        }
    }
}

fn version(out: &mut String, what: &str, rule: &Rule, width: usize) {
    let until = rule.until.map_or(String::new(), |until| format!(" until {until}"));
    let from = rule.from.map_or(String::new(), |from| format!(", {} from {from}{until}", rule.keyed));
    let _ = writeln!(out, "  {what:<8} {BOLD}{}{BOLD:#} {}{from}", rule.id, rule.effect);
    for line in [format!("{} ({}, {})", rule.cite, rule.weight, rule.source.shown()), rule.says.clone()] {
        for part in screen::wrapped(&line, width.saturating_sub(11)) {
            let _ = writeln!(out, "           {part}");
        }
    }
}

fn corrections_text(out: &mut String, corrections: &[Correction<'_>], width: usize) {
    for correction in corrections {
        let from = correction.from.map_or("not in force".to_owned(), |from| format!("from {from}"));
        let what = match (correction.added, correction.removed) {
            (true, _) => ": read for the first time",
            (_, true) => ": read no more",
            _ => "",
        };
        let _ = writeln!(out, "  {BOLD}{}{BOLD:#} ({from}){what}", correction.id);
        for part in &correction.parts {
            part_text(out, part, width);
        }
    }
}

fn part_text(out: &mut String, part: &Part, width: usize) {
    let decides = if part.decides { ", decides" } else { "" };
    let _ = writeln!(out, "    {}{decides}", part.name);
    for (sign, lines) in [("-", &part.before), ("+", &part.after)] {
        for line in lines {
            paragraph(out, 6, width, &format!("{sign} {line}"));
        }
    }
}
