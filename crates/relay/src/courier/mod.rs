//! The exchange with a partner, over HTTP/1.1 and HTTPS: one deadline over address, connection, TLS, request, headers
//! and body; a bound on the answer's size; no redirects; connections kept and reused.
//!
//! The hub speaks HTTP/1.1 itself here (why: `docs/decisions/0015-own-exchange.md`): `request` writes what is sent,
//! `exchange` moves the bytes, `answer`, `head` and `chunks` read what comes back, without I/O. Heads are parsed by
//! `httparse`.
//!
//! A reused connection may have been closed by the other side in the very moment of sending. If it breaks before a byte
//! of the answer arrived, the request is sent once more on a fresh connection: the same attempt, within the same budget.
//! What must not be carried out twice goes over a connection of its own instead.

mod answer;
pub mod certificates;
mod chunks;
mod connection;
mod dial;
mod exchange;
mod head;
pub mod look;
mod pool;
mod request;
#[doc(hidden)]
pub mod seams;
mod target;
pub mod terms;
mod tls;
pub mod trust_files;
mod webhook;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use roamhub_core::outcome::{Exchange, ExchangeFailure, HttpAnswer};
use roamhub_core::ports::{Courier, Letter, Task};
use roamhub_core::route::Endpoint;
use tokio::time::timeout;

use answer::Answer;
use certificates::SeenCertificates;
use connection::Connection;
use exchange::{After, Failed, Heard};
use pool::Pool;
use target::{Target, Targets};
use terms::Outgoing;
use trust_files::{TrustError, TrustFiles};

/// The longest answer that is read, decoded: an acknowledgement is a few hundred bytes.
const LONGEST_ANSWER: usize = 1024 * 1024;
/// How often the files with certificates are looked at.
const LOOK_AT_FILES_EVERY: Duration = Duration::from_secs(1);
/// What connecting may take, TLS included, where it must be known whether anything was sent.
const CONNECTING: Duration = Duration::from_secs(3);

/// Carries messages over HTTP and HTTPS.
#[derive(Debug, Default)]
pub struct HttpCourier {
    outgoing: Outgoing,
    targets: Targets,
    pool: Pool,
    trust: tls::Trust,
}

impl HttpCourier {
    /// A courier that trusts the machine's certificate store (and, per partner, one more file).
    #[must_use]
    pub fn new(outgoing: Outgoing) -> Self {
        Self { outgoing, ..Self::default() }
    }

    /// Reads the certificate that the hub shows, so that a mistake in it is said at once and not by the first call.
    ///
    /// # Errors
    /// [`TrustError`], which names the file.
    pub async fn prepare(&self) -> Result<(), TrustError> {
        if let Some(client) = &self.outgoing.client {
            self.trust.seen.note_calling(&client.certificate);
            let files = TrustFiles { client: Some(client.clone()), ca: None };
            self.trust.settings(&files).await?;
        }
        Ok(())
    }

    /// Follows the files with certificates for as long as it is polled. Once one has changed, connections that were made
    /// with what was in it before are not used again.
    pub async fn follow_files(&self) {
        loop {
            tokio::time::sleep(LOOK_AT_FILES_EVERY).await;
            for files in self.trust.look_again().await {
                self.pool.forget(|address| address.tls && files.are_of(&address.terms));
                self.targets.forget();
            }
        }
    }

    /// Until when the certificates that it meets are valid.
    #[must_use]
    pub fn certificates(&self) -> Arc<SeenCertificates> {
        self.trust.seen.clone()
    }

    async fn exchange(&self, endpoint: &Endpoint, letter: &Letter) -> Exchange {
        let target = self.targets.of(&letter.url, endpoint, &self.outgoing, &self.pool)?;
        let request = target.request(letter)?;
        if let Some(mut kept) = target.idle.take() {
            match kept.exchange(&request).await {
                Ok(heard) => return finish(&target, kept, heard),
                Err(Failed { before_answer: true, .. }) => {}
                Err(Failed { failure, .. }) => return Err(failure),
            }
        }
        // Boxed: a handshake's state is large, and most messages need none.
        let mut fresh = Box::pin(Connection::open(&target.address, &self.trust)).await?;
        let heard = fresh.exchange(&request).await.map_err(|failed| failed.failure)?;
        finish(&target, fresh, heard)
    }

    /// On a connection that nothing else uses, before or after.
    async fn exchange_once(&self, endpoint: &Endpoint, letter: &Letter) -> Exchange {
        let target = self.targets.of(&letter.url, endpoint, &self.outgoing, &self.pool)?;
        let request = target.request(letter)?;
        let opening = Box::pin(Connection::open(&target.address, &self.trust));
        let mut own = timeout(CONNECTING, opening).await.unwrap_or(Err(ExchangeFailure::Connect))?;
        read(own.exchange(&request).await.map_err(|failed| failed.failure)?)
    }
}

fn finish(target: &Target, connection: Connection, heard: Heard) -> Exchange {
    if heard.after == After::Keep {
        target.idle.put(connection);
    }
    read(heard)
}

fn read(heard: Heard) -> Exchange {
    let Answer { head, body } = heard.answer;
    let body = if head.gzipped { decode(&body)? } else { body };
    Ok(HttpAnswer { status: head.status, retry_after: head.retry_after, body })
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

#[cfg(test)]
mod tests {
    use super::*;

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
