//! The life of one demand.
//!
//! ```text
//!   received ──► returned                        (intake found it wanting: the end)
//!      │
//!      ▼
//!   decided ◄──► ordered, filed, superseded, law changed     (decided again after each)
//!      │
//!      ├──► delivered ──► decided                (a region produced, or refused)
//!      ├──► routed … routed ──► decided          (the treaty route)
//!      └──► missed, told                         (what fell due meanwhile; who was told)
//! ```
//!
//! A matter is never stored as such: it is what its events, read back from the record, add up to.

use super::decision::{ItemDecision, disposition};
use super::event::{Cause, Event, Lapse, RegionAnswer};
use super::matter_id::MatterId;
use super::order::Paper;
use super::phase::{Decided, Phase, granted};
use super::route::RouteState;
use super::standing::{Meter, meters};
use crate::clock::SimTime;
use crate::demand::{Act, Demand, DemandId, Disposition, Item, Outcome};
use crate::world::Address;

/// What the events of one demand add up to.
#[derive(Clone, Debug)]
pub struct Matter {
    id: MatterId,
    demand: Demand,
    instrument_digest: String,
    received: SimTime,
    papers: Vec<Paper>,
    answers: Vec<RegionAnswer>,
    route: Option<RouteState>,
    superseded_by: Option<DemandId>,
    lapses: Vec<Lapse>,
    tellings: Vec<Telling>,
    phase: Phase,
    /// What was entered last that a decision may follow from, and whether one did.
    cause: Cause,
    heeded: bool,
}

/// That the holder of an account was told of entries that had been closed to them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Telling {
    /// The entry that says so.
    pub entry: u64,
    pub account: Address,
    pub of: Vec<u64>,
    pub at: SimTime,
}

/// An event that cannot happen to a matter as it stands.
#[derive(Debug, Clone, thiserror::Error)]
#[error("a matter that is {phase} cannot be {event}")]
pub struct ImpossibleMove {
    phase: &'static str,
    event: &'static str,
}

impl Matter {
    /// A new matter from its first event.
    pub fn open(event: Event) -> Result<Self, ImpossibleMove> {
        match event {
            Event::Received { demand, instrument, timing } => Ok(Matter {
                id: MatterId::of(&demand),
                demand: *demand,
                instrument_digest: instrument.digest,
                received: timing,
                papers: Vec::new(),
                answers: Vec::new(),
                route: None,
                superseded_by: None,
                lapses: Vec::new(),
                tellings: Vec::new(),
                phase: Phase::Received,
                cause: Cause::Received,
                heeded: false,
            }),
            other => Err(ImpossibleMove { phase: "not yet received", event: other.kind() }),
        }
    }

    /// The matter after one more event, recorded at `entry`. All moves that are allowed stand in this one match.
    pub fn apply(mut self, entry: u64, event: Event) -> Result<Self, ImpossibleMove> {
        let kind = event.kind();
        let cause = match &event {
            Event::Ordered { order, .. } => Some(Cause::Order(order.id.clone())),
            Event::Filed { order, .. } => Some(Cause::Filing(order.id.clone())),
            Event::Superseded { .. } => Some(Cause::Superseded),
            Event::Routed { .. } => Some(Cause::Route),
            Event::Decided { note, .. } => Some(note.clone()),
            Event::Received { .. }
            | Event::Returned { .. }
            | Event::Delivered { .. }
            | Event::Missed { .. }
            | Event::Told { .. } => None,
        };
        if let Some(cause) = cause {
            self.cause = cause;
            self.heeded = matches!(event, Event::Decided { .. });
        }
        self.phase = match (self.phase, event) {
            (Phase::Received, Event::Returned { note, .. }) => Phase::Returned(note),
            (Phase::Received, Event::Decided { law, decision, timing, .. }) => {
                Decided { entry, at: timing, law, items: decision }.into_phase(&self.answers)
            }
            (Phase::Decided(before), Event::Decided { law, decision, timing, .. }) => {
                let items = before.merged(decision);
                Decided { entry, at: timing, law, items }.into_phase(&self.answers)
            }
            (Phase::Releasing(mut decided), Event::Delivered { production, .. }) => {
                decided.take_answers(&production);
                self.answers.extend(production);
                Phase::Decided(decided)
            }
            (phase @ (Phase::Received | Phase::Decided(_)), Event::Ordered { order, .. }) => {
                self.papers.push(Paper::Order(order));
                phase
            }
            // What comes while regions are still answering voids the permits: the next decision starts anew.
            (Phase::Releasing(decided), Event::Ordered { order, .. }) => {
                self.papers.push(Paper::Order(order));
                Phase::Decided(decided)
            }
            (phase @ (Phase::Received | Phase::Decided(_)), Event::Filed { order, .. }) => {
                self.papers.push(Paper::Filing(order));
                phase
            }
            (phase @ Phase::Decided(_), Event::Routed { route, timing }) => {
                self.route = Some(RouteState::after(self.route, route, timing));
                phase
            }
            (phase @ (Phase::Received | Phase::Decided(_)), Event::Superseded { note, .. }) => {
                self.superseded_by = Some(note);
                phase
            }
            (Phase::Releasing(decided), Event::Superseded { note, .. }) => {
                self.superseded_by = Some(note);
                Phase::Decided(decided)
            }
            (Phase::Decided(decided) | Phase::Releasing(decided), Event::Missed { note, .. }) => {
                self.lapses.extend(note);
                Phase::Decided(decided)
            }
            (
                phase @ (Phase::Returned(_) | Phase::Decided(_) | Phase::Releasing(_)),
                Event::Told { parties, note, timing },
            ) => {
                self.tellings.push(Telling { entry, account: parties, of: note, at: timing });
                match phase {
                    Phase::Releasing(decided) => Phase::Decided(decided),
                    phase => phase,
                }
            }
            (phase, _) => return Err(ImpossibleMove { phase: phase.name(), event: kind }),
        };
        Ok(self)
    }

