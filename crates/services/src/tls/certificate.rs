//! A certificate that somebody shows: read once per connection, looked at per call.
//!
//! That its key was proved is the business of whoever accepted it: the TLS handshake, or a trusted proxy.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use roamhub_core::certificate::{CertificateName, Fingerprint};
use rustls::pki_types::CertificateDer;
use rustls::server::ParsedCertificate;
use sha2::{Digest, Sha256};
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::time::Time;

use super::authorities::Authorities;

/// The longest certificate that is read, in bytes: what it says is kept as long as its connection lives.
const LARGEST: usize = 16 * 1024;

/// A certificate that somebody shows.
pub struct ShownCertificate {
    fingerprint: Fingerprint,
    name: CertificateName,
    not_before: Timestamp,
    not_after: Timestamp,
    der: CertificateDer<'static>,
    authorities: Arc<Authorities>,
    /// What the authorities said last: their generation, and one bit.
    vouched: AtomicU64,
}

/// A certificate that cannot be read; why not.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(String);

impl ShownCertificate {
    /// Reads a certificate. Whether its issuer is one of the authorities is found out when somebody asks.
    ///
    /// # Errors
    /// [`Unreadable`], if it is none that TLS can work with.
    pub fn read(der: &CertificateDer<'_>, authorities: Arc<Authorities>) -> Result<Self, Unreadable> {
        if der.len() > LARGEST {
            return Err(Unreadable(format!("it is longer than {LARGEST} bytes")));
        }
        check(der)?;
        let read = Certificate::from_der(der).map_err(|error| Unreadable(error.to_string()))?;
        let tbs = read.tbs_certificate();
        Ok(Self {
            fingerprint: Fingerprint::new(Sha256::digest(der).into()),
            name: CertificateName { issuer: tbs.issuer().to_string(), subject: tbs.subject().to_string() },
            not_before: instant(tbs.validity().not_before),
            not_after: instant(tbs.validity().not_after),
            der: der.clone().into_owned(),
            authorities,
            vouched: AtomicU64::new(0),
        })
    }

    /// SHA-256 of its DER.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Issuer and subject, as it says them.
    #[must_use]
    pub fn name(&self) -> &CertificateName {
        &self.name
    }

    /// From when on it is valid.
    #[must_use]
    pub fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// Until when it is valid.
    #[must_use]
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }

    /// Whether an authority of the hub has signed it. Verified once per certificate and set of authorities.
    #[must_use]
    pub fn is_vouched(&self) -> bool {
        let said = self.vouched.load(Ordering::Acquire);
        if said >> 1 == self.authorities.generation() {
            return said & 1 == 1;
        }
        let (generation, vouched) = self.authorities.vouch_for(&self.der, &self.name.issuer);
        self.vouched.store(generation << 1 | u64::from(vouched), Ordering::Release);
        vouched
    }
}

impl fmt::Debug for ShownCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShownCertificate").field("fingerprint", &self.fingerprint).finish_non_exhaustive()
    }
}

/// Whether TLS can verify a signature with this certificate's key at all.
pub(super) fn check(der: &CertificateDer<'_>) -> Result<(), Unreadable> {
    match ParsedCertificate::try_from(der) {
        Ok(_) => Ok(()),
        Err(error) => Err(Unreadable(format!("it is no X.509 certificate of version 3 ({error})"))),
    }
}

/// The instant of a certificate's validity. Those "without an end" name the last second of the year 9999, which is beyond
/// what a timestamp can be.
pub(super) fn instant(time: Time) -> Timestamp {
    let seconds = i64::try_from(time.to_unix_duration().as_secs());
    seconds.ok().and_then(|seconds| Timestamp::from_second(seconds).ok()).unwrap_or(Timestamp::MAX)
}
