//! `rogatory bench`: what this machine makes of the program.

use std::path::PathBuf;

use clap::Args;

use super::screen::{self, BOLD, Format};
use super::{Exit, Outcome};
use crate::bench::{BENCHES, Bench, Settings};

/// Measure the program on this machine, each number beside a baseline from the same run
///
/// Runs the benchmarks that are named, or all that take seconds. Measures and baselines take turns, and medians are
/// shown: `0.80 of` means four fifths as good as the baseline. On a machine that does other things the ratios are worth
/// more than the numbers. Use a release build.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  rogatory bench\n  rogatory bench delivery record --seconds 5\n  rogatory bench growth --folder /mnt/disk\n  rogatory bench --list"
)]
pub struct BenchArguments {
    /// What to measure; see --list
    names: Vec<String>,
    /// Say what there is, and measure nothing
    #[arg(long)]
    list: bool,
    /// How long one round of a load lasts
    #[arg(long, default_value_t = 3.0, value_name = "SECONDS")]
    seconds: f64,
    /// Rounds, of which the median counts
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Where the measurements write; the disk under it is part of what is measured
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    folder: PathBuf,
    /// How to print the numbers
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub fn bench(arguments: BenchArguments) -> Outcome {
    if arguments.list {
        for bench in BENCHES {
            screen::line(&format!("{:10} {}", bench.name, bench.about))?;
        }
        return Ok(Exit::Done);
    }
    let chosen = chosen(&arguments.names)?;
    if !(arguments.seconds > 0.0 && arguments.seconds <= 3600.0) {
        return Err(format!("`--seconds {}`: more than 0 and at most 3600", arguments.seconds).into());
    }
    if cfg!(debug_assertions) {
        eprintln!("note: this is a debug build; its numbers say nothing about a release build");
    }
    let settings = Settings {
        folder: arguments.folder,
        seconds: arguments.seconds,
        rounds: arguments.rounds.into(),
        program: std::env::current_exe()?,
    };
    let mut all = Vec::new();
    for bench in chosen {
        if arguments.format == Format::Text {
            screen::line(&format!("{BOLD}{}{BOLD:#}: {}", bench.name, bench.about))?;
        }
        let mut printed = Ok(());
        bench.run(&settings, &mut |measurement| {
            if arguments.format == Format::Text && printed.is_ok() {
                printed = screen::line(&measurement.to_string());
            }
            all.push(measurement);
        })?;
        printed?;
    }
    if arguments.format == Format::Json {
        screen::json(&all)?;
    }
    Ok(Exit::Done)
}

fn chosen(names: &[String]) -> Result<Vec<&'static Bench>, String> {
    if names.is_empty() {
        return Ok(BENCHES.iter().filter(|bench| !bench.long).collect());
    }
    let known = || BENCHES.iter().map(|bench| bench.name);
    let find = |name: &String| {
        BENCHES.iter().find(|bench| bench.name == name).ok_or_else(|| {
            let near = crate::diagnostic::nearest(name, known());
            let hint = near.map_or_else(String::new, |near| format!("did you mean `{near}`? "));
            format!(
                "there is no benchmark `{name}`; {hint}there are: {}",
                known().collect::<Vec<_>>().join(", ")
            )
        })
    };
    names.iter().map(find).collect()
}
