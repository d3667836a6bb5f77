//! Whether a matter stands as a script expects.

use std::collections::BTreeSet;

use super::script::{ClosedBy, Expect};
use super::view::{HeardRule, ItemView, MatterView};
use crate::clock::SimTime;
use crate::demand::Act;
use crate::law::{Condition, Hearing};

/// What became of one expectation.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Verdict {
    Held,
    /// What was found instead, one sentence each.
    Failed {
        found: Vec<String>,
    },
    /// There was nothing it could be about.
    Unmatched {
        why: String,
    },
    /// The play ended before it could be asked.
    Unreached,
}

impl Verdict {
    pub fn held(&self) -> bool {
        *self == Verdict::Held
    }
}

impl Expect {
    /// True if something is expected of items, and not only of the matter as a whole.
    pub fn asks_items(&self) -> bool {
        self.duty.is_some()
            || self.conduct.is_some()
            || self.outcome.is_some()
            || self.suspended.is_some()
            || self.suspended_by.is_some()
            || self.due.is_some()
            || self.due_at.is_some()
            || !self.positions.is_empty()
            || !self.because.is_empty()
            || !self.not_because.is_empty()
            || !self.closed.is_empty()
    }

    /// True if something is expected of the matter as a whole.
    pub fn asks_matter(&self) -> bool {
        self.disposition.is_some()
            || self.told.is_some()
            || self.told_at.is_some()
            || self.published.is_some()
    }

    /// What it is about: `content in ie-dublin, 13-mag-2814`.
    pub fn subject(&self) -> String {
        let mut subject = String::new();
        if self.act != Act::Disclose {
            subject.push_str(&format!("{} ", self.act));
        }
        match (self.asks_items(), self.class) {
            (false, _) => subject.push_str("the matter"),
            (true, Some(class)) => subject.push_str(class.as_str()),
            (true, None) => subject.push_str("every item"),
        }
        if let Some(region) = &self.region {
            subject.push_str(&format!(" in {region}"));
        }
        if let Some(account) = &self.account {
            subject.push_str(&format!(" of {account}"));
        }
        format!("{subject}, {}", self.matter)
    }

    /// What it expects, as a list: `compelled`, `suspended by stay`, `US compels`, `because us-sca`.
    pub fn wishes(&self) -> Vec<String> {
        let mut wishes = Vec::new();
        wishes.extend(self.duty.map(|duty| duty.to_string()));
        wishes.extend(self.suspended.map(|yes| if yes { "suspended" } else { "not suspended" }.to_owned()));
        wishes.extend(self.suspended_by.as_ref().map(|paper| format!("suspended by {paper}")));
        wishes.extend(self.due.map(|yes| if yes { "due" } else { "not due" }.to_owned()));
        wishes.extend(self.due_at.map(|due| format!("due at {due}")));
        wishes.extend(self.conduct.map(|conduct| format!("conduct {conduct}")));
        wishes.extend(self.outcome.map(|outcome| format!("outcome {outcome}")));
        wishes.extend(self.disposition.map(|disposition| disposition.to_string()));
        wishes.extend(self.told.map(|yes| if yes { "holder told" } else { "holder not told" }.to_owned()));
        wishes.extend(self.told_at.map(|at| format!("holder told at {at}")));
        wishes.extend(self.published.map(|yes| if yes { "published" } else { "not published" }.to_owned()));
        wishes.extend(self.positions.iter().map(|(jurisdiction, kind)| format!("{jurisdiction} {kind}")));
        wishes.extend(self.because.iter().map(|rule| format!("because {rule}")));
        wishes.extend(self.not_because.iter().map(|rule| format!("not because {rule}")));
        wishes.extend(self.closed.iter().map(|(rule, by)| format!("{rule} closed by {by}")));
        wishes
    }

