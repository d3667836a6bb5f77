//! Real cases, played on the facts that are known of them: what happened beside what the engine says.
//!
//! The engine answers from the law books alone, before any court of the case has spoken: a case script holds the demand,
//! and no order. So a case that made the rule which decides it agrees by construction, and is counted apart from those
//! that only test the rules.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::report::Report;
use super::script::{Action, History, Script};
use super::view::ItemView;
use crate::clock::Date;
use crate::demand::{Act, DemandId};
use crate::gate::Duty;
use crate::law::{Effect, Position, PositionKind};
use crate::world::{DataClass, Jurisdiction};

/// What a script says of the real case it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Case {
    pub name: String,
    pub court: String,
    pub date: Date,
    /// The demand of the script that stands for that of the case; none if the case has none.
    pub matter: Option<DemandId>,
    /// The classes of data that the case was about; empty: all that the demand asks for.
    pub classes: Vec<DataClass>,
    pub act: Act,
    pub outcome: HistoricOutcome,
    pub role: CaseRole,
    /// The rule of the books that decides it.
    pub rule: Option<String>,
    /// What of it the model cannot hold. Such a case is shown and not compared.
    pub outside: Option<String>,
    #[serde(flatten)]
    pub history: History,
}

/// What came of the real demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HistoricOutcome {
    Produce,
    /// Some of it only.
    Partial,
    No,
    /// Sent back until it was narrower.
    Narrow,
    /// A foreign court or authority was asked first.
    Defer,
    /// The way of a treaty was taken, or required.
    Treaty,
    /// Police reached the data themselves.
    Direct,
    Other,
}

/// What a case is to the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CaseRole {
    /// It made the rule that decides it.
    Made,
    /// It is decided by rules that others made.
    Tests,
}

/// What the engine says of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Says {
    Produce,
    Partial,
    No,
    /// Not due, and the treaty to ask through is named.
    NoButTreaty,
    /// One law compels what another bars.
    Conflict,
    /// Some law is unsettled, or has no rules.
    Open,
    /// Nothing: the case is none of a demand to a provider.
    Nothing,
}

/// One line of the table.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CaseRow {
    pub script: String,
    #[serde(flatten)]
    pub case: Case,
    pub says: Says,
    /// The rules, or the gaps, by which it says so.
    pub by: Vec<String>,
    /// Whether the rule that decides the case applies to it here, whatever else does; absent without such a rule, and
    /// where there is nothing to apply it to.
    pub rule_applies: Option<bool>,
    /// Absent where the two cannot be compared.
    pub agrees: Option<bool>,
    /// True if every expectation of the script held.
    pub holds: bool,
}

impl CaseRole {
    pub fn as_str(self) -> &'static str {
        match self {
            CaseRole::Made => "made the rule",
            CaseRole::Tests => "tests it",
        }
    }
}

impl CaseRow {
    /// Whether the engine says what happened, in words.
    pub fn agreement(&self) -> &'static str {
        match self.agrees {
            Some(true) => "agrees",
            Some(false) => "disagrees",
            None => "not compared",
        }
    }

    /// Reads the end of a play.
    pub fn of(case: &Case, script: &Script, report: &Report) -> Self {
        let items = case.matter.as_ref().map(|matter| last(report, matter, case)).unwrap_or_default();
        let demands = script.steps.iter().filter_map(|step| match &step.action {
            Action::Demand(demand) => Some(demand),
            _ => None,
        });
        let demand = demands.into_iter().find(|demand| Some(&demand.id) == case.matter.as_ref());
        let state = demand.map(|demand| Jurisdiction::from(&demand.on_behalf_of));
        let says = Says::of(&items, state.as_ref());
        let positions = || items.iter().flat_map(|item| &item.positions);
        let by_rule = positions().any(|position| position.kind == PositionKind::Open);
        let rule = case.rule.as_ref().filter(|_| !items.is_empty());
        CaseRow {
            script: report.script.clone(),
            case: case.clone(),
            says,
            by: reasons(&items, state.as_ref()),
            rule_applies: rule.map(|rule| positions().any(|position| position.names(rule))),
            agrees: if case.outside.is_some() { None } else { case.outcome.agrees(says, by_rule) },
            holds: report.holds(),
        }
    }

    /// What became of the rule that decides the case, in words, where what the engine says does not rest on it.
    pub fn rule_besides(&self) -> Option<String> {
        let rule = self.case.rule.as_ref().filter(|rule| !self.by.contains(rule))?;
        let applies =
            if self.rule_applies? { "applies too, and does not settle it" } else { "does not apply" };
        Some(format!("{rule} {applies}"))
    }
}

/// How the items of the case stood when they were last seen.
fn last<'r>(report: &'r Report, matter: &DemandId, case: &Case) -> Vec<&'r ItemView> {
    let views = report.scenes.iter().flat_map(|scene| &scene.matters);
    let Some(view) = views.rev().find(|view| view.matter == *matter) else { return Vec::new() };
    let meant = |item: &&ItemView| {
        item.act == case.act && (case.classes.is_empty() || case.classes.contains(&item.item.class))
    };
    view.items.iter().filter(meant).collect()
}

