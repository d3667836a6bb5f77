//! What a node is to its callers, in the same process or over the network.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::Instrument;

use super::body::Body;
use super::error::{ErrorCode, ServiceError};
use super::identity::Peer;

/// Something that answers typed calls, with a streamed body each way.
///
/// A call that has begun runs to its end even if its caller stops waiting or goes away, so an implementation is
/// never dropped between two of its steps by a caller's doing. Reading the body of a caller that went away fails.
pub trait Service: Send + Sync + 'static {
    type Call: Typed;
    type Reply: Typed;

    /// Whether this party may make any call at all. Asked before anything of a call is read, so that nobody who may not
    /// makes this one hold what they send.
    fn admit(&self, peer: &Peer) -> Result<(), ServiceError> {
        let _ = peer;
        Ok(())
    }

    fn call(
        &self,
        context: Context,
        call: Self::Call,
        body: Body,
    ) -> BoxFuture<'_, Result<Answer<Self::Reply>, ServiceError>>;
}

/// What may be a call or a reply: whatever serde writes and reads.
pub trait Typed: Serialize + DeserializeOwned + Send + 'static {}

impl<T: Serialize + DeserializeOwned + Send + 'static> Typed for T {}

/// A service of known calls and replies, shared.
pub type SharedService<C, R> = Arc<dyn Service<Call = C, Reply = R>>;

/// What a service knows about a call besides what was asked.
#[derive(Clone, Debug)]
pub struct Context {
    /// Who asks, as a verified certificate says.
    pub peer: Peer,
    /// When the caller stops waiting.
    pub deadline: Instant,
    /// Ties together what different nodes log about one piece of work.
    pub correlation: Correlation,
}

/// Refuses everyone but head office, in these words.
pub fn only_head_office(peer: &Peer, else_say: impl FnOnce(&Peer) -> String) -> Result<(), ServiceError> {
    match peer {
        Peer::HeadOffice => Ok(()),
        peer => Err(ServiceError::new(ErrorCode::Forbidden, else_say(peer))),
    }
}

/// What a service answers: a typed reply, and bytes that may take a while.
#[derive(Debug)]
pub struct Answer<R> {
    pub reply: R,
    pub body: Body,
}

impl<R> Answer<R> {
    pub fn with_body(reply: R, body: impl Into<Body>) -> Self {
        Answer { reply, body: body.into() }
    }
}

impl<R> From<R> for Answer<R> {
    fn from(reply: R) -> Self {
        Answer { reply, body: Body::empty() }
    }
}

/// A number that is unlike any other in the logs of one machine: the process that first made the call, and the
/// how-manieth it was there. Written as 16 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Correlation(u64);

impl Correlation {
    /// The next of this process.
    pub fn next() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Correlation(u64::from(std::process::id()) << 32 | u64::from(count))
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        (text.len() == 16).then(|| u64::from_str_radix(text, 16).ok().map(Correlation)).flatten()
    }
}

impl fmt::Display for Correlation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for Correlation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Runs one call as a task of its own and waits for it until the caller's deadline. The task outlives the wait, but
/// not `at_most`: a call that never ends must not hold its place for ever. `place` is given back when the task ends.
pub(super) async fn run<C: Typed, R: Typed>(
    service: SharedService<C, R>,
    context: Context,
    call: C,
    body: Body,
    at_most: Duration,
    place: impl Send + 'static,
) -> Result<Answer<R>, ServiceError> {
    service.admit(&context.peer)?;
    let deadline = context.deadline;
    let span = tracing::debug_span!("call", peer = %context.peer, correlation = %context.correlation);
    let task = async move {
        let _place = place;
        match timeout(at_most, service.call(context, call, body)).await {
            Ok(result) => result,
            Err(_) => Err(ServiceError::new(ErrorCode::Deadline, "the call was given up")),
        }
    };
    match timeout_at(deadline, tokio::spawn(task.instrument(span))).await {
        Ok(Ok(result)) => result,
        Ok(Err(panic)) => Err(ServiceError::internal(&panic)),
        Err(_) => Err(ServiceError::new(ErrorCode::Deadline, "the node did not answer in time")),
    }
}
