//! Simulated distance.
//!
//! Whoever calls waits: half of the distance before the call leaves and half before the answer is handed over, so
//! that a node needs to know nothing about it. Bodies follow their heads; distance costs them time, not bandwidth.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::time::Instant;

use super::error::{ErrorCode, ServiceError};
use super::identity::Peer;

/// tokio's timers are late by 0 to 2 ms, 1 ms on average; the second half of a delay aims this much early.
const TIMER_LATENESS: Duration = Duration::from_millis(1);

type OneWay = dyn Fn(&Peer, &Peer) -> Duration + Send + Sync;

/// One-way delays between parties, and links that are cut. Clones share the cuts.
#[derive(Clone, Default)]
pub struct Wan {
    one_way: Option<Arc<OneWay>>,
    cuts: Arc<RwLock<HashMap<(Peer, Peer), Cut>>>,
}

/// How a cut link behaves.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cut {
    /// A call fails at once.
    Refusing,
    /// A call waits until its deadline, as when packets vanish.
    Silent,
}

impl Wan {
    /// No distance.
    pub fn none() -> Self {
        Wan::default()
    }

    /// `one_way(from, to)` is the time a message travels; a call and its answer take it twice.
    pub fn with_delay(one_way: impl Fn(&Peer, &Peer) -> Duration + Send + Sync + 'static) -> Self {
        Wan { one_way: Some(Arc::new(one_way)), cuts: Arc::default() }
    }

    /// Cuts the link between two parties for calls in both directions. Calls under way lose their answers.
    pub fn cut(&self, a: &Peer, b: &Peer, cut: Cut) {
        self.cuts.write().unwrap_or_else(PoisonError::into_inner).insert(link(a, b), cut);
    }

    /// Mends the link between two parties.
    pub fn mend(&self, a: &Peer, b: &Peer) {
        self.cuts.write().unwrap_or_else(PoisonError::into_inner).remove(&link(a, b));
    }

    /// The time a message travels.
    pub fn one_way(&self, from: &Peer, to: &Peer) -> Duration {
        self.one_way.as_ref().map_or(Duration::ZERO, |delay| delay(from, to))
    }

    pub(super) fn cut_between(&self, from: &Peer, to: &Peer) -> Option<Cut> {
        let cuts = self.cuts.read().unwrap_or_else(PoisonError::into_inner);
        if cuts.is_empty() { None } else { cuts.get(&link(from, to)).copied() }
    }

    /// Travels there. The result says when the message left and how late the timer was.
    pub(super) async fn outward(&self, from: &Peer, to: &Peer) -> Result<Journey, ServiceError> {
        let unreachable = || ServiceError::new(ErrorCode::Unreachable, format!("the link to {to} is cut"));
        self.pass(from, to, unreachable).await?;
        let one_way = self.one_way(from, to);
        if one_way.is_zero() {
            return Ok(Journey { one_way, late: Duration::ZERO });
        }
        let arrival = Instant::now() + one_way;
        tokio::time::sleep_until(arrival).await;
        Ok(Journey { one_way, late: arrival.elapsed() })
    }

    /// Travels back, by so much faster as the way there took too long.
    pub(super) async fn back(&self, from: &Peer, to: &Peer, there: Journey) -> Result<(), ServiceError> {
        self.pass(from, to, || lost(to)).await?;
        let remaining = there.one_way.saturating_sub(there.late).saturating_sub(TIMER_LATENESS);
        if !remaining.is_zero() {
            tokio::time::sleep(remaining).await;
            self.pass(from, to, || lost(to)).await?;
        }
        Ok(())
    }

    async fn pass(
        &self,
        from: &Peer,
        to: &Peer,
        refusal: impl FnOnce() -> ServiceError,
    ) -> Result<(), ServiceError> {
        match self.cut_between(from, to) {
            None => Ok(()),
            Some(Cut::Refusing) => Err(refusal()),
            Some(Cut::Silent) => std::future::pending().await,
        }
    }
}

pub(super) fn lost(to: &Peer) -> ServiceError {
    ServiceError::new(ErrorCode::Lost, format!("the link to {to} was cut before the end"))
}

/// The way there, for the way back.
#[derive(Clone, Copy)]
pub(super) struct Journey {
    one_way: Duration,
    late: Duration,
}

fn link(a: &Peer, b: &Peer) -> (Peer, Peer) {
    if a <= b { (a.clone(), b.clone()) } else { (b.clone(), a.clone()) }
}

impl fmt::Debug for Wan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.one_way.is_some() { "Wan(delayed)" } else { "Wan(no delay)" })
    }
}
