//! How a matter stands: what every law holds on every item, what it adds up to, and what becomes of it.

use super::rules::Numbered;
use super::signs::Sign;
use crate::law::Position;
use crate::scenario::Moment;
use crate::scenario::report::markup::Markup;
use crate::scenario::text::law::{earlier, is_owed, together, treaties};
use crate::scenario::text::sheet::list;
use crate::scenario::view::{ItemView, MatterView};
use crate::world::Jurisdiction;

/// A matter as it stands now, with how it was last seen.
pub struct Standing<'m> {
    pub now: &'m MatterView,
    pub before: Option<&'m MatterView>,
    pub at: Moment,
    /// Every item, as to somebody who asks how things stand; otherwise what differs from before.
    pub whole: bool,
}

/// One table, then the rules behind what is new in it.
pub fn matter(page: &mut Markup, numbered: &mut Numbered, standing: &Standing<'_>) {
    let Standing { now, before, whole, .. } = *standing;
    let laws = laws(now);
    let positions = fresh(standing, &laws);
    for position in &positions {
        for hit in &position.rules {
            // In the order of the laws, and not of the cells in which they are met.
            numbered.number(&position.jurisdiction, hit);
        }
    }
    page.block("section", &[("class", "matter")], |page| {
        page.element("h4", &[], |page| {
            page.leaf("strong", &[], now.matter.as_str());
            page.text(&format!(" is {}", now.disposition));
        });
        page.line();
        for reason in &now.returned_for {
            labelled(page, "doubt", "sent back: ", reason);
        }
        let is_shown = |item: &&ItemView| whole || earlier(before, item) != Some(item);
        let (shown, quiet): (Vec<&ItemView>, Vec<&ItemView>) = now.items.iter().partition(is_shown);
        if !shown.is_empty() {
            page.block("table", &[("class", "standing")], |page| {
                head(page, &laws);
                page.block("tbody", &[], |page| {
                    for group in alike(&shown, before) {
                        row(page, numbered, &laws, &group, standing);
                    }
                });
            });
        }
        match (shown.is_empty(), quiet.is_empty()) {
            (true, false) => page.leaf("p", &[("class", "faint")], "Nothing changes for any item."),
            (false, false) => {
                page.leaf("p", &[("class", "faint")], &format!("As before: {}.", together(&quiet)))
            }
            (_, true) => {}
        }
        if positions.iter().any(|position| !position.rules.is_empty() || position.gap.is_some()) {
            numbered.sentences(page, &positions);
        }
        let ways = treaties(now);
        if whole || before.map(treaties) != Some(ways.clone()) {
            for (treaty, items) in ways {
                page.leaf("p", &[("class", "faint")], &format!("Treaty route for {items}: {treaty}"));
            }
        }
        for fine in &now.fines {
            let so_far =
                format!("{} {} so far, for {} days ({})", fine.currency, fine.amount, fine.days, fine.order);
            labelled(page, "bad", "contempt: ", &so_far);
        }
        for sentence in now.telling(before, |time| standing.at.with_time(time).date()) {
            page.leaf("p", &[], &format!("{sentence}."));
        }
    });
}

fn labelled(page: &mut Markup, class: &str, label: &str, text: &str) {
    page.element("p", &[], |page| {
        page.leaf("span", &[("class", class)], label);
        page.text(text);
    });
}

/// What laws hold that they did not hold when the matter was last seen, law by law.
fn fresh<'m>(standing: &Standing<'m>, laws: &[&Jurisdiction]) -> Vec<&'m Position> {
    let mut positions: Vec<&Position> = Vec::new();
    for item in &standing.now.items {
        let old = earlier(standing.before, item).map_or(&[][..], |old| &old.positions);
        for position in item.positions.iter().filter(|position| !old.contains(position)) {
            if !positions.contains(&position) {
                positions.push(position);
            }
        }
    }
    positions.sort_by_key(|position| laws.iter().position(|law| **law == position.jurisdiction));
    positions
}

