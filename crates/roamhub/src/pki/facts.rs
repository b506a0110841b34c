//! What a certificate says: of any authority, whoever issued it. What is read here is shown to people and compared; nothing
//! is trusted because of it.

use std::net::IpAddr;
use std::path::Path;

use anyhow::{Context, bail};
use jiff::{SignedDuration, Timestamp};
use roamhub_relay::courier::trust_files::pem_in_words;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use x509_cert::Certificate;
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::{Decode, Encode};
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{BasicConstraints, ExtendedKeyUsage, SubjectAltName};
use x509_cert::spki::SubjectPublicKeyInfoOwned;
use x509_cert::time::Time;

const SERVER_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1");
const CLIENT_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.2");
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");

/// What a certificate is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Use {
    /// It signs others.
    Authority,
    /// Servers show it.
    Server,
    /// Clients show it.
    Client,
    /// Both do, or whoever likes.
    Any,
}

impl Use {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Authority => "authority",
            Self::Server => "server",
            Self::Client => "client",
            Self::Any => "any",
        }
    }
}

/// The kinds of key that certificates are issued for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum KeyKind {
    P256,
    P384,
    Rsa,
    Ed25519,
}

impl KeyKind {
    /// Of a public key; `None` for others.
    pub(crate) fn of(key: &SubjectPublicKeyInfoOwned) -> Option<Self> {
        let curve = || {
            let parameters = key.algorithm.parameters.as_ref()?;
            parameters.decode_as::<ObjectIdentifier>().ok()
        };
        match key.algorithm.oid {
            RSA => Some(Self::Rsa),
            ED25519 => Some(Self::Ed25519),
            EC => match curve()? {
                P256 => Some(Self::P256),
                P384 => Some(Self::P384),
                _ => None,
            },
            _ => None,
        }
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::P256 => "ECDSA P-256",
            Self::P384 => "ECDSA P-384",
            Self::Rsa => "RSA",
            Self::Ed25519 => "Ed25519",
        }
    }
}

/// A certificate, read.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    /// `sha256:…` as the partners file wants it.
    pub(crate) fingerprint: String,
    /// Hexadecimal.
    pub(crate) serial: String,
    pub(crate) subject: String,
    pub(crate) issuer: String,
    /// DNS names and addresses of a server.
    pub(crate) names: Vec<String>,
    pub(crate) begins_at: Timestamp,
    pub(crate) expires_at: Timestamp,
    pub(crate) r#use: Use,
    pub(crate) key: &'static str,
}

impl Facts {
    /// Reads a certificate (DER).
    pub(crate) fn of(der: &[u8]) -> anyhow::Result<Self> {
        let read = Certificate::from_der(der).map_err(|error| anyhow::anyhow!("no certificate: {error}"))?;
        let tbs = read.tbs_certificate();
        let names = match tbs.get_extension::<SubjectAltName>() {
            Ok(Some((_, names))) => names.0.iter().filter_map(name).collect(),
            _ => Vec::new(),
        };
        let key = KeyKind::of(tbs.subject_public_key_info());
        Ok(Self {
            fingerprint: fingerprint(der),
            serial: hex(tbs.serial_number().as_bytes()),
            subject: tbs.subject().to_string(),
            issuer: tbs.issuer().to_string(),
            names,
            begins_at: instant(tbs.validity().not_before),
            expires_at: instant(tbs.validity().not_after),
            r#use: usage(&read),
            key: key.map_or("another kind", KeyKind::as_str),
        })
    }

    /// Whole days until its end; below 0 once it is over.
    pub(crate) fn days_left(&self, now: Timestamp) -> i64 {
        let left = self.expires_at.duration_since(now);
        let day = 24 * 60 * 60;
        left.as_secs().div_euclid(day)
    }

