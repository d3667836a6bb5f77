//! A service on the network: HTTP/2 over mutual TLS 1.3.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsAcceptor;

use super::body::Body;
use super::credentials::Credentials;
use super::error::{ErrorCode, ServiceError};
use super::identity::{DeploymentId, IdentityError, Peer};
use super::service::{Answer, Context, Correlation, SharedService, Typed, run};
use super::wire::{self, Outgoing};

/// What a server allows its callers.
#[derive(Clone, Copy, Debug)]
pub struct ServerLimits {
    /// Connections at one time; more wait to be accepted.
    pub connections: usize,
    /// Calls under way at one time on one connection. A call whose caller stopped waiting still counts.
    pub calls: u32,
    /// For the TLS handshake.
    pub handshake: Duration,
    /// For the head of a call to arrive.
    pub head: Duration,
    /// For a call that names no deadline of its own.
    pub deadline: Duration,
    /// For any call: after this it is given up even if it would still be running.
    pub at_most: Duration,
    /// Between two chunks of a body, in either direction.
    pub idle: Duration,
    /// For calls under way when the server is told to stop.
    pub grace: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        ServerLimits {
            connections: 64,
            calls: 128,
            handshake: Duration::from_secs(5),
            head: Duration::from_secs(10),
            deadline: Duration::from_secs(30),
            at_most: Duration::from_secs(900),
            idle: Duration::from_secs(30),
            grace: Duration::from_secs(5),
        }
    }
}

/// Serves until `shutdown` is ready; then takes no new calls, lets those under way finish within the grace, and
/// returns. The listener decides the address: `127.0.0.1:0` for a port the system picks.
pub async fn serve<C: Typed, R: Typed>(
    listener: TcpListener,
    credentials: &Credentials,
    service: SharedService<C, R>,
    limits: ServerLimits,
    shutdown: impl Future<Output = ()>,
) -> io::Result<()> {
    let config = credentials.server_config().map_err(io::Error::other)?;
    let (stop, stopping) = watch::channel(false);
    let server = Arc::new(Server {
        acceptor: TlsAcceptor::from(Arc::new(config)),
        deployment: credentials.deployment().clone(),
        service,
        limits,
        stopping,
    });
    let places = Arc::new(Semaphore::new(limits.connections));
    let mut connections = JoinSet::new();
    let mut shutdown = std::pin::pin!(shutdown);

    loop {
        let accept = async {
            let place = places.clone().acquire_owned().await.map_err(io::Error::other)?;
            Ok::<_, io::Error>((listener.accept().await?.0, place))
        };
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = accept => accepted,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, place)) => {
                let server = server.clone();
                connections.spawn(async move {
                    let _place = place;
                    server.connection(stream).await;
                });
            }
            // One connection that broke off, or no descriptor left: neither ends the server, and the second is
            // no reason to spin.
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }

    drop(listener);
    stop.send_replace(true);
    let all = async { while connections.join_next().await.is_some() {} };
    if timeout(limits.grace, all).await.is_err() {
        tracing::warn!(open = connections.len(), "calls were still under way at the end of the grace");
    }
    Ok(())
}

struct Server<C, R> {
    acceptor: TlsAcceptor,
    deployment: DeploymentId,
    service: SharedService<C, R>,
    limits: ServerLimits,
    stopping: watch::Receiver<bool>,
}

impl<C: Typed, R: Typed> Server<C, R> {
    async fn connection(self: Arc<Self>, stream: TcpStream) {
        let refused = |error: &dyn std::fmt::Display| tracing::warn!(%error, "a connection was refused");
        if let Err(error) = stream.set_nodelay(true) {
            return refused(&error);
        }
        let stream = match timeout(self.limits.handshake, self.acceptor.accept(stream)).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return refused(&error),
            Err(_) => return refused(&"no TLS handshake in time"),
        };
        let certificate = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
        let peer = certificate
            .ok_or(IdentityError::NoIdentity)
            .and_then(|certificate| Peer::from_certificate(certificate, &self.deployment));
        let peer = match peer {
            Ok(peer) => peer,
            Err(error) => return refused(&error),
        };

