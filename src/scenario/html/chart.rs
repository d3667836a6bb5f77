//! The answer over time: a row for each item, a column for each scene, and a bar for as long as the answer stays.

use std::collections::BTreeMap;

use super::scene::{anchor, number};
use super::signs::Sign;
use crate::demand::{DemandId, Outcome};
use crate::gate::Duty;
use crate::scenario::expectation::Verdict;
use crate::scenario::report::markup::Markup;
use crate::scenario::report::{Played, SceneReport};
use crate::scenario::text::sheet::gather;

/// One item of one matter, with its answer at the end of each scene; none before the matter began.
struct Row {
    matter: DemandId,
    what: String,
    place: String,
    answers: Vec<Option<Answer>>,
}

type Answer = (Duty, Option<Outcome>);

/// A bar that is less than this part of the whole has no room for words across.
const ROOM: usize = 12;

pub fn chart(page: &mut Markup, id: &str, played: &Played) {
    let scenes = reached(played);
    let rows = rows(scenes);
    if scenes.len() < 2 || rows.is_empty() {
        return;
    }
    page.block("section", &[("class", "chart")], |page| {
        page.leaf("h3", &[("class", "part")], "The answer over time");
        page.block("table", &[], |page| {
            head(page, id, scenes);
            page.block("tbody", &[], |page| {
                for (place, row) in rows.iter().enumerate() {
                    let alike = |other: &&Row| other.matter == row.matter && other.answers == row.answers;
                    if rows[..place].iter().any(|other| alike(&other)) {
                        continue;
                    }
                    let together = rows.iter().filter(alike).map(|row| (row.what.clone(), row.place.clone()));
                    bar(page, row, &gather(together), scenes.len());
                }
            });
        });
    });
}

/// The scenes that were played to their end.
fn reached(played: &Played) -> &[SceneReport] {
    let scenes = &played.report.scenes;
    let unreached =
        |scene: &SceneReport| scene.checks.iter().any(|check| check.verdict == Verdict::Unreached);
    &scenes[..scenes.iter().position(unreached).unwrap_or(scenes.len())]
}

fn rows(scenes: &[SceneReport]) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for (place, scene) in scenes.iter().enumerate() {
        for row in &mut rows {
            row.answers.push(row.answers.last().copied().flatten());
        }
        for matter in &scene.matters {
            for item in &matter.items {
                let label = item.label();
                let (what, region) = label.split_once(" in ").unwrap_or((&label, ""));
                let region = format!("{region}, of {}", item.item.account);
                let same =
                    |row: &&mut Row| row.matter == matter.matter && row.what == what && row.place == region;
                let answer = Some((item.duty, item.outcome));
                match rows.iter_mut().find(same) {
                    Some(row) => row.answers[place] = answer,
                    None => {
                        let mut answers = vec![None; place];
                        answers.push(answer);
                        rows.push(Row {
                            matter: matter.matter.clone(),
                            what: what.to_owned(),
                            place: region,
                            answers,
                        });
                    }
                }
            }
        }
    }
    rows
}

fn head(page: &mut Markup, id: &str, scenes: &[SceneReport]) {
    page.block("thead", &[], |page| {
        let mut years: BTreeMap<String, usize> = BTreeMap::new();
        for scene in scenes {
            let date = scene.at.date();
            let year = date.rsplit(' ').next().unwrap_or_default().to_owned();
            *years.entry(year).or_default() += 1;
        }
        page.element("tr", &[("class", "years")], |page| {
            page.leaf("th", &[], "");
            for (year, count) in &years {
                let class = if *count * ROOM < scenes.len() { "thin" } else { "" };
                let count = count.to_string();
                page.leaf("th", &[("scope", "colgroup"), ("colspan", &count), ("class", class)], year);
            }
        });
        page.line();
        page.element("tr", &[("class", "scenes")], |page| {
            page.leaf("th", &[], "");
            for (place, scene) in scenes.iter().enumerate() {
                let date = scene.at.date();
                let day = date.rsplit_once(' ').map_or(date.as_str(), |(day, _)| day);
                page.element("th", &[("scope", "col"), ("title", &scene.title)], |page| {
                    page.leaf("a", &[("href", &format!("#{}", anchor(id, place)))], &number(scene));
                    page.leaf("small", &[], day);
                });
            }
        });
    });
}

fn bar(page: &mut Markup, row: &Row, about: &str, columns: usize) {
    page.block("tr", &[], |page| {
        page.element("th", &[("scope", "row")], |page| {
            page.text(about);
            page.leaf("small", &[], &format!(" {}", row.matter));
        });
        for stretch in row.answers.chunk_by(|a, b| a == b) {
            let length = stretch.len().to_string();
            let Some(Some((duty, outcome))) = stretch.first() else {
                page.empty_cell(&length);
                continue;
            };
            let (duty, outcome) = (Sign::duty(*duty), Sign::outcome(*outcome));
            let thin = if stretch.len() * ROOM < columns { " thin" } else { "" };
            let class = format!("{} {}{thin}", duty.class(), outcome.class());
            let title = format!("{}, {}", duty.word(), outcome.word());
            page.element("td", &[("colspan", &length), ("class", &class), ("title", &title)], |page| {
                page.element("span", &[], |page| {
                    outcome.glyph(page);
                    page.text(" ");
                    page.leaf("b", &[], outcome.word());
                    page.leaf("small", &[], &format!(" {}", duty.word()));
                });
            });
        }
    });
}

impl Markup {
    fn empty_cell(&mut self, length: &str) {
        self.leaf("td", &[("colspan", length), ("class", "none")], "");
    }
}
