//! Whom the hub trusts when it calls, and as whom it calls: the machine's certificate store and, per partner, one more
//! file; the hub's own certificate, or another one per partner. Verification cannot be switched off.
//!
//! Files that change are read again. What is broken then is said once, and what was there before stays in use.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use roamhub_core::outcome::ExchangeFailure;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::certificates::SeenCertificates;
use super::pool::Address;
use super::trust_files::{Settings, Stamp, TrustError, TrustFiles};

/// Settings, and how the files were found of which they were made.
#[derive(Clone, Debug)]
struct Made {
    settings: Settings,
    stamps: Vec<Stamp>,
}

/// TLS settings, one per set of files, made on first use.
#[derive(Debug, Default)]
pub(super) struct Trust {
    made: Mutex<HashMap<TrustFiles, Made>>,
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
        let files = TrustFiles::of(&address.terms);
        let settings = self.settings(&files).await.map_err(|error| {
            tracing::error!(host = %address.host, %error, "no TLS towards this partner");
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

    /// The settings made of these files.
    pub(super) async fn settings(&self, files: &TrustFiles) -> Result<Settings, TrustError> {
        if let Some(made) = self.made().get(files) {
            return Ok(made.settings.clone());
        }
        let made = self.make(files.clone()).await?;
        let settings = made.settings.clone();
        self.made().insert(files.clone(), made);
        Ok(settings)
    }

    /// Reads files again that have changed; those that have, and are in use now.
    pub(super) async fn look_again(&self) -> Vec<TrustFiles> {
        let before: Vec<_> =
            self.made().iter().map(|(files, made)| (files.clone(), made.stamps.clone())).collect();
        let looked = tokio::task::spawn_blocking(move || {
            let now = before.into_iter().map(|(files, before)| (files.stamps(), files, before));
            now.filter(|(now, _, before)| now != before).collect::<Vec<_>>()
        });
        let mut renewed = Vec::new();
        for (stamps, files, _) in looked.await.unwrap_or_default() {
            match self.make(files.clone()).await {
                Ok(made) => {
                    tracing::info!(ca = ?files.ca, client = ?files.client, "certificates towards partners read again");
                    self.made().insert(files.clone(), made);
                    renewed.push(files);
                }
                Err(error) => {
                    tracing::error!(%error, "certificates towards partners stay as they were");
                    if let Some(made) = self.made().get_mut(&files) {
                        made.stamps = stamps;
                    }
                }
            }
        }
        renewed
    }

    async fn make(&self, files: TrustFiles) -> Result<Made, TrustError> {
        let seen = self.seen.clone();
        // Reading the machine's store takes a while: not on a thread that serves partners.
        let loaded = tokio::task::spawn_blocking(move || {
            let stamps = files.stamps();
            files.load(&seen).map(|settings| Made { settings, stamps })
        });
        loaded.await.unwrap_or(Err(TrustError::Interrupted))
    }

    fn made(&self) -> MutexGuard<'_, HashMap<TrustFiles, Made>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
