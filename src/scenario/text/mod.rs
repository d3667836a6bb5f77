//! A play told to a reader.

mod law;
mod sheet;
mod told;

use std::io;
use std::time::Duration;

use super::names::Names;
use super::player::{Observer, Sight};
use super::report::{Check, Report};
use super::script::{Script, Step};
use super::view::AccountView;
use super::{Moment, Verdict};
use crate::world::KeyCustody;
use sheet::{Ink, Sheet, columns, faint, list, plain};

pub use sheet::Look;

/// How fast a play goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Pace {
    /// As fast as it can be played.
    #[default]
    None,
    /// With rests, long enough to read what was shown.
    Reading,
}

impl Pace {
    /// The rest after so many words: about 900 words a minute, since much of it is names and tables, and never long
    /// enough to wonder whether anything happens.
    fn rest(self, words: usize) -> Duration {
        match self {
            Pace::None => Duration::ZERO,
            Pace::Reading => Duration::from_millis((words as u64 * 66).clamp(200, 4_000)),
        }
    }
}

/// Writes a play as text: what was asked, who says what, what came about, and whether it was expected.
pub struct TextObserver<'a, W> {
    out: W,
    names: &'a Names,
    look: Look,
    pace: Pace,
    /// The script's file, for places in it.
    script: String,
}

impl<'a, W: io::Write + Send> TextObserver<'a, W> {
    pub fn new(out: W, names: &'a Names, look: Look, pace: Pace) -> Self {
        TextObserver { out, names, look, pace, script: String::new() }
    }

    fn opening(&mut self, sheet: &mut Sheet, script: &Script) {
        self.script = script.path.display().to_string();
        sheet.blank();
        sheet.wide(&[(Ink::Strong, script.title.to_uppercase().into())]);
        for paragraph in script.intro.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty()) {
            sheet.blank();
            sheet.wide(&[plain(paragraph.split_whitespace().collect::<Vec<_>>().join(" "))]);
        }
        sheet.blank();
        let custody = script.setting.key_custody.iter();
        let custody = custody.map(|(region, custody)| match custody {
            KeyCustody::Region => format!("{region} alone holds the keys of what rests there"),
            KeyCustody::Provider => format!("head office holds the keys of {region} too"),
        });
        let custody: Vec<String> = custody.collect();
        let stance = script.setting.stance.cases().map(|(case, conduct)| format!("{case}: {conduct}"));
        let stance: Vec<String> = stance.collect();
        for (what, differs) in [("In this world", custody), ("The provider's stance", stance)] {
            if !differs.is_empty() {
                sheet.wide(&[(Ink::Doubt, what.into()), plain(format!(" {}.", list(differs)))]);
            }
        }
        sheet.wide(&[faint(format!(
            "SIMULATED: courts, people and mail here are made up; what really happened is told apart, with its \
             source. Begins on {}, seed `{}`.",
            script.start.date(),
            script.seed
        ))]);
    }

    fn step(&self, sheet: &mut Sheet, step: &Step) {
        sheet.blank();
        heading(sheet, &step.number.to_string(), step.at, step.place.as_deref());
        sheet.wide(&[(Ink::Strong, step.title.as_str().into())]);
        if let Some(history) = &step.history {
            sheet.label("history");
            sheet.paragraph(0, 0, &[plain(history.happened.as_str())]);
            sheet.paragraph(0, 2, &[faint(format!("{} · ", history.source)), law::mark(history.mark)]);
            if let Some(from_memory) = &history.from_memory {
                sheet.paragraph(0, 2, &[(Ink::Doubt, format!("from memory: {from_memory}").into())]);
            }
        }
        told::action(sheet, self.names, step);
    }

    fn account(&self, sheet: &mut Sheet, view: &AccountView) {
        sheet.label("copies");
        let widest = |texts: &mut dyn Iterator<Item = &str>| texts.map(columns).max().unwrap_or(0);
        let class = widest(&mut view.copies.iter().map(|copy| copy.class.as_str()));
        let region = widest(&mut view.copies.iter().map(|copy| copy.region.as_str()));
        let place = widest(&mut view.copies.iter().map(|copy| copy.place.as_str()));
        sheet.paragraph(0, 0, &[(Ink::Strong, view.account.as_str().into())]);
        for copy in &view.copies {
            let cells = [
                (plain(copy.class.as_str()), class),
                (plain(copy.region.as_str()), region),
                (plain(copy.place.as_str()), place),
            ];
            let amount = format!("{}, {}; key with ", told::objects(copy.objects), told::bytes(copy.bytes));
            sheet.row(&cells, &[faint(amount), plain(copy.keys.as_str())]);
        }
        if view.reach.is_empty() {
            return;
        }
        sheet.label("reach");
        for reach in &view.reach {
            let about = format!("{}: {} in {}: ", reach.who, reach.class, reach.region);
            let can = if reach.can == "unrecorded" { Ink::Bad } else { Ink::Strong };
            let mut pieces = vec![
                plain(about),
                faint("may "),
                (Ink::Strong, reach.may.as_str().into()),
                faint(", can "),
                (can, reach.can.as_str().into()),
            ];
            if let Some(price) = &reach.price {
                pieces.extend([faint(", price "), plain(price.as_str())]);
            }
            sheet.paragraph(0, 2, &pieces);
        }
    }

    fn checks(&self, sheet: &mut Sheet, checks: &[Check]) {
        sheet.label("expected");
        for check in checks {
            self.check(sheet, check);
        }
    }

    fn check(&self, sheet: &mut Sheet, check: &Check) {
        let (sign, ink) = match check.verdict {
            Verdict::Held => ("✓", Ink::Good),
            _ => ("✗", Ink::Bad),
        };
        let wishes = check.expected.join(", ");
        sheet.paragraph(0, 2, &[(ink, sign.into()), plain(format!(" {}: ", check.subject)), faint(wishes)]);
        let place = format!("{}:{}: ", self.script, check.line);
        let found = match &check.verdict {
            Verdict::Held => return,
            Verdict::Failed { found } => found.join("; "),
            Verdict::Unmatched { why } => why.clone(),
            Verdict::Unreached => "the play ended before it could be asked".to_owned(),
        };
        sheet.paragraph(2, 4, &[faint(place), (Ink::Bad, found.into())]);
    }

    fn closing(&self, sheet: &mut Sheet, report: &Report) {
        sheet.blank();
        sheet.rule("end", &report.title);
        if let Some(stop) = &report.stopped {
            let place = stop.line.map_or(self.script.clone(), |line| format!("{}:{line}", self.script));
            let what = format!("The play broke off at {place}: {}", stop.why);
            sheet.wide(&[(Ink::Bad, what.into())]);
        }
        let (tally, total) = (report.expectations, report.expectations.total());
        if report.holds() {
            let all = match total {
                0 => "Nothing was expected.".to_owned(),
                1 => "The one expectation holds.".to_owned(),
                _ => format!("All {total} expectations hold."),
            };
            sheet.wide(&[(Ink::Good, all.into())]);
        } else {
            let parts =
                [(tally.failed, "failed"), (tally.unmatched, "unmatched"), (tally.unreached, "unreached")];
            let parts =
                parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
            let sum = format!("{} of {total} expectations hold; {}.", tally.held, list(parts));
            sheet.wide(&[(Ink::Bad, sum.into())]);
            for check in report.checks().filter(|check| !check.verdict.held()) {
                self.check(sheet, check);
            }
        }
        if let Some(head) = &report.record {
            sheet.wide(&[faint(format!("The record holds {} entries; root {}.", head.size, head.root))]);
        }
        sheet.wide(&[faint("SIMULATED.")]);
    }
}

