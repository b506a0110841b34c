//! Behind a proxy that ends TLS: the caller's certificate as the proxy's header tells it.
//!
//! Invariants: only what comes from a trusted address is believed, and there only one header, in one format, that occurs
//! once and reads as one certificate; everything else is nobody. Whether a caller holds the key of its certificate is the
//! proxy's to verify; for whom the certificate stands, and whether it is valid, is looked at here.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use http::header::HeaderName;
use http::{HeaderMap, HeaderValue};
use oicp::service;
use roamhub_core::certificate::Fingerprint;
use roamhub_services::identity::NoCertificate;
use roamhub_services::tls::{Authorities, ShownCertificate};
use roamhub_services::{Callers, Identity};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::addresses::AddressRange;

/// The longest header that is read, in bytes: a chain of some certificates.
const LONGEST: usize = 32 * 1024;
/// Certificates that are remembered as read; when there are more, all are forgotten.
const REMEMBERED: usize = 1024;

/// How a proxy tells the certificate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// One certificate as percent-encoded PEM: nginx' `$ssl_client_escaped_cert`.
    Nginx,
    /// `x-forwarded-client-cert` with `Cert=`, and `Hash=` if it is there.
    Envoy,
    /// The chain as percent-encoded PEM, the caller's own certificate first: an AWS load balancer's
    /// `x-amzn-mtls-clientcert`.
    Alb,
}

impl Format {
    /// The header where nothing else is said.
    #[must_use]
    pub const fn usual_header(self) -> &'static str {
        match self {
            Self::Nginx => "x-ssl-client-cert",
            Self::Envoy => "x-forwarded-client-cert",
            Self::Alb => "x-amzn-mtls-clientcert",
        }
    }
}

/// The proxies that are believed, and what they say.
#[derive(Debug)]
pub struct Proxies {
    trusted: Vec<AddressRange>,
    format: Format,
    header: HeaderName,
    authorities: Arc<Authorities>,
    callers: Callers,
    read: Mutex<HashMap<HeaderValue, Arc<ShownCertificate>>>,
}

impl Proxies {
    /// Believes proxies at these addresses. What callers show is noted.
    #[must_use]
    pub fn new(
        trusted: Vec<AddressRange>,
        format: Format,
        header: HeaderName,
        authorities: Arc<Authorities>,
        callers: Callers,
    ) -> Self {
        Self { trusted, format, header, authorities, callers, read: Mutex::default() }
    }

    /// Whether what comes from this address is believed.
    #[must_use]
    pub fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|range| range.contains(address))
    }

    /// Who calls, as a trusted proxy says.
    #[must_use]
    pub fn identity(&self, headers: &HeaderMap) -> Identity {
        let mut values = headers.get_all(&self.header).iter();
        let value = match (values.next(), values.next()) {
            (None, _) => return Identity::Nobody(NoCertificate::Missing),
            (Some(value), None) if value.is_empty() => return Identity::Nobody(NoCertificate::Missing),
            (Some(value), None) => value,
            (Some(_), Some(_)) => return odd("its header is there more than once".to_owned()),
        };
        if let Some(shown) = self.read().get(value) {
            return Identity::Certificate(shown.clone());
        }
        match self.certificate(value) {
            Ok(shown) => {
                let shown = Arc::new(shown);
                self.callers.note(&shown);
                let mut read = self.read();
                if read.len() >= REMEMBERED {
                    read.clear();
                }
                read.insert(value.clone(), shown.clone());
                Identity::Certificate(shown)
            }
            Err(why) => odd(why),
        }
    }

    fn certificate(&self, value: &HeaderValue) -> Result<ShownCertificate, String> {
        let text = value.to_str().map_err(|_| "it is not ASCII")?;
        if text.len() > LONGEST {
            return Err(format!("it is longer than {LONGEST} bytes"));
        }
        let (encoded, hash) = match self.format {
            Format::Nginx | Format::Alb => (text.to_owned(), None),
            Format::Envoy => forwarded(text)?,
        };
        let pem = service::decoded(&encoded).ok_or("its percent-encoding is broken")?;
        let chain = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>();
        let chain = chain.map_err(|error| format!("it is no PEM: {error}"))?;
        let own = match (chain.as_slice(), self.format) {
            ([own], _) | ([own, ..], Format::Alb) => own,
            ([], _) => return Err("there is no certificate in it".to_owned()),
            (_, Format::Nginx | Format::Envoy) => {
                return Err("there is more than one certificate in it".to_owned());
            }
        };
        let shown =
            ShownCertificate::read(own, self.authorities.clone()).map_err(|error| error.to_string())?;
        match hash.filter(|hash| *hash != shown.fingerprint()) {
            Some(_) => Err("its Hash is not that of its Cert".to_owned()),
            None => Ok(shown),
        }
    }

    fn read(&self) -> std::sync::MutexGuard<'_, HashMap<HeaderValue, Arc<ShownCertificate>>> {
        self.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn odd(why: String) -> Identity {
    Identity::Nobody(NoCertificate::Header(why))
}

