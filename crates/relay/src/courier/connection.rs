//! One connection to a provider. It counts what it receives, because whether a request may be sent again depends on
//! whether a byte of the answer had come.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use roamhub_core::outcome::ExchangeFailure;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::pool::Address;
use super::tls::Trust;

/// An open connection, between two requests or within one.
#[derive(Debug)]
pub(super) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    received: Arc<AtomicU64>,
}

/// Sending failed.
#[derive(Debug)]
pub(super) struct SendError {
    /// Why.
    pub(super) failure: ExchangeFailure,
    /// Whether not a byte of the answer had come.
    pub(super) before_answer: bool,
}

impl Connection {
    /// Connects, with TLS where the address says so.
    pub(super) async fn open(address: &Address, trust: &Trust) -> Result<Self, ExchangeFailure> {
        let stream = TcpStream::connect((address.host.as_str(), address.port))
            .await
            .map_err(|_| ExchangeFailure::Connect)?;
        // Small messages, each waited for: delaying them helps nobody. Failing to say so is no reason to give up.
        let _ = stream.set_nodelay(true);
        if address.tls {
            let stream = trust.handshake(address, stream).await?;
            Self::over(stream).await
        } else {
            Self::over(stream).await
        }
    }

    async fn over<S>(stream: S) -> Result<Self, ExchangeFailure>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let received = Arc::new(AtomicU64::new(0));
        let io = TokioIo::new(Counted { stream, received: received.clone() });
        let (sender, driver) =
            http1::Builder::new().writev(false).handshake(io).await.map_err(|_| ExchangeFailure::Connect)?;
        // Its error, if any, also reaches whoever uses the sender.
        tokio::spawn(async move {
            let _ = driver.await;
        });
        Ok(Self { sender, received })
    }

    /// Sends a request and waits for the head of the answer.
    pub(super) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, SendError> {
        let before = self.received.load(Ordering::Relaxed);
        self.sender.send_request(request).await.map_err(|error| SendError {
            failure: if error.is_parse() { ExchangeFailure::Protocol } else { ExchangeFailure::Broken },
            before_answer: self.received.load(Ordering::Relaxed) == before,
        })
    }

    /// Whether another request can be sent.
    pub(super) async fn is_open(&mut self) -> bool {
        self.sender.ready().await.is_ok()
    }
}

/// Counts the bytes received.
struct Counted<S> {
    stream: S,
    received: Arc<AtomicU64>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        let count = u64::try_from(buf.filled().len() - before).unwrap_or(u64::MAX);
        self.received.fetch_add(count, Ordering::Relaxed);
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
