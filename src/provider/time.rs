//! What happens by itself when simulated time passes: laws that change, stays that end, requests that move on.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::view::Recorded;
use super::{Provider, ProviderError};
use crate::clock::{Date, SimTime};
use crate::demand::{Demand, Disposition, Outcome};
use crate::gate::{Cause, Event, Matter, MatterId, Next, Paper, Phase, RouteMove};
use crate::world::{EntityRelation, Jurisdiction};

impl Provider {
    /// Moves the clock to `time`, and plays out in order what falls due on the way.
    pub async fn advance_to(&self, time: SimTime) -> Result<Vec<Recorded>, ProviderError> {
        // Not queued for: whoever begins meanwhile does not wait for those who are in the middle of something.
        let _passes = loop {
            match self.time.try_write() {
                Ok(passes) => break passes,
                Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        };
        let mut recorded = self.try_delayed().await?;
        // A law that changes while nothing is open changes nothing here; the next demand is decided by it anyway.
        while let Some(due) = self.next_due(time) {
            self.clock.advance_to(due);
            self.play_out(due, &mut recorded).await?;
        }
        self.clock.advance_to(time);
        self.tell_all().await?;
        // Kept last, and not on the way: what is recorded at a later time than the one kept was played out while time
        // passed, and a crash may have come before the rest of it.
        self.keep_time()?;
        Ok(recorded)
    }

    /// Plays out what falls due at this instant, which is now. Doing it again changes nothing.
    pub(super) async fn play_out(
        &self,
        due: SimTime,
        recorded: &mut Vec<Recorded>,
    ) -> Result<(), ProviderError> {
        for id in self.routes_due(due) {
            let _turn = self.turn(&id).await?;
            self.move_along(&id, recorded).await?;
        }
        recorded.extend(self.reconsider_all(self.cause_at(due)).await?);
        self.tell_all().await
    }

    /// The matters that something may still happen to.
    fn undone(&self) -> Vec<Arc<Matter>> {
        self.docket().matters().filter(|matter| matches!(matter.phase(), Phase::Decided(_))).collect()
    }

    /// The next instant after now, up to `limit`, at which something changes by itself for an open matter.
    fn next_due(&self, limit: SimTime) -> Option<SimTime> {
        let open = self.undone();
        let now = self.now();
        if open.is_empty() {
            let turns = self.secrecy_turns().chain(self.lapse_turns());
            return turns.filter(|due| *due > now && *due <= limit).min();
        }
        let ends = open.iter().flat_map(|matter| matter.papers()).filter_map(|paper| match paper {
            Paper::Order(order) => order.until,
            Paper::Filing(_) => None,
        });
        // The first second after a demand's last: what it holds is let go.
        let expiries = open.iter().filter_map(|m| m.demand().valid_until.map(|until| until.plus_seconds(1)));
        let routes = open.iter().filter_map(|matter| matter.route()?.due());
        let waits = open.iter().filter_map(|matter| matter.decided()).flat_map(|decided| {
            decided
                .items
                .iter()
                .filter(|item| item.outcome == Some(Outcome::Suspended))
                .filter_map(|item| item.due)
        });
        let counted = open.iter().flat_map(|matter| {
            let asked = asked(matter);
            self.counted_days(matter.received())
                .filter_map(move |(law, at)| asked.contains(law).then_some(at))
        });
        let due = ends
            .chain(routes)
            .chain(expiries)
            .chain(waits)
            .chain(counted)
            .chain(self.law_changes(&open))
            .chain(self.secrecy_turns())
            .chain(self.lapse_turns())
            .filter(|due| *due > now && *due <= limit)
            .min();
        // A desk whose time was up while something else held the request is due at once.
        due.or_else(|| open.iter().filter_map(|m| m.route()?.due()).any(|due| due <= now).then_some(now))
    }

    /// The instants at which a rule of a law that some of these matters turn on, a treaty, a membership or the
    /// provider's own stance begins or ends.
    fn law_changes(&self, open: &[Arc<Matter>]) -> BTreeSet<SimTime> {
        let world = self.world();
        let asked: BTreeSet<&Jurisdiction> = open.iter().flat_map(|matter| asked(matter)).collect();
        let start = |law: &Jurisdiction, date: Date| world.start_of_day(law, date);
        let rules = self.law().rules().filter(|(law, _)| asked.contains(law)).flat_map(|(law, rule)| {
            [rule.from, rule.until].into_iter().flatten().filter_map(move |date| start(law, date))
        });
        let treaties = world.treaties().flat_map(|treaty| {
            let dates = [treaty.in_force(), treaty.until()];
            let parties = treaty.parties().iter();
            parties
                .flat_map(move |party| dates.into_iter().flatten().filter_map(move |date| start(party, date)))
        });
        let utc = |date: Date| SimTime::start_of(date, &jiff::tz::TimeZone::UTC);
        let stances = world.provider().stances().entries().filter_map(|(from, _)| from).map(utc);
        let members = world.countries().flat_map(|country| {
            country.memberships().iter().flat_map(|m| [Some(m.from), m.until].into_iter().flatten())
        });
        let covers = self.law().cover_days().filter(|(law, _)| asked.contains(law));
        let covers = covers.filter_map(|(law, date)| start(law, date));
        rules.chain(covers).chain(treaties).chain(stances).chain(members.map(utc)).collect()
    }

    /// The instants at which a law that counts days from receipt comes to another number that it asks about.
    fn counted_days(&self, received: SimTime) -> impl Iterator<Item = (&Jurisdiction, SimTime)> {
        let world = self.world();
        self.law().counted_days().filter_map(move |(law, days)| {
            let first = world.legal_date(law, received).ok()?;
            let day = first.checked_add(jiff::Span::new().days(days)).ok()?;
            Some((law, world.start_of_day(law, day)?))
        })
    }

    fn cause_at(&self, due: SimTime) -> Cause {
        if self.law_changes(&self.undone()).contains(&due) { Cause::LawChanged } else { Cause::TimeLimit }
    }

    /// Requests that were taken up and, because of a crash, have not reached the first desk.
    pub(super) fn routes_begun(&self) -> Vec<MatterId> {
        let begun = |matter: &Arc<Matter>| {
            matter.route().is_some_and(|route| route.desk.is_none() && route.ended.is_none())
        };
        self.docket().matters().filter(begun).map(|matter| matter.id().clone()).collect()
    }

    fn routes_due(&self, now: SimTime) -> Vec<MatterId> {
        let due =
            |matter: &Arc<Matter>| matter.route().and_then(|route| route.due()).is_some_and(|due| due <= now);
        self.docket().matters().filter(due).map(|matter| matter.id().clone()).collect()
    }

    /// Takes a request off the desk it lies on, in the turn of its matter. If a court of the requested state makes its order there, the order
    /// is received and decided like any demand.
    pub(super) async fn move_along(
        &self,
        id: &MatterId,
        recorded: &mut Vec<Recorded>,
    ) -> Result<(), ProviderError> {
        let matter = self.docket().find(id.as_str())?;
        let Some(state) = matter.route() else { return Ok(()) };
        let local = state.ordered.then(|| self.came_of(&matter)).flatten();
        let ordered = state.ordered;
        let served_on = state.requested.as_ref().and_then(|country| {
            let mut here = self.world().provider().established_in(country);
            here.find(|entity| entity.relation() != EntityRelation::IndependentTrustee)
                .map(|e| e.id().clone())
        });
        let step = crate::gate::next(self.world(), matter.demand(), state, local, served_on.as_ref());
        let now = self.now();
        match step {
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

    /// Boxed, because receiving may lead back here.
    async fn receive_local(&self, local: Demand, recorded: &mut Vec<Recorded>) -> Result<(), ProviderError> {
        let instrument = self.sign(&local)?;
        let demand = crate::gate::authenticate(&instrument, self.world())?;
        let id = MatterId::of(&demand);
        let _turn = self.turns.take(super::turn_of(&demand)).await;
        recorded.extend(Box::pin(self.receive_now(instrument, demand, id)).await?);
        Ok(())
    }

    /// What came of the local order that answers a request, if it was received: `None` while that is open.
    fn came_of(&self, matter: &Matter) -> Option<Option<Result<(), String>>> {
        let answer = matter.route()?.answer.as_ref()?;
        let local =
            self.docket().matters().find(|m| &m.demand().id == answer && m.demand().executes.is_some())?;
        Some(match local.disposition() {
            Disposition::Served | Disposition::PartlyServed => Some(Ok(())),
            Disposition::Rejected => Some(Err(format!("the local order `{}` was not answered", local.id()))),
            Disposition::Routed | Disposition::Pending => None,
        })
    }
}

/// The laws that were asked when a matter was last decided.
fn asked(matter: &Matter) -> BTreeSet<&Jurisdiction> {
    let items = matter.decided().into_iter().flat_map(|decided| &decided.items);
    items.flat_map(|item| item.positions.iter().map(|position| &position.jurisdiction)).collect()
}
