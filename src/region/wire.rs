//! How a call looks on the wire.
//!
//! A call is an HTTP/2 `POST` to [`PATH`]; the answer has status 200. In both directions the content is a head and a
//! body: the length of the head in bytes (u32, big endian), the head as JSON, and the body up to the end of the
//! stream. The head of a request is the call, that of an answer is `{"Ok": reply}` or `{"Err": error}`. A body that
//! fails half-way ends with the trailer `rogatory-error`, an error as JSON; one that is cut off ends without
//! END_STREAM. Both reach the reader as errors, so a part of a body never passes for the whole.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::Stream;
use http_body_util::BodyExt;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, Sleep};

use super::body::Body;
use super::error::{ErrorCode, ServiceError};

/// The version is part of the path, so that a node of another version answers "not found" instead of guessing.
pub(super) const PATH: &str = "/rogatory/v1/call";
/// How long the caller still waits, in milliseconds.
pub(super) const DEADLINE: HeaderName = HeaderName::from_static("rogatory-deadline");
/// The [`Correlation`](super::Correlation) of the call.
pub(super) const CORRELATION: HeaderName = HeaderName::from_static("rogatory-correlation");
const ERROR: HeaderName = HeaderName::from_static("rogatory-error");

/// The longest head. A permit with a thousand later entries and their proofs is the largest there is.
pub(super) const HEAD_LIMIT: usize = 4 * 1024 * 1024;
/// How much of a call's body that nobody reads is taken in all the same, so that its sender gets the answer: as much as the
/// longest message.
const DROPPED_MAX: usize = crate::mail::MESSAGE_BYTES_MAX as usize;
/// What one stream may send before its reader has read, in bytes.
pub(super) const STREAM_WINDOW: u32 = 256 * 1024;
/// The largest frame of content, in bytes.
pub(super) const FRAME_LIMIT: u32 = 64 * 1024;
/// The longest list of HTTP headers; an error trailer is the longest header there is.
pub(super) const HEADERS_LIMIT: u32 = 8 * 1024;
/// A body up to this long travels in one piece with its head.
const JOIN_LIMIT: usize = 32 * 1024;
const PREFIX: usize = 4;

/// A head and a body on their way out.
pub(super) struct Outgoing {
    head: Option<Bytes>,
    body: Body,
}

impl Outgoing {
    pub(super) fn new(head: &impl Serialize, body: Body) -> Result<Self, ServiceError> {
        let room = body.as_whole().map_or(0, Bytes::len).min(JOIN_LIMIT);
        let mut bytes = BytesMut::with_capacity(512 + room);
        bytes.put_u32(0);
        let mut writer = bytes.writer();
        serde_json::to_writer(&mut writer, head).map_err(|error| ServiceError::internal(&error))?;
        let mut bytes = writer.into_inner();
        let length = bytes.len() - PREFIX;
        if length > HEAD_LIMIT {
            return Err(head_too_long(length));
        }
        bytes[..PREFIX].copy_from_slice(&(length as u32).to_be_bytes());
        match body.as_whole() {
            Some(whole) if whole.len() <= JOIN_LIMIT => {
                bytes.extend_from_slice(whole);
                Ok(Outgoing { head: Some(bytes.freeze()), body: Body::empty() })
            }
            _ => Ok(Outgoing { head: Some(bytes.freeze()), body }),
        }
    }

    /// The content of an answer that is an error.
    pub(super) fn failed(error: &ServiceError) -> Self {
        let head = Err::<(), _>(error);
        Outgoing::new(&head, Body::empty()).unwrap_or(Outgoing { head: None, body: Body::empty() })
    }
}

impl HttpBody for Outgoing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(head) = self.head.take() {
            return Poll::Ready(Some(Ok(Frame::data(head))));
        }
        let frame = match std::task::ready!(Pin::new(&mut self.body).poll_next(cx)) {
            Some(Ok(chunk)) => Frame::data(chunk),
            Some(Err(error)) => Frame::trailers(error_trailers(&error)),
            None => return Poll::Ready(None),
        };
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.head.is_none() && self.body.has_ended()
    }

    fn size_hint(&self) -> SizeHint {
        let head = self.head.as_ref().map_or(0, Bytes::len) as u64;
        match self.body.as_whole() {
            Some(whole) => SizeHint::with_exact(head + whole.len() as u64),
            None => SizeHint::default(),
        }
    }
}

fn error_trailers(error: &ServiceError) -> HeaderMap {
    let text = serde_json::to_vec(error).unwrap_or_default();
    // JSON has no control characters but DEL, which no header may contain; the code alone then has to do.
    let value = HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static(""));
    HeaderMap::from_iter([(ERROR, value)])
}

fn error_of_trailers(trailers: &HeaderMap) -> Option<ServiceError> {
    let value = trailers.get(ERROR)?;
    let unreadable = |_| ServiceError::new(ErrorCode::Internal, "the body failed half-way");
    Some(serde_json::from_slice(value.as_bytes()).unwrap_or_else(unreadable))
}

fn head_too_long(length: usize) -> ServiceError {
    let message = format!("a head of {length} bytes exceeds the {HEAD_LIMIT} that are accepted");
    ServiceError::new(ErrorCode::TooLarge, message)
}

fn cut_off() -> ServiceError {
    ServiceError::new(ErrorCode::Lost, "the connection broke before the end")
}

