//! Who is too slow is cut off: a client that dribbles its head, and one that does not read its answer.
//!
//! A wrapper around a connection's stream. An idle connection may rest for minutes; but once the first byte of a head is
//! there, the call must begin within seconds. `hyper` has one timer for both, which starts when it begins to wait. Bodies have
//! a time of their own (see [`crate::request`]); what the hub itself takes for an answer is not the client's fault.
//!
//! Invariants: a connection without a byte of a head is never cut off here; a write that makes progress neither.

use std::future::Future;
use std::io::{self, Error, ErrorKind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// What a client may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Deadlines {
    /// From the first byte of a head to its last.
    pub head: Duration,
    /// For taking the next bytes of an answer.
    pub answer: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self { head: Duration::from_secs(10), answer: Duration::from_secs(20) }
    }
}

/// Nothing of a head is there.
const IDLE: u8 = 0;
/// A head has begun.
const HEAD: u8 = 1;
/// A call is under way.
const CALL: u8 = 2;
/// Calls come and go beside each other.
const SHARED: u8 = 3;

/// Where the connection is between two calls; whoever answers calls says so.
#[derive(Clone, Debug)]
pub struct Phase(Arc<AtomicU8>);

impl Phase {
    /// A head is complete.
    pub fn begins(&self) {
        self.go_on(CALL);
    }

    /// The answer is there; from here on the next call may begin.
    pub fn ends(&self) {
        self.go_on(IDLE);
    }

    fn go_on(&self, to: u8) {
        if self.0.load(Ordering::Relaxed) != SHARED {
            self.0.store(to, Ordering::Relaxed);
        }
    }
}

/// A stream whose other side must not be too slow.
#[derive(Debug)]
pub struct Paced<S> {
    stream: S,
    deadlines: Deadlines,
    phase: Phase,
    head: Option<Pin<Box<Sleep>>>,
    answer: Option<Pin<Box<Sleep>>>,
}

impl<S> Paced<S> {
    /// Wraps a stream that speaks HTTP/1.1. Say on the phase when calls begin and end.
    #[must_use]
    pub fn new(stream: S, deadlines: Deadlines) -> (Self, Phase) {
        let phase = Phase(Arc::new(AtomicU8::new(IDLE)));
        (Self { stream, deadlines, phase: phase.clone(), head: None, answer: None }, phase)
    }

    /// Wraps a stream with several calls at a time (HTTP/2), of which nobody can say whose head a byte is: only whoever
    /// does not read is cut off.
    #[must_use]
    pub fn shared(stream: S, deadlines: Deadlines) -> (Self, Phase) {
        let (paced, phase) = Self::new(stream, deadlines);
        phase.0.store(SHARED, Ordering::Relaxed);
        (paced, phase)
    }

    /// A head that is not complete: how long it may still take.
    fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.phase.0.load(Ordering::Relaxed) != HEAD {
            self.head = None;
            return Poll::Pending;
        }
        let time = self.deadlines.head;
        let due = self.head.get_or_insert_with(|| Box::pin(sleep(time)));
        ready!(due.as_mut().poll(cx));
        Poll::Ready(Err(Error::new(ErrorKind::TimedOut, "the head of a request took too long")))
    }

    /// What came of a write: whoever takes nothing for too long is let go.
    fn paced<T>(&mut self, written: Poll<io::Result<T>>, cx: &mut Context<'_>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.answer = None;
            return written;
        }
        let time = self.deadlines.answer;
        let due = self.answer.get_or_insert_with(|| Box::pin(sleep(time)));
        ready!(due.as_mut().poll(cx));
        Poll::Ready(Err(Error::new(ErrorKind::TimedOut, "nobody reads the answer")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if read.is_pending() {
            return self.poll_head(cx);
        }
        // Some clients send an empty line after a body: that begins nothing.
        let begins = || buffer.filled()[before..].iter().any(|byte| !matches!(byte, b'\r' | b'\n'));
        if self.phase.0.load(Ordering::Relaxed) == IDLE && begins() {
            self.phase.go_on(HEAD);
            self.head = None;
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.paced(written, cx)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.paced(flushed, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.paced(shut, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.paced(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::{Instant, advance, timeout};

    use super::*;

    const DEADLINES: Deadlines = Deadlines { head: Duration::from_secs(10), answer: Duration::from_secs(20) };

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_rests_and_a_head_that_has_begun_has_ten_seconds() {
        let (mut client, hub) = duplex(64);
        let (mut hub, phase) = Paced::new(hub, DEADLINES);
        let mut bytes = [0; 64];
        for _ in 0..2 {
            assert!(timeout(Duration::from_secs(1_000), hub.read(&mut bytes)).await.is_err(), "it may rest");
            client.write_all(b"\r\n").await.unwrap();
            assert_eq!(hub.read(&mut bytes).await.unwrap(), 2);
            assert!(
                timeout(Duration::from_secs(1_000), hub.read(&mut bytes)).await.is_err(),
                "still no head"
            );
            client.write_all(b"POST").await.unwrap();
            assert_eq!(hub.read(&mut bytes).await.unwrap(), 4);
            phase.begins();
            assert!(
                timeout(Duration::from_secs(1_000), hub.read(&mut bytes)).await.is_err(),
                "a call is under way"
            );
            phase.ends();
        }
        client.write_all(b"P").await.unwrap();
        assert_eq!(hub.read(&mut bytes).await.unwrap(), 1);
        let began = Instant::now();
        let dribble = async {
            loop {
                tokio::time::sleep(Duration::from_secs(1)).await;
                client.write_all(b"O").await.unwrap();
            }
        };
        let cut = async {
            loop {
                if let Err(error) = hub.read(&mut bytes).await {
                    break error.kind();
                }
            }
        };
        let kind = tokio::select! { kind = cut => kind, () = dribble => unreachable!() };
        assert_eq!((kind, began.elapsed().as_secs()), (ErrorKind::TimedOut, 10));
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_read_is_let_go_and_who_reads_a_little_is_not() {
        let (mut client, hub) = duplex(4);
        let (mut hub, _phase) = Paced::new(hub, DEADLINES);
        hub.write_all(b"HTTP").await.unwrap();
        let mut byte = [0];
        for _ in 0..5 {
            let reading = async {
                advance(Duration::from_secs(19)).await;
                client.read_exact(&mut byte).await
            };
            let (written, read) = tokio::join!(hub.write(b"/"), reading);
            assert_eq!((written.unwrap(), read.unwrap()), (1, 1));
        }
        let began = Instant::now();
        assert_eq!(hub.write(b"/").await.unwrap_err().kind(), ErrorKind::TimedOut);
        assert_eq!(began.elapsed().as_secs(), 20);
    }

    #[tokio::test(start_paused = true)]
    async fn a_shared_connection_has_no_heads() {
        let (mut client, hub) = duplex(64);
        let (mut hub, phase) = Paced::shared(hub, DEADLINES);
        phase.begins();
        phase.ends();
        client.write_all(b"PRI").await.unwrap();
        let mut bytes = [0; 3];
        hub.read_exact(&mut bytes).await.unwrap();
        assert!(timeout(Duration::from_secs(1_000), hub.read(&mut bytes)).await.is_err());
    }
}
