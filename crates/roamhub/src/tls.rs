//! How partners come in: the settings of `[tls]`, the door that follows from them, and its files, which are read again
//! when they change.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use jiff::{SignedDuration, Timestamp};
use roamhub_core::ports::Clock;
use roamhub_ingress::door::{PROTOCOLS, TlsDoor};
use roamhub_ingress::{Door, Limits};
use roamhub_relay::SeenCertificates;
use roamhub_services::tls::{Asks, Authorities, ServerCertificate};
use roamhub_services::{Callers, Partners};
use serde::Deserialize;
use tokio::task::spawn_blocking;

use crate::clock::SystemClock;
use crate::proxy_settings::ProxySettings;

/// How often the files are looked at.
pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A certificate that ends so soon is worth a line in the log whenever it is loaded.
const SOON: SignedDuration = SignedDuration::from_hours(14 * 24);

/// `[tls]` of `roamhub.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TlsSection {
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    pub(crate) client_ca: Option<PathBuf>,
    pub(crate) connections_per_partner: Option<usize>,
}

/// The hub's own certificate, and how partners are known by theirs.
#[derive(Clone, Default, Debug)]
pub(crate) struct TlsSettings {
    /// The hub's certificate chain and key (PEM); none in plain mode.
    pub(crate) own: Option<(PathBuf, PathBuf)>,
    /// The authorities by which partners may be named (PEM).
    pub(crate) client_ca: Option<PathBuf>,
}

impl TlsSection {
    /// The bounds on connections.
    pub(crate) fn limits(&self) -> anyhow::Result<Limits> {
        let usual = Limits::default();
        match self.connections_per_partner {
            Some(0) => bail!("tls.connections_per_partner is at least 1"),
            chosen => Ok(Limits { per_partner: chosen.unwrap_or(usual.per_partner), ..usual }),
        }
    }

    /// The settings. Where proxies tell the callers' certificates, the hub needs none of its own.
    pub(crate) fn settle(self, behind_proxies: bool) -> anyhow::Result<TlsSettings> {
        let client_ca = self.client_ca;
        match (self.certificate, self.key) {
            (Some(certificate), Some(key)) => Ok(TlsSettings { own: Some((certificate, key)), client_ca }),
            (None, None) if client_ca.is_none() || behind_proxies => Ok(TlsSettings { own: None, client_ca }),
            (None, None) => bail!(
                "there are authorities for client certificates (client_ca), but no certificate of the hub's own; say \
                 --tls-certificate FILE and --tls-key FILE"
            ),
            (Some(_), None) => bail!("a TLS certificate needs its key; say --tls-key FILE"),
            (None, Some(_)) => bail!("a TLS key needs its certificate; say --tls-certificate FILE"),
        }
    }
}

/// The files behind a TLS listener, loaded and followed.
pub(crate) struct TlsFiles {
    settings: TlsSettings,
    server: Option<Arc<ServerCertificate>>,
    authorities: Arc<Authorities>,
    partners: Arc<Partners>,
    certificates: Arc<SeenCertificates>,
    seen: Vec<Stamp>,
}

/// What tells one state of a file from the next; also where it is replaced, or a link to it.
pub(crate) type Stamp = Option<(u64, u64, i64, i64)>;

impl TlsFiles {
    /// Loads them. Until when the hub's certificate and those of callers are valid is noted.
    pub(crate) fn load(
        settings: TlsSettings,
        partners: Arc<Partners>,
        certificates: Arc<SeenCertificates>,
    ) -> anyhow::Result<Self> {
        let seen = settings.stamps();
        let load = |(certificate, key): &(PathBuf, PathBuf)| ServerCertificate::load(certificate, key);
        let server = settings.own.as_ref().map(load).transpose()?.map(Arc::new);
        let authorities = Arc::new(Authorities::of(settings.client_ca.clone())?);
        let files = Self { settings, server, authorities, partners, certificates, seen };
        files.note();
        Ok(files)
    }

