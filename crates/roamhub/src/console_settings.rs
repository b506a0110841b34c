//! `console = "127.0.0.1:8081"`, or `[console]` with more, in `roamhub.toml`; each setting also as `ROAMHUB_CONSOLE_…`,
//! which goes first.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{anyhow, bail, ensure};
use roamhub_services::accounts::LogInTimes;
use roamhub_services::partners_file::parse_duration;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, Error, MapAccess, Visitor};

/// What the file says of the console: its address, or a section.
#[derive(Debug, Default)]
pub(crate) struct ConsoleSection(Fields);

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    listen: Option<SocketAddr>,
    tls_certificate: Option<PathBuf>,
    tls_key: Option<PathBuf>,
    log_in_idle: Option<String>,
    log_in_longest: Option<String>,
}

impl<'de> Deserialize<'de> for ConsoleSection {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = ConsoleSection;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an address such as 127.0.0.1:8081, or a section [console]")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<ConsoleSection, E> {
                let listen =
                    text.parse().map_err(|_| E::custom("this is no address such as 127.0.0.1:8081"))?;
                Ok(ConsoleSection(Fields { listen: Some(listen), ..Fields::default() }))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ConsoleSection, A::Error> {
                Fields::deserialize(MapAccessDeserializer::new(map)).map(ConsoleSection)
            }
        }

        deserializer.deserialize_any(Either)
    }
}

/// Where people call, and how.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ConsoleSettings {
    /// The address.
    pub(crate) listen: SocketAddr,
    /// Certificate chain and key (PEM), where it speaks TLS.
    pub(crate) tls: Option<(PathBuf, PathBuf)>,
    /// How long log-ins last.
    pub(crate) times: LogInTimes,
}

impl ConsoleSection {
    /// Puts command line, environment, file and defaults together. Beyond loopback the partner port's certificate serves
    /// where the console has none of its own.
    pub(crate) fn settle(
        self,
        listen: Option<SocketAddr>,
        of_partner_port: Option<(PathBuf, PathBuf)>,
        allow_plain_http: bool,
    ) -> anyhow::Result<ConsoleSettings> {
        let Self(file) = self;
        let listen = listen.or(file.listen).unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8081)));
        let certificate = path("ROAMHUB_CONSOLE_TLS_CERTIFICATE", file.tls_certificate);
        let key = path("ROAMHUB_CONSOLE_TLS_KEY", file.tls_key);
        let beyond = !listen.ip().is_loopback();
        let tls = match (certificate, key) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => of_partner_port.filter(|_| beyond),
            (Some(_), None) | (None, Some(_)) => {
                bail!("the console's TLS needs both console.tls_certificate and console.tls_key")
            }
        };
        if beyond && tls.is_none() && !allow_plain_http {
            bail!(
                "the console at {listen} is not on loopback, and without TLS passwords and tokens would go over the \
                 network in the clear; give it a certificate ([console] tls_certificate and tls_key), listen on \
                 127.0.0.1, or say --allow-plain-http"
            );
        }
        let usual = LogInTimes::default();
        let times = LogInTimes {
            idle: duration("idle", file.log_in_idle, usual.idle)?,
            longest: duration("longest", file.log_in_longest, usual.longest)?,
        };
        ensure!(
            times.idle <= times.longest,
            "console.log_in_idle is at most as long as console.log_in_longest"
        );
        Ok(ConsoleSettings { listen, tls, times })
    }
}

fn path(variable: &str, from_file: Option<PathBuf>) -> Option<PathBuf> {
    std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from).or(from_file)
}

fn duration(name: &str, from_file: Option<String>, usual: Duration) -> anyhow::Result<Duration> {
    let variable = format!("ROAMHUB_CONSOLE_LOG_IN_{}", name.to_ascii_uppercase());
    let said = std::env::var(&variable).ok().filter(|value| !value.is_empty()).or(from_file);
    let Some(text) = said else { return Ok(usual) };
    parse_duration(&text).ok_or_else(|| {
        anyhow!("console.log_in_{name} ({variable}): {text:?} is no duration; say a number with a unit: 30s, 15m or 4h")
    })
}