fn heading(sheet: &mut Sheet, number: &str, at: Moment, place: Option<&str>) {
    let place = place.map_or(String::new(), |place| format!(" · {place}"));
    sheet.rule(number, &format!("{} · {}{place}", at.date(), at.hour()));
}

impl<W: io::Write + Send> Observer for TextObserver<'_, W> {
    fn see(&mut self, sight: Sight<'_>) -> io::Result<Duration> {
        let mut sheet = Sheet::new(self.look);
        match sight {
            Sight::Opening(script) => self.opening(&mut sheet, script),
            Sight::Meanwhile(at, happenings) => {
                sheet.blank();
                sheet.wide(&[faint("Meanwhile")]);
                told::happenings(&mut sheet, self.names, happenings, Some(at));
            }
            Sight::Step(step) => self.step(&mut sheet, step),
            Sight::Question(at) => {
                sheet.blank();
                heading(&mut sheet, "?", at, None);
                sheet.wide(&[(Ink::Strong, "How do things stand?".into())]);
            }
            Sight::Happened(happenings) => told::happenings(&mut sheet, self.names, happenings, None),
            Sight::Matter { now, before, at } => law::matter(&mut sheet, now, before, at),
            Sight::Account(view) => self.account(&mut sheet, view),
            Sight::Checks(checks) => self.checks(&mut sheet, checks),
            Sight::Closing(report) => self.closing(&mut sheet, report),
        }
        let (text, words) = sheet.finish();
        self.out.write_all(text.as_bytes())?;
        self.out.flush()?;
        Ok(self.pace.rest(words))
    }
}
