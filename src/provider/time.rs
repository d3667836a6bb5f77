//! What happens by itself when simulated time passes: laws that change, stays that end, requests that move on.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use super::view::Recorded;
use super::{Provider, ProviderError};
use crate::clock::{Date, SimTime};
use crate::demand::Outcome;
use crate::gate::{Cause, Matter, Paper, Phase};
use crate::world::Jurisdiction;

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
        let mut overdue = true;
        while let Some(due) = self.next_due(time, overdue) {
            let before = self.docket().log().head().size;
            self.clock.advance_to(due);
            self.play_out(due, &mut recorded).await?;
            // What could not be moved is not tried again at the same instant for ever.
            overdue = self.docket().log().head().size > before;
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
        self.move_routes(due, recorded).await?;
        recorded.extend(self.reconsider_all(self.cause_at(due)).await?);
        self.tell_all().await
    }

    /// The matters that something may still happen to.
    fn undone(&self) -> Vec<Arc<Matter>> {
        self.docket().matters().filter(|matter| matches!(matter.phase(), Phase::Decided(_))).collect()
    }

    /// The next instant after now, up to `limit`, at which something changes by itself for an open matter; with `overdue`
    /// also this very instant, for a desk whose time was up while something else held the request.
    fn next_due(&self, limit: SimTime, overdue: bool) -> Option<SimTime> {
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
        let moving: Vec<SimTime> = open.iter().filter_map(|matter| self.route_due(matter)).collect();
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
            .chain(moving.iter().copied())
            .chain(expiries)
            .chain(waits)
            .chain(counted)
            .chain(self.law_changes(&open))
            .chain(self.secrecy_turns())
            .chain(self.lapse_turns())
            .filter(|due| *due > now && *due <= limit)
            .min();
        if overdue && moving.iter().any(|due| *due <= now) { Some(now) } else { due }
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
}

/// The laws that were asked when a matter was last decided.
fn asked(matter: &Matter) -> BTreeSet<&Jurisdiction> {
    let items = matter.decided().into_iter().flat_map(|decided| &decided.items);
    items.flat_map(|item| item.positions.iter().map(|position| &position.jurisdiction)).collect()
}
