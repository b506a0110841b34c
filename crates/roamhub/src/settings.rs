//! Settings of `roamhub serve`: command line, then `ROAMHUB_…` variables, then `roamhub.toml`, then defaults.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use clap::Args;
use clap::builder::FalseyValueParser;
use roamhub_core::address::Reach;
use roamhub_ledger::sqlite::DiskRules;
use roamhub_relay::Outgoing;
use roamhub_services::retention::RetentionSettings;
use serde::Deserialize;

use crate::console_settings::{ConsoleSection, ConsoleSettings};
use crate::limits_settings::{self, LimitsSection, NodeLimits};
use crate::outgoing::{self, OutgoingSection};
use crate::proxy_settings::{ProxyArgs, ProxySection, ProxySettings};
use crate::retention_settings::{self, RetentionSection};
use crate::telemetry::LogFormat;
use crate::tls::{TlsSection, TlsSettings};
use crate::watching::Watching;
use crate::watching_settings::{self, NotifySection, SmtpSection, WatchdogSection};

/// The settings file that is read if it is there.
const DEFAULT_FILE: &str = "roamhub.toml";

/// Options of `serve`.
#[derive(Debug, Default, Args)]
pub(crate) struct ServeArgs {
    /// Settings file [default: roamhub.toml, if it is there]
    #[arg(long, env = "ROAMHUB_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder for the ledger [default: ./roamhub-data]
    #[arg(long, env = "ROAMHUB_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// Partners file; it is the truth, re-read on SIGHUP and on change [default: DIR/partners.toml, if it is there]
    #[arg(long, env = "ROAMHUB_PARTNERS", value_name = "FILE")]
    partners: Option<PathBuf>,
    /// Where partners call; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, env = "ROAMHUB_LISTEN", value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Where people and monitoring call [default: 127.0.0.1:8081]
    #[arg(long, env = "ROAMHUB_CONSOLE", value_name = "ADDR")]
    console: Option<SocketAddr>,
    /// Serve plain HTTP on addresses other than loopback, where anybody may claim any id and passwords go in the clear
    #[arg(long, env = "ROAMHUB_ALLOW_PLAIN_HTTP", value_parser = FalseyValueParser::new())]
    allow_plain_http: bool,
    /// The hub's certificate chain (PEM): partners are then known by their client certificates
    #[arg(long, env = "ROAMHUB_TLS_CERTIFICATE", value_name = "FILE")]
    tls_certificate: Option<PathBuf>,
    /// The key of the hub's certificate (PEM)
    #[arg(long, env = "ROAMHUB_TLS_KEY", value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// Authorities (PEM) whose certificates partners may be named by, as issuer and subject
    #[arg(long, env = "ROAMHUB_TLS_CLIENT_CA", value_name = "FILE")]
    tls_client_ca: Option<PathBuf>,
    /// Connections that the certificates of one partner may have open [default: 1024]
    #[arg(long, env = "ROAMHUB_TLS_CONNECTIONS_PER_PARTNER", value_name = "NUMBER")]
    tls_connections_per_partner: Option<usize>,
    #[command(flatten)]
    proxies: ProxyArgs,
    /// Free space in MiB below which Progress is refused; below half of it, Start and new sessions too [default: 256]
    #[arg(long, env = "ROAMHUB_DISK_MARK", value_name = "MIB")]
    disk_mark: Option<u32>,
    /// Space in MiB set aside for Ends and outcomes when the disk is full [default: 64]
    #[arg(long, env = "ROAMHUB_DISK_RESERVE", value_name = "MIB")]
    disk_reserve: Option<u32>,
    /// The hub's name in the receipts that it signs [default: roamhub]
    #[arg(long, env = "ROAMHUB_ISSUER", value_name = "NAME")]
    issuer: Option<String>,
    /// The ledger comes from a backup: start with all lanes paused, so that nothing is sent until somebody resumes them
    #[arg(long)]
    after_restore: bool,
    /// How log lines look
    #[arg(long, env = "ROAMHUB_LOG_FORMAT", value_enum)]
    log_format: Option<LogFormat>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct SettingsFile {
    data: Option<PathBuf>,
    partners: Option<PathBuf>,
    listen: Option<SocketAddr>,
    #[serde(default)]
    console: ConsoleSection,
    #[serde(default)]
    allow_plain_http: bool,
    disk_mark: Option<u32>,
    disk_reserve: Option<u32>,
    issuer: Option<String>,
    log_format: Option<LogFormat>,
    #[serde(default)]
    limits: LimitsSection,
    #[serde(default)]
    outgoing: OutgoingSection,
    #[serde(default)]
    tls: TlsSection,
    #[serde(default)]
    proxy: ProxySection,
    #[serde(default)]
    watchdog: WatchdogSection,
    #[serde(default)]
    notify: NotifySection,
    #[serde(default)]
    smtp: SmtpSection,
    #[serde(default)]
    retention: RetentionSection,
}

/// What `serve` works with.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Folder for the ledger.
    pub(crate) data: PathBuf,
    /// The partners file, where one is the truth.
    pub(crate) partners: Option<PathBuf>,
    /// Where partners call.
    pub(crate) listen: SocketAddr,
    /// Where people call, and how.
    pub(crate) console: ConsoleSettings,
    /// The hub's certificate.
    pub(crate) tls: TlsSettings,
    /// The proxies that tell who calls.
    pub(crate) proxies: Option<ProxySettings>,
    /// How much of the disk is left alone.
    pub(crate) disk: DiskRules,
    /// The hub's name in its receipts.
    pub(crate) issuer: String,
    /// Starts with all lanes paused.
    pub(crate) after_restore: bool,
    /// How log lines look.
    pub(crate) log_format: LogFormat,
    /// What protects the hub, and the partners' allowances.
    pub(crate) limits: NodeLimits,
    /// How the hub calls partners.
    pub(crate) outgoing: Outgoing,
    /// What is watched, and who hears of it.
    pub(crate) watching: Watching,
}

