//! Connections to a service on the network.

use std::error::Error as StdError;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hyper::client::conn::http2::SendRequest;
use hyper::header::HeaderValue;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::pki_types::ServerName;
use rustls::{AlertDescription, CertificateError, OtherError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::AsyncBufReadExt;
use tokio::net::TcpStream;
use tokio::sync::{Mutex, watch};
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;

use super::body::Body;
use super::credentials::Credentials;
use super::error::{ErrorCode, ServiceError};
use super::identity::{IdentityError, Peer};
use super::link::LinkLimits;
use super::service::{Answer, Correlation};
use super::wire::{self, Outgoing, Unread};

/// Where a party is to be found: fixed, or changing as it is started again. `None` while it is down.
#[derive(Clone, Debug)]
pub struct Address {
    at: watch::Receiver<Option<SocketAddr>>,
    /// Why it is down, where somebody knows.
    trouble: Option<watch::Receiver<Option<String>>>,
}

impl Address {
    /// Of a party whose keeper says why it is down.
    pub fn kept(at: watch::Receiver<Option<SocketAddr>>, trouble: watch::Receiver<Option<String>>) -> Self {
        Address { at, trouble: Some(trouble) }
    }

    /// Where it is at the moment.
    pub fn now(&self, to: &Peer) -> Result<SocketAddr, ServiceError> {
        let at = *self.at.borrow();
        at.ok_or_else(|| self.not_running(to))
    }

    fn not_running(&self, to: &Peer) -> ServiceError {
        let trouble = self.trouble.as_ref().and_then(|trouble| trouble.borrow().clone());
        let message = trouble.unwrap_or_else(|| format!("{to} is not running"));
        ServiceError::new(ErrorCode::Unreachable, message)
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        // A receiver keeps the last value after its sender is gone.
        watch::channel(Some(address)).1.into()
    }
}

impl From<watch::Receiver<Option<SocketAddr>>> for Address {
    fn from(receiver: watch::Receiver<Option<SocketAddr>>) -> Self {
        Address { at: receiver, trouble: None }
    }
}

/// A few multiplexed connections to one party.
pub(super) struct Client {
    to: Peer,
    address: Address,
    tls: TlsConnector,
    limits: LinkLimits,
    connections: Vec<Mutex<Option<Connection>>>,
    turn: AtomicUsize,
}

#[derive(Clone)]
struct Connection {
    address: SocketAddr,
    sender: SendRequest<Outgoing>,
}

impl Client {
    pub(super) fn new(
        credentials: &Credentials,
        to: &Peer,
        address: Address,
        limits: LinkLimits,
    ) -> Result<Self, ServiceError> {
        let config = credentials.client_config(to).map_err(|error| ServiceError::internal(&error))?;
        Ok(Client {
            to: to.clone(),
            address,
            tls: TlsConnector::from(Arc::new(config)),
            limits,
            connections: (0..limits.connections.max(1)).map(|_| Mutex::new(None)).collect(),
            turn: AtomicUsize::new(0),
        })
    }

    pub(super) fn address(&self) -> Option<SocketAddr> {
        *self.address.at.borrow()
    }

    pub(super) async fn call<C: Serialize, R: DeserializeOwned>(
        &self,
        deadline: Instant,
        correlation: Correlation,
        call: &C,
        body: Body,
    ) -> Result<Answer<R>, ServiceError> {
        let left = deadline.saturating_duration_since(Instant::now()).as_millis() as u64;
        let mut request = Request::new(Outgoing::new(call, body)?);
        *request.method_mut() = hyper::Method::POST;
        *request.uri_mut() = Uri::from_static(URI);
        request.headers_mut().insert(wire::DEADLINE, HeaderValue::from(left));
        let correlation = HeaderValue::try_from(correlation.to_string());
        request.headers_mut().insert(wire::CORRELATION, correlation.expect("hex digits are a header value"));

        let response = self.send(request).await?;
        if response.status() != StatusCode::OK && response.status() != StatusCode::NOT_FOUND {
            let message = format!("{} answered with HTTP status {}", self.to, response.status());
            return Err(ServiceError::new(ErrorCode::Internal, message));
        }
        let (head, body) =
            wire::read::<Result<R, ServiceError>>(response.into_body(), self.limits.idle, Unread::Refused)
                .await?;
        head.map(|reply| Answer { reply, body })
    }

    async fn send(
        &self,
        request: Request<Outgoing>,
    ) -> Result<Response<hyper::body::Incoming>, ServiceError> {
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.connections.len();
        let mut sender = self.connection(turn).await?;
        let first = match sender.try_send_request(request).await {
            Ok(response) => return Ok(response),
            Err(first) => first,
        };
        // A connection that was closed while nobody used it shows so only now. What came back was never sent.
        let mut failed = first;
        match failed.take_message() {
            None => Err(self.broken(failed.error())),
            Some(request) => {
                self.connections[turn].lock().await.take_if(|present| !present.sender.is_ready());
                let mut sender = self.connection(turn).await?;
                sender.try_send_request(request).await.map_err(|failed| self.broken(failed.error()))
            }
        }
    }

    /// The connection whose turn it is, made now if there is none. Callers who need it at the same time wait for
    /// the one attempt.
    async fn connection(&self, turn: usize) -> Result<SendRequest<Outgoing>, ServiceError> {
        let mut slot = self.connections[turn].lock().await;
        let Some(address) = *self.address.at.borrow() else {
            return Err(self.address.not_running(&self.to));
        };
        if let Some(present) = &*slot
            && present.address == address
            && !present.sender.is_closed()
        {
            return Ok(present.sender.clone());
        }
        let sender = match timeout(self.limits.connect, self.connect(address)).await {
            Ok(connected) => connected?,
            Err(_) => {
                let message = format!("{} at {address} did not finish its handshakes in time", self.to);
                return Err(ServiceError::new(ErrorCode::Unreachable, message));
            }
        };
        *slot = Some(Connection { address, sender: sender.clone() });
        Ok(sender)
    }

    async fn connect(&self, address: SocketAddr) -> Result<SendRequest<Outgoing>, ServiceError> {
        let failed = |error: io::Error| self.not_connected(address, &error);
        let stream = TcpStream::connect(address).await.map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        // The name is not used: the verifier asks for one exact party instead.
        let name = ServerName::try_from(HOST).expect("it is a host name");
        let mut stream = self.tls.connect(name, stream).await.map_err(failed)?;
        // In TLS 1.3 a client learns only after its own handshake whether it was let in. The server's first frame
        // says so; a refusal comes as an alert in its place.
        if stream.fill_buf().await.map_err(failed)?.is_empty() {
            return Err(failed(io::ErrorKind::UnexpectedEof.into()));
        }

        let calls = u32::try_from(self.limits.calls).unwrap_or(u32::MAX);
        let (sender, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_max_send_streams(self.limits.calls)
            .initial_stream_window_size(wire::STREAM_WINDOW)
            // Room for every stream at once: an answer that is not read cannot stop the others.
            .initial_connection_window_size(wire::STREAM_WINDOW.saturating_mul(calls))
            .max_frame_size(wire::FRAME_LIMIT)
            .max_header_list_size(wire::HEADERS_LIMIT)
            .max_send_buf_size(wire::STREAM_WINDOW as usize)
            .keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| self.broken(&error))?;
        let to = self.to.clone();
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%to, %error, "a connection broke");
            }
        });
        Ok(sender)
    }

    fn not_connected(&self, address: SocketAddr, error: &io::Error) -> ServiceError {
        let to = &self.to;
        let cause = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        match cause {
            Some(rustls::Error::AlertReceived(alert)) => {
                let message = format!("{to} at {address} refused us: {}", describe(*alert));
                ServiceError::new(ErrorCode::Untrusted, message)
            }
            Some(error) => {
                let message = format!("what answers at {address} is not {to}: {}", why(error));
                ServiceError::new(ErrorCode::Untrusted, message)
            }
            None => {
                let message = format!("{to} at {address} cannot be reached: {error}");
                ServiceError::new(ErrorCode::Unreachable, message)
            }
        }
    }

    /// The error of a request that may have left.
    fn broken(&self, error: &hyper::Error) -> ServiceError {
        let mut causes = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            causes = format!("{causes}: {error}");
            cause = error.source();
        }
        ServiceError::new(ErrorCode::Lost, format!("the connection to {} broke: {causes}", self.to))
    }
}

const HOST: &str = "node.rogatory.invalid";
const URI: &str = "https://node.rogatory.invalid/rogatory/v1/call";
/// How often a connection with calls under way is asked whether it still lives, and how long it may take to say so.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

fn describe(alert: AlertDescription) -> String {
    match alert {
        AlertDescription::CertificateRequired => "it wants a certificate".to_owned(),
        AlertDescription::UnknownCA => "our certificate is of another deployment".to_owned(),
        AlertDescription::CertificateExpired => "our certificate has expired".to_owned(),
        AlertDescription::BadCertificate | AlertDescription::CertificateUnknown => {
            "it does not accept our certificate".to_owned()
        }
        other => format!("TLS alert {other:?}"),
    }
}

fn why(error: &rustls::Error) -> String {
    if let rustls::Error::InvalidCertificate(CertificateError::Other(OtherError(inner))) = error
        && let Some(identity) = inner.downcast_ref::<IdentityError>()
    {
        return identity.to_string();
    }
    error.to_string()
}
