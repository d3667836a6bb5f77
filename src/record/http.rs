//! What the record and its witnesses serve, they serve over HTTP/1.1 without TLS: everything in it is signed, and nothing secret.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{self, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Connections at once; one beyond that waits.
const CONNECTIONS_MAX: usize = 256;
/// How long a client may take for its request line and headers, and do nothing between two requests.
const HEADERS_WITHIN: Duration = Duration::from_secs(10);
/// How long a connection lasts: whoever does not read the answers gives up its place.
const CONNECTION_WITHIN: Duration = Duration::from_secs(120);
/// After a connection that could not be taken.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

pub(super) type Answer = Response<Full<Bytes>>;

/// Answers on the listener until the future is dropped.
pub(super) async fn serve<F, A>(listener: TcpListener, answer: F) -> io::Result<()>
where
    F: Fn(Request<Incoming>) -> A + Clone + Send + 'static,
    A: Future<Output = Answer> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    // Whoever keeps a connection open is not answered any longer than whoever makes a new one.
    let mut connections = JoinSet::new();
    loop {
        while connections.try_join_next().is_some() {}
        let place = places.clone().acquire_owned().await.map_err(io::Error::other)?;
        let (stream, from) = match listener.accept().await {
            Ok(accepted) => accepted,
            // A client that is gone already, or no file left for one more: it passes, and everybody else goes on.
            Err(error) => {
                tracing::warn!(%error, "a connection was not taken");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let answer = answer.clone();
        connections.spawn(async move {
            let service = service_fn(move |request| {
                let answered = answer(request);
                async move { Ok::<_, Infallible>(answered.await) }
            });
            let served = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADERS_WITHIN)
                .serve_connection(TokioIo::new(stream), service);
            match tokio::time::timeout(CONNECTION_WITHIN, served).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!(%from, %error, "a connection ended"),
                Err(_) => tracing::debug!(%from, "a connection was open for too long"),
            }
            drop(place);
        });
    }
}

/// An answer with a body of some type.
pub(super) fn answer(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

/// An answer in words, that no cache keeps.
pub(super) fn plain(status: StatusCode, text: impl Into<Bytes>) -> Answer {
    let mut answer = answer(status, TEXT, text);
    answer.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// The answer to a method that a path does not have.
pub(super) fn not_allowed(allowed: &'static str, text: &'static str) -> Answer {
    let mut refused = plain(StatusCode::METHOD_NOT_ALLOWED, text);
    refused.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
    refused
}

pub(super) const TEXT: &str = "text/plain; charset=utf-8";
