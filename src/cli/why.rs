//! Why a decision came out as it did, and what would have changed it.

use std::fmt::Write;

use crate::clock::Date;
use crate::demand::Item;
use crate::gate::{Duty, Flip, flips};
use crate::law::{Condition, Explanation, Law, NotInForce, PositionKind};
use crate::provider::Newest;
use crate::world::World;

use super::screen::wrapped;

/// The same as values: for each item of the decision what every law that was asked holds, rule by rule and condition by
/// condition, and the changes that lead to another duty.
pub fn why_json(law: &Law, world: &World, newest: &Newest<'_>) -> serde_json::Value {
    let Newest { premise, decision, .. } = newest;
    serde_json::json!({
        "act": decision.act, "item": decision.item, "duty": decision.duty,
        "laws": explanations(law, newest), "flips": flips(law, world, premise),
    })
}

/// How many rules that nearly applied are shown for one law, and how many changes for one item.
const SHOWN_MAX: usize = 8;

fn explanations(law: &Law, newest: &Newest<'_>) -> Vec<Explanation> {
    let premise = newest.premise;
    premise.asked.iter().map(|code| law.explain(code, &premise.question)).collect()
}

/// Why one or several items came out as they did.
struct Why<'n> {
    items: Vec<&'n Newest<'n>>,
    duty: Duty,
    laws: Vec<Explanation>,
    flips: Vec<Flip>,
}

/// The rules that decided, with the truth of each of their conditions, those that nearly did, and the smallest changes
/// of the facts that lead to another duty. Items of which all of that is the same are told together.
pub fn why_text(law: &Law, world: &World, decided: &[Newest<'_>], width: usize) -> String {
    let mut all: Vec<Why<'_>> = Vec::new();
    for newest in decided {
        let why = Why {
            items: vec![newest],
            duty: newest.decision.duty,
            laws: explanations(law, newest),
            flips: flips(law, world, newest.premise),
        };
        let same = |other: &&mut Why<'_>| {
            other.items[0].decision.act == newest.decision.act
                && other.duty == why.duty
                && other.laws == why.laws
                && other.flips == why.flips
        };
        match all.iter_mut().find(same) {
            Some(other) => other.items.push(newest),
            None => all.push(why),
        }
    }
    let mut out = String::new();
    for why in &all {
        told(&mut out, why, width);
    }
    out
}

fn told(out: &mut String, why: &Why<'_>, width: usize) {
    let items: Vec<String> = why.items.iter().map(|newest| item(&newest.decision.item)).collect();
    let act = why.items[0].decision.act;
    line(out, 0, width, &format!("WHY  {act} {}: {}", items.join(", "), why.duty.as_str()));
    for explanation in &why.laws {
        let position = &explanation.position;
        let gap = position.gap.as_ref().map_or(String::new(), |gap| format!(": {gap}"));
        line(out, 2, width, &format!("{} {}{gap}", position.jurisdiction, position.kind));
        // A law that has no answer has no rules to tell.
        if position.kind != PositionKind::NotCovered {
            rules(out, explanation, width);
        }
    }
    if why.flips.is_empty() {
        let what = "No change of one fact or of two, of those that were tried, leads to another duty.";
        return line(out, 2, width, what);
    }
    line(out, 2, width, "Otherwise, if");
    for flip in why.flips.iter().take(SHOWN_MAX) {
        line(out, 4, width, &format!("{}: {}", flip.changes.join(" and "), flip.duty.as_str()));
    }
    if why.flips.len() > SHOWN_MAX {
        line(
            out,
            4,
            width,
            &format!("and {} more such changes, which --format json shows", why.flips.len() - SHOWN_MAX),
        );
    }
}

fn item(item: &Item) -> String {
    let place: Vec<&str> = item.place.regions().iter().map(|region| region.as_str()).collect();
    let place = if place.is_empty() { "an unknown place".to_owned() } else { place.join(", ") };
    format!("{} in {place}", item.class)
}

