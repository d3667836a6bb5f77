//! How the reach for a mailbox changed over time, and what one authority could obtain of every mailbox.

use std::collections::BTreeMap;

use super::day::named;
use super::sheet::{Ink, Look, Sheet, faint, gather, list, plain};
use crate::clock::{Date, SimTime};
use crate::gate::Duty;
use crate::provider::{ByView, May, Prospect, SweepView, WayChange};
use crate::scenario::Moment;
use crate::scenario::names::Names;
use crate::world::{AuthorityId, Country, InstrumentKind};

/// How many authorities of one country are named before the others are counted.
const NAMED_MAX: usize = 1;

/// A class, and the region where it rests.
type Copy = (String, String);

/// The days on which what somebody would get of a mailbox changed, and why. `all` shows every other change too.
pub fn sweep_text(sweep: &SweepView, all: bool, names: &Names, look: Look) -> String {
    let mut sheet = Sheet::new(look);
    let days = format!(
        " from {} until {}: {} runs of days between one change of law or stance and the next",
        day(sweep.from),
        day(sweep.until),
        sweep.epochs
    );
    sheet.wide(&[(Ink::Strong, sweep.account.as_str().into()), plain(days)]);
    sheet.blank();
    sheet.margin(0, 0, &[(Ink::Strong, day(sweep.from).into()), faint(", the account is opened")]);
    changes(&mut sheet, names, &sweep.first.iter().collect::<Vec<_>>());
    if sweep.first.is_empty() {
        sheet.margin(2, 4, &[plain("nobody on the roster would get anything")]);
    }
    let mut hidden = 0;
    for turn in &sweep.turns {
        let (shown, others): (Vec<&WayChange>, Vec<&WayChange>) =
            turn.changes.iter().partition(|change| all || gains_or_loses(change));
        hidden += others.len();
        if !shown.is_empty() {
            sheet.blank();
            sheet.margin(0, 0, &[(Ink::Strong, day(turn.on).into())]);
            changes(&mut sheet, names, &shown);
        }
    }
    if hidden > 0 {
        sheet.blank();
        let what = format!("{hidden} other changes, of duties that lead to the same; --all shows them");
        sheet.margin(0, 2, &[faint(what)]);
    }
    sheet.finish().0
}

/// True where somebody gets something and did not, or the other way round; and where it is compelled and was not.
fn gains_or_loses(change: &WayChange) -> bool {
    let compelled = |prospect: &Prospect| prospect.duty == Duty::Compelled;
    let (before, after) = (change.before.as_ref(), &change.after);
    before.is_some_and(Prospect::obtains) != after.obtains()
        || before.is_some_and(compelled) != compelled(after)
}

/// Changes that are alike are told once, for all copies and all authorities that they concern.
fn changes(sheet: &mut Sheet, names: &Names, changes: &[&WayChange]) {
    // What the same authorities would get of several copies, then those of whom all of that is said alike.
    let mut by_copies: Vec<(&WayChange, Vec<Copy>)> = Vec::new();
    for change in changes {
        let alike = |(one, _): &&mut (&WayChange, Vec<Copy>)| {
            same(one, change) && one.authorities == change.authorities && one.instrument == change.instrument
        };
        let copy = (change.class.to_string(), change.region.to_string());
        match by_copies.iter_mut().find(alike) {
            Some((_, copies)) => copies.push(copy),
            None => by_copies.push((change, vec![copy])),
        }
    }
    let mut told: Vec<(Vec<&WayChange>, Vec<Copy>)> = Vec::new();
    for (change, copies) in by_copies {
        let alike = |(list, of): &&mut (Vec<&WayChange>, Vec<Copy>)| {
            *of == copies && list.iter().all(|one| same(one, change))
        };
        match told.iter_mut().find(alike) {
            Some((list, _)) => list.push(change),
            None => told.push((vec![change], copies)),
        }
    }
    for (list, copies) in told {
        let Some(one) = list.first() else { continue };
        let what = match one.before {
            Some(before) => format!(": {} -> {}", answer(&before), answer(&one.after)),
            None => format!(": {}", answer(&one.after)),
        };
        sheet.margin(2, 4, &[(Ink::Strong, gather(copies).into()), plain(what)]);
        sheet.margin(4, 6, &[faint(who(names, &list))]);
        for law in &one.laws {
            sheet.margin(4, 6, &[plain(law.to_string())]);
        }
    }
}

