//! One connection to a provider, plain or with TLS.

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use roamhub_core::outcome::ExchangeFailure;
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::dial::dial;
use super::exchange::{Failed, Heard, exchange};
use super::pool::Address;
use super::request::Request;
use super::tls::Trust;

/// An open connection between two exchanges. One that was left within an exchange must not be used again.
#[derive(Debug)]
pub(super) struct Connection {
    stream: Stream,
}

#[derive(Debug)]
enum Stream {
    Plain(TcpStream),
    Secure(Box<TlsStream<TcpStream>>),
}

impl Connection {
    /// Connects, with TLS where the address says so.
    pub(super) async fn open(address: &Address, trust: &Trust) -> Result<Self, ExchangeFailure> {
        let stream = dial(address).await?;
        // Small messages, each waited for: delaying them helps nobody. Failing to say so is no reason to give up.
        let _ = stream.set_nodelay(true);
        let stream = if address.tls {
            Stream::Secure(Box::new(trust.handshake(address, stream).await?))
        } else {
            Stream::Plain(stream)
        };
        Ok(Self { stream })
    }

    /// Sends a request and reads the answer to its end.
    pub(super) async fn exchange(&mut self, request: &Request) -> Result<Heard, Failed> {
        match &mut self.stream {
            Stream::Plain(stream) => exchange(stream, request).await,
            Stream::Secure(stream) => exchange(stream, request).await,
        }
    }

    /// Whether nothing has come that nobody asked for, not even the connection's end.
    pub(super) fn is_quiet(&mut self) -> bool {
        match &mut self.stream {
            Stream::Plain(stream) => is_quiet(stream),
            Stream::Secure(stream) => is_quiet(stream),
        }
    }
}

fn is_quiet(stream: &mut (impl AsyncRead + Unpin)) -> bool {
    let mut room = [0; 1];
    // Nobody is to be woken: what comes later is seen the next time.
    let mut nobody = Context::from_waker(Waker::noop());
    matches!(Pin::new(stream).poll_read(&mut nobody, &mut ReadBuf::new(&mut room)), Poll::Pending)
}
