//! What has happened on a stage already, where a play was interrupted and goes on.
//!
//! It is read from what the provider recorded, so nothing is noted down beside the record that could disagree with it.

use std::collections::BTreeSet;

use super::script::Action;
use crate::clock::SimTime;
use crate::demand::DemandId;
use crate::gate::PaperId;

/// What has happened so far; of a new stage, nothing.
#[derive(Clone, Debug, Default)]
pub struct Past {
    /// How far the clock has come.
    pub now: Option<SimTime>,
    /// How often the stance was changed, the setting of the stage included.
    pub stances: usize,
    pub matters: Vec<PastMatter>,
    /// Demands that were received, and of which no more is known: what opens them was erased.
    pub erased: BTreeSet<DemandId>,
}

/// What has happened to one matter.
#[derive(Clone, Debug)]
pub struct PastMatter {
    pub demand: DemandId,
    pub version: u32,
    /// Orders and filings.
    pub papers: BTreeSet<PaperId>,
    /// The name of the local order that the treaty route leads to, if the route was taken.
    pub answer: Option<DemandId>,
}

impl Past {
    /// True if the action left its trace. `stances` is how many changes of stance the script makes before it. What leaves
    /// none can happen again.
    pub(super) fn shows(&self, action: &Action, stances: usize) -> bool {
        let any = |id: &DemandId, shows: &dyn Fn(&PastMatter) -> bool| {
            self.erased.contains(id)
                || self.matters.iter().any(|matter| &matter.demand == id && shows(matter))
        };
        match action {
            Action::Demand(demand) => any(&demand.id, &|m| m.version >= demand.version),
            Action::Order { matter, order } => any(matter, &|m| m.papers.contains(&order.id)),
            Action::Filing { matter, filing } => any(matter, &|m| m.papers.contains(&filing.id)),
            Action::Route(route) => any(&route.matter, &|m| m.answer.as_ref() == Some(&route.answer)),
            Action::Stance(_) => self.stances > stances,
            Action::Note => false,
        }
    }
}
