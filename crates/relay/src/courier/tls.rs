//! Whom the hub trusts when it calls: the machine's certificate store and, per provider, one more file. Verification
//! cannot be switched off.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use roamhub_core::outcome::ExchangeFailure;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

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

/// TLS settings, one per extra CA file, made on first use.
#[derive(Debug, Default)]
pub(super) struct Trust {
    configs: Mutex<HashMap<Option<PathBuf>, Arc<ClientConfig>>>,
}

impl Trust {
    /// Does the handshake and verifies the server.
    pub(super) async fn handshake(
        &self,
        address: &Address,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, ExchangeFailure> {
        let config = self.config(address.ca.as_deref()).await.map_err(|error| {
            tracing::error!(host = %address.host, %error, "no TLS towards this provider");
            ExchangeFailure::Tls
        })?;
        let name = ServerName::try_from(address.host.clone()).map_err(|_| ExchangeFailure::Address)?;
        TlsConnector::from(config).connect(name, stream).await.map_err(|error| {
            tracing::warn!(host = %address.host, %error, "the TLS handshake failed");
            ExchangeFailure::Tls
        })
    }

    async fn config(&self, ca: Option<&Path>) -> Result<Arc<ClientConfig>, TrustError> {
        let key = ca.map(Path::to_owned);
        if let Some(config) = self.configs().get(&key) {
            return Ok(config.clone());
        }
        let wanted = key.clone();
        // Reading the machine's store takes a while: not on a thread that serves partners.
        let loaded = tokio::task::spawn_blocking(move || load(wanted.as_deref())).await;
        let config = Arc::new(loaded.unwrap_or(Err(TrustError::Interrupted))?);
        self.configs().insert(key, config.clone());
        Ok(config)
    }

    fn configs(&self) -> MutexGuard<'_, HashMap<Option<PathBuf>, Arc<ClientConfig>>> {
        self.configs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn load(ca: Option<&Path>) -> Result<ClientConfig, TrustError> {
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
