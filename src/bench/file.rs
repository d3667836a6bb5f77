//! The baseline of everything durable: the same bytes appended to one file, with group commit.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::thread::JoinHandle;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::sync::{mpsc, oneshot};

use super::Failure;

/// Bytes that go to the disk with one sync, at most.
const COMMIT_BYTES: usize = 8 << 20;

/// A file to which a thread appends what waits, syncs it, and then answers.
#[derive(Debug)]
pub struct SyncedFile {
    queue: Option<mpsc::Sender<(Bytes, oneshot::Sender<()>)>>,
    thread: Option<JoinHandle<std::io::Result<()>>>,
}

impl SyncedFile {
    /// Begins a new file; with `hashed`, every piece is hashed on its way, as a log has to.
    pub fn create(path: &Path, hashed: bool) -> Result<Self, Failure> {
        let mut file = OpenOptions::new().create_new(true).append(true).open(path)?;
        let (queue, mut waiting) = mpsc::channel::<(Bytes, oneshot::Sender<()>)>(1024);
        let thread = std::thread::Builder::new().name("baseline".to_owned()).spawn(move || {
            let (mut batch, mut answers) = (Vec::with_capacity(COMMIT_BYTES), Vec::new());
            while let Some((piece, answer)) = waiting.blocking_recv() {
                let mut take = |piece: &Bytes, answer| {
                    if hashed {
                        std::hint::black_box(Sha256::digest(piece));
                    }
                    batch.extend_from_slice(piece);
                    answers.push(answer);
                    batch.len() < COMMIT_BYTES
                };
                let mut room = take(&piece, answer);
                while room && let Ok((piece, answer)) = waiting.try_recv() {
                    room = take(&piece, answer);
                }
                file.write_all(&batch)?;
                File::sync_data(&file)?;
                batch.clear();
                // Nobody waits any more for what was sent when the load ended.
                answers.drain(..).for_each(|answer: oneshot::Sender<()>| _ = answer.send(()));
            }
            Ok(())
        })?;
        Ok(SyncedFile { queue: Some(queue), thread: Some(thread) })
    }

    /// Appends; the bytes are on the disk when this returns.
    pub fn append(&self, piece: Bytes) -> impl Future<Output = Result<(), Failure>> + Send + use<> {
        let queue = self.queue.clone();
        async move {
            let (answer, answered) = oneshot::channel();
            let queue = queue.ok_or("the file is closed")?;
            queue.send((piece, answer)).await.map_err(|_| "the baseline's thread ended")?;
            Ok(answered.await.map_err(|_| "the baseline could not be written")?)
        }
    }
}

impl Drop for SyncedFile {
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
