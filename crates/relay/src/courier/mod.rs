//! The exchange with a partner, over HTTP/1.1 and HTTPS: one deadline over address, connection, TLS, request, headers
//! and body; a bound on the answer's size; no redirects; connections kept and reused.
//!
//! A reused connection may have been closed by the other side in the very moment of sending. If it breaks before a byte
//! of the answer arrived, the request is sent once more on a fresh connection: the same attempt, within the same budget.
//! What must not be carried out twice goes over a connection of its own instead.

pub mod certificates;
mod connection;
mod pool;
mod target;
mod tls;
mod webhook;

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_ENCODING, RETRY_AFTER};
use http::{HeaderMap, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use roamhub_core::outcome::{Exchange, ExchangeFailure, HttpAnswer};
use roamhub_core::ports::{Courier, Letter, Task};
use roamhub_core::route::Endpoint;
use tokio::time::timeout;

use certificates::SeenCertificates;
use connection::{Connection, SendError};
use pool::Pool;
use target::{Target, Targets};

/// The longest answer that is read, decoded: an acknowledgement is a few hundred bytes.
const LONGEST_ANSWER: usize = 1024 * 1024;
/// What connecting may take, TLS included, where it must be known whether anything was sent.
const CONNECTING: Duration = Duration::from_secs(3);

/// Carries messages over HTTP and HTTPS.
#[derive(Debug, Default)]
pub struct HttpCourier {
    targets: Targets,
    pool: Pool,
    trust: tls::Trust,
}

impl HttpCourier {
    /// A courier that trusts the machine's certificate store (and, per provider, one more file).
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Until when the certificates that it meets are valid.
    #[must_use]
    pub fn certificates(&self) -> Arc<SeenCertificates> {
        self.trust.seen.clone()
    }

    async fn exchange(&self, endpoint: &Endpoint, letter: &Letter) -> Exchange {
        let target = self.targets.of(&letter.url, endpoint.ca.as_deref(), &self.pool)?;
        if let Some(mut kept) = target.idle.take().await {
            match kept.send(target.request(endpoint, letter)?).await {
                Ok(response) => return finish(&target, kept, response).await,
                Err(SendError { before_answer: true, .. }) => {}
                Err(SendError { failure, .. }) => return Err(failure),
            }
        }
        // Boxed: a handshake's state is large, and most messages need none.
        let mut fresh = Box::pin(Connection::open(&target.address, &self.trust)).await?;
        let request = target.request(endpoint, letter)?;
        let response = fresh.send(request).await.map_err(|error| error.failure)?;
        finish(&target, fresh, response).await
    }

    /// On a connection that nothing else uses, before or after.
    async fn exchange_once(&self, endpoint: &Endpoint, letter: &Letter) -> Exchange {
        let target = self.targets.of(&letter.url, endpoint.ca.as_deref(), &self.pool)?;
        let request = target.request(endpoint, letter)?;
        let opening = Box::pin(Connection::open(&target.address, &self.trust));
        let mut own = timeout(CONNECTING, opening).await.unwrap_or(Err(ExchangeFailure::Connect))?;
        let response = own.send(request).await.map_err(|error| error.failure)?;
        answer(response).await
    }
}

async fn finish(target: &Target, connection: Connection, response: Response<Incoming>) -> Exchange {
    let answer = answer(response).await?;
    target.idle.put(connection);
    Ok(answer)
}

async fn answer(response: Response<Incoming>) -> Exchange {
    let status = response.status().as_u16();
    let retry_after = retry_after(response.headers());
    let gzipped = response.headers().get(CONTENT_ENCODING).is_some_and(|value| value == "gzip");
    let mut body = read_bounded(response.into_body()).await?;
    if gzipped {
        body = decode(&body)?;
    }
    Ok(HttpAnswer { status, retry_after, body })
}

impl Courier for HttpCourier {
    fn carry<'a>(&'a self, endpoint: &'a Endpoint, letter: Letter) -> Task<'a, Exchange> {
        Box::pin(async move {
            timeout(letter.budget, self.exchange(endpoint, &letter))
                .await
                .unwrap_or(Err(ExchangeFailure::Timeout))
        })
    }

    fn carry_once<'a>(&'a self, endpoint: &'a Endpoint, letter: Letter) -> Task<'a, Exchange> {
        Box::pin(async move {
            timeout(letter.budget, self.exchange_once(endpoint, &letter))
                .await
                .unwrap_or(Err(ExchangeFailure::Timeout))
        })
    }
}

async fn read_bounded(mut body: Incoming) -> Result<Bytes, ExchangeFailure> {
    let mut read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| ExchangeFailure::Broken)?;
        let Ok(chunk) = frame.into_data() else { continue };
        if read.len() + chunk.len() > LONGEST_ANSWER {
            return Err(ExchangeFailure::TooLarge);
        }
        if read.is_empty() && hyper::body::Body::is_end_stream(&body) {
            return Ok(chunk);
        }
        read.extend_from_slice(&chunk);
    }
    Ok(read.freeze())
}

/// Providers are asked for `identity`; some send gzip all the same.
fn decode(body: &[u8]) -> Result<Bytes, ExchangeFailure> {
    use std::io::Read;
    let mut decoded = Vec::new();
    let most = u64::try_from(LONGEST_ANSWER).unwrap_or(u64::MAX);
    flate2::read::MultiGzDecoder::new(body)
        .take(most + 1)
        .read_to_end(&mut decoded)
        .map_err(|_| ExchangeFailure::Protocol)?;
    if decoded.len() > LONGEST_ANSWER { Err(ExchangeFailure::TooLarge) } else { Ok(decoded.into()) }
}

/// `Retry-After` as seconds, or as a date relative to the answer's own `Date`.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let at = httpdate::parse_http_date(text).ok()?;
    let now = httpdate::parse_http_date(headers.get(http::header::DATE)?.to_str().ok()?).ok()?;
    Some(at.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use http::header::{HeaderName, HeaderValue};

    use super::*;

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap())).collect()
    }

    #[test]
    fn retry_after_comes_as_seconds_or_as_a_date() {
        let seconds = |value| retry_after(&headers(&[(RETRY_AFTER, value)])).map(|pause| pause.as_secs());
        assert_eq!(seconds("120"), Some(120));
        assert_eq!(seconds("soon"), None);
        assert_eq!(seconds("-1"), None);
        let dated = headers(&[
            (RETRY_AFTER, "Wed, 21 Oct 2015 07:30:00 GMT"),
            (http::header::DATE, "Wed, 21 Oct 2015 07:28:00 GMT"),
        ]);
        assert_eq!(retry_after(&dated), Some(Duration::from_secs(120)));
    }

    #[test]
    fn a_gzip_bomb_is_not_unpacked() {
        use std::io::Write;
        let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        bomb.write_all(&vec![b' '; 20 * LONGEST_ANSWER]).unwrap();
        let bomb = bomb.finish().unwrap();
        assert!(bomb.len() < LONGEST_ANSWER, "small on the wire: {}", bomb.len());
        assert_eq!(decode(&bomb), Err(ExchangeFailure::TooLarge));
    }
}
