//! What a decision costs, with reasons, on the worst that the real cases and the scenarios come to.
//!
//! Beside it, the positions alone from one Cedar set that holds every policy of every date.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use super::pack::{Decided, decisions};
use super::{Failure, Goal, Settings, Sheet, Unit, median};
use crate::gate::{Premise, decide};
use crate::law::Law;

/// How often something is done: batches, of which the median counts, and calls in each, so that the clock's own cost does
/// not count.
#[derive(Clone, Copy)]
struct Often {
    batches: usize,
    calls: u32,
}

/// Enough to find the worst.
const SEARCH: Often = Often { batches: 5, calls: 10 };
/// Enough to say what it costs.
const MEASURE: Often = Often { batches: 41, calls: 50 };

pub fn run(settings: &Settings, sheet: &mut Sheet<'_>) -> Result<(), Failure> {
    let law = Arc::new(Law::standard()?);
    let pack = decisions(&settings.folder, &law)?;
    let cost = |premises: &[Premise], often| time(often, || each(premises, |premise| decide(&law, premise)));

    let alone = pack.iter().flat_map(|one| one.premises.iter().map(move |premise| (one, premise)));
    let costly = |(_, premise): &(&Decided, &Premise)| cost(std::slice::from_ref(*premise), SEARCH);
    let (of, premise) = worst(alone, costly).ok_or("the scripts decide nothing")?;
    let count: usize = pack.iter().map(|one| one.premises.len()).sum();
    let laws = premise.asked.len();
    let what = format!(
        "one act on one item decided, with reasons, {laws} laws asked: worst of {count} in {} decisions of the case \
         pack ({})",
        pack.len(),
        of.name
    );
    let taken = cost(std::slice::from_ref(premise), MEASURE);
    let unsorted = time(MEASURE, || {
        black_box(law.positions_unsorted(black_box(&premise.asked), &premise.question));
    });
    sheet
        .add(what, taken, Unit::Microseconds)
        .beside(
            format!("its positions from one set with all {} rules of every date", law.rules().count()),
            unsorted,
        )
        .goal(Goal::AtMost(50.0))
        .write();
    let explained = time(MEASURE, || {
        for code in &premise.asked {
            black_box(law.explain(code, black_box(&premise.question)));
        }
    });
    sheet
        .add("the same, explained clause by clause", explained, Unit::Microseconds)
        .beside("the decision alone", taken)
        .goal(Goal::AtMost(1000.0))
        .write();

    let whole = worst(pack.iter(), |one| cost(&one.premises, SEARCH)).ok_or("the scripts decide nothing")?;
    let what = format!(
        "a whole demand decided, every act on every item: worst of them, {} at once ({})",
        whole.premises.len(),
        whole.name
    );
    let unsorted = time(MEASURE, || {
        each(&whole.premises, |premise| law.positions_unsorted(&premise.asked, &premise.question))
    });
    sheet
        .add(what, cost(&whole.premises, MEASURE), Unit::Microseconds)
        .beside("its positions from one set", unsorted)
        .write();
    Ok(())
}

/// What costs most.
fn worst<T>(all: impl Iterator<Item = T>, cost: impl Fn(&T) -> f64) -> Option<T> {
    all.map(|one| (cost(&one), one)).max_by(|(a, _), (b, _)| a.total_cmp(b)).map(|(_, one)| one)
}

fn each<T>(premises: &[Premise], work: impl Fn(&Premise) -> T) {
    for premise in premises {
        black_box(work(black_box(premise)));
    }
}

/// Median, in microseconds.
fn time(often: Often, work: impl Fn()) -> f64 {
    let batch = |_| {
        let start = Instant::now();
        for _ in 0..often.calls {
            work();
        }
        start.elapsed().as_secs_f64() * 1e6 / f64::from(often.calls)
    };
    median((0..often.batches).map(batch).collect())
}
