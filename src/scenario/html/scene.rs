//! The play, scene by scene.

use std::collections::BTreeMap;

use super::notes::Notes;
use super::rules::Numbered;
use super::signs::{self, Sign};
use super::standing::{self, Standing};
use crate::demand::DemandId;
use crate::scenario::expectation::Verdict;
use crate::scenario::names::Names;
use crate::scenario::report::markup::Markup;
use crate::scenario::report::{Check, Played, SceneReport};
use crate::scenario::script::History;
use crate::scenario::text::{account, told};
use crate::scenario::view::MatterView;

pub fn scenes(page: &mut Markup, id: &str, played: &Played, names: &Names, numbered: &mut Numbered) {
    let mut seen: BTreeMap<&DemandId, &MatterView> = BTreeMap::new();
    page.block("section", &[("class", "scenes")], |page| {
        page.leaf("h3", &[("class", "part")], "Step by step");
        for (place, scene) in played.report.scenes.iter().enumerate() {
            let step = played.script.steps.iter().find(|step| Some(step.number) == scene.step);
            meanwhile(page, names, scene);
            page.block("section", &[("class", "scene"), ("id", &anchor(id, place))], |page| {
                heading(page, scene, step.and_then(|step| step.place.as_deref()));
                if let Some(history) = &scene.history {
                    self::history(page, history);
                }
                let mut notes = Notes::default();
                if let Some(step) = step {
                    told::action(&mut notes, names, step);
                }
                notes.write(page);
                for now in &scene.matters {
                    let before = seen.insert(&now.matter, now);
                    let whole = scene.step.is_none();
                    standing::matter(page, numbered, &Standing { now, before, at: scene.at, whole });
                }
                let mut notes = Notes::default();
                told::happenings(&mut notes, names, &scene.happenings, Some(scene.at), false);
                for view in &scene.accounts {
                    account::account(&mut notes, names, view, scene.at);
                }
                notes.write(page);
                let all: Vec<&Check> = scene.checks.iter().collect();
                if !all.is_empty() {
                    page.leaf("h4", &[], "Expected of the engine");
                    checks(page, played, &all);
                }
            });
        }
    });
}

/// Where a scene stands on the page.
pub fn anchor(play: &str, scene: usize) -> String {
    format!("{play}-s{}", scene + 1)
}

/// What a scene is called: the number of its step, or a question mark.
pub fn number(scene: &SceneReport) -> String {
    scene.step.map_or("?".to_owned(), |step| step.to_string())
}

fn meanwhile(page: &mut Markup, names: &Names, scene: &SceneReport) {
    let mut notes = Notes::default();
    told::happenings(&mut notes, names, &scene.meanwhile, Some(scene.at), true);
    if notes.is_empty() {
        return;
    }
    page.block("section", &[("class", "meanwhile")], |page| {
        page.leaf("h4", &[], "Meanwhile");
        notes.write(page);
    });
}

fn heading(page: &mut Markup, scene: &SceneReport, place: Option<&str>) {
    page.block("header", &[], |page| {
        page.leaf("span", &[("class", "number")], &number(scene));
        page.element("p", &[("class", "when")], |page| {
            page.leaf("time", &[("datetime", &scene.at.time().to_string())], &scene.at.date());
            let place = place.map_or(String::new(), |place| format!(" · {place}"));
            page.text(&format!(" · {}{place}", scene.at.hour()));
        });
        page.leaf("h3", &[], &scene.title);
    });
}

/// What really happened, told apart from all that the engine says.
pub fn history(page: &mut Markup, history: &History) {
    page.block("aside", &[("class", "history")], |page| {
        page.leaf("h4", &[], "What really happened");
        page.leaf("p", &[], history.happened.trim());
        page.element("p", &[("class", "source")], |page| {
            page.text(&history.source);
            page.text(" · ");
            Sign::mark(history.mark).write(page);
            if let Some(from_memory) = &history.from_memory {
                page.leaf("span", &[("class", "doubt")], &format!(" · from memory: {from_memory}"));
            }
        });
    });
}

/// Expectations with what became of each.
pub fn checks(page: &mut Markup, played: &Played, checks: &[&Check]) {
    if checks.is_empty() {
        return;
    }
    page.block("ul", &[("class", "checks")], |page| {
        for check in checks {
            let holds = check.verdict.held();
            page.element("li", &[("class", if holds { "good" } else { "bad" })], |page| {
                signs::verdict(page, holds);
                page.element("span", &[], |page| {
                    page.leaf("strong", &[], &check.subject);
                    page.text(": ");
                    page.text(&check.expected.join(", "));
                    page.text(" ");
                    page.leaf("code", &[], &played.at(Some(check.line)));
                    let found = match &check.verdict {
                        Verdict::Held => return,
                        Verdict::Failed { found } => format!("Found: {}", found.join("; ")),
                        Verdict::Unmatched { why } => format!("Matches nothing: {why}"),
                        Verdict::Unreached => "The play ended before it could be asked".to_owned(),
                    };
                    page.leaf("em", &[], &found);
                });
            });
            page.line();
        }
    });
}
