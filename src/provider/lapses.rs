//! What fell due while the provider could not go on.
//!
//! Where no quorum of witnesses cosigns, or a region does not answer, nothing is released. A time that passes meanwhile is
//! missed, and that is an event of the matter like any other: entered at the first second after it, with what was wanting
//! and since when. The entry needs no quorum to be there, and one to be believed.

use super::cabinet::Wait;
use super::view::Recorded;
use super::{Provider, ProviderError};
use crate::clock::SimTime;
use crate::demand::Act;
use crate::gate::{DocketError, Event, ItemDecision, Lapse, Matter, MatterId, Want};
use crate::record::log::{AppendError, LogError};

impl Provider {
    /// Keeps since when a matter cannot go on and for want of what, or that it can again.
    pub(super) fn note_wait<T>(
        &self,
        id: &MatterId,
        outcome: &Result<T, ProviderError>,
    ) -> Result<(), ProviderError> {
        let wait = match outcome {
            Ok(_) => None,
            Err(error) => match want(error) {
                None => return Ok(()),
                Some(for_want_of) => {
                    let since = self.cabinet.wait(id).map_or(self.now(), |wait| wait.since);
                    Some(Wait { since, for_want_of })
                }
            },
        };
        Ok(self.cabinet.keep_wait(id, wait)?)
    }

    /// Enters what a matter missed while it could not go on, after it was tried to. `before` is the matter as it was until
    /// then: what was settled in time was not missed.
    pub(super) async fn enter_lapses(
        &self,
        id: &MatterId,
        before: &Matter,
        tried: &Result<(), ProviderError>,
        recorded: &mut Vec<Recorded>,
    ) -> Result<(), ProviderError> {
        let Some(mut wait) = self.cabinet.wait(id) else { return Ok(()) };
        if let Err(error) = tried {
            match want(error) {
                None => return Ok(()),
                Some(for_want_of) => wait.for_want_of = for_want_of,
            }
        }
        let (matter, now) = (self.matter(id)?, self.now());
        let missed = matter.decided().into_iter().flat_map(|decided| &decided.items).filter_map(|decision| {
            let due = due_by(&matter, decision).filter(|due| (wait.since..now).contains(due))?;
            let in_time = before.is_settled(&decision.item);
            let lapse = Lapse {
                act: decision.act,
                item: decision.item.clone(),
                due,
                for_want_of: wait.for_want_of.clone(),
                since: wait.since,
            };
            (!in_time && !is_known(&matter, decision, due)).then_some(lapse)
        });
        let missed: Vec<Lapse> = missed.collect();
        if !missed.is_empty() {
            recorded.push(self.enter(id, Event::Missed { note: missed, timing: now }).await?);
        }
        Ok(())
    }

    /// The first seconds after what is due in matters that cannot go on.
    pub(super) fn lapse_turns(&self) -> Vec<SimTime> {
        let matters = self.cabinet.waiting().into_iter().filter_map(|id| self.docket().get(&id));
        let turns = matters.flat_map(|matter| {
            let granted = matter.granted().into_iter();
            let due =
                granted.filter_map(|decision| decision.due.filter(|due| !is_known(&matter, decision, *due)));
            due.map(|due| due.plus_seconds(1)).collect::<Vec<_>>()
        });
        turns.collect()
    }
}

/// By when an item was to be handed over, if it was granted or came of a grant. Whatever else a demand asks for is done when
/// it is decided, and waits for nobody.
fn due_by(matter: &Matter, decision: &ItemDecision) -> Option<SimTime> {
    let granted = decision.outcome.is_some_and(|outcome| outcome.is_production());
    let handed = granted || matter.is_settled(&decision.item);
    decision.due.filter(|_| decision.act == Act::Disclose && handed)
}

fn is_known(matter: &Matter, decision: &ItemDecision, due: SimTime) -> bool {
    let same = |lapse: &Lapse| lapse.act == decision.act && lapse.item == decision.item && lapse.due == due;
    matter.lapses().iter().any(same)
}

/// What is wanting, where an error is that something is.
pub(super) fn want(error: &ProviderError) -> Option<Want> {
    match error {
        ProviderError::Region(region, _)
        | ProviderError::WentBack { region, .. }
        | ProviderError::CopyLost { region, .. } => Some(Want::Region(region.clone())),
        ProviderError::Docket(error) if is_want_of_a_quorum(error) => Some(Want::Quorum),
        _ => None,
    }
}

/// True if what was entered is in the log, and no quorum has cosigned it yet.
fn is_want_of_a_quorum(error: &DocketError) -> bool {
    matches!(
        error,
        DocketError::Append(AppendError::NoQuorum { .. })
            | DocketError::Log(LogError::Append(AppendError::NoQuorum { .. }))
    )
}
