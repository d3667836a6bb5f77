//! What a decision costs: the positions of every law, with reasons, on the worst question of the law tests.
//!
//! Beside it, the same positions from one Cedar set that holds every policy of every date.

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
    let all: Vec<Jurisdiction> = law.jurisdictions().cloned().collect();
    let sorted = |question: &Question| law.positions(&all, question);
    let unsorted = |question: &Question| law.positions_unsorted(&all, question);

    let timed = tests.iter().map(|test| (test, time(&test.question, sorted)));
    let (worst, worst_time) =
        timed.max_by(|(_, a), (_, b)| a.total_cmp(b)).ok_or("there are no law tests")?;
    let what = format!("all positions with reasons: {} laws, worst of {} questions", all.len(), tests.len());
    sheet
        .add(what, worst_time, Unit::Microseconds)
        .beside(
            format!("one set with all {} rules of every date", law.rules().count()),
            time(&worst.question, unsorted),
        )
        .goal(Goal::AtMost(50.0));
    let explained = time(&worst.question, |question| {
        all.iter().map(|code| law.explain(code, question).position).collect()
    });
    sheet
        .add("the same, explained clause by clause", explained, Unit::Microseconds)
        .beside("the positions alone", worst_time)
        .goal(Goal::AtMost(1000.0));
    Ok(())
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
