//! Who may move a matter: one at a time.
//!
//! Matters move beside each other. What one waits for, a region that does not answer or witnesses that are gone, delays
//! nobody who is about another.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

use crate::gate::MatterId;

/// The queues before all matters.
#[derive(Default)]
pub(super) struct Turns(Mutex<BTreeMap<MatterId, Arc<Turn<()>>>>);

/// The right to move some matters, until it is dropped.
pub(super) struct Held {
    _turns: Vec<OwnedMutexGuard<()>>,
}

impl Turns {
    /// Waits until nobody else moves any of these matters. Always in the same order, so that no two wait for each other.
    pub(super) async fn take(&self, matters: impl IntoIterator<Item = MatterId>) -> Held {
        let mut matters: Vec<MatterId> = matters.into_iter().collect();
        matters.sort();
        matters.dedup();
        let queues: Vec<Arc<Turn<()>>> = {
            let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            // Where nobody waits or moves, there is no queue to keep.
            all.retain(|_, queue| Arc::strong_count(queue) > 1);
            matters.into_iter().map(|matter| all.entry(matter).or_default().clone()).collect()
        };
        let mut turns = Vec::with_capacity(queues.len());
        for queue in queues {
            turns.push(queue.lock_owned().await);
        }
        Held { _turns: turns }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matter(name: &str) -> MatterId {
        MatterId::from_recorded(format!("us-sdny/{name}"))
    }

    #[tokio::test]
    async fn a_matter_waits_for_itself_and_for_no_other() {
        let turns = Turns::default();
        let first = turns.take([matter("a")]).await;
        drop(turns.take([matter("b")]).await);
        let both = turns.take([matter("b"), matter("a"), matter("b")]);
        tokio::select! {
            biased;
            _ = both => panic!("somebody moves `a` already"),
            () = tokio::task::yield_now() => {}
        }
        drop(first);
        drop(turns.take([matter("a")]).await);
        assert!(turns.0.lock().unwrap().len() <= 2);
    }
}
