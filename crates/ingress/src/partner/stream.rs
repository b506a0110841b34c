//! The feed as server-sent events: everything after a position, and what comes while the connection lasts.
//!
//! Each message's `id` is its position, so a client that comes back with `Last-Event-ID` misses nothing. Memory per reader
//! is bounded: one small page is read only when the one before has gone into the connection, and who does not read for a
//! minute is let go.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Response};
use http_body_util::Either;
use hyper::body::{Body, Frame};
use oicp::ProviderId;
use roamhub_core::feed::{FeedEntry, Position};
use roamhub_core::ports::LedgerError;
use roamhub_services::feed::Seat;
use roamhub_services::identity::Claim;
use roamhub_services::{Hub, Identity};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::PartnerServices;
use super::fault::PartnerFault;
use super::notifications::{Carrier, Entry};
use crate::peer::Peer;
use crate::routes::AnswerBody;

/// Messages read at once, and bytes of their bodies.
const CHUNK: u32 = 64;
const CHUNK_BYTES: usize = 256 * 1024;
/// A comment is sent when nothing else was for so long, so that everything in between knows the connection lives; and
/// because a client that is gone is only noticed when something is sent to it: at the second time.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// The feed is looked at once in so long even if nobody says that it has grown; and whether the provider still is one.
const LOOK: Duration = Duration::from_secs(1);
/// How long a reader may take to take a chunk.
const PATIENCE: Duration = Duration::from_secs(60);
/// What a client is to wait before it comes back, in milliseconds.
const GREETING: Bytes = Bytes::from_static(b"retry: 2000\n\n");
const BEAT: Bytes = Bytes::from_static(b": still here\n\n");

/// The body of a streamed answer.
#[derive(Debug)]
pub struct FeedStream(mpsc::Receiver<Bytes>);

impl Body for FeedStream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.get_mut().0.poll_recv(cx).map(|chunk| chunk.map(|bytes| Ok(Frame::data(bytes))))
    }
}

/// Why a stream ends.
enum Ended {
    /// The client is gone, or does not read.
    Gone,
    /// The provider is not registered any more, or its certificate does not stand for it.
    Unregistered,
    /// The ledger cannot be read; the client comes back.
    Ledger(LedgerError),
}

impl PartnerServices {
    /// Follows a feed from after this position on.
    pub(super) fn stream(
        &self,
        provider: ProviderId,
        after: Position,
        peer: &Peer,
    ) -> Result<Response<AnswerBody>, PartnerFault> {
        let seat = self.hub.feed().follow(provider).ok_or(PartnerFault::TooManyStreams)?;
        let (chunks, taken) = mpsc::channel(1);
        let (hub, stop, who) = (self.hub.clone(), peer.closing.clone(), peer.identity.clone());
        tokio::spawn(async move {
            let ended = tokio::select! {
                ended = follow(&hub, &who, seat, after, &chunks) => ended,
                () = chunks.closed() => Ended::Gone,
                () = stop.cancelled() => Ended::Gone,
            };
            match ended {
                Ended::Gone => {}
                Ended::Unregistered => {
                    tracing::info!(%provider, "a stream ended: this caller is no such provider any more")
                }
                Ended::Ledger(error) => {
                    tracing::warn!(%provider, %error, "a stream ended: the feed could not be read");
                }
            }
        });
        let mut response = Response::new(Either::Right(Either::Left(FeedStream(taken))));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        Ok(response)
    }
}

async fn follow(
    hub: &Hub,
    who: &Identity,
    mut seat: Seat,
    mut after: Position,
    chunks: &mpsc::Sender<Bytes>,
) -> Ended {
    let send = async |chunk| match timeout(PATIENCE, chunks.send(chunk)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Ended::Gone),
    };
    if let Err(ended) = send(GREETING).await {
        return ended;
    }
    let (id, mut sent) = (seat.provider().to_string(), Instant::now());
    loop {
        let directory = hub.directory();
        let admitted = who.admit(Some(Claim::Provider(&id)), &directory, hub.clock().now());
        if admitted.is_err() || directory.provider(&seat.provider()).is_none() {
            return Ended::Unregistered;
        }
        let entries = match seat.feed().read(seat.provider(), after, CHUNK, CHUNK_BYTES).await {
            Ok(entries) => entries,
            Err(error) => return Ended::Ledger(error),
        };
        let chunk = match entries.last() {
            Some(last) => {
                after = last.position;
                Bytes::from(entries.iter().map(in_lines).collect::<String>())
            }
            None if sent.elapsed() >= HEARTBEAT => BEAT,
            None => {
                // A timeout is the poll.
                let _ = timeout(LOOK, seat.grown()).await;
                continue;
            }
        };
        sent = Instant::now();
        if let Err(ended) = send(chunk).await {
            return ended;
        }
    }
}

/// One message: its position and its JSON, line by line.
fn in_lines(entry: &FeedEntry) -> String {
    let json = serde_json::to_string(&Entry::new(entry, Carrier::Stream))
        .expect("texts and JSON can always be written as JSON");
    let mut text = format!("id: {}\n", entry.position);
    for line in json.split(['\n', '\r']) {
        text.push_str("data: ");
        text.push_str(line);
        text.push('\n');
    }
    text.push('\n');
    text
}
