//! What a newcomer waits for: the demo, and the Dublin scenario, each from the start of its process.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use tempfile::tempdir_in;

use super::memory::pss_of_family;
use super::{Failure, Goal, Settings, Sheet, Unit, median};

pub fn run(settings: &Settings, sheet: &mut Sheet<'_>) -> Result<(), Failure> {
    let mut scenario = Vec::new();
    for _ in 0..settings.rounds.max(3) {
        let start = Instant::now();
        let status = Command::new(&settings.program)
            .args(["scenario", "run", "dublin-warrant"])
            .stdout(Stdio::null())
            .status()?;
        scenario.push(start.elapsed().as_secs_f64());
        if !status.success() {
            return Err(format!("`scenario run dublin-warrant` ended with {status}").into());
        }
    }
    sheet
        .add("the Dublin scenario of 2013 to 2018, headless", median(scenario), Unit::Seconds)
        .goal(Goal::AtMost(1.0))
        .write();

    let (mut serving, mut memory) = (Vec::new(), Vec::new());
    for _ in 0..settings.rounds {
        let (seconds, megabytes) = demo(settings)?;
        serving.push(seconds);
        memory.extend(megabytes);
    }
    sheet
        .add("demo, until ten regions and a witness serve", median(serving), Unit::Seconds)
        .goal(Goal::AtMost(2.0))
        .write();
    if memory.is_empty() {
        return Ok(());
    }
    sheet
        .add("memory of all its processes after the play (PSS)", median(memory), Unit::Megabytes)
        .goal(Goal::AtMost(400.0))
        .write();
    Ok(())
}

/// A demo that is ended, with its children, when this is dropped.
struct Demo(Child);

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Runs one demo, and says when its regions served and how much memory all of it took, where that can be told.
fn demo(settings: &Settings) -> Result<(f64, Option<f64>), Failure> {
    let folder = tempdir_in(&settings.folder)?;
    let start = Instant::now();
    let mut demo = Demo(
        Command::new(&settings.program)
            .args(["demo", "--fast", "--data"])
            .arg(folder.path().join("data"))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?,
    );
    let out = demo.0.stdout.take().ok_or("the demo has no output")?;
    let mut serving = None;
    for line in BufReader::new(out).lines() {
        let line = line?;
        if line.contains(" serve") {
            serving.get_or_insert_with(|| start.elapsed().as_secs_f64());
        }
        if line.contains("stays up") {
            let serving = serving.ok_or("the demo did not say when its regions served")?;
            return Ok((serving, pss_of_family(demo.0.id())));
        }
    }
    Err("the demo ended before it stayed up".into())
}