/// Items of one account that stand alike and stood alike, together.
fn alike<'i>(items: &[&'i ItemView], before: Option<&MatterView>) -> Vec<Vec<&'i ItemView>> {
    let same = |a: &ItemView, b: &ItemView| {
        let nameless = |item: &ItemView| ItemView { item: a.item.clone(), ..item.clone() };
        let old = |item: &ItemView| earlier(before, item).map(nameless);
        a.item.account == b.item.account && nameless(a) == nameless(b) && old(a) == old(b)
    };
    let mut groups: Vec<Vec<&ItemView>> = Vec::new();
    for &item in items {
        match groups.iter_mut().find(|group| same(group[0], item)) {
            Some(group) => group.push(item),
            None => groups.push(vec![item]),
        }
    }
    groups
}

/// The laws that any item was about, in the order in which they were asked.
fn laws(now: &MatterView) -> Vec<&Jurisdiction> {
    let mut laws: Vec<&Jurisdiction> = Vec::new();
    for position in now.items.iter().flat_map(|item| &item.positions) {
        if !laws.contains(&&position.jurisdiction) {
            laws.push(&position.jurisdiction);
        }
    }
    laws
}

fn head(page: &mut Markup, laws: &[&Jurisdiction]) {
    page.block("thead", &[], |page| {
        page.element("tr", &[], |page| {
            page.leaf("th", &[("scope", "col")], "");
            for law in laws {
                page.leaf("th", &[("scope", "col")], law.as_str());
            }
            for head in ["duty", "conduct", "outcome"] {
                page.leaf("th", &[("scope", "col"), ("class", "answer")], head);
            }
        });
    });
}

fn row(
    page: &mut Markup,
    numbered: &mut Numbered,
    laws: &[&Jurisdiction],
    group: &[&ItemView],
    standing: &Standing<'_>,
) {
    let (item, items) = (group[0], &standing.now.items);
    let old = earlier(standing.before, item);
    page.block("tr", &[("class", if old == Some(item) { "as-before" } else { "new" })], |page| {
        page.element("th", &[("scope", "row")], |page| {
            page.text(&together(group));
            if items.iter().any(|other| other.item.account != item.item.account) {
                page.leaf("small", &[], &format!(" {}", item.item.account));
            }
        });
        for law in laws {
            let of = |item: &'_ ItemView| item.positions.iter().position(|held| held.jurisdiction == **law);
            let position = of(item).map(|place| &item.positions[place]);
            let was = old.and_then(|old| of(old).map(|place| old.positions[place].kind));
            let differs = old.is_some() && position.map(|held| held.kind) != was;
            let held = |page: &mut Markup| {
                if let Some(position) = position {
                    Sign::position(position.kind).write(page);
                    numbered.references(page, position);
                }
            };
            cell(page, differs, held, None);
        }
        let duty = old.is_some_and(|old| old.duty != item.duty);
        cell(page, duty, |page| Sign::duty(item.duty).write(page), None);
        let conduct = old.is_some_and(|old| old.conduct != item.conduct);
        cell(page, conduct, |page| page.text(item.conduct.map_or("", |conduct| conduct.as_str())), None);
        let outcome = old.is_some_and(|old| old.outcome != item.outcome);
        cell(page, outcome, |page| Sign::outcome(item.outcome).write(page), note(item, standing.at));
    });
}

/// A cell, with a word where it differs from before.
fn cell(page: &mut Markup, differs: bool, inside: impl FnOnce(&mut Markup), note: Option<String>) {
    let class: &[_] = if differs { &[("class", "differs")] } else { &[] };
    page.element("td", class, |page| {
        page.element("span", &[("class", "whole")], |page| {
            inside(page);
            if differs {
                page.leaf("span", &[("class", "flag")], "new");
            }
        });
        if let Some(note) = note {
            page.leaf("small", &[], &format!(" {note}"));
        }
    });
}

/// `suspended by stay`, `due since 4 December 2013`.
fn note(item: &ItemView, at: Moment) -> Option<String> {
    let mut notes = Vec::new();
    if !item.suspended_by.is_empty() {
        notes.push(format!("suspended by {}", list(item.suspended_by.iter().map(|paper| paper.as_str()))));
    }
    if let Some(due) = item.due.filter(|_| is_owed(item.outcome)) {
        let word = if due <= at.time() { "due since" } else { "due on" };
        notes.push(format!("{word} {}", at.with_time(due).date()));
    }
    (!notes.is_empty()).then(|| notes.join(", "))
}
