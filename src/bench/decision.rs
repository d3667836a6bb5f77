//! What a decision costs: the positions of every law concerned, with reasons, on the worst question of the law tests.
//!
//! Beside it, the same positions from one Cedar set that holds every policy of every date.

use std::collections::BTreeSet;
use std::hint::black_box;
use std::time::Instant;

use super::{Failure, Goal, Settings, Sheet, Unit, median};
use crate::law::{Law, LawTest, Position, Question};
use crate::world::Jurisdiction;

/// Batches per question; the median is taken over them.
const BATCHES: usize = 41;
/// Calls per batch, so that the clock's own cost does not count.
const CALLS: u32 = 50;

pub fn run(_: &Settings, sheet: &mut Sheet<'_>) -> Result<(), Failure> {
    let law = Law::standard()?;
    let tests = LawTest::standard()?;
    let sorted = |question: &Question| law.positions(&concerned(question), question);
    let unsorted = |question: &Question| law.positions_unsorted(&concerned(question), question);

    let timed = tests.iter().map(|test| (test, time(&test.question, sorted)));
    let (worst, worst_time) =
        timed.max_by(|(_, a), (_, b)| a.total_cmp(b)).ok_or("there are no law tests")?;
    let laws = concerned(&worst.question);
    let what = format!(
        "the positions of all laws concerned, with reasons: {} laws, worst of {} questions",
        laws.len(),
        tests.len()
    );
    sheet
        .add(what, worst_time, Unit::Microseconds)
        .beside(
            format!("one set with all {} rules of every date", law.rules().count()),
            time(&worst.question, unsorted),
        )
        .goal(Goal::AtMost(50.0))
        .write();
    let explained = time(&worst.question, |question| {
        laws.iter().map(|code| law.explain(code, question).position).collect()
    });
    sheet
        .add("the same, explained clause by clause", explained, Unit::Microseconds)
        .beside("the positions alone", worst_time)
        .goal(Goal::AtMost(1000.0))
        .write();
    Ok(())
}

/// Whose law the gate asks: who demands, where the provider that was served and head office are at home, and where the
/// mail rests; each with its blocs.
fn concerned(question: &Question) -> BTreeSet<Jurisdiction> {
    let facts = &question.facts;
    let demanding = facts.process.issuing_in.iter();
    demanding.chain(&facts.presence.home_in).chain(&facts.location.rests_in).cloned().collect()
}

/// Median, in microseconds.
fn time(question: &Question, decide: impl Fn(&Question) -> Vec<Position>) -> f64 {
    let batch = |_| {
        let start = Instant::now();
        for _ in 0..CALLS {
            black_box(decide(black_box(question)));
        }
        start.elapsed().as_secs_f64() * 1e6 / f64::from(CALLS)
    };
    median((0..BATCHES).map(batch).collect())
}
