//! Plays as one HTML page, to be projected, printed or attached to a paper.
//!
//! The page needs nothing but itself: no script, no font, no picture from elsewhere. Whatever a colour says, a word and a
//! sign beside it say too. It tells history apart from what the engine answers, and every position with the rule that
//! says so, where that stands, how firmly, and how sure we are.

mod cases;
mod chart;
mod notes;
mod rules;
mod scene;
mod signs;
mod standing;

use super::case::CaseRow;
use super::names::Names;
use super::report::markup::Markup;
use super::report::{Check, Played};
use super::text::sheet::list;
use super::text::{LEGEND, summary};
use crate::world::KeyCustody;
use rules::Numbered;
use signs::{DUTIES, MARKS, POSITIONS, Sign};

/// What made the answers, so that they can be had again.
#[derive(Clone, Copy, Debug)]
pub struct Provenance<'a> {
    /// Of the program: `0.1.0`.
    pub version: &'a str,
    /// The digest of the law books.
    pub law: &'a str,
}

/// All plays as one page.
pub fn html(plays: &[Played], names: &Names, provenance: Provenance<'_>) -> String {
    let rows: Vec<CaseRow> = plays.iter().filter_map(Played::case).collect();
    let title = match plays {
        [one] => one.report.title.as_str(),
        _ if rows.len() == plays.len() => "Real cases, and what Rogatory says",
        _ => "Scenarios",
    };
    let mut page = Markup::new("<!DOCTYPE html>");
    page.block("html", &[("lang", "en")], |page| {
        page.block("head", &[], |page| {
            page.empty("meta", &[("charset", "utf-8")]);
            page.empty("meta", &[("name", "viewport"), ("content", "width=device-width, initial-scale=1")]);
            page.empty("meta", &[("name", "generator"), ("content", "Rogatory")]);
            page.line();
            page.leaf("title", &[], &format!("{title} (simulated)"));
            page.block("style", &[], |page| page.verbatim(include_str!("style.css")));
        });
        page.block("body", &[], |page| {
            let stamp = match rows.is_empty() {
                true => "Simulated: no court, authority or account holder here is a real one",
                false => "Simulated: what happened is history; every court, authority and account holder played here is made up",
            };
            page.leaf("p", &[("class", "stamp")], stamp);
            if plays.len() > 1 {
                page.leaf("h1", &[], title);
                page.line();
                if !rows.is_empty() {
                    cases::table(page, &rows);
                }
                contents(page, plays);
            }
            for (index, played) in plays.iter().enumerate() {
                play(page, index, played, names, plays.len() == 1);
            }
            key(page);
            foot(page, provenance);
        });
    });
    page.finish()
}

/// Every play with its verdict.
fn contents(page: &mut Markup, plays: &[Played]) {
    page.leaf("h2", &[], "What was expected");
    page.block("ol", &[("class", "contents")], |page| {
        for (index, played) in plays.iter().enumerate() {
            page.element("li", &[("class", verdict_class(played))], |page| {
                signs::verdict(page, played.report.holds());
                page.text(" ");
                page.leaf("a", &[("href", &format!("#p{}", index + 1))], &played.label());
                page.leaf("small", &[], &format!(" {}", summary(&played.report)));
            });
            page.line();
        }
    });
}

fn verdict_class(played: &Played) -> &'static str {
    if played.report.holds() { "good" } else { "bad" }
}

fn play(page: &mut Markup, index: usize, played: &Played, names: &Names, alone: bool) {
    let id = format!("p{}", index + 1);
    page.block("article", &[("id", &id), ("class", "play")], |page| {
        page.block("header", &[], |page| {
            page.leaf(if alone { "h1" } else { "h2" }, &[], &played.report.title);
            for paragraph in played.script.intro.split("\n\n").filter(|text| !text.trim().is_empty()) {
                page.leaf("p", &[("class", "intro")], paragraph.trim());
            }
            verdict(page, played);
            facts(page, played);
        });
        if let Some(row) = played.case() {
            cases::panel(page, &row);
        }
        chart::chart(page, &id, played);
        let mut numbered = Numbered::new(&id);
        scene::scenes(page, &id, played, names, &mut numbered);
        numbered.appendix(page);
    });
}

/// What came of the expectations, with those that do not hold.
fn verdict(page: &mut Markup, played: &Played) {
    let report = &played.report;
    page.block("div", &[("class", &format!("verdict {}", verdict_class(played)))], |page| {
        page.element("p", &[], |page| {
            signs::verdict(page, report.holds());
            page.text(" ");
            page.leaf("strong", &[], &summary(report));
        });
        if let Some(stop) = &report.stopped {
            page.leaf("p", &[], &format!("The play broke off at {}: {}", played.at(stop.line), stop.why));
        }
        let wrong: Vec<&Check> = report.checks().filter(|check| !check.verdict.held()).collect();
        scene::checks(page, played, &wrong);
    });
}

/// What has to be known to play it again, and how its world differs.
fn facts(page: &mut Markup, played: &Played) {
    let (script, report) = (&played.script, &played.report);
    let custody = script.setting.key_custody.iter().map(|(region, custody)| match custody {
        KeyCustody::Region => format!("{region} alone holds the keys of what rests there"),
        KeyCustody::Provider => format!("head office holds the keys of {region} too"),
    });
    let stance = script.setting.stance.cases().map(|(case, conduct)| format!("{case}: {conduct}"));
    let mut facts = vec![
        ("Begins", script.start.date()),
        ("Script", report.script.clone()),
        ("Seed", report.seed.clone()),
        ("In this world", list(custody)),
        ("The provider's stance", list(stance)),
    ];
    if let Some(head) = &report.record {
        facts.push(("Record at the end", format!("{} entries, root {}", head.size, head.root)));
    }
    page.block("dl", &[("class", "facts")], |page| {
        for (what, value) in facts.iter().filter(|(_, value)| !value.is_empty()) {
            page.element("div", &[], |page| {
                page.leaf("dt", &[], what);
                page.leaf("dd", &[], value);
            });
            page.line();
        }
    });
}

/// What the signs and the words mean.
fn key(page: &mut Markup) {
    page.block("section", &[("class", "key")], |page| {
        page.leaf("h2", &[], "How to read this");
        page.block("dl", &[], |page| {
            for (word, means) in LEGEND {
                page.leaf("dt", &[], word);
                page.element("dd", &[], |page| notes::quoting(page, means));
            }
        });
        let signs: [(&str, &[(Sign, &str)]); 3] = [
            ("What one law holds", &POSITIONS),
            ("What all laws add up to: the duty", &DUTIES),
            ("How sure we are of a rule or of history", &MARKS),
        ];
        for (what, signs) in signs {
            page.leaf("h3", &[], what);
            page.block("dl", &[("class", "signs")], |page| {
                for (sign, means) in signs {
                    page.element("dt", &[], |page| sign.write(page));
                    page.leaf("dd", &[], means);
                }
            });
        }
    });
}

fn foot(page: &mut Markup, provenance: Provenance<'_>) {
    page.block("footer", &[], |page| {
        let Provenance { version, law } = provenance;
        page.leaf("p", &[], &format!("Made by Rogatory {version} from the law books of revision {law}."));
        page.leaf(
            "p",
            &[],
            "Simulated. It says what the rules as encoded give for invented facts; it is no legal advice, and no court \
             has to agree.",
        );
    });
}