/// The certificate, still percent-encoded, and its hash, of `x-forwarded-client-cert`: `key=value` pairs between semicolons,
/// of which a comma would begin those of another proxy; values may stand in quotation marks.
fn forwarded(text: &str) -> Result<(String, Option<Fingerprint>), String> {
    let (mut certificate, mut hash) = (None, None);
    for pair in pairs(text)? {
        let (key, value) = pair.split_once('=').ok_or("there is something in it that is no key=value")?;
        let twice = match key.to_ascii_lowercase().as_str() {
            "cert" => certificate.replace(unquoted(value)?).is_some(),
            "hash" => {
                let read = Fingerprint::parse(&format!("sha256:{}", unquoted(value)?));
                hash.replace(read.ok_or("its Hash is no SHA-256")?).is_some()
            }
            _ => false,
        };
        if twice {
            return Err(format!("{key} is in it twice"));
        }
    }
    let certificate = certificate.ok_or("there is no Cert in it; the proxy has to be set to forward it")?;
    Ok((certificate, hash))
}

/// Splits at semicolons outside quotation marks.
fn pairs(text: &str) -> Result<Vec<&str>, String> {
    let (mut pairs, mut quoted, mut escaped, mut from) = (Vec::new(), false, false, 0);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => return Err("more than one proxy has written into it".to_owned()),
            b';' if !quoted => {
                pairs.push(text[from..at].trim());
                from = at + 1;
            }
            _ => {}
        }
    }
    if quoted {
        return Err("its quotation marks are broken".to_owned());
    }
    pairs.push(text[from..].trim());
    Ok(pairs)
}

fn unquoted(value: &str) -> Result<String, String> {
    let Some(inner) = value.strip_prefix('"') else { return Ok(value.to_owned()) };
    let inner = inner.strip_suffix('"').ok_or("its quotation marks are broken")?;
    Ok(inner.replace("\\\"", "\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash() -> String {
        "ab".repeat(32)
    }

    #[test]
    fn the_certificate_is_found_among_what_a_proxy_writes_beside_it() {
        let hash = hash();
        for text in [
            format!("Hash={hash};Cert=\"-----BEGIN%20\";Subject=\"CN=a,O=\\\"b;c\\\"\";URI="),
            format!("By=spiffe://x;cert=-----BEGIN%20; HASH={hash}"),
        ] {
            let (certificate, found) = forwarded(&text).unwrap();
            assert_eq!(certificate, "-----BEGIN%20", "{text}");
            assert_eq!(found, Fingerprint::parse(&format!("sha256:{hash}")), "{text}");
        }
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_refused() {
        let hash = hash();
        for text in [
            String::new(),
            format!("Hash={hash}"),
            "Cert=\"a\",Cert=\"b\"".to_owned(),
            "Cert=\"a\";Cert=\"b\"".to_owned(),
            "Cert=\"a".to_owned(),
            "Cert=\"a\";Hash=12".to_owned(),
            "Cert=\"a\";nothing".to_owned(),
        ] {
            assert!(forwarded(&text).is_err(), "{text}");
        }
    }
}
