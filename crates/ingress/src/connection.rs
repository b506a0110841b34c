//! One connection of a partner: served over HTTP/1.1, or HTTP/2 where the handshake agreed on that, until either side ends
//! it.

use std::convert::Infallible;
use std::sync::Arc;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::deadlines::Paced;
use crate::peer::Peers;
use crate::routes::Routes;
use crate::server::Limits;

/// Calls of one HTTP/2 connection at a time.
const STREAMS: u32 = 128;
/// The longest head of a call over HTTP/2, in bytes.
const LONGEST_HEAD: u32 = 16 * 1024;
/// What a client may send of a body before it is asked for more, per call and per connection.
const WINDOW: u32 = 256 * 1024;
/// Calls that the client has taken back and that are not tidied up yet: more end the connection.
const TAKEN_BACK: usize = 32;

/// What is spoken on it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Protocol {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
}

impl Protocol {
    /// What the handshake agreed on.
    pub(crate) fn agreed(name: Option<&[u8]>) -> Self {
        if name == Some(b"h2") { Self::Http2 } else { Self::Http1 }
    }
}

/// Serves a connection. It ends when it is to, behind the call under way.
pub(crate) async fn serve<S>(stream: S, protocol: Protocol, routes: Arc<Routes>, peers: Peers, limits: Limits)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Limits { idle, deadlines, head_size, .. } = limits;
    let closing = peers.closing();
    let (stream, phase) = match protocol {
        Protocol::Http1 => Paced::new(stream, deadlines),
        Protocol::Http2 => Paced::shared(stream, deadlines),
    };
    let service = service_fn(move |request: Request<Incoming>| {
        let (routes, peer, phase) = (routes.clone(), peers.of(request.headers()), phase.clone());
        phase.begins();
        async move {
            let answer = routes.answer(request, peer).await;
            phase.ends();
            Ok::<_, Infallible>(answer)
        }
    });
    let stream = TokioIo::new(stream);
    let ended = match protocol {
        Protocol::Http1 => {
            let connection = http1::Builder::new()
                // A caller that has sent its message and closed has sent its message: it is taken in all the same.
                .half_close(true)
                // Head and body in one piece: answers are small.
                .writev(false)
                .timer(TokioTimer::new())
                .header_read_timeout(idle)
                .max_buf_size(head_size)
                .serve_connection(stream, service);
            tokio::pin!(connection);
            tokio::select! {
                ended = connection.as_mut() => ended,
                () = closing.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            }
        }
        Protocol::Http2 => {
            let connection = http2::Builder::new(TokioExecutor::new())
                .timer(TokioTimer::new())
                .max_concurrent_streams(STREAMS)
                .max_header_list_size(LONGEST_HEAD)
                .initial_stream_window_size(WINDOW)
                .initial_connection_window_size(WINDOW)
                .max_pending_accept_reset_streams(TAKEN_BACK)
                // Somebody who is gone is noticed, and a connection that only is open costs next to nothing.
                .keep_alive_interval(idle)
                .serve_connection(stream, service);
            tokio::pin!(connection);
            tokio::select! {
                ended = connection.as_mut() => ended,
                () = closing.cancelled() => {
                    connection.as_mut().graceful_shutdown();
                    connection.await
                }
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
}
