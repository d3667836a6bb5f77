//! The caller's end of a service.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::body::Body;
use super::client::{Address, Client};
use super::credentials::Credentials;
use super::error::{ErrorCode, ServiceError};
use super::identity::Peer;
use super::service::{Answer, Context, Correlation, SharedService, Typed, run};
use super::wan::{self, Wan};

/// What a caller allows itself towards one party.
#[derive(Clone, Copy, Debug)]
pub struct LinkLimits {
    /// Calls under way, their bodies included. One more fails at once with [`ErrorCode::Busy`].
    pub calls: usize,
    /// For a call that names no deadline of its own: until its answer begins.
    pub deadline: Duration,
    /// For connecting, both handshakes included.
    pub connect: Duration,
    /// Between two chunks of a body.
    pub idle: Duration,
    /// Connections to the party. One is enough for most; a second lets two cores encrypt.
    pub connections: usize,
}

impl Default for LinkLimits {
    fn default() -> Self {
        LinkLimits {
            calls: 128,
            deadline: Duration::from_secs(30),
            connect: Duration::from_secs(3),
            idle: Duration::from_secs(30),
            connections: 1,
        }
    }
}

/// How one call differs from others on its link.
#[derive(Clone, Copy, Debug, Default)]
pub struct CallOptions {
    /// How long to wait until the answer begins; the link's own deadline if absent.
    pub within: Option<Duration>,
    /// The work the call belongs to; a new correlation if absent.
    pub correlation: Option<Correlation>,
}

/// The caller's end of a service: in this process, or over the network. Cheap to clone.
pub struct Link<C, R> {
    inner: Arc<Inner<C, R>>,
}

struct Inner<C, R> {
    from: Peer,
    to: Peer,
    end: End<C, R>,
    limits: LinkLimits,
    places: Arc<Semaphore>,
    wan: Wan,
}

enum End<C, R> {
    Here(SharedService<C, R>),
    There(Client),
}

impl<C, R> Clone for Link<C, R> {
    fn clone(&self) -> Self {
        Link { inner: self.inner.clone() }
    }
}

impl<C: Typed, R: Typed> Link<C, R> {
    /// A link from `from` to a service in this process, which is `to`.
    pub fn in_process(
        from: Peer,
        to: Peer,
        service: SharedService<C, R>,
        limits: LinkLimits,
        wan: Wan,
    ) -> Self {
        Link::new(from, to, End::Here(service), limits, wan)
    }

    /// A link from the owner of `credentials` to whoever proves to be `to` at `address`. Connects with the first
    /// call, and again whenever the connection was lost.
    pub fn over_network(
        credentials: &Credentials,
        to: Peer,
        address: impl Into<Address>,
        limits: LinkLimits,
        wan: Wan,
    ) -> Result<Self, ServiceError> {
        let client = Client::new(credentials, &to, address.into(), limits)?;
        Ok(Link::new(credentials.peer().clone(), to, End::There(client), limits, wan))
    }

    fn new(from: Peer, to: Peer, end: End<C, R>, limits: LinkLimits, wan: Wan) -> Self {
        let places = Arc::new(Semaphore::new(limits.calls));
        Link { inner: Arc::new(Inner { from, to, end, limits, places, wan }) }
    }

    /// Who is at the other end.
    pub fn to(&self) -> &Peer {
        &self.inner.to
    }

    /// Where the other end is to be found just now; `None` in this process, and while it is down.
    pub fn address(&self) -> Option<SocketAddr> {
        match &self.inner.end {
            End::Here(_) => None,
            End::There(client) => client.address(),
        }
    }

    /// Makes a call.
    pub async fn call(&self, call: C, body: impl Into<Body>) -> Result<Answer<R>, ServiceError> {
        self.call_with(CallOptions::default(), call, body).await
    }

    /// Makes a call with its own deadline or correlation.
    pub async fn call_with(
        &self,
        options: CallOptions,
        call: C,
        body: impl Into<Body>,
    ) -> Result<Answer<R>, ServiceError> {
        let Inner { from, to, end, limits, places, wan } = &*self.inner;
        let Ok(place) = places.clone().try_acquire_owned() else {
            let message = format!("{} calls to {to} are under way, and no more are allowed", limits.calls);
            return Err(ServiceError::new(ErrorCode::Busy, message));
        };
        let deadline = Instant::now() + options.within.unwrap_or(limits.deadline);
        let correlation = options.correlation.unwrap_or_else(Correlation::next);
        let body = self.watched(body.into());

        let calling = async {
            let there = wan.outward(from, to).await?;
            let answer = match end {
                End::Here(service) => {
                    let context = Context { peer: from.clone(), deadline, correlation };
                    run(service.clone(), context, call, body, HERE_AT_MOST, ()).await
                }
                End::There(client) => client.call(deadline, correlation, &call, body).await,
            };
            wan.back(from, to, there).await?;
            answer
        };
        match timeout_at(deadline, calling).await {
            Ok(Ok(answer)) => Ok(Answer { reply: answer.reply, body: self.watched(answer.body).hold(place) }),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(ServiceError::new(ErrorCode::Deadline, format!("no answer from {to} in time"))),
        }
    }

    /// A body that fails once its link is cut.
    fn watched(&self, body: Body) -> Body {
        if body.as_whole().is_some() {
            return body;
        }
        let inner = self.inner.clone();
        Body::stream(body.map(move |chunk| match inner.wan.cut_between(&inner.from, &inner.to) {
            None => chunk,
            Some(_) => Err(wan::lost(&inner.to)),
        }))
    }
}

/// For a call in the same process whose caller no longer waits.
const HERE_AT_MOST: Duration = Duration::from_secs(900);
