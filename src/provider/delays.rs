//! What does not go on for now, and is tried again by itself.
//!
//! A matter is delayed when a region or the witnesses do not answer, or a disk fails: nothing is wrong with the matter.
//! It is tried again after a pause that doubles with every failure; an event in the matter tries it at once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::deciding::is_delay;
use super::view::Recorded;
use super::{Provider, ProviderError};
use crate::gate::{Cause, Event, MatterId};

/// The pause before the first try, and the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// How many matters are tried again at the same time.
const TRIES_AT_ONCE: usize = 64;

/// Every matter that waits for something that is no part of it.
#[derive(Default)]
pub(super) struct Delays {
    /// Held while one is looked up or noted, never across an await.
    all: Mutex<BTreeMap<MatterId, Delay>>,
    noted: Notify,
}

/// One that waits.
#[derive(Clone, Debug)]
pub(super) struct Delay {
    pub why: String,
    /// What it is to be decided for, once it goes on.
    pub cause: Cause,
    /// How often it was tried in vain.
    pub tries: u32,
    /// When it is tried again; `None` while it is.
    pub next: Option<Instant>,
}

impl Delays {
    pub(super) fn get(&self, id: &MatterId) -> Option<Delay> {
        self.all().get(id).cloned()
    }

    /// All of them, with what each is to be decided for.
    pub(super) fn causes(&self) -> Vec<(MatterId, Cause)> {
        self.all().iter().map(|(id, delay)| (id.clone(), delay.cause.clone())).collect()
    }

    pub(super) fn note(&self, id: &MatterId, why: String, cause: Cause) {
        let mut all = self.all();
        let tries = all.get(id).map_or(1, |before| before.tries.saturating_add(1));
        let pause = FIRST_PAUSE.saturating_mul(1 << (tries - 1).min(16)).min(LONGEST_PAUSE);
        all.insert(id.clone(), Delay { why, cause, tries, next: Some(Instant::now() + pause) });
        drop(all);
        self.noted.notify_one();
    }

    pub(super) fn clear(&self, id: &MatterId) {
        self.all().remove(id);
    }

    /// Those whose pause is over; they count as being tried from now on. Else when the next will be.
    fn due(&self) -> (Vec<MatterId>, Option<Instant>) {
        let now = Instant::now();
        let mut all = self.all();
        let due = all.iter_mut().filter(|(_, delay)| delay.next.is_some_and(|next| next <= now));
        let due: Vec<MatterId> = due
            .map(|(id, delay)| {
                delay.next = None;
                id.clone()
            })
            .collect();
        (due, all.values().filter_map(|delay| delay.next).min())
    }

    fn all(&self) -> MutexGuard<'_, BTreeMap<MatterId, Delay>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Provider {
    /// Tries again what is delayed, each when its pause is over and none behind another, for as long as it is polled. To
    /// be run beside whatever serves the provider.
    pub async fn keep_trying(self: Arc<Self>) {
        let places = Arc::new(Semaphore::new(TRIES_AT_ONCE));
        // Dropped with this future; what they were at goes on after the next start.
        let mut tries = JoinSet::new();
        loop {
            let (due, next) = self.delays.due();
            for id in due {
                let (provider, places) = (self.clone(), places.clone());
                tries.spawn(async move {
                    let _place = places.acquire().await;
                    provider.try_again(&id).await;
                });
            }
            let pause = async {
                match next {
                    Some(next) => sleep_until(next).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = pause => {}
                () = self.delays.noted.notified() => {}
                Some(_) = tries.join_next() => {}
            }
        }
    }

    /// Goes on with a matter, if it is still delayed when its turn comes.
    async fn try_again(&self, id: &MatterId) {
        let _still = self.time.read().await;
        let Ok(turn) = self.turn(id).await else { return };
        let Some(delay) = self.delays.get(id) else { return };
        let Ok(matter) = self.matter(id) else { return };
        let cause = matter.unheeded().cloned().unwrap_or(delay.cause);
        let outcome = match self.reconsider(id, cause, &mut Vec::new()).await {
            Ok(()) => {
                tracing::info!(matter = %id, "goes on");
                // It may be what a request was waiting for.
                drop(turn);
                self.move_routes(self.now(), &mut Vec::new()).await
            }
            Err(error) => Err(error),
        };
        match outcome {
            Ok(()) => {}
            Err(error) if is_delay(&error) => tracing::info!(matter = %id, %error, "cannot go on yet"),
            Err(error) => tracing::error!(matter = %id, %error, "cannot go on"),
        }
    }

    /// Enters an event of a matter. Where no quorum cosigns it, it has happened, and what follows from it is tried later.
    pub(super) async fn enter_for(
        &self,
        id: &MatterId,
        cause: &Cause,
        event: Event,
    ) -> Result<Recorded, ProviderError> {
        match self.enter(id, event).await {
            Err(error) if is_delay(&error) => self.note_delay(id, cause.clone(), Err(error)),
            entered => entered,
        }
    }

    /// Lets a matter that cannot go on for now wait to be tried again, and whoever is at it go on with others.
    pub(super) fn set_aside(
        &self,
        id: &MatterId,
        cause: Cause,
        outcome: Result<(), ProviderError>,
    ) -> Result<(), ProviderError> {
        match outcome {
            Err(error) if is_delay(&error) => {
                drop(self.note_delay::<()>(id, cause, Err(error)));
                Ok(())
            }
            outcome => outcome,
        }
    }

    /// Keeps in mind why a matter does not go on and what it is to be decided for, or that nothing is in its way any more.
    pub(super) fn note_delay<T>(
        &self,
        id: &MatterId,
        cause: Cause,
        outcome: Result<T, ProviderError>,
    ) -> Result<T, ProviderError> {
        if let Err(error) = self.note_wait(id, &outcome) {
            tracing::warn!(matter = %id, %error, "a restart would not know since when it waits");
        }
        let (kept, noted) = match (&outcome, self.docket.get(id)) {
            (Ok(_), _) => {
                self.delays.clear(id);
                // One that an earlier process kept is not in memory.
                (None, true)
            }
            // What never got into the record is no matter, and whoever asked has the error.
            (Err(_), None) => (None, false),
            (Err(error), Some(matter)) => {
                self.delays.note(id, error.to_string(), cause.clone());
                // What the record shows to be unheeded is found there after a restart.
                let lost = matter.unheeded().is_none();
                (lost.then_some(cause), lost)
            }
        };
        if noted && let Err(error) = self.cabinet.keep_delay(id, kept) {
            tracing::warn!(matter = %id, %error, "a restart would not know that it is delayed");
        }
        outcome
    }
}