fn rules(out: &mut String, explanation: &Explanation, width: usize) {
    for verdict in explanation.verdicts.iter().filter(|verdict| verdict.applies) {
        line(
            out,
            4,
            width,
            &format!("{} {} ({})", verdict.rule.id, verdict.rule.effect, verdict.rule.source.shown()),
        );
        for condition in &verdict.conditions {
            line(out, 6, width, &condition_text(condition));
        }
    }
    let mark = |source: &crate::world::Source| source.shown();
    for verdict in explanation.near_misses().take(SHOWN_MAX) {
        let failed = verdict.failed().map(condition_text).collect::<Vec<_>>().join("; ");
        let (rule, would) = (&verdict.rule, verb(verdict.rule.effect.as_str()));
        line(out, 4, width, &format!("{} would {would} ({}), but {failed}", rule.id, mark(&rule.source)));
    }
    // What the provider could file, and cannot, is told with all that keeps it shut.
    let shut = explanation
        .verdicts
        .iter()
        .filter(|verdict| !verdict.applies && verdict.rule.remedy.is_some() && verdict.failed().count() > 1);
    for verdict in shut.take(SHOWN_MAX) {
        let failed = verdict.failed().map(condition_text).collect::<Vec<_>>().join("; ");
        let (rule, remedy) = (&verdict.rule, verdict.rule.remedy.as_deref().unwrap_or_default());
        let source = mark(&rule.source);
        line(out, 4, width, &format!("{} would open {remedy} ({source}), but {failed}", rule.id));
    }
    for (rule, version, spans) in other_times(explanation).into_iter().take(SHOWN_MAX) {
        let what = match spans.is_empty() {
            true => format!("{rule} is not in force"),
            false => {
                let spans: Vec<String> = spans.iter().map(span).collect();
                format!("{rule} holds {}; what counts is {}", spans.join(" and "), moment(version))
            }
        };
        line(out, 4, width, &what);
    }
}

/// Days from the first until the day that is no longer one of them.
type Span = (Date, Option<Date>);

/// The rules of which no version is in force, each once, with the days on which one is: versions that follow each other
/// without a gap are one.
fn other_times(explanation: &Explanation) -> Vec<(&str, &NotInForce, Vec<Span>)> {
    let mut rules: Vec<(&str, &NotInForce, Vec<Span>)> = Vec::new();
    for version in &explanation.not_in_force {
        let id = version.rule.id.as_str();
        if explanation.verdicts.iter().any(|verdict| verdict.rule.id == id) {
            continue;
        }
        let place = rules.iter().position(|(known, ..)| *known == id).unwrap_or_else(|| {
            rules.push((id, version, Vec::new()));
            rules.len() - 1
        });
        let (from, until) = (version.rule.from, version.rule.until);
        let spans = &mut rules[place].2;
        match (spans.last_mut(), from) {
            (Some((_, end)), Some(from)) if *end == Some(from) => *end = until,
            (_, Some(from)) => spans.push((from, until)),
            (_, None) => {}
        }
    }
    rules
}

fn span((from, until): &Span) -> String {
    let until = until.map_or(String::new(), |until| format!(" until {until}"));
    format!("from {from}{until}")
}

fn moment(version: &NotInForce) -> String {
    format!("when it was {}, {}", version.keyed, version.on)
}

/// `compels` as it follows "would".
fn verb(effect: &str) -> &str {
    match effect {
        "open" => "leave it open",
        other => other.strip_suffix('s').unwrap_or(other),
    }
}

fn condition_text(condition: &Condition) -> String {
    let mark = if condition.met { "holds" } else { "fails" };
    let unless = match (condition.unless, condition.met) {
        (true, true) => "it is no exception that ",
        (true, false) => "it is an exception that ",
        (false, _) => "",
    };
    let values: Vec<String> =
        condition.facts.iter().map(|(fact, value)| format!("{fact}: {value}")).collect();
    let values = if values.is_empty() { String::new() } else { format!(" [{}]", values.join("; ")) };
    format!("{mark}: {unless}{}{values}", condition.words)
}

/// One line, wrapped and indented.
fn line(out: &mut String, indent: usize, width: usize, text: &str) {
    for (place, part) in wrapped(text, width.saturating_sub(indent + 2)).iter().enumerate() {
        let more = if place == 0 { 0 } else { 2 };
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{:1$}{part}", "", indent + more);
    }
}
