//! How the reach for one mailbox changed, from one legal epoch to the next.
//!
//! Nothing changes but on a day on which a rule, a treaty, a membership or the provider's stance begins or ends. On such a day
//! only those ways are tried again that one of them concerns: a new French rule says nothing of a way on which France is
//! not asked.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::way::{Inquiry, Taken, Way, ways};
use crate::clock::{Date, SimTime};
use crate::demand::{InstrumentKind, Outcome};
use crate::directory::{Account, CopyAt};
use crate::gate::{Duty, Stances};
use crate::law::{Law, PositionChange, position_changes};
use crate::world::{Address, AuthorityId, Country, DataClass, Jurisdiction, RegionId, World};

/// The reach for one mailbox over all days that the law books speak for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SweepView {
    pub account: Address,
    /// The first day: that on which the account was opened.
    pub from: Date,
    /// The first day of which no book speaks any more.
    pub until: Date,
    /// How many runs of days there are on which nothing changes for anybody.
    pub epochs: usize,
    /// The ways that led to something on the first day.
    pub first: Vec<WayChange>,
    /// The days on which what somebody would get changed.
    pub turns: Vec<Turn>,
}

/// A day on which it changed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Turn {
    pub on: Date,
    pub changes: Vec<WayChange>,
}

/// What some authorities would get by one instrument of one copy, and did not get the day before.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct WayChange {
    pub country: Country,
    pub authorities: Vec<AuthorityId>,
    pub instrument: InstrumentKind,
    pub class: DataClass,
    pub region: RegionId,
    /// Absent on the first day.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Prospect>,
    pub after: Prospect,
    /// What the laws came to hold otherwise.
    pub laws: Vec<PositionChange>,
}

/// What would come of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Prospect {
    pub duty: Duty,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// True if the region's node would refuse what the gate would grant.
    pub node_refuses: bool,
}

impl Prospect {
    fn of(taken: &Taken) -> Self {
        Prospect { duty: taken.duty, outcome: taken.outcome, node_refuses: !taken.refused_under.is_empty() }
    }

    /// True if somebody would get something.
    pub fn obtains(&self) -> bool {
        self.outcome.is_some_and(Outcome::is_production)
    }
}

/// Works out the reach for an account from its first day on.
pub fn sweep(world: &World, law: &Law, stances: &Stances<'_>, account: &Account) -> SweepView {
    let from = account.holder.created.date_utc();
    let until = law.jurisdictions().filter_map(|code| law.header(code)).map(|header| header.until).max();
    let until = until.unwrap_or(from);
    let mut days = turning_days(world, law, stances);
    days.retain(|day, _| from < *day && *day < until);
    days.insert(from, Turned::Everything);
    let epochs = days.len();

    let ways = ways(world, |_| true);
    let cells: Vec<(&Way<'_>, &CopyAt)> =
        account.copies().iter().flat_map(|copy| ways.iter().map(move |way| (way, copy))).collect();
    let mut now: Vec<Option<Taken>> = cells.iter().map(|_| None).collect();
    let mut view = SweepView {
        account: account.address.clone(),
        from,
        until,
        epochs,
        first: Vec::new(),
        turns: Vec::new(),
    };
    for (day, turned) in &days {
        // Noon in Greenwich is the same day in most of the world, and in all of it that the books speak of.
        let at = SimTime::start_of(*day, &jiff::tz::TimeZone::UTC).plus_seconds(12 * 3600);
        let mut inquiry = Inquiry::on(world, law, stances.on(at), at);
        let mut changes = Vec::new();
        for ((way, copy), before) in cells.iter().zip(&mut now) {
            if before.as_ref().is_some_and(|before| !turned.concerns(before)) {
                continue;
            }
            let Some(after) = way.try_all(&mut inquiry, account, copy) else { continue };
            changes.extend(change(way, copy, before.as_ref(), &after));
            *before = Some(after);
        }
        match (*day == from, changes.is_empty()) {
            (true, _) => view.first = changes.into_iter().filter(|change| change.after.obtains()).collect(),
            (false, true) => {}
            (false, false) => view.turns.push(Turn { on: *day, changes }),
        }
    }
    view
}

/// Only where the answer is another: that the same comes out for other reasons is for an explanation.
fn change(way: &Way<'_>, copy: &CopyAt, before: Option<&Taken>, after: &Taken) -> Option<WayChange> {
    let (was, is) = (before.map(Prospect::of), Prospect::of(after));
    if was == Some(is) {
        return None;
    }
    Some(WayChange {
        country: way.country()?.clone(),
        authorities: way.authorities.iter().map(|authority| authority.id().clone()).collect(),
        instrument: way.instrument,
        class: copy.class,
        region: copy.region.clone(),
        before: was,
        after: is,
        laws: before.map_or(Vec::new(), |before| position_changes(&before.positions, &after.positions)),
    })
}

/// What may be otherwise from a day on.
enum Turned {
    /// Anything: the stance, a treaty, who belongs to what.
    Everything,
    /// What these laws hold.
    Laws(BTreeSet<Jurisdiction>),
}

impl Turned {
    fn concerns(&self, taken: &Taken) -> bool {
        match self {
            Turned::Everything => true,
            Turned::Laws(laws) => {
                taken.positions.iter().any(|position| laws.contains(&position.jurisdiction))
            }
        }
    }
}

/// The days on which something may begin or end.
fn turning_days(world: &World, law: &Law, stances: &Stances<'_>) -> BTreeMap<Date, Turned> {
    let mut days: BTreeMap<Date, Turned> = BTreeMap::new();
    let rules = law.rules().flat_map(|(code, rule)| [rule.from, rule.until].map(|day| (code, day)));
    let rules = rules.filter_map(|(code, day)| Some((code, day?)));
    let spans = law.jurisdictions().filter_map(|code| Some((code, law.header(code)?)));
    let spans = spans.flat_map(|(code, header)| [(code, header.from), (code, header.until)]);
    for (code, day) in rules.chain(spans).chain(law.cover_days()) {
        let turned = days.entry(day).or_insert_with(|| Turned::Laws(BTreeSet::new()));
        if let Turned::Laws(laws) = turned {
            laws.insert(code.clone());
        }
    }
    let treaties = world.treaties().flat_map(|treaty| [treaty.in_force(), treaty.until()]).flatten();
    let members = world.countries().flat_map(|country| country.memberships());
    let members = members.flat_map(|member| [Some(member.from), member.until]).flatten();
    for day in treaties.chain(members).chain(stances.days()) {
        days.insert(day, Turned::Everything);
    }
    days
}