/// The rules that lead to what the engine says, and what no rules were written for. Where nothing is owed because the law
/// that could have asked for it does not, that law says why not, if it says anything; what others allow, and what is not
/// known of them, is no reason.
fn reasons(items: &[&ItemView], state: Option<&Jurisdiction>) -> Vec<String> {
    let mut reasons = BTreeSet::new();
    for item in items {
        let own = |position: &&Position| Some(&position.jurisdiction) == state;
        let not_owed = item.duty == Duty::Free || (item.duty == Duty::Open && !doubtful(item, state));
        let says_why_not = not_owed
            && item.positions.iter().filter(own).any(|position| position.kind == PositionKind::Allows);
        for position in item.positions.iter().filter(|position| !says_why_not || own(position)) {
            let leads = matches!(
                (item.duty, position.kind),
                (Duty::Compelled, PositionKind::Compels)
                    | (Duty::Barred, PositionKind::Bars)
                    | (Duty::Conflicting, PositionKind::Compels | PositionKind::Bars)
                    | (Duty::Open, PositionKind::Open | PositionKind::NotCovered)
                    | (Duty::Free, PositionKind::Allows)
            );
            if !leads && !says_why_not {
                continue;
            }
            let firm = |effect: Effect| effect != Effect::Allows || not_owed;
            reasons
                .extend(position.rules.iter().filter(|rule| firm(rule.effect)).map(|rule| rule.id.clone()));
            if position.kind == PositionKind::NotCovered {
                reasons.insert(format!("{}: no rules", position.jurisdiction));
            }
        }
    }
    reasons.into_iter().collect()
}

/// Whether the item is open so that something may be owed: some law asks for it, or that of the state that demands does
/// not say.
fn doubtful(item: &ItemView, state: Option<&Jurisdiction>) -> bool {
    let unsettled = |position: &Position| {
        let own = Some(&position.jurisdiction) == state;
        position.kind == PositionKind::Compels
            || (own && matches!(position.kind, PositionKind::Open | PositionKind::NotCovered))
    };
    item.duty == Duty::Open && item.positions.iter().any(unsettled)
}

impl Says {
    /// `state` is the one that demands. Where its own law does not ask for the data, and no other does, nothing is owed,
    /// whatever is unknown elsewhere.
    fn of(items: &[&ItemView], state: Option<&Jurisdiction>) -> Self {
        let any = |duty: Duty| items.iter().any(|item| item.duty == duty);
        let compelled = items.iter().filter(|item| item.duty == Duty::Compelled).count();
        if items.is_empty() {
            Says::Nothing
        } else if any(Duty::Conflicting) {
            Says::Conflict
        } else if items.iter().any(|item| doubtful(item, state)) {
            Says::Open
        } else if compelled == items.len() {
            Says::Produce
        } else if compelled > 0 {
            Says::Partial
        } else if items.iter().any(|item| item.treaty.is_some()) {
            Says::NoButTreaty
        } else {
            Says::No
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Says::Produce => "produce",
            Says::Partial => "partial",
            Says::No => "no",
            Says::NoButTreaty => "no; by treaty",
            Says::Conflict => "conflict",
            Says::Open => "open",
            Says::Nothing => "nothing",
        }
    }
}

impl HistoricOutcome {
    pub fn as_str(self) -> &'static str {
        match self {
            HistoricOutcome::Produce => "produce",
            HistoricOutcome::Partial => "partial",
            HistoricOutcome::No => "no",
            HistoricOutcome::Narrow => "narrow",
            HistoricOutcome::Defer => "defer",
            HistoricOutcome::Treaty => "treaty",
            HistoricOutcome::Direct => "direct",
            HistoricOutcome::Other => "other",
        }
    }

    /// Whether the engine said what came about. It cannot narrow a demand, for that is a court's to do, so there it is
    /// wrong whatever it says; what is neither given nor refused cannot be compared. `by_rule`: what is open is so by a rule.
    fn agrees(self, says: Says, by_rule: bool) -> Option<bool> {
        Some(match self {
            HistoricOutcome::Direct | HistoricOutcome::Other => return None,
            HistoricOutcome::Produce => says == Says::Produce,
            HistoricOutcome::Partial => says == Says::Partial,
            HistoricOutcome::No => matches!(says, Says::No | Says::NoButTreaty),
            HistoricOutcome::Treaty => says == Says::NoButTreaty,
            // Asked first is who may know what is not settled here. That nothing is written here is no such answer.
            HistoricOutcome::Defer => says == Says::Open && by_rule,
            HistoricOutcome::Narrow => false,
        })
    }
}

impl fmt::Display for Says {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for HistoricOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How many cases of one role came to what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CaseTally {
    pub agree: usize,
    pub disagree: usize,
    pub not_compared: usize,
}

impl CaseTally {
    pub fn of<'r>(rows: impl IntoIterator<Item = &'r CaseRow>, role: CaseRole) -> Self {
        let mut tally = CaseTally::default();
        for row in rows.into_iter().filter(|row| row.case.role == role) {
            match row.agrees {
                Some(true) => tally.agree += 1,
                Some(false) => tally.disagree += 1,
                None => tally.not_compared += 1,
            }
        }
        tally
    }
}
