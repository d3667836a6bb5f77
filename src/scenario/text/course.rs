//! How the answer changed over a play: for each item that was answered in more than one way, when and on what occasion.

use super::law::{duty_ink, outcome_ink};
use super::sheet::{Ink, Piece, Sheet, columns, faint, gather, plain};
use crate::demand::Outcome;
use crate::gate::Duty;
use crate::scenario::Moment;
use crate::scenario::view::MatterView;

/// The answers so far.
#[derive(Default)]
pub struct Course {
    items: Vec<Line>,
}

/// One item, whichever demand asks for it.
struct Line {
    what: String,
    place: String,
    answers: Vec<Given>,
}

/// An answer that differs from the one before it.
#[derive(PartialEq)]
struct Given {
    matter: String,
    date: String,
    occasion: String,
    duty: Duty,
    outcome: Option<Outcome>,
}

impl Course {
    /// Notes how a matter stands.
    pub fn note(&mut self, now: &MatterView, at: Moment, occasion: &str) {
        for item in &now.items {
            let label = item.label();
            let Some((what, place)) = label.split_once(" in ") else { continue };
            let place = format!("{place}, of {}", item.item.account);
            let known = self.items.iter().position(|line| line.what == what && line.place == place);
            let known = known.unwrap_or_else(|| {
                self.items.push(Line { what: what.to_owned(), place, answers: Vec::new() });
                self.items.len() - 1
            });
            let line = &mut self.items[known];
            let matter = now.matter.to_string();
            let last = line.answers.iter().rfind(|given| given.matter == matter);
            let is_news = |last: &Given| {
                let ended = matches!(item.duty, Duty::Undone | Duty::Moot);
                let is_over = last.outcome == Some(Outcome::Lapsed) && item.outcome == last.outcome && !ended;
                !is_over && (last.duty, last.outcome) != (item.duty, item.outcome)
            };
            if last.is_none_or(is_news) {
                line.answers.push(Given {
                    matter,
                    date: at.date(),
                    occasion: occasion.to_owned(),
                    duty: item.duty,
                    outcome: item.outcome,
                });
            }
        }
    }

    /// The items whose answer changed more than once, each with its answers in order.
    pub fn tell(&self, sheet: &mut Sheet) {
        let mut told: Vec<&Line> = Vec::new();
        for line in self.items.iter().filter(|line| line.answers.len() > 2) {
            if told.iter().any(|before| before.answers == line.answers) {
                continue;
            }
            told.push(line);
            let alike = self.items.iter().filter(|other| other.answers == line.answers);
            let about = gather(alike.map(|line| (line.what.clone(), line.place.clone())));
            sheet.wide(&[plain("The answer over time: "), (Ink::Strong, about.into())]);
            let date = line.answers.iter().map(|given| columns(&given.date)).max().unwrap_or(0);
            let matter = line.answers.iter().map(|given| columns(&given.matter)).max().unwrap_or(0);
            let mut before: Option<&Given> = None;
            for given in &line.answers {
                let same = before.is_some_and(|before| before.matter == given.matter);
                let cells: [(Piece<'_>, usize); 4] = [
                    (faint(given.date.as_str()), date),
                    (plain(if same { "" } else { &given.matter }), matter),
                    ((duty_ink(given.duty), given.duty.as_str().into()), "conflicting".len()),
                    (
                        (
                            outcome_ink(given.outcome),
                            given.outcome.map_or("undecided", |outcome| outcome.as_str()).into(),
                        ),
                        "treaty-open".len(),
                    ),
                ];
                sheet.entry(&cells, &[faint(given.occasion.as_str())]);
                before = Some(given);
            }
            sheet.blank();
        }
    }
}
