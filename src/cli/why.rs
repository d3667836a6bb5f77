//! Why a decision came out as it did, and what would have changed it.

use std::fmt::Write;

use crate::gate::{Flip, ItemDecision, Premise, flips};
use crate::law::{Condition, Explanation, Law};

use super::screen::wrapped;

/// The same as values: for each item of the decision what every law that was asked holds, rule by rule and condition by
/// condition, and the changes that lead to another duty.
pub fn why_json(law: &Law, premise: &Premise, decision: &ItemDecision) -> serde_json::Value {
    let laws: Vec<Explanation> =
        premise.asked.iter().map(|code| law.explain(code, &premise.question)).collect();
    serde_json::json!({
        "act": decision.act, "item": decision.item, "duty": decision.duty,
        "laws": laws, "flips": flips(law, premise),
    })
}

/// How many rules that nearly applied are shown for one law, and how many changes for one item.
const SHOWN_MAX: usize = 8;

/// The rules that decided, with the truth of each of their conditions, those that nearly did, and the smallest changes
/// of the facts that lead to another duty.
pub fn why_text(law: &Law, premise: &Premise, decision: &ItemDecision, width: usize) -> String {
    let mut out = String::new();
    let place: Vec<&str> = decision.item.place.regions().iter().map(|region| region.as_str()).collect();
    line(
        &mut out,
        0,
        width,
        &format!(
            "WHY  {} {} in {}: {}",
            decision.act,
            decision.item.class,
            if place.is_empty() { "an unknown place".to_owned() } else { place.join(", ") },
            decision.duty.as_str()
        ),
    );
    for code in &premise.asked {
        let explanation = law.explain(code, &premise.question);
        let position = &explanation.position;
        let gap = position.gap.as_ref().map_or(String::new(), |gap| format!(": {gap}"));
        line(&mut out, 2, width, &format!("{code} {}{gap}", position.kind));
        rules(&mut out, &explanation, width);
    }
    let flips: Vec<Flip> = flips(law, premise);
    if flips.is_empty() {
        line(
            &mut out,
            2,
            width,
            "No change of one fact or of two, of those that were tried, leads to another duty.",
        );
    } else {
        line(&mut out, 2, width, "Otherwise, if");
        for flip in flips.iter().take(SHOWN_MAX) {
            line(&mut out, 4, width, &format!("{}: {}", flip.changes.join(" and "), flip.duty.as_str()));
        }
        if flips.len() > SHOWN_MAX {
            line(&mut out, 4, width, &format!("and {} more such changes", flips.len() - SHOWN_MAX));
        }
    }
    out
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
    for verdict in explanation.near_misses().take(SHOWN_MAX) {
        let failed = verdict.failed().map(condition_text).collect::<Vec<_>>().join("; ");
        line(
            out,
            4,
            width,
            &format!("{} would {}, but {failed}", verdict.rule.id, verb(verdict.rule.effect.as_str())),
        );
    }
    // What the provider could file, and cannot, is told with all that keeps it shut.
    let shut = explanation
        .verdicts
        .iter()
        .filter(|verdict| !verdict.applies && verdict.rule.remedy.is_some() && verdict.failed().count() > 1);
    for verdict in shut.take(SHOWN_MAX) {
        let failed = verdict.failed().map(condition_text).collect::<Vec<_>>().join("; ");
        let remedy = verdict.rule.remedy.as_deref().unwrap_or_default();
        line(out, 4, width, &format!("{} would open {remedy}, but {failed}", verdict.rule.id));
    }
    for rule in explanation.not_in_force.iter().take(SHOWN_MAX) {
        let from = rule.rule.from.map_or("is not in force".to_owned(), |from| {
            let until = rule.rule.until.map_or(String::new(), |until| format!(" until {until}"));
            format!("holds from {from}{until}")
        });
        line(out, 4, width, &format!("{} {from}; {} was {}", rule.rule.id, rule.keyed, rule.on));
    }
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
    format!("{mark}: {unless}{} [{}]", condition.words, values.join("; "))
}

/// One line, wrapped and indented.
fn line(out: &mut String, indent: usize, width: usize, text: &str) {
    for (place, part) in wrapped(text, width.saturating_sub(indent + 2)).iter().enumerate() {
        let more = if place == 0 { 0 } else { 2 };
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{:1$}{part}", "", indent + more);
    }
}
