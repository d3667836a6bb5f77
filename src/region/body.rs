//! The bytes that go with a call or an answer: none, some, or a stream with backpressure.

use std::fmt;
use std::io::{self, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Buf, Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::error::{ErrorCode, ServiceError};

/// How many chunks a [`BodySender`] may be ahead of the reader.
const CHUNKS_AHEAD: usize = 4;
/// What a [`BodyWriter`] collects before it sends.
const CHUNK: usize = 64 * 1024;

type Chunk = Result<Bytes, ServiceError>;

/// A stream of chunks that ends in order or with an error; a body cut short is always an error.
pub struct Body {
    source: Source,
    /// Given back when the body has been read or dropped.
    place: Option<Box<dyn Send + Sync>>,
}

enum Source {
    Whole(Bytes),
    Stream(Pin<Box<dyn Stream<Item = Chunk> + Send>>),
    Ended,
}

impl Body {
    pub fn empty() -> Self {
        Body { source: Source::Ended, place: None }
    }

    pub fn stream(chunks: impl Stream<Item = Chunk> + Send + 'static) -> Self {
        Body { source: Source::Stream(Box::pin(chunks)), place: None }
    }

    /// A body and the hand that feeds it, from a task or a blocking thread.
    pub fn channel() -> (BodySender, Body) {
        let (sender, mut receiver) = mpsc::channel(CHUNKS_AHEAD);
        let mut ended = false;
        let chunks = futures_util::stream::poll_fn(move |cx| {
            if ended {
                return Poll::Ready(None);
            }
            let message = match std::task::ready!(receiver.poll_recv(cx)) {
                Some(Message::Chunk(bytes)) => return Poll::Ready(Some(Ok(bytes))),
                Some(Message::End) => None,
                Some(Message::Failed(error)) => Some(Err(error)),
                None => Some(Err(ServiceError::internal(&"the sender of a body went away before its end"))),
            };
            ended = true;
            Poll::Ready(message)
        });
        (BodySender { sender }, Body::stream(chunks))
    }

    /// The whole body, if it is already here.
    pub fn as_whole(&self) -> Option<&Bytes> {
        static NONE: Bytes = Bytes::new();
        match &self.source {
            Source::Whole(bytes) => Some(bytes),
            Source::Ended => Some(&NONE),
            Source::Stream(_) => None,
        }
    }

    /// True once nothing more will come.
    pub(super) fn has_ended(&self) -> bool {
        matches!(self.source, Source::Ended)
    }

    /// The next chunk, which is never empty; `None` after the last one. After an error there is nothing more.
    pub async fn next(&mut self) -> Option<Chunk> {
        StreamExt::next(self).await
    }

    /// All bytes, if they are no more than `limit`.
    pub async fn collect(mut self, limit: usize) -> Result<Bytes, ServiceError> {
        let too_large =
            || ServiceError::new(ErrorCode::TooLarge, format!("the body exceeds the {limit} bytes accepted"));
        let mut all = BytesMut::new();
        let Some(first) = self.next().await.transpose()? else { return Ok(Bytes::new()) };
        if first.len() > limit {
            return Err(too_large());
        }
        if matches!(self.source, Source::Ended) {
            return Ok(first);
        }
        all.extend_from_slice(&first);
        while let Some(chunk) = self.next().await.transpose()? {
            if chunk.len() > limit - all.len() {
                return Err(too_large());
            }
            all.extend_from_slice(&chunk);
        }
        Ok(all.freeze())
    }

    /// For reading on a blocking thread. To be called where a tokio runtime is running.
    pub fn into_reader(self) -> BodyReader {
        BodyReader { body: self, handle: Handle::current(), chunk: Bytes::new() }
    }

    /// Keeps something until the body has been read or dropped.
    pub(super) fn hold(mut self, place: impl Send + Sync + 'static) -> Self {
        if matches!(self.source, Source::Stream(_)) {
            self.place = Some(Box::new((place, self.place.take())));
        }
        self
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        let source = if bytes.is_empty() { Source::Ended } else { Source::Whole(bytes) };
        Body { source, place: None }
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Self {
        Bytes::from(bytes).into()
    }
}

impl Stream for Body {
    type Item = Chunk;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Chunk>> {
        loop {
            let chunk = match &mut self.source {
                Source::Ended => None,
                Source::Whole(bytes) => {
                    let bytes = std::mem::take(bytes);
                    self.source = Source::Ended;
                    return Poll::Ready(Some(Ok(bytes)));
                }
                Source::Stream(stream) => std::task::ready!(stream.as_mut().poll_next(cx)),
            };
            match chunk {
                Some(Ok(bytes)) if bytes.is_empty() => continue,
                Some(Ok(bytes)) => return Poll::Ready(Some(Ok(bytes))),
                end => {
                    self.source = Source::Ended;
                    self.place = None;
                    return Poll::Ready(end);
                }
            }
        }
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Source::Whole(bytes) => write!(f, "Body({} bytes)", bytes.len()),
            Source::Stream(_) => f.write_str("Body(stream)"),
            Source::Ended => f.write_str("Body(empty)"),
        }
    }
}

enum Message {
    Chunk(Bytes),
    End,
    Failed(ServiceError),
}

/// Feeds a body. Unless [`BodySender::finish`] is called, the reader sees an error at the end.
pub struct BodySender {
    sender: mpsc::Sender<Message>,
}

/// The reader of a body went away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("whoever read the body went away")]
pub struct ReaderGone;

impl BodySender {
    /// Sends a chunk, and waits while the reader is too far behind.
    pub async fn send(&self, chunk: impl Into<Bytes>) -> Result<(), ReaderGone> {
        self.sender.send(Message::Chunk(chunk.into())).await.map_err(|_| ReaderGone)
    }

    /// Ends the body in order.
    pub async fn finish(self) -> Result<(), ReaderGone> {
        self.sender.send(Message::End).await.map_err(|_| ReaderGone)
    }

    /// Ends the body with an error.
    pub async fn fail(self, error: ServiceError) -> Result<(), ReaderGone> {
        self.sender.send(Message::Failed(error)).await.map_err(|_| ReaderGone)
    }

    /// For writing on a blocking thread.
    pub fn into_writer(self) -> BodyWriter {
        BodyWriter { sender: self.sender, chunk: BytesMut::new() }
    }
}

/// A body as [`std::io::Read`], for a blocking thread; reading inside an async task panics.
pub struct BodyReader {
    body: Body,
    handle: Handle,
    chunk: Bytes,
}

impl Read for BodyReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.chunk.is_empty() {
            match self.handle.block_on(self.body.next()) {
                Some(Ok(chunk)) => self.chunk = chunk,
                Some(Err(error)) => return Err(io::Error::other(error)),
                None => return Ok(0),
            }
        }
        let n = out.len().min(self.chunk.len());
        self.chunk.copy_to_slice(&mut out[..n]);
        Ok(n)
    }
}