        // Who may make no call is told so, one call at a time, and nothing of what they send is kept.
        let calls = if self.service.admit(&peer).is_ok() { self.limits.calls } else { 1 };
        let places = Arc::new(Semaphore::new(calls as usize));
        let server = self.clone();
        let by = peer.clone();
        let service = service_fn(move |request| {
            let (server, peer, places) = (server.clone(), by.clone(), places.clone());
            async move { Ok::<_, Infallible>(server.request(peer, places, request).await) }
        });
        let mut builder = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(calls)
            .initial_stream_window_size(wire::STREAM_WINDOW)
            // Room for every stream at once: whoever does not read one body cannot stop the others.
            .initial_connection_window_size(wire::STREAM_WINDOW.saturating_mul(calls))
            .max_frame_size(wire::FRAME_LIMIT)
            .max_header_list_size(wire::HEADERS_LIMIT)
            .max_send_buf_size(wire::STREAM_WINDOW as usize)
            .keep_alive_interval(self.limits.idle)
            .keep_alive_timeout(self.limits.idle)
            .auto_date_header(false);
        let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
        let mut stopping = self.stopping.clone();
        let stop = async move { drop(stopping.wait_for(|stop| *stop).await) };
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = stop => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%peer, %error, "a connection broke");
        }
    }

    async fn request(
        &self,
        peer: Peer,
        places: Arc<Semaphore>,
        request: Request<Incoming>,
    ) -> Response<Outgoing> {
        if request.method() != Method::POST || request.uri().path() != wire::PATH {
            let error = ServiceError::new(ErrorCode::Invalid, "this node speaks another protocol version");
            return response::<R>(StatusCode::NOT_FOUND, Err(error));
        }
        response(StatusCode::OK, self.answer(peer, places, request).await)
    }

    async fn answer(
        &self,
        peer: Peer,
        places: Arc<Semaphore>,
        request: Request<Incoming>,
    ) -> Result<Answer<R>, ServiceError> {
        let received = Instant::now();
        self.service.admit(&peer)?;
        let place = places
            .try_acquire_owned()
            .map_err(|_| ServiceError::new(ErrorCode::Busy, "too many calls of this party are under way"))?;
        let (parts, incoming) = request.into_parts();
        let deadline = header(&parts.headers, wire::DEADLINE)
            .and_then(|text| text.parse().ok())
            .map_or(self.limits.deadline, Duration::from_millis)
            .min(self.limits.at_most);
        let correlation = header(&parts.headers, wire::CORRELATION).and_then(Correlation::parse);

        let head = wire::read::<C>(incoming, self.limits.idle, wire::Unread::TakenIn);
        let (call, body) = timeout(self.limits.head, head)
            .await
            .map_err(|_| ServiceError::new(ErrorCode::Deadline, "the head of the call did not arrive"))??;
        let context = Context {
            peer,
            deadline: received + deadline,
            correlation: correlation.unwrap_or_else(Correlation::next),
        };
        let service = self.service.clone();
        let answer = run(service, context, call, body, self.limits.at_most, place).await?;
        Ok(Answer { reply: answer.reply, body: wire::let_go_when_stuck(answer.body, self.limits.idle) })
    }
}

fn header(headers: &HeaderMap, name: hyper::header::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn response<R: Typed>(status: StatusCode, result: Result<Answer<R>, ServiceError>) -> Response<Outgoing> {
    let (head, body) = match result {
        Ok(answer) => (Ok(answer.reply), answer.body),
        Err(error) => (Err(error), Body::empty()),
    };
    let outgoing = Outgoing::new(&head, body).unwrap_or_else(|error| Outgoing::failed(&error));
    let mut response = Response::new(outgoing);
    *response.status_mut() = status;
    response
}
