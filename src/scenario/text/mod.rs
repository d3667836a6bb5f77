//! A play told to a reader.

pub(super) mod account;
mod course;
mod day;
mod history;
pub(super) mod law;
mod reach;
pub(super) mod sheet;
pub(super) mod told;

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use super::names::Names;
use super::player::{Observer, Sight};
use super::report::{Check, Report};
use super::script::{Script, Step};
use super::view::Happened;
use super::{Moment, Verdict};
use crate::clock::SimTime;
use crate::demand::DemandId;
use crate::world::KeyCustody;
use course::Course;
use law::{Extent, Told};
use sheet::{Ink, Prose, Sheet, columns, faint, list, plain};

pub use account::where_text;
pub use day::reach_text;
pub use history::{history_text, matter_text};
pub use reach::{by_text, sweep_text};
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
    /// Every expectation is told, not only those that do not hold.
    verbose: bool,
    /// The first play explains what stands where.
    legend: bool,
    told: Told,
    course: Course,
    /// When a matter last moved between two steps, until it moves in one.
    moved: BTreeMap<DemandId, SimTime>,
    /// Where the play is, and what it is about there.
    scene: Option<(Moment, String)>,
    extent: Extent,
}

impl<'a, W: io::Write + Send> TextObserver<'a, W> {
    pub fn new(out: W, names: &'a Names, look: Look, pace: Pace) -> Self {
        TextObserver {
            out,
            names,
            look,
            pace,
            script: String::new(),
            verbose: false,
            legend: false,
            told: Told::default(),
            course: Course::default(),
            moved: BTreeMap::new(),
            scene: None,
            extent: Extent::Changes,
        }
    }

    /// Tells every expectation, also those that hold.
    pub fn with_expectations(self, verbose: bool) -> Self {
        TextObserver { verbose, ..self }
    }

    /// Explains at the beginning what the play shows where.
    pub fn with_legend(self) -> Self {
        TextObserver { legend: true, ..self }
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
        if self.legend {
            sheet.label("legend");
            let width = LEGEND.iter().map(|(word, _)| columns(word)).max().unwrap_or(0);
            for (word, means) in LEGEND {
                sheet.row(&[((Ink::Strong, word.into()), width)], &[faint(means)]);
            }
        }
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

    fn checks(&self, sheet: &mut Sheet, checks: &[Check]) {
        sheet.label("expected");
        let held = checks.iter().filter(|check| check.verdict.held()).count();
        if held > 0 && !self.verbose {
            let what = match (held, checks.len()) {
                (1, 1) => "as the script expects".to_owned(),
                (held, all) if held == all => format!("as the script expects, in all {all} points"),
                (held, all) => format!("{held} of {all} points are as the script expects"),
            };
            sheet.paragraph(0, 2, &[(Ink::Good, "✓".into()), faint(format!(" {what}"))]);
        }
        for check in checks.iter().filter(|check| self.verbose || !check.verdict.held()) {
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
        self.course.tell(sheet);
        let sum = summary(report);
        if report.holds() {
            sheet.wide(&[(Ink::Good, sum.into())]);
        } else {
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

/// What came of all expectations, in a sentence.
pub fn summary(report: &Report) -> String {
    let (tally, total) = (report.expectations, report.expectations.total());
    if tally.held == total {
        return match total {
            0 => "Nothing was expected.".to_owned(),
            1 => "The one expectation holds.".to_owned(),
            _ => format!("All {total} expectations hold."),
        };
    }
    let parts = [(tally.failed, "failed"), (tally.unmatched, "unmatched"), (tally.unreached, "unreached")];
    let parts = parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
    format!("{} of {total} expectations hold; {}.", tally.held, list(parts))
}

/// What the labels in the margin mean.
pub(super) const LEGEND: [(&str, &str); 6] = [
    ("history", "what really happened, with its source and how sure we are of it"),
    ("asked, ordered, filed", "what the script puts in: demands, orders of courts, papers of the parties"),
    ("the law", "what each law that was asked holds, with the rule that says so; `open` is unsettled"),
    ("now", "duty: what the laws add up to. conduct: what the provider chooses. outcome: what became of it"),
    ("record", "the entries that make it impossible to deny later; nothing opens without one"),
    ("mailbox", "may: who would get it by law on that day. can: who holds a key, whatever the law says"),
];

fn heading(sheet: &mut Sheet, number: &str, at: Moment, place: Option<&str>) {
    let place = place.map_or(String::new(), |place| format!(" · {place}"));
    sheet.rule(number, &format!("{} · {}{place}", at.date(), at.hour()));
}

impl<W: io::Write + Send> Observer for TextObserver<'_, W> {
    fn see(&mut self, sight: Sight<'_>) -> io::Result<Duration> {
        let mut sheet = Sheet::new(self.look);
        match sight {
            Sight::Opening(script) => self.opening(&mut sheet, script),
            Sight::Resumed(last) => {
                sheet.blank();
                let after = last.map_or_else(String::new, |step| {
                    format!(" after step {}, {}: {}", step.number, step.at.date(), step.title)
                });
                sheet.wide(&[(Ink::Strong, "The play was stopped and goes on".into()), plain(after + ".")]);
            }
            Sight::Meanwhile(at, happenings) => {
                sheet.blank();
                sheet.wide(&[faint("Meanwhile")]);
                told::happenings(&mut sheet, self.names, happenings, Some(at), true);
                let moves = happenings.iter().filter_map(|happening| match &happening.what {
                    Happened::Recorded { matter, .. } => Some((matter.clone(), happening.at)),
                    _ => None,
                });
                self.moved.extend(moves);
            }
            Sight::Step(step) => {
                self.scene = Some((step.at, step.title.clone()));
                self.extent = Extent::Changes;
                self.step(&mut sheet, step);
            }
            Sight::Question(at) => {
                self.extent = Extent::Whole;
                sheet.blank();
                heading(&mut sheet, "?", at, None);
                sheet.wide(&[(Ink::Strong, "How do things stand?".into())]);
            }
            Sight::Happened(happenings) => {
                let at = self.scene.as_ref().map(|(at, _)| *at);
                told::happenings(&mut sheet, self.names, happenings, at, false);
                for happening in happenings {
                    if let Happened::Recorded { matter, .. } = &happening.what {
                        self.moved.remove(matter);
                    }
                }
            }
            Sight::Matter { now, before, at } => {
                law::matter(&mut sheet, &mut self.told, now, before, at, self.extent);
                // What came about on the way here is dated when it did, not when somebody asked.
                let (at, occasion) = match self.moved.get(&now.matter) {
                    Some(moved) => (at.with_time(*moved), "meanwhile"),
                    None => (at, self.scene.as_ref().map_or("", |(_, title)| title)),
                };
                self.course.note(now, at, occasion);
            }
            Sight::Account(view) => {
                let at =
                    self.scene.as_ref().map_or(Moment::utc(SimTime::from_unix_seconds(0)), |(at, _)| *at);
                account::account(&mut sheet, self.names, view, at);
            }
            Sight::Checks(checks) => self.checks(&mut sheet, checks),
            Sight::Closing(report) => self.closing(&mut sheet, report),
        }
        let (text, words) = sheet.finish();
        self.out.write_all(text.as_bytes())?;
        self.out.flush()?;
        Ok(self.pace.rest(words))
    }
}