    /// The door that they make.
    pub(crate) fn door(&self, limits: &Limits, proxies: Option<ProxySettings>) -> anyhow::Result<Door> {
        let asks = if proxies.is_some() { Asks::ForNothing } else { Asks::ForCertificates };
        let tls = match &self.server {
            None => None,
            Some(server) => {
                let config = server.listener(asks, &PROTOCOLS).context("cannot set up TLS")?;
                let authorities = self.authorities.clone();
                Some(TlsDoor::new(config, authorities, self.callers(), limits.handshakes, limits.handshake))
            }
        };
        Ok(match (proxies, tls) {
            (Some(proxies), tls) => {
                Door::Proxies(Arc::new(proxies.believed(self.authorities.clone(), self.callers())), tls)
            }
            (None, Some(tls)) => Door::Tls(tls),
            (None, None) => Door::Plain,
        })
    }

    fn callers(&self) -> Callers {
        Callers::new(self.certificates.clone(), self.partners.clone())
    }

    /// Whether there is no file at all.
    pub(crate) fn is_nothing(&self) -> bool {
        self.seen.is_empty()
    }

    /// Resolves when they have changed and are not changing any more: certificate and key are two files.
    pub(crate) async fn changed(&mut self) {
        if self.is_nothing() {
            return std::future::pending().await;
        }
        let mut last = self.seen.clone();
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            let settings = self.settings.clone();
            let Ok(now) = spawn_blocking(move || settings.stamps()).await else { continue };
            if now != self.seen && now == last {
                self.seen = now;
                return;
            }
            last = now;
        }
    }

    /// Reads them again. What is wrong with one is said, and it stays as it was. No connection is dropped.
    pub(crate) async fn reload(&self) {
        let (server, authorities) = (self.server.clone(), self.authorities.clone());
        // Not on a thread that serves partners: the files may lie on a disk that is slow to answer.
        let read = spawn_blocking(move || {
            let authorities = authorities.reload();
            (server.as_ref().map_or(Ok(()), |server| server.reload()), authorities)
        });
        let Ok((server, authorities)) = read.await else { return };
        self.partners.look_again();
        if let Err(error) = authorities {
            tracing::error!("the authorities for client certificates stay as they were: {error}");
        }
        match server {
            Ok(()) => {
                self.note();
                tracing::info!("the hub's certificate was read again");
            }
            Err(error) => tracing::error!("the hub's certificate stays as it was: {error}"),
        }
    }
}

impl TlsFiles {
    fn note(&self) {
        let (Some(server), Some((certificate, _))) = (&self.server, &self.settings.own) else { return };
        say_if_it_ends(server);
        if let Some(not_after) = server.not_after() {
            self.certificates.note_serving(certificate, not_after);
        }
    }
}

impl TlsSettings {
    fn stamps(&self) -> Vec<Stamp> {
        let own = self.own.iter().flat_map(|(certificate, key)| [certificate, key]);
        own.chain(&self.client_ca).map(|path| stamp(path)).collect()
    }
}

pub(crate) fn stamp(path: &Path) -> Stamp {
    let file = std::fs::metadata(path).ok()?;
    Some((file.ino(), file.size(), file.mtime(), file.mtime_nsec()))
}

/// Says so in the log when the hub's certificate has expired, or does so soon.
pub(crate) fn say_if_it_ends(server: &ServerCertificate) {
    let now = SystemClock.now();
    match server.not_after() {
        Some(not_after) if not_after < now => {
            tracing::error!(%not_after, "the hub's certificate has expired: partners will not connect; renew it");
        }
        Some(not_after) if ends_soon(not_after, now) => {
            tracing::warn!(%not_after, "the hub's certificate expires soon; renew it");
        }
        _ => {}
    }
}

fn ends_soon(not_after: Timestamp, now: Timestamp) -> bool {
    not_after.duration_since(now) < SOON
}
