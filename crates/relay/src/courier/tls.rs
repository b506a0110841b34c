//! Whom the hub trusts when it calls: the machine's certificate store and, per provider, one more file. Verification
//! cannot be switched off.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use roamhub_core::outcome::ExchangeFailure;
use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::certificates::SeenCertificates;
use super::pool::Address;

/// Why trust anchors could not be loaded.
#[derive(Debug, thiserror::Error)]
pub(super) enum TrustError {
    /// The file cannot be read or holds no certificate.
    #[error("the CA file {path} cannot be used: {reason}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// The TLS library refuses the settings.
    #[error("TLS cannot be set up: {0}")]
    Settings(#[from] rustls::Error),
    /// Loading ended early.
    #[error("loading the trust anchors was interrupted")]
    Interrupted,
}

/// The TLS settings of one trust.
#[derive(Clone, Debug)]
struct Settings {
    /// Resumes sessions.
    usual: Arc<ClientConfig>,
    /// Never does.
    full: Arc<ClientConfig>,
}

/// TLS settings, one per extra CA file, made on first use.
#[derive(Debug, Default)]
pub(super) struct Trust {
    settings: Mutex<HashMap<Option<PathBuf>, Settings>>,
    /// What was seen of certificates in handshakes and files.
    pub(super) seen: Arc<SeenCertificates>,
}

impl Trust {
    /// Does the handshake and verifies the server.
    pub(super) async fn handshake(
        &self,
        address: &Address,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, ExchangeFailure> {
        let settings = self.settings(address.ca.as_deref()).await.map_err(|error| {
            tracing::error!(host = %address.host, %error, "no TLS towards this provider");
            ExchangeFailure::Tls
        })?;
        let name = ServerName::try_from(address.host.clone()).map_err(|_| ExchangeFailure::Address)?;
        let full = self.seen.is_full_one_due(address, Instant::now());
        let config = if full { settings.full } else { settings.usual };
        let done = TlsConnector::from(config).connect(name, stream).await;
        self.seen.note_handshake(address, &done);
        done.map_err(|error| {
            tracing::warn!(host = %address.host, %error, "the TLS handshake failed");
            ExchangeFailure::Tls
        })
    }

    async fn settings(&self, ca: Option<&Path>) -> Result<Settings, TrustError> {
        let key = ca.map(Path::to_owned);
        if let Some(settings) = self.made().get(&key) {
            return Ok(settings.clone());
        }
        let (wanted, seen) = (key.clone(), self.seen.clone());
        // Reading the machine's store takes a while: not on a thread that serves partners.
        let loaded = tokio::task::spawn_blocking(move || load(wanted.as_deref(), &seen)).await;
        let usual = loaded.unwrap_or(Err(TrustError::Interrupted))?;
        let mut full = usual.clone();
        full.resumption = Resumption::disabled();
        let settings = Settings { usual: Arc::new(usual), full: Arc::new(full) };
        self.made().insert(key, settings.clone());
        Ok(settings)
    }

    fn made(&self) -> MutexGuard<'_, HashMap<Option<PathBuf>, Settings>> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn load(ca: Option<&Path>, seen: &SeenCertificates) -> Result<ClientConfig, TrustError> {
    let mut roots = RootCertStore::empty();
    let native = rustls_native_certs::load_native_certs();
    let (_, unusable) = roots.add_parsable_certificates(native.certs);
    tracing::debug!(trusted = roots.len(), unusable, "the machine's certificate store");
    if let Some(path) = ca {
        let refuse = |reason: String| TrustError::File { path: path.to_owned(), reason };
        let extra = CertificateDer::pem_file_iter(path)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| refuse(error.to_string()))?;
        if extra.is_empty() {
            return Err(refuse("it holds no certificate".to_owned()));
        }
        seen.note_authority(path, &extra);
        for certificate in extra {
            roots.add(certificate).map_err(|error| refuse(error.to_string()))?;
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(config)
}