    /// The matter, of which an entry cannot be read back.
    #[must_use]
    pub fn unreadable_from(mut self, entry: u64) -> Self {
        if !matches!(self.phase, Phase::Unreadable { .. }) {
            self.phase = Phase::Unreadable { entry, before: Box::new(self.phase) };
        }
        self
    }

    pub fn id(&self) -> &MatterId {
        &self.id
    }

    pub fn demand(&self) -> &Demand {
        &self.demand
    }

    /// SHA-256 of the instrument's signed text, in lower-case hexadecimal.
    pub fn instrument_digest(&self) -> &str {
        &self.instrument_digest
    }

    pub fn received(&self) -> SimTime {
        self.received
    }

    /// Orders and filings, in the order in which they were entered.
    pub fn papers(&self) -> &[Paper] {
        &self.papers
    }

    pub fn answers(&self) -> &[RegionAnswer] {
        &self.answers
    }

    pub fn route(&self) -> Option<&RouteState> {
        self.route.as_ref()
    }

    pub fn superseded_by(&self) -> Option<&DemandId> {
        self.superseded_by.as_ref()
    }

    /// What was due and not done in time.
    pub fn lapses(&self) -> &[Lapse] {
        &self.lapses
    }

    /// Who was told of what had been closed to them, in order.
    pub fn tellings(&self) -> &[Telling] {
        &self.tellings
    }

    pub fn phase(&self) -> &Phase {
        &self.phase
    }

    /// The newest decision, if one was made.
    pub fn decided(&self) -> Option<&Decided> {
        self.phase.decided()
    }

    /// The entry from which on it cannot be read back, if its opening was erased or lost.
    pub fn unreadable(&self) -> Option<u64> {
        match self.phase {
            Phase::Unreadable { entry, .. } => Some(entry),
            _ => None,
        }
    }

    /// True while regions still owe an answer to a permit.
    pub fn is_releasing(&self) -> bool {
        matches!(self.phase, Phase::Releasing(_))
    }

    /// Why the matter has to be looked at again, if something was entered and nothing has followed from it yet, or a
    /// decision grants what no region has answered for. A crash, or a region that did not answer, came in between.
    pub fn unheeded(&self) -> Option<&Cause> {
        let over = matches!(self.phase, Phase::Returned(_) | Phase::Unreadable { .. });
        (!over && (!self.heeded || !self.granted().is_empty())).then_some(&self.cause)
    }

    /// True if a region has answered for this item: it is settled, and not decided again.
    pub fn is_settled(&self, item: &Item) -> bool {
        self.answers.iter().any(|answer| answer.items.contains(item))
    }

    /// True while what rests of an item has to stay as it is: some of it may still be released under this matter, or
    /// it was ordered to be kept. That ends when a region has answered, when the item is refused or lapses, and with
    /// the last day of the demand.
    pub fn needs(&self, item: &Item, now: SimTime) -> bool {
        if self.demand.valid_until.is_some_and(|until| until < now) {
            return false;
        }
        let needs = |decision: &ItemDecision| {
            let open = match decision.act {
                Act::Disclose => !self.is_settled(item),
                Act::Preserve => true,
                _ => false,
            };
            let over = decision.outcome.is_some_and(|outcome| {
                use Outcome::{Lapsed, Narrowed, NoData, Redirected, Rejected};
                matches!(outcome, Lapsed | Narrowed | NoData | Redirected | Rejected)
            });
            &decision.item == item && open && !over
        };
        match self.phase.readable() {
            Phase::Received => true,
            phase => phase.decided().is_some_and(|decided| decided.items.iter().any(needs)),
        }
    }

    /// The items that the newest decision grants and no region has answered for.
    pub fn granted(&self) -> Vec<&ItemDecision> {
        self.decided().map(|decided| granted(&decided.items, &self.answers)).unwrap_or_default()
    }

    pub fn disposition(&self) -> Disposition {
        match self.phase.readable() {
            Phase::Returned(_) => Disposition::Rejected,
            // Granted is not handed over.
            Phase::Decided(decided) | Phase::Releasing(decided) => {
                disposition(&decided.items, &self.granted())
            }
            _ => Disposition::Pending,
        }
    }

    /// What contempt has cost so far.
    pub fn meters(&self, now: SimTime) -> Vec<Meter> {
        meters(&self.papers, now)
    }
}
