//! Nodes as processes of their own: started together, watched, started again when they die, and never left behind.
//!
//! A parent and its child agree on three things. The child prints one line of JSON when it serves,
//! `{"ready":{"id":"ie-dublin","address":"127.0.0.1:41233"}}`, or `{"failed":{"message":"…"}}` when it cannot. It
//! stops in order when its standard input ends, which happens however the parent ends. And on Linux the kernel kills
//! it if it has not come to that by the time the parent is gone.

mod child;
mod supervisor;

pub use child::{Lifeline, announce_failure, announce_ready};
pub use supervisor::{ChildSpec, ProcessError, Supervisor};

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

/// What a child says on its standard output, in one line.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Announcement {
    /// It serves at `address`; `id` is the last part of its [`Peer`](super::Peer).
    Ready { id: String, address: SocketAddr },
    /// It cannot start.
    Failed { message: String },
}
