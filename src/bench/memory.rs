//! What the system says of memory; nothing where it does not tell.

use std::process::{Command, Stdio};
use std::time::Duration;

use super::Failure;

/// Megabytes of a process and its children, with shared pages counted once; `None` where the system does not tell.
pub(super) fn pss_of_family(parent: u32) -> Option<f64> {
    let children = std::fs::read_dir("/proc").ok()?.flatten().filter_map(|entry| {
        let id: u32 = entry.file_name().to_str()?.parse().ok()?;
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        // The parent is the second field after the name, which stands in parentheses.
        let parent_of: u32 = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
        (parent_of == parent).then_some(id)
    });
    let pss = |id: u32| {
        let rollup = std::fs::read_to_string(format!("/proc/{id}/smaps_rollup")).ok()?;
        let line = rollup.lines().find(|line| line.starts_with("Pss:"))?;
        line.split_whitespace().nth(1)?.parse::<f64>().ok()
    };
    let kibibytes: Option<f64> = children.chain([parent]).map(pss).sum();
    Some(kibibytes? * 1024.0 / 1e6)
}

/// Megabytes of a process at the height of it, from its start to its end; `None` where the system does not tell.
pub(super) fn peak_of(command: &mut Command) -> Result<Option<f64>, Failure> {
    let mut child = command.stdout(Stdio::null()).spawn()?;
    let mut peak = None;
    let status = loop {
        // The height only grows; what is missed is what comes in the last moment.
        peak = high_water_mark(child.id()).or(peak);
        if let Some(status) = child.try_wait()? {
            break status;
        }
        std::thread::sleep(Duration::from_millis(1));
    };
    if status.success() { Ok(peak) } else { Err(format!("{command:?} ended with {status}").into()) }
}

fn high_water_mark(id: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024.0 / 1e6)
}
