//! Reading a request's body: bounded in size (decoded) and time, gzip undone. What goes on to the provider is the
//! decoded body, byte for byte.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use oicp::Finding;
use oicp::body::BodyProblem;
use roamhub_services::load::{TooBusy, UnderWay};
use tokio::time::{Instant, timeout, timeout_at};

use crate::gzip;
use crate::table::EdgeFault;

/// The finding on a body whose Content-Type is missing or names something else than JSON.
pub const CONTENT_TYPE_ODD: &str = "content-type-odd";

/// Bodies up to this size are copied out of the connection's buffer. A message outlives its request, until its outcome
/// is stored: the connection would need a new buffer of 8 KiB for each.
const COPIED_MOST: usize = 2048;
/// From this size on a body that is announced gets its room at once: growing would copy it, and need three times as much.
/// Only uploads may be so large, and only a few of them are read at a time.
const LARGE: usize = 2 * 1024 * 1024;
/// What is read of a body that is refused, so that the answer arrives.
const DISCARDED_MOST: usize = 16 * 1024 * 1024;
/// The same of callers that are not let in.
const DISCARDED_OF_STRANGERS: usize = 64 * 1024;
/// How long that may take.
const DISCARDING: Duration = Duration::from_secs(2);
/// How long a body may be slow.
const HEAD_START: Duration = Duration::from_secs(5);

/// What is read at most, and for how long.
#[derive(Clone, Copy, Debug)]
pub struct BodyLimits {
    /// Decoded bytes.
    pub size: usize,
    /// From the head of the request to the end of its body.
    pub time: Duration,
    /// Bytes a second, after the first seconds: who sends less is cut off before the time is over.
    pub least_rate: usize,
}

impl BodyLimits {
    /// When a body must have gone on, of which so many bytes are there.
    fn time_for(&self, bytes: usize) -> Duration {
        let sent = u64::try_from(bytes / self.least_rate.max(1)).unwrap_or(u64::MAX);
        self.time.min(HEAD_START.saturating_add(Duration::from_secs(sent)))
    }
}

/// Reads the body. What it takes counts for the `call`, if one is given.
///
/// # Errors
/// [`EdgeFault`]: too large, too slow, broken off, in an encoding that is not read, or there is no room for it now.
pub async fn read(
    headers: &HeaderMap,
    body: &mut Incoming,
    limits: BodyLimits,
    mut call: Option<&mut UnderWay>,
) -> Result<Bytes, EdgeFault> {
    if is_multipart(headers) {
        return Err(EdgeFault::Body(BodyProblem::Multipart));
    }
    let gzip = match headers.get(CONTENT_ENCODING).map(|value| value.as_bytes().to_ascii_lowercase()) {
        None => false,
        Some(encoding) if encoding == b"identity" || encoding.is_empty() => false,
        Some(encoding) if encoding == b"gzip" || encoding == b"x-gzip" => true,
        Some(_) => return Err(EdgeFault::Encoding),
    };
    // Refused before a byte of the body is asked for: a client that expects "100 Continue" gets this instead.
    let announced = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| usize::try_from(length).map_or(true, |length| length > limits.size)) {
        return Err(EdgeFault::TooLarge { most: limits.size });
    }
    let expected = announced.and_then(|length| usize::try_from(length).ok()).unwrap_or_default();
    let read = collect(body, limits, expected, call.as_deref_mut()).await?;
    if !gzip {
        return Ok(read);
    }
    let decoded = gzip::decoded(read, limits.size).await?;
    if let Some(call) = call {
        call.holds(decoded.len()).map_err(|TooBusy| EdgeFault::TooBusy)?;
    }
    Ok(decoded)
}

/// Reads on in a body that is refused anyway, within bounds: most clients write their whole request before they look for
/// an answer, and one that closes on them meanwhile is a broken connection to them, not a refusal.
pub async fn discard(headers: &HeaderMap, body: &mut Incoming) {
    read_up_to(headers, body, DISCARDED_MOST, |_| ()).await;
}

async fn read_up_to(headers: &HeaderMap, body: &mut Incoming, most: usize, mut sees: impl FnMut(&Bytes)) {
    // Who asked first gets the refusal in place of "100 Continue", which the first look at the body would send.
    if headers.contains_key(EXPECT) {
        return;
    }
    let all = async {
        let mut read: usize = 0;
        while let Some(Ok(frame)) = body.frame().await {
            let Some(piece) = frame.data_ref() else { continue };
            sees(piece);
            read = read.saturating_add(piece.len());
            if read > most {
                break;
            }
        }
    };
    // Too much or too slow: then the connection does break.
    let _ = timeout(DISCARDING, all).await;
}

/// The same for a caller that is not let in, of whom a message of the usual size is read and no more: what came of it.
pub async fn read_little(headers: &HeaderMap, body: &mut Incoming) -> Bytes {
    let mut read = BytesMut::new();
    read_up_to(headers, body, DISCARDED_OF_STRANGERS, |piece| read.extend_from_slice(piece)).await;
    read.freeze()
}

/// What is odd about how the body was announced; it is judged by its bytes all the same.
#[must_use]
pub fn content_type_finding(headers: &HeaderMap) -> Option<Finding> {
    if headers.get(CONTENT_TYPE).is_some_and(|value| value.as_bytes() == b"application/json") {
        return None;
    }
    let announced =
        headers.get(CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()).to_lowercase());
    let text = match announced.as_deref() {
        None => "no Content-Type; expected application/json".to_owned(),
        Some(value) if value.split(';').next().is_some_and(|kind| kind.trim() == "application/json") => {
            return None;
        }
        Some(value) => format!("Content-Type {:.60}; expected application/json", value),
    };
    Some(Finding { code: CONTENT_TYPE_ODD, pointer: "".into(), text })
}

fn is_multipart(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.as_bytes().first_chunk())
        .is_some_and(|start: &[u8; 10]| start.eq_ignore_ascii_case(b"multipart/"))
}

async fn collect(
    body: &mut Incoming,
    limits: BodyLimits,
    expected: usize,
    mut call: Option<&mut UnderWay>,
) -> Result<Bytes, EdgeFault> {
    let began = Instant::now();
    let mut read = if expected >= LARGE { BytesMut::with_capacity(expected) } else { BytesMut::new() };
    loop {
        let due = began + limits.time_for(read.len());
        let frame = timeout_at(due, body.frame()).await.map_err(|_| EdgeFault::TooSlow)?;
        let Some(frame) = frame else { return Ok(read.freeze()) };
        let Ok(chunk) = frame.map_err(|_| EdgeFault::BrokenOff)?.into_data() else { continue };
        let length = read.len() + chunk.len();
        if length > limits.size {
            return Err(EdgeFault::TooLarge { most: limits.size });
        }
        if let Some(call) = call.as_deref_mut() {
            call.holds(length).map_err(|TooBusy| EdgeFault::TooBusy)?;
        }
        // The usual case: the whole body in one piece.
        if read.is_empty() && body.is_end_stream() {
            return Ok(if chunk.len() <= COPIED_MOST { Bytes::copy_from_slice(&chunk) } else { chunk });
        }
        read.extend_from_slice(&chunk);
    }
}
