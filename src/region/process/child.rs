//! The child's side.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

use tokio::sync::watch;

use super::super::identity::Peer;
use super::Announcement;

/// A child that has not come to its end this long after its parent let go ends at once.
const AT_MOST_AFTER: Duration = Duration::from_secs(10);

/// Tells the parent that this node serves.
pub fn announce_ready(peer: &Peer, address: SocketAddr) -> io::Result<()> {
    announce(&Announcement::Ready { id: peer.id().to_owned(), address })
}

/// Tells the parent why this node cannot start.
pub fn announce_failure(cause: &dyn std::fmt::Display) -> io::Result<()> {
    announce(&Announcement::Failed { message: cause.to_string() })
}

fn announce(announcement: &Announcement) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, announcement)?;
    out.write_all(b"\n")?;
    out.flush()
}

/// The tie between a child and the parent that started it through a [`Supervisor`](super::Supervisor).
#[derive(Clone, Debug)]
pub struct Lifeline(watch::Receiver<bool>);

impl Lifeline {
    /// Ties this process to its parent. To be called once, early, and only by a process whose standard input is
    /// the parent's pipe.
    pub fn tie() -> io::Result<Self> {
        #[cfg(target_os = "linux")]
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
        let (let_go, lifeline) = watch::channel(false);
        // A thread of its own, so that a busy or stuck runtime cannot keep the process alive.
        std::thread::Builder::new().name("lifeline".to_owned()).spawn(move || {
            let mut input = io::stdin().lock();
            let mut ignored = [0; 64];
            loop {
                match input.read(&mut ignored) {
                    Ok(0) => break,
                    Err(error) if error.kind() != io::ErrorKind::Interrupted => break,
                    Ok(_) | Err(_) => {}
                }
            }
            let_go.send_replace(true);
            std::thread::sleep(AT_MOST_AFTER);
            tracing::error!("the node did not stop in time after its parent let go");
            std::process::exit(1);
        })?;
        Ok(Lifeline(lifeline))
    }

    /// Waits until the parent lets go or is gone: the moment to stop in order.
    pub async fn let_go(mut self) {
        drop(self.0.wait_for(|gone| *gone).await);
    }
}
