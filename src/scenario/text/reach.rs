//! How the reach for a mailbox changed over time, and what one authority could obtain of every mailbox.

use std::collections::BTreeMap;

use super::sheet::{Ink, Look, Sheet, faint, plain};
use crate::clock::{Date, SimTime};
use crate::provider::{ByView, May, Prospect, SweepView, WayChange};
use crate::scenario::Moment;
use crate::scenario::names::Names;
use crate::world::{AuthorityId, Country};

/// How many authorities of one country are named before the others are counted.
const NAMED_MAX: usize = 4;

/// The days on which what somebody would get of a mailbox changed, and why. `all` shows every other change too.
pub fn sweep_text(sweep: &SweepView, all: bool, look: Look) -> String {
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
    changes(&mut sheet, &sweep.first.iter().collect::<Vec<_>>());
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
            changes(&mut sheet, &shown);
        }
    }
    if hidden > 0 {
        sheet.blank();
        let what = format!("{hidden} other changes, of duties that lead to the same; --all shows them");
        sheet.margin(0, 2, &[faint(what)]);
    }
    sheet.finish().0
}

/// True where somebody gets something and did not, or the other way round.
fn gains_or_loses(change: &WayChange) -> bool {
    change.before.is_some_and(|before| before.obtains()) != change.after.obtains()
}

/// Changes that are alike are told once, for all copies and all authorities that they concern.
fn changes(sheet: &mut Sheet, changes: &[&WayChange]) {
    // What the same authorities would get of several copies, then those of whom all of that is said alike.
    let mut by_copies: Vec<(&WayChange, Vec<String>)> = Vec::new();
    for change in changes {
        let alike = |(one, _): &&mut (&WayChange, Vec<String>)| {
            same(one, change) && one.authorities == change.authorities && one.instrument == change.instrument
        };
        let copy = format!("{} in {}", change.class, change.region);
        match by_copies.iter_mut().find(alike) {
            Some((_, copies)) => copies.push(copy),
            None => by_copies.push((change, vec![copy])),
        }
    }
    let mut told: Vec<(Vec<&WayChange>, Vec<String>)> = Vec::new();
    for (change, copies) in by_copies {
        let alike = |(list, of): &&mut (Vec<&WayChange>, Vec<String>)| {
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
        sheet.margin(2, 4, &[(Ink::Strong, copies.join(", ").into()), plain(what)]);
        sheet.margin(4, 6, &[faint(who(&list))]);
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

/// `US: us-ddc, us-sdny by warrant; IE: ie-garda by requisition`.
fn who(changes: &[&WayChange]) -> String {
    let mut by_country: BTreeMap<(&Country, &str), Vec<&AuthorityId>> = BTreeMap::new();
    for change in changes {
        let list = by_country.entry((&change.country, change.instrument.as_str())).or_default();
        list.extend(&change.authorities);
    }
    let one = |((country, instrument), mut list): ((&Country, &str), Vec<&AuthorityId>)| {
        list.sort();
        let mut names: Vec<String> = list.iter().take(NAMED_MAX).map(ToString::to_string).collect();
        if list.len() > NAMED_MAX {
            names.push(format!("and {} more", list.len() - NAMED_MAX));
        }
        format!("{country}: {} by {instrument}", names.join(", "))
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
    for mailbox in &by.mailboxes {
        let (gets, others): (Vec<&May>, Vec<&May>) = mailbox.ways.iter().partition(|way| way.obtains());
        if gets.is_empty() && !all {
            nothing.push(mailbox.account.as_str());
            continue;
        }
        sheet.margin(2, 2, &[(Ink::Strong, mailbox.account.as_str().into())]);
        ways(&mut sheet, &gets);
        if all {
            ways(&mut sheet, &others);
        }
    }
    if !nothing.is_empty() {
        sheet.margin(2, 4, &[plain(format!("nothing of {}", nothing.join(", ")))]);
    }
    if by.mailboxes.iter().all(|mailbox| mailbox.ways.is_empty()) {
        sheet.margin(2, 4, &[faint("no instrument that it issues asks a provider for data")]);
    }
    sheet.finish().0
}

/// `by warrant: content in ie-dublin, traffic in us-virginia: produced (compelled)`.
fn ways(sheet: &mut Sheet, may: &[&May]) {
    let mut alike: BTreeMap<(&str, &str, &str), Vec<String>> = BTreeMap::new();
    for may in may {
        let key = (may.instrument.as_str(), may.in_short(), may.duty.as_str());
        alike.entry(key).or_default().push(format!("{} in {}", may.class, may.region));
    }
    for ((instrument, outcome, duty), copies) in alike {
        let what = format!("by {instrument}, {outcome} ({duty}): ");
        sheet.margin(4, 6, &[plain(what), faint(copies.join(", "))]);
    }
}

fn day(day: Date) -> String {
    Moment::utc(SimTime::start_of(day, &jiff::tz::TimeZone::UTC)).date()
}
