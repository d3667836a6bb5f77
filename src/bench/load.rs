//! Many callers at once, each beginning anew when it was answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::Failure;

/// What so many callers got done.
#[derive(Debug)]
pub struct Measured {
    /// Calls answered in a second.
    pub rate: f64,
    /// How long each call took, sorted.
    latencies: Vec<Duration>,
}

impl Measured {
    /// How long the call took that this part of the calls was not slower than, in milliseconds.
    pub fn milliseconds_at(&self, part: f64) -> f64 {
        let place = (self.latencies.len() as f64 * part) as usize;
        let at = self.latencies.get(place.min(self.latencies.len().saturating_sub(1)));
        at.map_or(0.0, |time| time.as_secs_f64() * 1e3)
    }
}

/// When a load ends.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    Passed(Duration),
    Calls(u64),
}

/// Runs `callers` tasks; each makes one call after the other, numbered through all of them from `first`. The first
/// failure ends the load.
pub async fn load<F>(
    callers: usize,
    first: u64,
    until: Until,
    call: impl Fn(u64) -> F + Send + Sync + 'static,
) -> Result<Measured, Failure>
where
    F: Future<Output = Result<(), Failure>> + Send + 'static,
{
    let (call, next) = (Arc::new(call), Arc::new(AtomicU64::new(0)));
    let start = Instant::now();
    let mut tasks = Vec::with_capacity(callers);
    for _ in 0..callers {
        let (call, next) = (call.clone(), next.clone());
        tasks.push(tokio::spawn(async move {
            let mut latencies = Vec::new();
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let over = match until {
                    Until::Passed(span) => start.elapsed() >= span,
                    Until::Calls(calls) => number >= calls,
                };
                if over {
                    return Ok::<_, Failure>(latencies);
                }
                let begun = Instant::now();
                call(first + number).await?;
                latencies.push(begun.elapsed());
            }
        }));
    }
    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await??);
    }
    let rate = latencies.len() as f64 / start.elapsed().as_secs_f64();
    latencies.sort_unstable();
    Ok(Measured { rate, latencies })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_number_is_called_once() {
        let seen = Arc::new(std::sync::Mutex::new(Vec::new()));
        let into = seen.clone();
        let measured = load(7, 10, Until::Calls(100), move |n| {
            into.lock().unwrap().push(n);
            std::future::ready(Ok(()))
        });
        assert_eq!(measured.await.unwrap().latencies.len(), 100);
        let mut seen = seen.lock().unwrap().clone();
        seen.sort_unstable();
        assert_eq!(seen, (10..110).collect::<Vec<_>>());
    }

    #[tokio::test]
    async fn a_failure_ends_it() {
        let failed = load(3, 0, Until::Calls(100), |n| {
            std::future::ready(if n == 50 { Err("fifty".into()) } else { Ok(()) })
        });
        assert_eq!(failed.await.unwrap_err().to_string(), "fifty");
    }
}
