use serde::{Deserialize, Serialize};

use crate::clock::SimTime;

/// How far simulated time had come when the log had so many entries, as far as a region has been shown.
///
/// Nobody can prove a simulated time. What a region can do is hold head office to what it said: time never goes back,
/// and what was recorded later is not dated earlier.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Reached {
    pub time: SimTime,
    /// The size of the log.
    pub size: u64,
}

impl Reached {
    /// What a region knows after it was told `time` at a log of `size` entries.
    pub(super) fn then(before: Option<Reached>, time: SimTime, size: u64) -> Self {
        match before {
            Some(before) if before.time >= time => before,
            _ => Reached { time, size },
        }
    }
}
