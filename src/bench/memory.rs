//! What the system says of memory; nothing where it does not tell.

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

/// What some work gives, and by how many megabytes this process was larger at the height of it.
pub(super) fn peak_of<T>(work: impl FnOnce() -> T) -> (T, Option<f64>) {
    // From here on the peak is counted anew (proc_pid_clear_refs(5)).
    let begun = std::fs::write("/proc/self/clear_refs", "5").ok().and_then(|()| of_this_process("VmHWM:"));
    let done = work();
    let peak = of_this_process("VmHWM:");
    (done, begun.zip(peak).map(|(begun, peak)| (peak - begun).max(0.0)))
}

/// A line of this process's status, in megabytes.
fn of_this_process(name: &str) -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kibibytes * 1024.0 / 1e6)
}
