//! What it costs to say who may read one mailbox: on one day, with every authority and instrument of the roster, and over
//! all legal epochs.
//!
//! Beside each stands the same answer without what makes it fast: every way asked anew for every authority, and every way on
//! every day on which anything changes.

use std::hint::black_box;
use std::time::Instant;

use super::{Failure, Goal, Settings, Sheet, Unit, median};
use crate::clock::{Date, SimTime};
use crate::directory::{Account, Directory};
use crate::gate::Stances;
use crate::law::Law;
use crate::mail::Story;
use crate::provider::{reach, reach_by, sweep};
use crate::scenario::story_account;
use crate::world::World;

/// The mailbox: that of the Dublin case, of six copies in two countries.
const ACCOUNT: &str = "molly";
/// A day on which two laws are in doubt.
const DAY: &str = "2018-06-01";

pub fn run(settings: &Settings, sheet: &mut Sheet<'_>) -> Result<(), Failure> {
    let (world, law) = (World::standard()?, Law::standard()?);
    let account = account(&world)?;
    let at: SimTime = DAY.parse()?;
    let stances = Stances::of(world.provider());
    let stance = |at: SimTime| stances.on(at);
    let rounds = settings.rounds.max(3);

    let view = reach(&world, &law, stance(at), &account, at);
    let together = time(rounds, || reach(&world, &law, stance(at), &account, at).may.len());
    let apart = time(rounds, || {
        let one = |authority: &crate::world::Authority| {
            let accounts = std::iter::once(&account);
            reach_by(&world, &law, stance(at), authority.id(), accounts, at).mailboxes.len()
        };
        world.roster().authorities().map(one).sum()
    });
    let what = format!("reach for one mailbox on one day: {} ways of the roster", view.may.len());
    sheet
        .add(what, together, Unit::Milliseconds)
        .beside("each authority asked by itself", apart)
        .goal(Goal::AtMost(20.0))
        .write();

    let swept = sweep(&world, &law, &stances, &account);
    let over_time = time(rounds, || sweep(&world, &law, &stances, &account).turns.len());
    let each_day =
        time(rounds, || days(&swept).map(|at| reach(&world, &law, stance(at), &account, at).may.len()).sum());
    let what =
        format!("reach over {} legal epochs, of which {} change an answer", swept.epochs, swept.turns.len());
    sheet
        .add(what, over_time / 1e3, Unit::Seconds)
        .beside(format!("reach anew on as many days, {} to {}", swept.from, swept.until), each_day / 1e3)
        .goal(Goal::AtMost(1.0))
        .write();
    Ok(())
}

fn account(world: &World) -> Result<Account, Failure> {
    let story = Story::standard().map_err(|wrong| wrong.iter().map(|w| w.to_string()).collect::<String>())?;
    let story = story.account(ACCOUNT).ok_or("the story has lost its account")?;
    Ok(Directory::default().place(story_account(world, story), world)?)
}

/// As many days as a sweep has epochs, spread over its span.
fn days(swept: &crate::provider::SweepView) -> impl Iterator<Item = SimTime> {
    let noon = |day: Date| SimTime::start_of(day, &jiff::tz::TimeZone::UTC).plus_seconds(12 * 3600);
    let (first, last) = (noon(swept.from).unix_seconds(), noon(swept.until).unix_seconds());
    let epochs = i64::try_from(swept.epochs).unwrap_or(1).max(1);
    (0..epochs).map(move |n| SimTime::from_unix_seconds(first + (last - first) * n / epochs))
}

/// Median of some runs, in milliseconds.
fn time(rounds: usize, work: impl Fn() -> usize) -> f64 {
    let one = |_| {
        let start = Instant::now();
        black_box(work());
        start.elapsed().as_secs_f64() * 1e3
    };
    median((0..rounds).map(one).collect())
}