/// The same answer for the same reasons.
fn same(a: &WayChange, b: &WayChange) -> bool {
    a.before == b.before && a.after == b.after && a.laws == b.laws
}

fn answer(answer: &Prospect) -> String {
    let outcome = answer.outcome.map_or("fought over", |outcome| outcome.as_str());
    let node = if answer.node_refuses { " by the node" } else { "" };
    format!("{}, {outcome}{node}", answer.duty.as_str())
}

/// `US by warrant: U.S. District Court, D.D.C. and 12 more; IE by requisition: An Garda Síochána`.
fn who(names: &Names, changes: &[&WayChange]) -> String {
    let mut by_country: BTreeMap<(&Country, InstrumentKind), Vec<&AuthorityId>> = BTreeMap::new();
    for change in changes {
        let list = by_country.entry((&change.country, change.instrument)).or_default();
        list.extend(&change.authorities);
    }
    let one = |((country, instrument), mut list): ((&Country, InstrumentKind), Vec<&AuthorityId>)| {
        list.sort();
        format!("{country} by {}: {}", instrument.in_words(), named(names, &list, NAMED_MAX))
    };
    by_country.into_iter().map(one).collect::<Vec<_>>().join("; ")
}

/// What one authority could obtain of every mailbox.
pub fn by_text(by: &ByView, all: bool, names: &Names, look: Look) -> String {
    let mut sheet = Sheet::new(look);
    let who = format!(" ({}) on {}", names.authority(&by.authority), Moment::utc(by.at).date());
    sheet.wide(&[(Ink::Strong, by.authority.as_str().into()), plain(who)]);
    sheet.blank();
    let mut nothing = Vec::new();
    let mut alike: Vec<(Vec<Told>, Vec<&str>)> = Vec::new();
    for mailbox in &by.mailboxes {
        let (gets, others): (Vec<&May>, Vec<&May>) = mailbox.ways.iter().partition(|way| way.obtains());
        if gets.is_empty() && !all {
            nothing.push(mailbox.account.as_str());
            continue;
        }
        let mut told = ways(&gets);
        if all {
            told.extend(ways(&others));
        }
        match alike.iter_mut().find(|(known, _)| *known == told) {
            Some((_, accounts)) => accounts.push(mailbox.account.as_str()),
            None => alike.push((told, vec![mailbox.account.as_str()])),
        }
    }
    for (told, accounts) in alike {
        sheet.margin(2, 2, &[(Ink::Strong, list(accounts).into())]);
        for (what, copies) in told {
            sheet.margin(4, 6, &[plain(what), faint(gather(copies))]);
        }
    }
    if !nothing.is_empty() {
        sheet.margin(2, 4, &[plain(format!("nothing of {}", list(nothing)))]);
    }
    if by.mailboxes.iter().all(|mailbox| mailbox.ways.is_empty()) {
        sheet.margin(2, 4, &[faint("no instrument that it issues asks a provider for data")]);
    }
    sheet.finish().0
}

/// What is told of some ways: `by warrant, produced (compelled): `, and of which copies.
type Told = (String, Vec<Copy>);

fn ways(may: &[&May]) -> Vec<Told> {
    let mut alike: BTreeMap<(InstrumentKind, &str, &str), Vec<Copy>> = BTreeMap::new();
    for may in may {
        let key = (may.instrument, may.in_short(), may.duty.as_str());
        alike.entry(key).or_default().push((may.class.to_string(), may.region.to_string()));
    }
    let told = |((instrument, outcome, duty), copies): ((InstrumentKind, &str, &str), Vec<Copy>)| {
        (format!("by {}, {outcome} ({duty}): ", instrument.in_words()), copies)
    };
    alike.into_iter().map(told).collect()
}

fn day(day: Date) -> String {
    Moment::utc(SimTime::start_of(day, &jiff::tz::TimeZone::UTC)).date()
}
