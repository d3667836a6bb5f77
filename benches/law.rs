//! What a decision costs: the median time for the positions of every law, with reasons, on the worst question of the
//! law tests, beside the same positions from one Cedar set that holds every policy of every date.
//!
//! `cargo bench --bench law`

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use rogatory::law::{Law, LawTest, Position, Question};
use rogatory::world::Jurisdiction;

/// Batches per question; the median is taken over them.
const BATCHES: usize = 41;
/// Calls per batch, so that the clock's own cost does not count.
const CALLS: u32 = 50;

fn main() {
    // Cargo runs benchmarks as tests too; they have nothing to check there.
    if std::env::args().any(|arg| arg == "--test") {
        return;
    }
    let law = Law::standard().unwrap_or_else(|errors| panic!("{errors}"));
    let tests = LawTest::load(Path::new("config/law/tests")).unwrap_or_else(|errors| panic!("{errors}"));
    let all: Vec<Jurisdiction> = law.jurisdictions().cloned().collect();
    let sorted = |question: &Question| law.positions(&all, question);
    let unsorted = |question: &Question| law.positions_unsorted(&all, question);

    let (worst, time) = tests
        .iter()
        .map(|test| (test, median(&test.question, sorted)))
        .max_by_key(|(_, time)| *time)
        .expect("there are law tests");
    let baseline = median(&worst.question, unsorted);
    let explained = median(&worst.question, |question| {
        all.iter().map(|code| law.explain(code, question).position).collect()
    });

    println!("{} rules in {} books, {} questions", law.rules().count(), all.len(), tests.len());
    println!("worst question: {}", worst.name);
    println!("  positions of all laws, with reasons     {}   (goal: 50 µs)", micros(time));
    println!("  one set with every policy of every date {}", micros(baseline));
    println!("  times faster                            {:9.1}   (goal: 5)", ratio(baseline, time));
    println!("  explained clause by clause              {}   (goal: 1,000 µs)", micros(explained));
}

fn median(question: &Question, decide: impl Fn(&Question) -> Vec<Position>) -> Duration {
    let mut batches: Vec<Duration> = (0..BATCHES)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..CALLS {
                black_box(decide(black_box(question)));
            }
            start.elapsed() / CALLS
        })
        .collect();
    batches.sort_unstable();
    batches[BATCHES / 2]
}

fn micros(time: Duration) -> String {
    format!("{:9.1} µs", time.as_secs_f64() * 1e6)
}

fn ratio(a: Duration, b: Duration) -> f64 {
    a.as_secs_f64() / b.as_secs_f64()
}