/// Reads a head, and gives back what follows it as a body. A pause of more than `idle` between two chunks of the
/// body is an error.
pub(super) async fn read<T: DeserializeOwned>(
    mut incoming: Incoming,
    idle: Duration,
    unread: Unread,
) -> Result<(T, Body), ServiceError> {
    let mut bytes = next_data(&mut incoming).await?.ok_or_else(cut_off)?;
    let mut length = None;
    loop {
        if length.is_none()
            && let Some(prefix) = bytes.first_chunk::<PREFIX>()
        {
            let found = u32::from_be_bytes(*prefix) as usize;
            if found > HEAD_LIMIT {
                return Err(head_too_long(found));
            }
            length = Some(PREFIX + found);
        }
        if length.is_some_and(|length| bytes.len() >= length) {
            break;
        }
        // A head in several frames is rare enough to be copied together.
        let mut joined = BytesMut::from(bytes);
        if let Some(length) = length {
            joined.reserve(length - joined.len());
        }
        joined.extend_from_slice(&next_data(&mut incoming).await?.ok_or_else(cut_off)?);
        bytes = joined.freeze();
    }
    let rest = bytes.split_off(length.unwrap_or(PREFIX));
    let head = serde_json::from_slice(&bytes[PREFIX..]).map_err(|error| {
        ServiceError::new(ErrorCode::Invalid, format!("the head cannot be read: {error}"))
    })?;
    let body = match incoming.is_end_stream() {
        true => Body::from(rest),
        false => Body::stream(Chunks {
            rest: Some(rest),
            incoming: Some(incoming),
            unread,
            idle,
            sleep: None,
            waiting: false,
        }),
    };
    Ok((head, body))
}

async fn next_data(incoming: &mut Incoming) -> Result<Option<Bytes>, ServiceError> {
    loop {
        match incoming.frame().await {
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) if data.is_empty() => {}
                Ok(data) => return Ok(Some(data)),
                Err(frame) => {
                    if let Some(error) = frame.trailers_ref().and_then(error_of_trailers) {
                        return Err(error);
                    }
                }
            },
            Some(Err(_)) => return Err(cut_off()),
            None => return Ok(None),
        }
    }
}

/// What becomes of a body that nobody reads to its end.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Unread {
    /// Its sender is told to stop.
    Refused,
    /// It is taken in and dropped: its sender, who would lose the answer with a stream that is reset under it, gets that.
    TakenIn,
}

/// The chunks of a body on their way in.
struct Chunks {
    rest: Option<Bytes>,
    /// There until it ended or failed.
    incoming: Option<Incoming>,
    unread: Unread,
    idle: Duration,
    sleep: Option<Pin<Box<Sleep>>>,
    /// True between the moment the reader began to wait for a chunk and its arrival: only the sender's pauses
    /// count, not the reader's.
    waiting: bool,
}

impl Stream for Chunks {
    type Item = Result<Bytes, ServiceError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        if let Some(rest) = this.rest.take()
            && !rest.is_empty()
        {
            return Poll::Ready(Some(Ok(rest)));
        }
        let Some(incoming) = &mut this.incoming else { return Poll::Ready(None) };
        while let Poll::Ready(frame) = Pin::new(&mut *incoming).poll_frame(cx) {
            this.waiting = false;
            match frame {
                None => {
                    this.incoming = None;
                    return Poll::Ready(None);
                }
                Some(Err(_)) => {
                    this.incoming = None;
                    return Poll::Ready(Some(Err(cut_off())));
                }
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => return Poll::Ready(Some(Ok(data))),
                    Err(frame) => {
                        if let Some(error) = frame.trailers_ref().and_then(error_of_trailers) {
                            return Poll::Ready(Some(Err(error)));
                        }
                    }
                },
            }
        }
        let until = Instant::now() + this.idle;
        let sleep = this.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        if !this.waiting {
            sleep.as_mut().reset(until);
            this.waiting = true;
        }
        std::task::ready!(sleep.as_mut().poll(cx));
        let message = format!("nothing came for {} s in the middle of a body", this.idle.as_secs_f32());
        Poll::Ready(Some(Err(ServiceError::new(ErrorCode::Deadline, message))))
    }
}

impl Drop for Chunks {
    fn drop(&mut self) {
        if self.unread == Unread::Refused {
            return;
        }
        let Some(mut incoming) = self.incoming.take().filter(|incoming| !incoming.is_end_stream()) else {
            return;
        };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let idle = self.idle;
        runtime.spawn(async move {
            let mut dropped = 0;
            while dropped < DROPPED_MAX
                && let Ok(Some(Ok(frame))) = tokio::time::timeout(idle, incoming.frame()).await
            {
                dropped += frame.data_ref().map_or(0, Bytes::len);
            }
        });
    }
}

/// Sends the chunks of a body on as long as whoever reads them takes one within `idle`; then lets go of the source,
/// so that a reader that stopped reading does not hold what the body holds.
pub(super) fn let_go_when_stuck(mut body: Body, idle: Duration) -> Body {
    if body.as_whole().is_some() {
        return body;
    }
    let (sender, passed_on) = Body::channel();
    tokio::spawn(async move {
        while let Some(chunk) = body.next().await {
            let chunk = match chunk {
                Ok(chunk) => chunk,
                Err(error) => return drop(tokio::time::timeout(idle, sender.fail(error)).await),
            };
            if !matches!(tokio::time::timeout(idle, sender.send(chunk)).await, Ok(Ok(()))) {
                return;
            }
        }
        // The reader sees the end or, if it is too late to say so, an error; never a silent cut.
        drop(tokio::time::timeout(idle, sender.finish()).await);
    });
    passed_on
}
