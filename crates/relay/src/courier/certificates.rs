//! Until when certificates are valid, as far as the courier has seen: those that servers showed it, those of the
//! extra CA files that it trusts, and those that it shows itself. Whoever warns people of their end reads it here.
//!
//! Invariants: the newest handshake says what is so of a server; a resumed session, which shows the certificate of the
//! first, says nothing; nothing is known of a server that was not called since the start.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use http::Uri;
use jiff::Timestamp;
use roamhub_core::Partner;
use roamhub_core::certificate::Fingerprint;
use rustls::pki_types::CertificateDer;
use rustls::{CertificateError, HandshakeKind};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use x509_cert::Certificate;
use x509_cert::der::Decode;

use super::pool::Address;
use super::terms::Terms;

/// So long after a full handshake the next one is full again: a server may have renewed its certificate and go on
/// resuming sessions.
const FULL_EVERY: Duration = Duration::from_secs(60 * 60);

/// So many certificates are remembered of a partner that calls: those that it used last.
const MOST_CLIENTS: usize = 16;

/// A host and its port.
type Server = (String, u16);

/// What one server showed.
#[derive(Clone, Copy, Debug)]
struct Shown {
    expires_at: Timestamp,
    at: Instant,
}

#[derive(Debug, Default)]
struct Seen {
    servers: HashMap<Server, Shown>,
    authorities: HashMap<PathBuf, Timestamp>,
    own: HashMap<PathBuf, Timestamp>,
    calling: BTreeSet<PathBuf>,
    serving: Option<(PathBuf, Timestamp)>,
    clients: HashMap<Partner, Vec<(Fingerprint, Timestamp)>>,
}

/// The certificates seen since the start, by server and by CA file.
#[derive(Debug, Default)]
pub struct SeenCertificates {
    seen: Mutex<Seen>,
}

impl SeenCertificates {
    /// Until when the certificate of a URL's server is valid: the newest one that it showed, also if that was refused
    /// because it had expired. `None` if nothing was seen of it, or if the URL is not `https://`.
    #[must_use]
    pub fn of_server(&self, url: &str) -> Option<Timestamp> {
        let address = url.parse::<Uri>().ok().and_then(|uri| Address::of(&uri, Terms::default()))?;
        let server = (address.host, address.port);
        self.seen().servers.get(&server).filter(|_| address.tls).map(|shown| shown.expires_at)
    }

    /// Until when a CA file is of use: its longest-lived certificate counts, because files keep the old ones beside the
    /// new. `None` if it was not loaded yet.
    #[must_use]
    pub fn of_authority(&self, file: &Path) -> Option<Timestamp> {
        self.seen().authorities.get(file).copied()
    }

    /// Until when the certificate in a file is valid that the hub shows. `None` if it was not loaded yet.
    #[must_use]
    pub fn of_own(&self, file: &Path) -> Option<Timestamp> {
        self.seen().own.get(file).copied()
    }

    /// The file with the certificate that the hub shows to all partners that it calls, if there is one.
    #[must_use]
    pub fn calling(&self) -> Vec<PathBuf> {
        self.seen().calling.iter().cloned().collect()
    }

    /// The certificate that the hub shows when it is called: its file and its end.
    #[must_use]
    pub fn serving(&self) -> Option<(PathBuf, Timestamp)> {
        self.seen().serving.clone()
    }

    /// The certificates with which a partner has called since the start, and their ends.
    #[must_use]
    pub fn of_client(&self, partner: Partner) -> Vec<(Fingerprint, Timestamp)> {
        self.seen().clients.get(&partner).cloned().unwrap_or_default()
    }

    /// Takes note of the certificate that the hub shows from now on when it is called.
    pub fn note_serving(&self, file: &Path, expires_at: Timestamp) {
        self.seen().serving = Some((file.to_owned(), expires_at));
    }

    /// Takes note of a certificate with which a partner has called.
    pub fn note_client(&self, partner: Partner, fingerprint: Fingerprint, expires_at: Timestamp) {
        let mut seen = self.seen();
        let known = seen.clients.entry(partner).or_default();
        known.retain(|(other, _)| *other != fingerprint);
        known.push((fingerprint, expires_at));
        if known.len() > MOST_CLIENTS {
            known.remove(0);
        }
    }

    /// Takes note of the file with the certificate that all are shown.
    pub(super) fn note_calling(&self, file: &Path) {
        self.seen().calling.insert(file.to_owned());
    }

    /// Whether the next handshake with a server must not resume a session.
    pub(super) fn is_full_one_due(&self, address: &Address, now: Instant) -> bool {
        let shown = self.seen().servers.get(&server(address)).copied();
        shown.is_some_and(|shown| now.saturating_duration_since(shown.at) >= FULL_EVERY)
    }

