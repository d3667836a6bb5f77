//! The committer: one thread that runs every transaction of a node.
//!
//! Whoever waits in the queue goes to the disk together, with one sync, and is told only afterwards. Sealing has
//! happened by then, in the callers' threads; a transaction only checks conditions and gives numbers.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::{Semaphore, mpsc, oneshot};

use super::StoreError;
use super::books::Books;

/// How many KiB may wait for the committer before callers have to.
const ROOM_KIB: usize = 64 * 1024;

/// A commit is not made larger than this, so that the first in it does not wait for long.
const COMMIT_BYTES: usize = 8 << 20;

/// A transaction, and who waits for it to be on the disk.
type Work = Box<dyn FnOnce(&mut Books) -> Ack + Send>;
type Ack = Box<dyn FnOnce(bool) + Send>;

/// The committer's front: takes transactions.
pub(super) struct Committer {
    queue: Option<mpsc::UnboundedSender<Work>>,
    room: Arc<Semaphore>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Committer {
    pub fn start(books: Books, name: &str) -> Result<Self, StoreError> {
        let (queue, work) = mpsc::unbounded_channel();
        let thread = std::thread::Builder::new()
            .name(format!("commit {name}"))
            .spawn(move || run(books, work))
            .map_err(StoreError::Thread)?;
        let room = Arc::new(Semaphore::new(ROOM_KIB));
        Ok(Committer { queue: Some(queue), room, thread: Mutex::new(Some(thread)) })
    }

    /// Runs `transaction`, and returns what it did when that is on the disk. `bytes` is about how much it holds.
    ///
    /// Should the caller go away while waiting, the transaction happens nevertheless.
    pub async fn transact<T: Send + 'static>(
        &self,
        bytes: usize,
        transaction: impl FnOnce(&mut Books) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (done, answer) = oneshot::channel();
        let kib = (bytes / 1024 + 1).min(ROOM_KIB) as u32;
        let room = self.room.clone().acquire_many_owned(kib).await.map_err(|_| StoreError::Closed)?;
        let work: Work = Box::new(move |books| {
            let outcome = transaction(books);
            Box::new(move |committed| {
                drop(room);
                // Nobody listens any more if the caller went away.
                let _ =
                    done.send(if committed { outcome } else { outcome.and(Err(StoreError::NotCommitted)) });
            })
        });
        let queue = self.queue.as_ref().ok_or(StoreError::Closed)?;
        queue.send(work).map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Closed)?
    }
}

impl Drop for Committer {
    /// Waits until what was handed over is on the disk.
    fn drop(&mut self) {
        self.queue = None;
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the committer ended in a panic");
        }
    }
}

fn run(mut books: Books, mut queue: mpsc::UnboundedReceiver<Work>) {
    let mut waiting: Vec<Ack> = Vec::new();
    while let Some(first) = queue.blocking_recv() {
        waiting.push(first(&mut books));
        while books.waiting_bytes() < COMMIT_BYTES
            && let Ok(next) = queue.try_recv()
        {
            waiting.push(next(&mut books));
        }
        let committed = books.commit();
        if let Err(error) = &committed {
            // What is on the disk now is not known, so nothing may be built on it before the log is read again.
            tracing::error!(%error, "a commit failed; the store takes no more until it is opened again");
        }
        waiting.drain(..).for_each(|ack| ack(committed.is_ok()));
        if committed.is_err() {
            return;
        }
    }
    if let Err(error) = books.checkpoint() {
        tracing::warn!(%error, "closing without a checkpoint; the next opening reads more of the log");
    }
}