impl Settings {
    /// Whether a partner is who it says it is.
    pub(crate) fn believes_everybody(&self) -> bool {
        self.tls.own.is_none() && self.proxies.is_none()
    }
}

/// What commands beside a hub need of its settings.
#[derive(Clone, Debug)]
pub(crate) struct Beside {
    /// Folder for the ledger.
    pub(crate) data: PathBuf,
    /// The partners file, where one is the truth.
    pub(crate) partners: Option<PathBuf>,
    /// How the hub calls partners.
    pub(crate) outgoing: Outgoing,
}

/// The data folder where nothing else is said.
pub(crate) fn default_data() -> PathBuf {
    PathBuf::from("roamhub-data")
}

/// The partners file in the data folder, if there is one.
fn beside(data: &Path) -> Option<PathBuf> {
    Some(data.join("partners.toml")).filter(|file| file.exists())
}

/// How the hub calls partners. In plain mode it may call loopback and private addresses without being told.
fn calling(section: OutgoingSection, plain: bool) -> anyhow::Result<Outgoing> {
    Ok(Outgoing { client: outgoing::settle(section)?, reach: Reach::allowing_private(plain) })
}

/// The hub's name in its receipts where nothing else is said.
pub(crate) fn default_issuer() -> String {
    "roamhub".to_owned()
}

impl ServeArgs {
    /// A hub's settings as a command beside it is told where to find them.
    pub(crate) fn beside(
        config: Option<PathBuf>,
        data: Option<PathBuf>,
        partners: Option<PathBuf>,
    ) -> anyhow::Result<Beside> {
        let file = Self { config, ..Self::default() }.file()?;
        let data = data.or(file.data).unwrap_or_else(default_data);
        let partners = partners.or(file.partners).or_else(|| beside(&data));
        let tls = std::env::var_os("ROAMHUB_TLS_CERTIFICATE").is_some() || file.tls.certificate.is_some();
        let proxies = std::env::var_os("ROAMHUB_TRUSTED_PROXIES").is_some() || file.proxy.trusts_any();
        Ok(Beside { data, partners, outgoing: calling(file.outgoing, !tls && !proxies)? })
    }

    /// Puts command line, environment, file and defaults together.
    pub(crate) fn settle(self) -> anyhow::Result<Settings> {
        let file = self.file()?;
        let data = self.data.or(file.data).unwrap_or_else(default_data);
        let partners = self.partners.or(file.partners).or_else(|| beside(&data));
        let mib = |chosen: Option<u32>, default: u64| chosen.map_or(default, |mib| u64::from(mib) << 20);
        let usual = DiskRules::default();
        let tls = TlsSection {
            certificate: self.tls_certificate.or(file.tls.certificate),
            key: self.tls_key.or(file.tls.key),
            client_ca: self.tls_client_ca.or(file.tls.client_ca),
            connections_per_partner: self.tls_connections_per_partner.or(file.tls.connections_per_partner),
        };
        let mut limits = limits_settings::settle(file.limits)?;
        limits.connections.per_partner = tls.limits()?.per_partner;
        let proxies = self.proxies.over(file.proxy).settle()?;
        let tls = tls.settle(proxies.is_some())?;
        let plain = tls.own.is_none() && proxies.is_none();
        let of_partner_port = tls.own.clone();
        let allowed = self.allow_plain_http || file.allow_plain_http;
        let settings = Settings {
            data,
            partners,
            listen: self.listen.or(file.listen).unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8080))),
            console: file.console.settle(self.console, of_partner_port, allowed)?,
            tls,
            proxies,
            limits,
            disk: DiskRules {
                mark: mib(self.disk_mark.or(file.disk_mark), usual.mark),
                reserve: mib(self.disk_reserve.or(file.disk_reserve), usual.reserve),
            },
            issuer: self.issuer.or(file.issuer).unwrap_or_else(default_issuer),
            after_restore: self.after_restore,
            log_format: self.log_format.or(file.log_format).unwrap_or_default(),
            outgoing: calling(file.outgoing, plain)?,
            watching: Watching {
                retention: retention_settings::settle(file.retention)?,
                ..watching_settings::settle(file.watchdog, file.notify, file.smtp)?
            },
        };
        if !allowed && settings.believes_everybody() && !settings.listen.ip().is_loopback() {
            bail!(
                "{} is not loopback, and without certificates anybody who reaches it may claim any id; give the hub a \
                 certificate (--tls-certificate FILE --tls-key FILE), listen on 127.0.0.1, or say --allow-plain-http",
                settings.listen
            );
        }
        Ok(settings)
    }

    fn file(&self) -> anyhow::Result<SettingsFile> {
        read_file(self.config.as_deref())
    }
}

/// The settings file that is named, or the usual one if it is there.
fn read_file(named: Option<&Path>) -> anyhow::Result<SettingsFile> {
    let path = match named {
        Some(path) => path,
        None if Path::new(DEFAULT_FILE).exists() => Path::new(DEFAULT_FILE),
        None => return Ok(SettingsFile::default()),
    };
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    // Not the error's own text: it repeats the line, and with it what may be a secret.
    toml::from_str(&text).map_err(|error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = 1 + before.matches('\n').count();
        anyhow!("{} is not right: line {line}: {}", path.display(), error.message())
    })
}

/// How long what is kept, as a hub with this settings file (or the usual one) would have it.
pub(crate) fn retention(named: Option<&Path>) -> anyhow::Result<RetentionSettings> {
    retention_settings::settle(read_file(named)?.retention)
}
