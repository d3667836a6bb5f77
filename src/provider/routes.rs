//! Requests along the treaty route, moved from desk to desk as their time is up.
//!
//! What becomes of the request hangs on the order that a court of the requested state makes for it: a demand like any other.
//! As long as something of it may still be handed over, the request lies where the answer is awaited, however long that is.

use std::sync::Arc;

use super::view::Recorded;
use super::{Provider, ProviderError};
use crate::clock::SimTime;
use crate::demand::{Act, Demand, Disposition, Outcome};
use crate::gate::{Cause, Event, LocalOrder, Matter, MatterId, Next, Phase, RouteMove};
use crate::world::EntityRelation;

impl Provider {
    /// Requests that were taken up and, because of a crash, have not reached the first desk.
    pub(super) fn routes_begun(&self) -> Vec<MatterId> {
        let begun = |matter: &Arc<Matter>| {
            matter.route().is_some_and(|route| route.desk.is_none() && route.ended.is_none())
        };
        self.docket().matters().filter(begun).map(|matter| matter.id().clone()).collect()
    }

    /// When the request of a matter leaves its desk; `None` while it lies there for an answer, or while regions still owe one
    /// to the matter itself: what is entered then would void their permits.
    pub(super) fn route_due(&self, matter: &Matter) -> Option<SimTime> {
        let due = matter.route()?.due()?;
        let free = matches!(matter.phase(), Phase::Decided(_));
        (free && self.next_step(matter).is_some()).then_some(due)
    }

    /// Moves every request whose time on its desk is up. One that cannot go on for now is tried again, and holds up no other.
    pub(super) async fn move_routes(
        &self,
        now: SimTime,
        recorded: &mut Vec<Recorded>,
    ) -> Result<(), ProviderError> {
        let due = |matter: &Arc<Matter>| self.route_due(matter).is_some_and(|due| due <= now);
        let due: Vec<MatterId> =
            self.docket().matters().filter(due).map(|matter| matter.id().clone()).collect();
        for id in due {
            let _turn = self.turn(&id).await?;
            self.move_or_put_off(&id, recorded).await?;
        }
        Ok(())
    }

    /// Moves a request, in the turn of its matter; what keeps it for now is noted as the matter's delay.
    pub(super) async fn move_or_put_off(
        &self,
        id: &MatterId,
        recorded: &mut Vec<Recorded>,
    ) -> Result<(), ProviderError> {
        let moved = self.move_along(id, recorded).await;
        if let Err(error) = &moved
            && error.is_delay()
        {
            tracing::warn!(matter = %id, %error, "the request cannot go on yet");
        }
        self.set_aside(id, Cause::Route, moved)
    }

    /// Takes a request off the desk it lies on. If a court of the requested state makes its order there, the order is received
    /// and decided like any demand.
    async fn move_along(&self, id: &MatterId, recorded: &mut Vec<Recorded>) -> Result<(), ProviderError> {
        let matter = self.matter(id)?;
        let ordered = matter.route().is_some_and(|route| route.ordered);
        let now = self.now();
        match self.next_step(&matter) {
            None => {}
            Some(Next::Moves(route)) => {
                recorded.push(self.enter(id, Event::Routed { route, timing: now }).await?);
            }
            Some(Next::Orders(local, onward)) => {
                let order = RouteMove::Ordered { order: local.id.clone(), by: local.issuing.clone() };
                if !ordered {
                    recorded.push(self.enter(id, Event::Routed { route: order, timing: now }).await?);
                }
                self.receive_local(*local, recorded).await?;
                recorded.push(self.enter(id, Event::Routed { route: onward, timing: now }).await?);
            }
        }
        Ok(())
    }

    /// What comes next for a request, once its time on the desk is up.
    fn next_step(&self, matter: &Matter) -> Option<Next> {
        let state = matter.route()?;
        let local = state.ordered.then(|| self.came_of(matter)).flatten();
        let served_on = state.requested.as_ref().and_then(|country| {
            let mut here = self.world().provider().established_in(country);
            here.find(|entity| entity.relation() != EntityRelation::IndependentTrustee)
                .map(|entity| entity.id().clone())
        });
        crate::gate::next(self.world(), matter.demand(), state, local, served_on.as_ref(), self.now())
    }

    /// Boxed, because receiving may lead back here.
    async fn receive_local(&self, local: Demand, recorded: &mut Vec<Recorded>) -> Result<(), ProviderError> {
        let instrument = self.sign(&local)?;
        let demand = crate::gate::authenticate(&instrument, self.world())?;
        let id = MatterId::of(&demand);
        let _turn = self.turns.take(super::turn_of(&demand)).await;
        recorded.extend(Box::pin(self.receive_now(instrument, demand, id)).await?);
        Ok(())
    }

    /// What came of the local order that answers a request, if it was received.
    fn came_of(&self, matter: &Matter) -> Option<LocalOrder> {
        let answer = matter.route()?.answer.as_ref()?;
        let local =
            self.docket().matters().find(|m| &m.demand().id == answer && m.demand().executes.is_some())?;
        let refused = LocalOrder::Refused(format!("the local order `{}` was not answered", local.id()));
        let Some(decided) = local.decided() else {
            return Some(if matches!(local.phase(), Phase::Returned(_)) {
                refused
            } else {
                LocalOrder::Open
            });
        };
        // Granted is not handed over, and what is suspended or fought over may still be.
        let open = |outcome| {
            matches!(outcome, None | Some(Outcome::Suspended | Outcome::Referred | Outcome::Returned))
        };
        let disclosed = decided.items.iter().filter(|decision| decision.act == Act::Disclose);
        if !local.granted().is_empty() || disclosed.map(|decision| decision.outcome).any(open) {
            return Some(LocalOrder::Open);
        }
        Some(match local.disposition() {
            Disposition::Served | Disposition::PartlyServed => LocalOrder::Answered,
            Disposition::Rejected => refused,
            Disposition::Routed | Disposition::Pending => LocalOrder::Open,
        })
    }
}