    /// Compares it with the matter as it stands at `now`. `heard` says how it stands with the rules that it expects to be
    /// closed.
    pub fn ask(&self, matter: Option<&MatterView>, heard: &[HeardRule], now: SimTime) -> Verdict {
        let Some(matter) = matter else {
            return Verdict::Unmatched { why: format!("no demand `{}` has been received", self.matter) };
        };
        let mut found = Vec::new();
        if let Some(wanted) = self.disposition.filter(|wanted| *wanted != matter.disposition) {
            found.push(format!("the matter is {}, expected {wanted}", matter.disposition));
        }
        found.extend(self.told_otherwise(matter));
        if self.asks_items() {
            let items: Vec<&ItemView> = matter.items.iter().filter(|item| self.selects(item)).collect();
            if items.is_empty() {
                let has: Vec<String> = matter.items.iter().map(|item| item.label()).collect();
                let has = if has.is_empty() { "no item".to_owned() } else { has.join(", ") };
                return Verdict::Unmatched { why: format!("no such item; the matter has {has}") };
            }
            for item in &items {
                let about = if items.len() > 1 { format!("{}: ", item.label()) } else { String::new() };
                let closed = self.closed.iter().filter_map(|(rule, by)| {
                    let hearing = heard.iter().find(|heard| heard.is_of(item, rule));
                    differs(rule, by, hearing.map_or(&Hearing::NotAbout, |heard| &heard.hearing))
                });
                let differences = self.differences(item, now).into_iter().chain(closed);
                found.extend(differences.map(|what| format!("{about}{what}")));
            }
        }
        if found.is_empty() { Verdict::Held } else { Verdict::Failed { found } }
    }

    /// What is not as expected of who was told.
    fn told_otherwise(&self, matter: &MatterView) -> Vec<String> {
        let mut found = Vec::new();
        let told =
            matter.told_to.iter().filter(|told| self.account.as_ref().is_none_or(|a| *a == told.account));
        let told: Vec<_> = told.collect();
        let who: Vec<String> = told.iter().map(|told| format!("{} at {}", told.account, told.at)).collect();
        match (self.told, told.is_empty()) {
            (Some(true), true) => found.push("the account holder was not told, expected told".to_owned()),
            (Some(false), false) => found.push(format!("told: {}, expected not told", who.join(", "))),
            _ => {}
        }
        if let Some(wanted) = self.told_at {
            if told.is_empty() {
                found.push(format!("the account holder was not told, expected told at {wanted}"));
            } else if told.iter().any(|told| told.at != wanted.time()) {
                found.push(format!("told: {}, expected at {wanted}", who.join(", ")));
            }
        }
        if let Some(wanted) = self.published.filter(|wanted| *wanted != matter.published) {
            let is = if wanted { "some of it is not published" } else { "all of it is published" };
            let not = if wanted { "published" } else { "not published" };
            found.push(format!("{is}, expected {not}"));
        }
        found
    }

    fn selects(&self, view: &ItemView) -> bool {
        view.act == self.act
            && self.account.as_ref().is_none_or(|account| *account == view.item.account)
            && self.class.is_none_or(|class| class == view.item.class)
            && self.region.as_ref().is_none_or(|region| view.item.place.regions().contains(region))
    }

    fn differences(&self, item: &ItemView, now: SimTime) -> Vec<String> {
        let mut found = Vec::new();
        if let Some(wanted) = self.duty.filter(|wanted| *wanted != item.duty) {
            found.push(format!("duty is `{}`, expected `{wanted}`", item.duty));
        }
        if let Some(wanted) = self.conduct.filter(|wanted| !wanted.accepts(item.conduct)) {
            found.push(format!("conduct is `{}`, expected `{wanted}`", or_none(item.conduct)));
        }
        if let Some(wanted) = self.outcome.filter(|wanted| !wanted.accepts(item.outcome)) {
            found.push(format!("outcome is `{}`, expected `{wanted}`", or_none(item.outcome)));
        }
        let suspending: Vec<String> = item.suspended_by.iter().map(|paper| format!("`{paper}`")).collect();
        match (self.suspended, suspending.is_empty()) {
            (Some(true), true) => found.push("not suspended, expected suspended".to_owned()),
            (Some(false), false) => {
                found.push(format!("suspended by {}, expected not suspended", suspending.join(", ")));
            }
            _ => {}
        }
        if let Some(wanted) = self.suspended_by.as_ref().filter(|wanted| !item.suspended_by.contains(wanted))
        {
            let by = if suspending.is_empty() { "nothing".to_owned() } else { suspending.join(", ") };
            found.push(format!("suspended by {by}, expected `{wanted}` among it"));
        }
        if let Some(wanted) = self.due.filter(|wanted| *wanted != item.is_due(now)) {
            let when = item.due.map_or("no due time".to_owned(), |due| format!("due time {due}"));
            let is = if wanted { "not due" } else { "due" };
            found
                .push(format!("{is} at {now} ({when}), expected {}", if wanted { "due" } else { "not due" }));
        }
        if let Some(wanted) = self.due_at.filter(|wanted| Some(wanted.time()) != item.due) {
            let when = item.due.map_or("no due time".to_owned(), |due| format!("due at {due}"));
            found.push(format!("{when}, expected {wanted}"));
        }
        for (jurisdiction, wanted) in &self.positions {
            match item.positions.iter().find(|position| position.jurisdiction == *jurisdiction) {
                Some(position) if position.kind == *wanted => {}
                Some(position) => {
                    found.push(format!("{jurisdiction} says `{}`, expected `{wanted}`", position.kind));
                }
                None => found.push(format!("{jurisdiction} was not asked, expected `{wanted}`")),
            }
        }
        let reasons: BTreeSet<&str> = item.reasons().collect();
        for rule in self.because.iter().filter(|rule| !reasons.contains(rule.as_str())) {
            let given: Vec<String> = reasons.iter().map(|reason| format!("`{reason}`")).collect();
            let given = if given.is_empty() { "none".to_owned() } else { given.join(", ") };
            found.push(format!("`{rule}` is not among the reasons: {given}"));
        }
        for rule in self.not_because.iter().filter(|rule| reasons.contains(rule.as_str())) {
            found.push(format!("`{rule}` is among the reasons, expected not"));
        }
        found
    }
}

