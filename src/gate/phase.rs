//! Where a matter is in its life, and what was decided last.

use super::decision::ItemDecision;
use super::event::{Finding, RegionAnswer};
use crate::clock::SimTime;
use crate::demand::{Act, Item, Outcome};

/// Where a matter is in its life.
#[derive(Clone, Debug)]
pub enum Phase {
    /// Received and not yet decided.
    Received,
    /// Sent back at intake; nothing more can happen but a new version.
    Returned(Vec<Finding>),
    /// Decided, as of an entry. Later events lead to another decision.
    Decided(Decided),
    /// A decision grants a release, and the regions' answers are still out.
    Releasing(Decided),
    /// What happened at this entry cannot be read back, because its opening was erased or lost. The matter is known as it
    /// was before, keeps what it needed then, and nothing more happens in it.
    Unreadable { entry: u64, before: Box<Phase> },
}

/// What was decided last about each item of a matter.
#[derive(Clone, Debug)]
pub struct Decided {
    /// The entry that holds the newest decision.
    pub entry: u64,
    pub at: SimTime,
    pub law: String,
    pub items: Vec<ItemDecision>,
}

impl Decided {
    /// This decision with the items of a newer one in place of its own.
    pub(super) fn merged(self, newer: Vec<ItemDecision>) -> Vec<ItemDecision> {
        let mut items = self.items;
        for item in newer {
            match items.iter_mut().find(|old| old.act == item.act && old.item == item.item) {
                Some(old) => *old = item,
                None => items.push(item),
            }
        }
        items
    }

    pub(super) fn into_phase(self, answers: &[RegionAnswer]) -> Phase {
        if granted(&self.items, answers).is_empty() { Phase::Decided(self) } else { Phase::Releasing(self) }
    }

    pub(super) fn take_answers(&mut self, answers: &[RegionAnswer]) {
        for answer in answers {
            let outcome = answer.answer.outcome();
            for item in
                self.items.iter_mut().filter(|i| i.act == Act::Disclose && answer.items.contains(&i.item))
            {
                item.outcome = Some(outcome);
            }
        }
    }
}

/// The items that a decision hands over and no region has answered for.
pub(super) fn granted<'d>(items: &'d [ItemDecision], answers: &[RegionAnswer]) -> Vec<&'d ItemDecision> {
    let settled = |item: &Item| answers.iter().any(|answer| answer.items.contains(item));
    let granted = |decision: &&ItemDecision| {
        decision.act == Act::Disclose
            && decision.outcome.is_some_and(Outcome::is_production)
            && !settled(&decision.item)
    };
    items.iter().filter(granted).collect()
}

impl Phase {
    /// The phase as far as it can be read back.
    pub(super) fn readable(&self) -> &Phase {
        match self {
            Phase::Unreadable { before, .. } => before.readable(),
            phase => phase,
        }
    }

    pub(super) fn decided(&self) -> Option<&Decided> {
        match self.readable() {
            Phase::Decided(decided) | Phase::Releasing(decided) => Some(decided),
            _ => None,
        }
    }

    pub(super) fn name(&self) -> &'static str {
        match self {
            Phase::Received => "received",
            Phase::Returned(_) => "returned",
            Phase::Decided(_) => "decided",
            Phase::Releasing(_) => "being released",
            Phase::Unreadable { .. } => "known only in part, because an opening of it was erased or lost,",
        }
    }
}