    /// When it ends, for people.
    pub(crate) fn expiry(&self, now: Timestamp) -> String {
        let day = self.expires_at.strftime("%Y-%m-%d");
        match self.days_left(now) {
            _ if self.begins_at > now => format!("{day}, not valid before {}", self.begins_at),
            left @ ..0 => format!("{day}: it has EXPIRED, {} days ago", -left),
            0 => format!("{day}, TODAY"),
            left => format!("{day}, in {left} days"),
        }
    }

    /// Whether it is worth a word: it ends within two weeks, or has.
    pub(crate) fn ends_soon(&self, now: Timestamp) -> bool {
        self.expires_at.duration_since(now) < SignedDuration::from_hours(14 * 24)
    }

    pub(crate) fn to_json(&self, now: Timestamp) -> Value {
        json!({
            "use": self.r#use.as_str(),
            "subject": self.subject,
            "issuer": self.issuer,
            "serial": self.serial,
            "fingerprint": self.fingerprint,
            "names": self.names,
            "key": self.key,
            "begins": self.begins_at.to_string(),
            "expires": self.expires_at.to_string(),
            "daysLeft": self.days_left(now),
        })
    }
}

/// SHA-256 of a certificate's DER, as the partners file wants it.
pub(crate) fn fingerprint(der: &[u8]) -> String {
    format!("sha256:{}", hex(&Sha256::digest(der)))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The certificates in a file, PEM or DER.
pub(crate) fn read_file(path: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    if bytes.first() == Some(&0x30) {
        return Ok(vec![CertificateDer::from(bytes)]);
    }
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let read = read.map_err(|error| anyhow::anyhow!("{}: {}", path.display(), pem_in_words(error)))?;
    if read.is_empty() {
        bail!("{} holds no certificate (-----BEGIN CERTIFICATE-----, or DER)", path.display());
    }
    Ok(read)
}

/// The DER of a certificate's subject, and of its public key.
pub(crate) fn subject_and_key(der: &[u8]) -> anyhow::Result<(Vec<u8>, Vec<u8>)> {
    let read = Certificate::from_der(der).map_err(|error| anyhow::anyhow!("no certificate: {error}"))?;
    let tbs = read.tbs_certificate();
    let encoded = || -> x509_cert::der::Result<_> {
        Ok((tbs.subject().to_der()?, tbs.subject_public_key_info().to_der()?))
    };
    encoded().map_err(|error| anyhow::anyhow!("a certificate that cannot be written again: {error}"))
}

/// The DER of a certificate's issuer.
pub(crate) fn issuer(der: &[u8]) -> anyhow::Result<Vec<u8>> {
    let read = Certificate::from_der(der).map_err(|error| anyhow::anyhow!("no certificate: {error}"))?;
    let encoded = read.tbs_certificate().issuer().to_der();
    encoded.map_err(|error| anyhow::anyhow!("a certificate that cannot be written again: {error}"))
}

fn usage(certificate: &Certificate) -> Use {
    let tbs = certificate.tbs_certificate();
    if let Ok(Some((_, constraints))) = tbs.get_extension::<BasicConstraints>()
        && constraints.ca
    {
        return Use::Authority;
    }
    match tbs.get_extension::<ExtendedKeyUsage>() {
        Ok(Some((_, uses))) => match (uses.0.contains(&SERVER_AUTH), uses.0.contains(&CLIENT_AUTH)) {
            (true, false) => Use::Server,
            (false, true) => Use::Client,
            _ => Use::Any,
        },
        _ => Use::Any,
    }
}

fn name(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::DnsName(name) => Some(name.to_string()),
        GeneralName::IpAddress(octets) => {
            let octets = octets.as_bytes();
            let four = <[u8; 4]>::try_from(octets).map(IpAddr::from);
            let address = four.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from));
            address.ok().map(|address| address.to_string())
        }
        _ => None,
    }
}

/// Certificates "without an end" name the last second of the year 9999, which is beyond what a timestamp can be.
fn instant(time: Time) -> Timestamp {
    let seconds = i64::try_from(time.to_unix_duration().as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
}