/// A body as [`std::io::Write`], for a blocking thread. Unless [`BodyWriter::finish`] is called, the reader sees an
/// error at the end.
pub struct BodyWriter {
    sender: mpsc::Sender<Message>,
    chunk: BytesMut,
}

impl BodyWriter {
    /// Sends what is left and ends the body in order.
    pub fn finish(mut self) -> Result<(), ReaderGone> {
        self.flush().map_err(|_| ReaderGone)?;
        self.sender.blocking_send(Message::End).map_err(|_| ReaderGone)
    }

    /// Ends the body with an error.
    pub fn fail(self, error: ServiceError) -> Result<(), ReaderGone> {
        self.sender.blocking_send(Message::Failed(error)).map_err(|_| ReaderGone)
    }
}

impl Write for BodyWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let n = bytes.len().min(CHUNK - self.chunk.len());
        self.chunk.extend_from_slice(&bytes[..n]);
        if self.chunk.len() == CHUNK {
            self.flush()?;
        }
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.chunk.is_empty() {
            return Ok(());
        }
        let chunk = self.chunk.split().freeze();
        self.sender.blocking_send(Message::Chunk(chunk)).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_sender_that_goes_away_is_not_an_end() {
        let (sender, mut body) = Body::channel();
        sender.send("half").await.unwrap();
        drop(sender);
        assert_eq!(body.next().await.unwrap().unwrap(), "half");
        assert_eq!(body.next().await.unwrap().unwrap_err().code, ErrorCode::Internal);
        assert!(body.next().await.is_none());
    }

    #[tokio::test]
    async fn collecting_stops_at_the_limit() {
        let chunks = |n: usize| {
            Body::stream(futures_util::stream::iter((0..n).map(|_| Ok(Bytes::from_static(b"12345")))))
        };
        assert_eq!(chunks(3).collect(15).await.unwrap().len(), 15);
        assert_eq!(chunks(3).collect(14).await.unwrap_err().code, ErrorCode::TooLarge);
        assert_eq!(chunks(1).collect(4).await.unwrap_err().code, ErrorCode::TooLarge);
        assert_eq!(Body::empty().collect(0).await.unwrap().len(), 0);
        assert_eq!(Body::from(vec![1, 2]).collect(1).await.unwrap_err().code, ErrorCode::TooLarge);
    }

    #[tokio::test]
    async fn blocking_threads_write_and_read() {
        let (sender, body) = Body::channel();
        let writing = tokio::task::spawn_blocking(move || {
            let mut writer = sender.into_writer();
            for i in 0..100_000u32 {
                writer.write_all(&i.to_be_bytes()).unwrap();
            }
            writer.finish().unwrap();
        });
        let mut reader = body.into_reader();
        let read = tokio::task::spawn_blocking(move || {
            let mut all = Vec::new();
            reader.read_to_end(&mut all).unwrap();
            all
        });
        writing.await.unwrap();
        let all = read.await.unwrap();
        assert!(all.chunks(4).zip(0..100_000u32).all(|(bytes, i)| bytes == i.to_be_bytes()));
        assert_eq!(all.len(), 400_000);
    }

    #[tokio::test]
    async fn what_a_body_holds_is_given_back_at_its_end() {
        let held = std::sync::Arc::new(());
        let (sender, body) = Body::channel();
        let mut body = body.hold(held.clone());
        sender.finish().await.unwrap();
        assert_eq!(std::sync::Arc::strong_count(&held), 2);
        assert!(body.next().await.is_none());
        assert_eq!(std::sync::Arc::strong_count(&held), 1);
        let _whole = Body::from(vec![1]).hold(held.clone());
        assert_eq!(std::sync::Arc::strong_count(&held), 1, "a body that is here needs no place");
    }
}
