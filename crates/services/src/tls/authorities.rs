//! The certificate authorities by which partners may be named (`issuer` and `subject` in the partners document).
//!
//! Invariant: who is named by issuer and subject has a certificate signed by exactly the authority that bears the issuer's
//! name in the hub's own file. Certificates that a caller sends along are never looked at: otherwise any authority in the
//! file could make one that bears another's name. Whoever has intermediate authorities puts the one that signs into the file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use x509_cert::Certificate;
use x509_cert::der::Decode;

use super::TlsFileError;
use super::certificate::instant;
use super::server::crypto;

/// The authorities as of now; none unless a file is given.
#[derive(Debug)]
pub struct Authorities {
    file: Option<PathBuf>,
    current: ArcSwap<Known>,
}

#[derive(Debug)]
struct Known {
    /// From 1 on; what somebody remembers of an earlier one does not count any more.
    generation: u64,
    authorities: Vec<Authority>,
}

#[derive(Debug)]
struct Authority {
    subject: String,
    not_before: Timestamp,
    not_after: Timestamp,
    verifier: Arc<dyn ClientCertVerifier>,
}

impl Authorities {
    /// No authority: partners are known by pinned certificates alone.
    #[must_use]
    pub fn none() -> Self {
        Self { file: None, current: ArcSwap::from_pointee(Known { generation: 1, authorities: Vec::new() }) }
    }

    /// Those of a PEM file.
    ///
    /// # Errors
    /// [`TlsFileError`], if it cannot be read or holds no certificate.
    pub fn of(file: Option<PathBuf>) -> Result<Self, TlsFileError> {
        let Some(path) = file else { return Ok(Self::none()) };
        let known = Known { generation: 1, authorities: load(&path)? };
        Ok(Self { file: Some(path), current: ArcSwap::from_pointee(known) })
    }

    /// Reads the file again; from then on certificates are verified anew.
    ///
    /// # Errors
    /// [`TlsFileError`]; then everything stays as it was.
    pub fn reload(&self) -> Result<(), TlsFileError> {
        let Some(path) = &self.file else { return Ok(()) };
        let authorities = load(path)?;
        let generation = self.generation().saturating_add(1);
        self.current.store(Arc::new(Known { generation, authorities }));
        Ok(())
    }

    /// Changes with every reload.
    #[must_use]
    pub(super) fn generation(&self) -> u64 {
        self.current.load().generation
    }

    /// Whether the authority of this name has signed the certificate, and as of which generation. Which partner it is, and
    /// whether it is valid at the time of a call, is asked elsewhere.
    pub(super) fn vouch_for(&self, certificate: &CertificateDer<'_>, issuer: &str) -> (u64, bool) {
        let known = self.current.load();
        let now = UnixTime::now();
        let at = i64::try_from(now.as_secs()).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
        let vouched = known.authorities.iter().any(|authority| {
            authority.subject == issuer
                && at.is_some_and(|at| (authority.not_before..=authority.not_after).contains(&at))
                && authority.verifier.verify_client_cert(certificate, &[], now).is_ok()
        });
        (known.generation, vouched)
    }
}

fn load(path: &Path) -> Result<Vec<Authority>, TlsFileError> {
    let refuse = |reason: String| TlsFileError { path: path.to_owned(), reason };
    let certificates = CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| refuse(error.to_string()))?;
    if certificates.is_empty() {
        return Err(refuse("it holds no certificate; it needs those of the authorities, as PEM".to_owned()));
    }
    certificates.into_iter().map(|der| authority(der).map_err(refuse)).collect()
}

fn authority(der: CertificateDer<'static>) -> Result<Authority, String> {
    let read = Certificate::from_der(&der).map_err(|error| error.to_string())?;
    let (subject, validity) =
        (read.tbs_certificate().subject().to_string(), *read.tbs_certificate().validity());
    let mut roots = RootCertStore::empty();
    roots.add(der).map_err(|error| error.to_string())?;
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), crypto())
        .build()
        .map_err(|error| error.to_string())?;
    Ok(Authority {
        subject,
        not_before: instant(validity.not_before),
        not_after: instant(validity.not_after),
        verifier,
    })
}
