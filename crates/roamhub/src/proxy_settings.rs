//! `[proxy]`: the proxies that end TLS for the partners, and how they tell whose certificate they saw.

use std::sync::Arc;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use http::header::HeaderName;
use roamhub_ingress::addresses::AddressRange;
use roamhub_ingress::proxy::{Format, Proxies};
use roamhub_services::Callers;
use roamhub_services::tls::Authorities;
use serde::Deserialize;

/// How a proxy tells the certificate.
#[derive(Clone, Copy, Debug, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ProxyFormat {
    /// nginx: `$ssl_client_escaped_cert`
    Nginx,
    /// Envoy: `x-forwarded-client-cert` with Cert
    Envoy,
    /// AWS application load balancer: `x-amzn-mtls-clientcert`
    Alb,
}

/// Options of `serve` about proxies.
#[derive(Debug, Default, Args)]
pub(crate) struct ProxyArgs {
    /// Addresses of proxies that end TLS for the partners, like 10.0.0.0/8: everybody else gets 401 [default: none]
    #[arg(
        long = "trusted-proxy",
        env = "ROAMHUB_TRUSTED_PROXIES",
        value_name = "RANGE",
        value_delimiter = ','
    )]
    trusted_proxies: Vec<String>,
    /// How those proxies tell the caller's certificate
    #[arg(long = "proxy-format", env = "ROAMHUB_PROXY_FORMAT", value_enum)]
    proxy_format: Option<ProxyFormat>,
    /// In which header [default: x-ssl-client-cert, x-forwarded-client-cert or x-amzn-mtls-clientcert]
    #[arg(long = "proxy-header", env = "ROAMHUB_PROXY_HEADER", value_name = "NAME")]
    proxy_header: Option<String>,
}

/// `[proxy]` of `roamhub.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProxySection {
    #[serde(default)]
    trusted_proxies: Vec<String>,
    format: Option<ProxyFormat>,
    header: Option<String>,
}

/// The proxies that are believed.
#[derive(Clone, Debug)]
pub(crate) struct ProxySettings {
    trusted: Vec<AddressRange>,
    format: Format,
    header: HeaderName,
}

impl ProxyArgs {
    /// What the command line says, or else the file.
    pub(crate) fn over(self, file: ProxySection) -> ProxySection {
        let trusted = self.trusted_proxies;
        ProxySection {
            trusted_proxies: if trusted.is_empty() { file.trusted_proxies } else { trusted },
            format: self.proxy_format.or(file.format),
            header: self.proxy_header.or(file.header),
        }
    }
}

impl ProxySection {
    /// Whether any proxy is trusted.
    pub(crate) fn trusts_any(&self) -> bool {
        !self.trusted_proxies.is_empty()
    }

    /// The settings; none unless a proxy is trusted.
    pub(crate) fn settle(self) -> anyhow::Result<Option<ProxySettings>> {
        let ranges = self.trusted_proxies.iter().map(|range| range.trim().parse());
        let trusted: Vec<AddressRange> = ranges.collect::<Result<_, _>>().context("trusted proxies")?;
        let format = match (self.format, trusted.is_empty()) {
            (None, true) if self.header.is_none() => return Ok(None),
            (_, true) => bail!("no proxy is trusted; name their addresses, like --trusted-proxy 10.0.0.0/8"),
            (None, false) => {
                bail!("say how the trusted proxies tell certificates: --proxy-format nginx, envoy or alb")
            }
            (Some(ProxyFormat::Nginx), false) => Format::Nginx,
            (Some(ProxyFormat::Envoy), false) => Format::Envoy,
            (Some(ProxyFormat::Alb), false) => Format::Alb,
        };
        let header = self.header.as_deref().unwrap_or(format.usual_header());
        let header = header.parse().with_context(|| format!("{header:?} is no name for a header"))?;
        Ok(Some(ProxySettings { trusted, format, header }))
    }
}

impl ProxySettings {
    /// The proxies, whose certificates these authorities may have signed.
    pub(crate) fn believed(self, authorities: Arc<Authorities>, callers: Callers) -> Proxies {
        Proxies::new(self.trusted, self.format, self.header, authorities, callers)
    }
}
