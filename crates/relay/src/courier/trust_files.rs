//! The files that a trust is made of: one with authorities beside those of the machine, two with the certificate that the
//! hub shows. Read when they are first needed, and again when they change.
//!
//! Invariant: what a trust was made of is stamped before it is read, so no change falls between reading and looking.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use roamhub_core::route::ClientCertificate;
use rustls::client::Resumption;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, InconsistentKeys, RootCertStore};

use super::certificates::SeenCertificates;
use super::terms::Terms;

/// Why there is no TLS towards a server.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The file with extra authorities cannot be used.
    #[error("the CA file {path} cannot be used: {reason}")]
    Authorities {
        /// Which file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The file with the hub's client certificate cannot be used.
    #[error("the client certificate {path} cannot be used: {reason}")]
    Certificate {
        /// Which file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The file with its key cannot be used.
    #[error("the private key {path} cannot be used: {reason}")]
    Key {
        /// Which file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// Certificate and key are not of one piece.
    #[error("{key} is not the private key of {certificate}: put both in place, from the same issue")]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// The TLS library refuses the settings.
    #[error("TLS cannot be set up: {0}")]
    Settings(#[from] rustls::Error),
    /// Loading ended early.
    #[error("loading the trust anchors was interrupted")]
    Interrupted,
}

/// Which files.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub(super) struct TrustFiles {
    /// With authorities.
    pub(super) ca: Option<PathBuf>,
    /// With the hub's certificate and key.
    pub(super) client: Option<ClientCertificate>,
}

/// How a file was found: what tells one version from another, also where it is replaced, or a link to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Stamp(Option<(u64, u64, i64, i64)>);

/// TLS settings, made of files as they were.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    /// Resumes sessions.
    pub(super) usual: Arc<ClientConfig>,
    /// Never does.
    pub(super) full: Arc<ClientConfig>,
    /// Whom they trust.
    pub(super) roots: Arc<RootCertStore>,
    /// The certificate that the hub shows.
    pub(super) client: Option<CertificateDer<'static>>,
}

impl TrustFiles {
    /// Those of these terms.
    pub(super) fn of(terms: &Terms) -> Self {
        Self { ca: terms.ca.clone(), client: terms.client.clone() }
    }

    /// Whether a connection on these terms was made with them.
    pub(super) fn are_of(&self, terms: &Terms) -> bool {
        self.ca == terms.ca && self.client == terms.client
    }

    /// How they are found now.
    pub(super) fn stamps(&self) -> Vec<Stamp> {
        let client = self.client.iter().flat_map(|client| [&client.certificate, &client.key]);
        self.ca.iter().chain(client).map(|path| Stamp::of(path)).collect()
    }

    /// Makes settings of them.
    pub(super) fn load(&self, seen: &SeenCertificates) -> Result<Settings, TrustError> {
        let mut roots = RootCertStore::empty();
        let native = rustls_native_certs::load_native_certs();
        let (_, unusable) = roots.add_parsable_certificates(native.certs);
        tracing::debug!(trusted = roots.len(), unusable, "the machine's certificate store");
        if let Some(path) = &self.ca {
            let refuse = |reason: String| TrustError::Authorities { path: path.clone(), reason };
            let extra = certificates(path).map_err(refuse)?;
            for certificate in &extra {
                roots.add(certificate.clone()).map_err(|error| refuse(error.to_string()))?;
            }
            seen.note_authority(path, &extra);
        }
        let roots = Arc::new(roots);
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots.clone());
        let (usual, client) = match &self.client {
            None => (builder.with_no_client_auth(), None),
            Some(files) => {
                let (chain, key) = pair(files)?;
                let own = chain.first().cloned();
                let config =
                    builder.with_client_auth_cert(chain, key).map_err(|error| refused(files, error))?;
                if let Some(own) = &own {
                    seen.note_own(&files.certificate, own);
                }
                (config, own)
            }
        };
        let mut full = usual.clone();
        full.resumption = Resumption::disabled();
        Ok(Settings { usual: Arc::new(usual), full: Arc::new(full), roots, client })
    }
}

impl Stamp {
    fn of(path: &Path) -> Self {
        let file = fs::metadata(path).ok();
        Self(file.map(|file| (file.ino(), file.size(), file.mtime(), file.mtime_nsec())))
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let read = read.map_err(pem_in_words)?;
    if read.is_empty() {
        return Err("it holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)".to_owned());
    }
    Ok(read)
}

/// What is wrong with a PEM file.
#[must_use]
pub fn pem_in_words(error: pem::Error) -> String {
    match error {
        pem::Error::MissingSectionEnd { end_marker } => {
            let section = String::from_utf8_lossy(&end_marker).into_owned();
            format!("its section {section} has no end: it was cut off, or is being written now")
        }
        pem::Error::IllegalSectionStart { line } => {
            format!("this line begins no section: {}", String::from_utf8_lossy(&line))
        }
        pem::Error::Base64Decode(why) => format!("what is between its BEGIN and END is damaged: {why}"),
        pem::Error::Io(error) => error.to_string(),
        error => error.to_string(),
    }
}

type Pair = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn pair(files: &ClientCertificate) -> Result<Pair, TrustError> {
    let ClientCertificate { certificate, key } = files;
    let chain = certificates(certificate)
        .map_err(|reason| TrustError::Certificate { path: certificate.clone(), reason })?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|error| {
        let reason = match error {
            pem::Error::NoItemsFound => {
                "it holds no private key in PEM form (an encrypted one has to be decrypted first)".to_owned()
            }
            error => pem_in_words(error),
        };
        TrustError::Key { path: key.clone(), reason }
    })?;
    Ok((chain, key))
}

fn refused(files: &ClientCertificate, error: rustls::Error) -> TrustError {
    let ClientCertificate { certificate, key } = files;
    match error {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
            TrustError::Mismatch { certificate: certificate.clone(), key: key.clone() }
        }
        rustls::Error::InvalidCertificate(why) => {
            TrustError::Certificate { path: certificate.clone(), reason: format!("{why:?}") }
        }
        error => TrustError::Key { path: key.clone(), reason: error.to_string() },
    }
}
