//! The numbers of this machine: what the program costs, each beside a baseline from the same run.
//!
//! A benchmark interleaves rounds of what it measures with rounds of its baseline, so that a disk or a neighbour that
//! is slow for a while is slow for both, and gives medians.

mod decision;
mod delivery;
mod file;
mod growth;
mod load;
mod measurement;
mod memory;
mod pack;
mod proofs;
mod reach;
mod record;
mod release;
mod seal;
mod site;
mod start;

use std::path::PathBuf;

pub use measurement::{Baseline, Goal, Measurement, Unit};

/// Why a benchmark did not come to its end.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How and where to measure.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the files of a measurement go, each in a folder of its own that is removed afterwards. The disk under it is
    /// part of what is measured.
    pub folder: PathBuf,
    /// How long one round of a load lasts, in seconds.
    pub seconds: f64,
    /// Rounds, of which the median counts.
    pub rounds: usize,
    /// This program, for what is measured from its start.
    pub program: PathBuf,
}

/// One benchmark: a name, what it is about, and how to run it.
#[derive(Clone, Copy, Debug)]
pub struct Bench {
    pub name: &'static str,
    pub about: &'static str,
    /// It takes minutes or gigabytes, and runs only when it is named.
    pub long: bool,
    run: fn(&Settings, &mut Sheet<'_>) -> Result<(), Failure>,
}

/// Every benchmark there is, in the order in which they run.
pub const BENCHES: &[Bench] = &[
    Bench {
        name: "seal",
        about: "sealing and opening one object, beside the bare AES-256-GCM calls",
        long: false,
        run: seal::run,
    },
    Bench {
        name: "decision",
        about: "one act on one item with reasons, and a whole demand: the worst of the real cases and the scenarios",
        long: false,
        run: decision::run,
    },
    Bench {
        name: "reach",
        about: "who may read one mailbox on one day, and over all legal epochs",
        long: false,
        run: reach::run,
    },
    Bench {
        name: "record",
        about: "entries of the record, cosigned by ten witnesses and proven",
        long: false,
        run: record::run,
    },
    Bench {
        name: "delivery",
        about: "durable, encrypted delivery through a region's node, in process and through mutual TLS",
        long: false,
        run: delivery::run,
    },
    Bench {
        name: "release",
        about: "the production of a mailbox of 10,000 messages, and one lone demand",
        long: false,
        run: release::run,
    },
    Bench {
        name: "start",
        about: "the demo until ten regions serve, its memory, and the Dublin scenario",
        long: false,
        run: start::run,
    },
    Bench {
        name: "proofs",
        about: "a proof's size and time, to 10 million entries; takes 400 MB",
        long: true,
        run: proofs::run,
    },
    Bench {
        name: "growth",
        about: "what a message costs as a store grows: 1 million of 10 KB, 10 million of 256 bytes; takes 20 GB",
        long: true,
        run: growth::run,
    },
];

impl Bench {
    /// Runs it, and hands over each number as soon as it is there.
    pub fn run(&self, settings: &Settings, each: &mut dyn FnMut(Measurement)) -> Result<(), Failure> {
        (self.run)(settings, &mut Sheet { bench: self.name, each })
    }
}

/// Where a benchmark writes its numbers.
struct Sheet<'e> {
    bench: &'static str,
    each: &'e mut dyn FnMut(Measurement),
}

impl Sheet<'_> {
    fn add(&mut self, what: impl Into<String>, value: f64, unit: Unit) -> Line<'_> {
        let measurement =
            Measurement { bench: self.bench, what: what.into(), value, unit, baseline: None, goal: None };
        Line { measurement, each: self.each }
    }
}

/// A number that is being written down.
#[must_use = "a number counts once it is written"]
struct Line<'s> {
    measurement: Measurement,
    each: &'s mut dyn FnMut(Measurement),
}

impl Line<'_> {
    fn beside(mut self, what: impl Into<String>, value: f64) -> Self {
        self.measurement.baseline = Some(Baseline { what: what.into(), value });
        self
    }

    fn goal(mut self, goal: Goal) -> Self {
        self.measurement.goal = Some(goal);
        self
    }

    /// Hands it over.
    fn write(self) {
        (self.each)(self.measurement);
    }
}

/// The middle of some numbers; of an even count, the upper middle. Zero for none.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