/// What is otherwise about a rule than expected.
fn differs(rule: &str, by: &ClosedBy, hearing: &Hearing) -> Option<String> {
    let is = match (hearing, by) {
        (Hearing::NotInForce { .. }, ClosedBy::Time) => return None,
        (Hearing::Closed { failed }, ClosedBy::Facts(facts)) => {
            let asks =
                |condition: &Condition, fact: &str| condition.facts.iter().any(|(name, _)| name == fact);
            let others: Vec<String> = failed
                .iter()
                .filter(|condition| !facts.iter().any(|fact| asks(condition, fact)))
                .map(|condition| {
                    let facts: Vec<&str> = condition.facts.iter().map(|(name, _)| name.as_str()).collect();
                    format!("on {} too", facts.join(" and "))
                })
                .collect();
            let missed: Vec<String> = facts
                .iter()
                .filter(|fact| !failed.iter().any(|condition| asks(condition, fact)))
                .map(|fact| format!("not on {fact}"))
                .collect();
            let all: Vec<String> = others.into_iter().chain(missed).collect();
            if all.is_empty() {
                return None;
            }
            format!("fails {}", all.join(", "))
        }
        (Hearing::Applies, _) => "applies".to_owned(),
        (Hearing::Closed { .. }, ClosedBy::Time) => "is in force".to_owned(),
        (Hearing::NotInForce { keyed, on }, ClosedBy::Facts(_)) => {
            format!("is not in force: {keyed} on {on}")
        }
        (Hearing::NotAbout, _) => "has no say on it".to_owned(),
    };
    Some(format!("`{rule}` {is}, expected closed by {by}"))
}

impl ItemView {
    /// True if something has to be done now: a duty is live, its time has come, and it is not answered.
    pub fn is_due(&self, now: SimTime) -> bool {
        self.suspended_by.is_empty()
            && self.due.is_some_and(|due| due <= now)
            && !self.outcome.is_some_and(|outcome| outcome.is_production())
    }

    /// `content in ie-dublin`; the act too, if it is not disclosure.
    pub fn label(&self) -> String {
        let act = if self.act == Act::Disclose { String::new() } else { format!("{} ", self.act) };
        let regions: Vec<&str> = self.item.place.regions().iter().map(|region| region.as_str()).collect();
        let place = if regions.is_empty() { "an unknown place".to_owned() } else { regions.join(", ") };
        format!("{act}{} in {place}", self.item.class)
    }

    /// The rules that any of the positions rests on.
    pub fn reasons(&self) -> impl Iterator<Item = &str> {
        self.positions.iter().flat_map(|position| &position.rules).map(|rule| rule.id.as_str())
    }
}

fn or_none<T: std::fmt::Display>(value: Option<T>) -> String {
    value.map_or("none".to_owned(), |value| value.to_string())
}
