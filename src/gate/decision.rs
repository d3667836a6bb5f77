//! From what is known to what is done: pure, so that anyone can do it again.
//!
//! A [`Premise`] holds everything one item's decision depends on, beside the law itself. [`decide`] reads a premise
//! and the law and changes nothing; the premise goes into the record with the decision, so that an auditor with the
//! same law books gets the same answer or can show the difference.

use serde::{Deserialize, Serialize};

use super::duty::Duty;
use super::order::PaperId;
use super::stance::StanceTable;
use super::standing::Standing;
use crate::clock::SimTime;
use crate::demand::{Act, Disposition, Item, Outcome};
use crate::law::{Effect, Law, Position, PositionKind, Question, RuleHit};
use crate::world::{Conduct, Jurisdiction};

/// Everything the decision on one item depends on.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Premise {
    pub act: Act,
    pub item: Item,
    /// What is asked, with every fact a rule may look at.
    pub question: Question,
    /// The jurisdictions that are asked it.
    pub asked: Vec<Jurisdiction>,
    pub standing: Standing,
    pub stance: StanceTable,
    /// True if every copy rests outside the demanding state.
    pub only_abroad: bool,
    pub emergency: bool,
    /// False if nothing of this class rests there.
    pub has_data: bool,
    /// The treaty through which the demanding state could ask for it, if there is one in force.
    pub treaty: Option<String>,
    /// The time the demand itself sets for an answer.
    pub return_by: Option<SimTime>,
    /// A later demand of the same authority took this one's place.
    pub superseded: bool,
    /// The authority took the treaty route for this item.
    pub routed: bool,
}

/// What was decided about one item, and why.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ItemDecision {
    pub act: Act,
    pub item: Item,
    pub positions: Vec<Position>,
    pub duty: Duty,
    /// When it is, or was, due; absent while suspended, where nothing is compelled or it is unsettled whether it is,
    /// and where neither the demand, nor a law, nor an order sets a time.
    pub due: Option<SimTime>,
    pub suspended_by: Vec<PaperId>,
    /// What the provider does; absent where nothing is left to do.
    pub conduct: Option<Conduct>,
    /// Absent while it is still fought over.
    pub outcome: Option<Outcome>,
    /// The treaty named to the authority, if the item is not produced and there is one.
    pub treaty: Option<String>,
}

/// Decides one item.
pub fn decide(law: &Law, premise: &Premise) -> ItemDecision {
    let positions = law.positions(&premise.asked, &premise.question);
    let duty = Duty::of(&positions, &premise.standing);
    let suspended_by = premise.standing.suspended_by.clone();
    let due = match duty {
        Duty::Compelled | Duty::Conflicting => {
            let by = premise.return_by.or_else(|| time_given(premise, &positions));
            let by = by.or(premise.standing.ordered);
            premise.standing.live_since.and_then(|live| by.map(|by| by.max(live)))
        }
        Duty::Barred | Duty::Free | Duty::Open | Duty::Undone | Duty::Moot => None,
    };
    let waits = waits_until(premise, &positions).filter(|end| premise.question.facts.moments.decided < *end);
    let due = if duty == Duty::Compelled { due.max(waits) } else { due };
    let (conduct, outcome) = act_on(premise, duty, waits.is_some());
    // What nobody waits for any more is not due.
    let due = due.filter(|_| outcome != Some(Outcome::Lapsed));
    let unproduced =
        !outcome.is_some_and(|o| o.is_production() || o == Outcome::NoData || o == Outcome::Kept);
    ItemDecision {
        act: premise.act,
        item: premise.item.clone(),
        positions,
        duty,
        due,
        suspended_by,
        conduct,
        outcome,
        treaty: premise.treaty.clone().filter(|_| unproduced && premise.act == Act::Disclose),
    }
}

/// The rules that compel, of the laws that do.
fn compelling(positions: &[Position]) -> impl Iterator<Item = &RuleHit> {
    let positions = positions.iter().filter(|position| position.kind == PositionKind::Compels);
    positions.flat_map(|position| &position.rules).filter(|rule| rule.effect == Effect::Compels)
}

/// The earliest of the times that the laws which compel give for it.
fn time_given(premise: &Premise, positions: &[Position]) -> Option<SimTime> {
    let received = premise.question.facts.moments.received;
    compelling(positions).filter_map(|rule| rule.within).map(|within| within.after(received)).min()
}

/// Until when the laws that compel have the provider wait, in case somebody objects.
fn waits_until(premise: &Premise, positions: &[Position]) -> Option<SimTime> {
    let received = premise.question.facts.moments.received;
    compelling(positions).filter_map(|rule| rule.after).map(|after| after.after(received)).max()
}

/// From duty to conduct to outcome. What ends the question comes first, then what holds the duty still, then what
/// the stance says for a duty of this kind.
fn act_on(premise: &Premise, duty: Duty, waits: bool) -> (Option<Conduct>, Option<Outcome>) {
    if !premise.has_data {
        return (None, Some(Outcome::NoData));
    }
    if premise.routed {
        return (None, Some(Outcome::Routed));
    }
    if is_over(premise, duty) {
        return (None, Some(Outcome::Ended));
    }
    if premise.superseded || matches!(duty, Duty::Undone | Duty::Moot) {
        return (None, Some(Outcome::Lapsed));
    }
    let conduct = premise.stance.conduct(duty, premise.only_abroad, premise.emergency);
    if !premise.standing.suspended_by.is_empty() || (waits && duty == Duty::Compelled) {
        return (Some(conduct), Some(Outcome::Suspended));
    }
    if duty == Duty::Barred {
        let outcome = if premise.treaty.is_some() { Outcome::TreatyOpen } else { Outcome::Rejected };
        return (Some(Conduct::Refuse), Some(outcome));
    }
    let outcome = match conduct {
        Conduct::Comply => {
            Some(if premise.act == Act::Disclose { Outcome::Produced } else { done(premise.act) })
        }
        Conduct::Refuse => Some(match (duty, &premise.treaty) {
            (Duty::Free, Some(_)) => Outcome::TreatyOpen,
            _ => Outcome::Rejected,
        }),
        Conduct::Redirect => Some(Outcome::Redirected),
        Conduct::Lapse => Some(Outcome::Lapsed),
        // Still being fought over: no outcome yet, and nothing leaves.
        Conduct::Contest | Conduct::Object | Conduct::Negotiate => None,
    };
    (Some(conduct), outcome)
}

/// True for a secret that nobody asks for any more, and that no law makes one by itself.
fn is_over(premise: &Premise, duty: Duty) -> bool {
    let asked_for = premise.question.facts.process.secrecy_ordered;
    premise.act == Act::KeepSecret && !asked_for && matches!(duty, Duty::Free | Duty::Barred)
}

fn done(act: Act) -> Outcome {
    if act == Act::Preserve { Outcome::Kept } else { Outcome::Done }
}

/// The disposition of a whole demand. An item without an outcome is pending, and so is what was granted and is still to be
/// handed over.
pub fn disposition(items: &[ItemDecision], unanswered: &[&ItemDecision]) -> Disposition {
    Disposition::of(items.iter().map(|item| match item.outcome {
        Some(outcome) if !unanswered.contains(&item) => outcome,
        _ => Outcome::Suspended,
    }))
}