    /// Takes note of what a server showed.
    pub(super) fn note_handshake(&self, address: &Address, done: &io::Result<TlsStream<TcpStream>>) {
        let expires_at = match done {
            Ok(stream) => {
                let connection = stream.get_ref().1;
                let resumed = connection.handshake_kind() == Some(HandshakeKind::Resumed);
                let shown = connection.peer_certificates().filter(|_| !resumed);
                shown.and_then(<[_]>::first).and_then(|certificate| expiry(certificate))
            }
            Err(error) => expired_at(error),
        };
        if let Some(expires_at) = expires_at {
            self.note(address, expires_at, Instant::now());
        }
    }

    fn note(&self, address: &Address, expires_at: Timestamp, at: Instant) {
        self.seen().servers.insert(server(address), Shown { expires_at, at });
    }

    /// Takes note of what a CA file holds.
    pub(super) fn note_authority(&self, file: &Path, certificates: &[CertificateDer<'_>]) {
        let longest = certificates.iter().filter_map(expiry).max();
        if let Some(expires_at) = longest {
            self.seen().authorities.insert(file.to_owned(), expires_at);
        }
    }

    /// Takes note of a certificate that the hub shows.
    pub(super) fn note_own(&self, file: &Path, certificate: &CertificateDer<'_>) {
        if let Some(expires_at) = expiry(certificate) {
            self.seen().own.insert(file.to_owned(), expires_at);
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn server(address: &Address) -> Server {
    (address.host.clone(), address.port)
}

/// A certificate's `notAfter`. What does not read as a certificate is not watched; whether it is trusted is not decided
/// here.
fn expiry(certificate: &CertificateDer<'_>) -> Option<Timestamp> {
    let read = Certificate::from_der(certificate);
    let read =
        read.inspect_err(|error| tracing::debug!(%error, "a certificate whose end cannot be read")).ok()?;
    Some(timestamp(read.tbs_certificate().validity().not_after.to_unix_duration().as_secs()))
}

/// The end of a certificate that was refused because it had come.
fn expired_at(error: &io::Error) -> Option<Timestamp> {
    match error.get_ref()?.downcast_ref()? {
        rustls::Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. }) => {
            Some(timestamp(not_after.as_secs()))
        }
        _ => None,
    }
}

/// Certificates "without an end" name the last second of the year 9999, which is beyond what a timestamp can be.
fn timestamp(seconds: u64) -> Timestamp {
    i64::try_from(seconds)
        .ok()
        .and_then(|seconds| Timestamp::from_second(seconds).ok())
        .unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(url: &str) -> Address {
        Address::of(&url.parse().unwrap(), Terms::default()).unwrap()
    }

    fn at(seconds: u64) -> Timestamp {
        timestamp(1_700_000_000 + seconds)
    }

    #[test]
    fn what_a_server_showed_last_is_what_is_known_of_all_its_urls() {
        let seen = SeenCertificates::default();
        let now = Instant::now();
        seen.note(&address("https://emp.example/base"), at(1), now);
        assert_eq!(seen.of_server("https://emp.example:443/other"), Some(at(1)));
        seen.note(&address("https://emp.example/base"), at(9), now);
        assert_eq!(seen.of_server("https://emp.example"), Some(at(9)));
        for unknown in ["https://emp.example:8443/", "https://cpo.example/", "http://emp.example:443/", "emp"]
        {
            assert_eq!(seen.of_server(unknown), None, "{unknown}");
        }
    }

    #[test]
    fn an_hour_after_a_full_handshake_the_next_one_is_full_again() {
        let seen = SeenCertificates::default();
        let (here, now) = (address("https://emp.example"), Instant::now());
        assert!(!seen.is_full_one_due(&here, now), "there is nothing to resume yet");
        seen.note(&here, at(1), now);
        assert!(!seen.is_full_one_due(&here, now + FULL_EVERY / 2));
        assert!(seen.is_full_one_due(&here, now + FULL_EVERY));
        seen.note(&here, at(1), now + FULL_EVERY);
        assert!(!seen.is_full_one_due(&here, now + FULL_EVERY));
    }

    #[test]
    fn certificates_without_an_end_and_those_that_are_none_do_no_harm() {
        assert_eq!(timestamp(253_402_300_799), Timestamp::MAX);
        let seen = SeenCertificates::default();
        seen.note_authority(Path::new("ca.pem"), &[CertificateDer::from(&[48, 130, 1][..])]);
        assert_eq!(seen.of_authority(Path::new("ca.pem")), None);
    }
}
