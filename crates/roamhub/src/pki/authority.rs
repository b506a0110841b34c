//! The hub's own certificate authority: it says which certificates are worth anything, and signs nothing but what servers
//! and clients show. What a certificate says is the hub's choice alone.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, DnValue, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose, PublicKeyData, SanType, SerialNumber, date_time_ymd,
};
use ring::rand::{SecureRandom, SystemRandom};
use rustls::pki_types::{CertificateDer, DnsName};
use x509_cert::Certificate;
use x509_cert::der::Decode;
use x509_cert::der::asn1::{Ia5StringRef, PrintableStringRef, Utf8StringRef};
use x509_cert::ext::pkix::SubjectKeyIdentifier;
use x509_cert::name::RdnSequence;

use super::facts::{self, Facts, Use};

/// Clocks differ: certificates are valid from a little before they were issued.
const BACK: SignedDuration = SignedDuration::from_hours(1);

/// To whom a certificate is issued, and what for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Holder {
    /// A server of these DNS names and addresses.
    Server(Vec<String>),
    /// A client of this name.
    Client(String),
}

/// A new certificate.
#[derive(Clone, Debug)]
pub(crate) struct Issued {
    /// What it says.
    pub(crate) facts: Facts,
    /// As PEM.
    pub(crate) pem: String,
    /// It ends earlier than was wished, with the authority.
    pub(crate) cut_short: bool,
}

/// An authority.
pub(crate) struct Authority {
    certificate: CertificateDer<'static>,
    pub(crate) facts: Facts,
    issuer: Issuer<'static, KeyPair>,
}

/// A new authority, and what is to be kept of it.
pub(crate) struct NewAuthority {
    pub(crate) authority: Authority,
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    /// Makes one.
    pub(crate) fn make(name: Option<&str>, days: u32, now: Timestamp) -> anyhow::Result<NewAuthority> {
        let name = match name {
            Some(name) => common_name(name)?,
            // Two authorities of one name are a riddle to whoever has to tell them apart.
            None => format!("roamhub CA {}", facts::hex(&random::<4>()?)),
        };
        let mut params = blank(&name, days, now)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.use_authority_key_identifier_extension = true;
        let key = new_key()?;
        let certificate = params.self_signed(&key)?;
        let key_pem = key.serialize_pem();
        Ok(NewAuthority {
            certificate: certificate.pem(),
            key: key_pem,
            authority: Self {
                facts: Facts::of(certificate.der())?,
                certificate: certificate.der().clone(),
                issuer: Issuer::new(params, key),
            },
        })
    }

    /// The one whose certificate and key (PEM) these are.
    pub(crate) fn of(certificate: CertificateDer<'static>, key: &str) -> anyhow::Result<Self> {
        let facts = Facts::of(&certificate)?;
        ensure!(facts.r#use == Use::Authority, "this is no certificate of an authority: {}", facts.subject);
        let key =
            KeyPair::from_pem(key).map_err(|error| anyhow::anyhow!("the key cannot be read: {error}"))?;
        let (_, public) = facts::subject_and_key(&certificate)?;
        ensure!(public == key.subject_public_key_info(), "key and certificate do not belong together");
        let mut params = CertificateParams::default();
        let read = Certificate::from_der(&certificate).context("a certificate that was read before")?;
        params.distinguished_name = same_name(read.tbs_certificate().subject().as_ref())?;
        if let Ok(Some((_, identifier))) = read.tbs_certificate().get_extension::<SubjectKeyIdentifier>() {
            params.key_identifier_method = KeyIdMethod::PreSpecified(identifier.0.as_bytes().to_vec());
        }
        Ok(Self { certificate, facts, issuer: Issuer::new(params, key) })
    }

    /// Issues a certificate for a key.
    pub(crate) fn issue(
        &self,
        holder: &Holder,
        key: &impl PublicKeyData,
        days: u32,
        now: Timestamp,
    ) -> anyhow::Result<Issued> {
        ensure!(
            self.facts.expires_at > now,
            "the authority has expired on {}: make a new one with `roamhub pki init --force`",
            self.facts.expires_at
        );
        let name = match holder {
            Holder::Server(names) => names.first().context("a server needs a name")?,
            Holder::Client(name) => name,
        };
        // A long name goes into the list of names only; X.509 has no room for it in the subject.
        let mut params = blank(&name.chars().take(64).collect::<String>(), days, now)?;
        let cut_short = end(days, now)? > self.facts.expires_at;
        if cut_short {
            set_validity(&mut params, now.checked_sub(BACK)?, self.facts.expires_at)?;
        }
        // Not an authority, and said so.
        params.is_ca = IsCa::ExplicitNoCa;
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![match holder {
            Holder::Server(_) => ExtendedKeyUsagePurpose::ServerAuth,
            Holder::Client(_) => ExtendedKeyUsagePurpose::ClientAuth,
        }];
        if let Holder::Server(names) = holder {
            params.subject_alt_names =
                names.iter().map(|name| server_name(name)).collect::<Result<_, _>>()?;
        }
        let issued = params.signed_by(key, &self.issuer)?;
        let (subject, _) = facts::subject_and_key(&self.certificate)?;
        ensure!(
            facts::issuer(issued.der())? == subject,
            "the authority's name is written in a way that is not served; make one with `roamhub pki init`"
        );
        Ok(Issued { facts: Facts::of(issued.der())?, pem: issued.pem(), cut_short })
    }
}

/// A new private key.
pub(crate) fn new_key() -> anyhow::Result<KeyPair> {
    KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).context("cannot make a key")
}

fn random<const N: usize>() -> anyhow::Result<[u8; N]> {
    let mut bytes = [0; N];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| anyhow::anyhow!("the system gives no random numbers"))?;
    Ok(bytes)
}

/// What all certificates have: a name, a serial number that nobody guesses, a beginning and an end.
fn blank(name: &str, days: u32, now: Timestamp) -> anyhow::Result<CertificateParams> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let mut serial = random::<16>()?;
    // Positive, and as long as it looks.
    serial[0] = serial[0] & 0x7f | 0x40;
    params.serial_number = Some(SerialNumber::from_slice(&serial));
    let began = now.checked_sub(BACK).context("the clock is far off")?;
    set_validity(&mut params, began, end(days, now)?)?;
    Ok(params)
}

fn end(days: u32, now: Timestamp) -> anyhow::Result<Timestamp> {
    ensure!(days > 0, "a certificate that is not valid for a day is of no use");
    let end = now.checked_add(SignedDuration::from_hours(24 * i64::from(days)));
    end.context("so many days end after the year 9999")
}

/// The certificate library has a calendar of its own.
fn set_validity(params: &mut CertificateParams, begins: Timestamp, ends: Timestamp) -> anyhow::Result<()> {
    let since_1970 = |at: Timestamp| u64::try_from(at.as_second()).context("a clock before 1970");
    let epoch = date_time_ymd(1970, 1, 1);
    params.not_before = epoch + Duration::from_secs(since_1970(begins)?);
    params.not_after = epoch + Duration::from_secs(since_1970(ends)?);
    Ok(())
}

/// A name as X.509 has room for it.
fn common_name(name: &str) -> anyhow::Result<String> {
    let fine = !name.trim().is_empty() && name.chars().count() <= 64 && !name.contains(char::is_control);
    ensure!(fine, "a name has 1 to 64 characters, and none of them is a control character");
    Ok(name.to_owned())
}

/// A DNS name or an address, as a client asks for it.
fn server_name(name: &str) -> anyhow::Result<SanType> {
    if let Ok(address) = name.parse::<IpAddr>() {
        return Ok(SanType::IpAddress(address));
    }
    let plain = name.strip_prefix("*.").unwrap_or(name);
    if DnsName::try_from(plain).is_err() {
        bail!(
            "{name:?} is neither a DNS name nor an address: say just the host, without https:// and port \
             (other letters than a to z in their xn-- form)"
        );
    }
    Ok(SanType::DnsName(name.try_into()?))
}

/// The same name for the library that writes certificates, in the same encoding: issuer and subject are compared byte by
/// byte.
fn same_name(name: &RdnSequence) -> anyhow::Result<DistinguishedName> {
    let mut same = DistinguishedName::new();
    for part in name.iter().flat_map(|part| part.iter()) {
        let oid = part.oid.arcs().map(u64::from).collect();
        let value = &part.value;
        let text = if let Ok(text) = value.decode_as::<Utf8StringRef<'_>>() {
            DnValue::Utf8String(text.as_str().to_owned())
        } else if let Ok(text) = value.decode_as::<PrintableStringRef<'_>>() {
            DnValue::PrintableString(text.as_str().try_into()?)
        } else if let Ok(text) = value.decode_as::<Ia5StringRef<'_>>() {
            DnValue::Ia5String(text.as_str().try_into()?)
        } else {
            bail!("the authority's name is in an encoding that is not served");
        };
        same.push(DnType::CustomDnType(oid), text);
    }
    Ok(same)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2026-03-02T14:00:00Z".parse().unwrap()
    }

    fn client(id: &str) -> Holder {
        Holder::Client(id.to_owned())
    }

    #[test]
    fn an_authority_that_was_kept_goes_on_as_it_was() {
        let made = Authority::make(Some("hub.example CA"), 3650, now()).unwrap();
        let certificate = made.authority.certificate.clone();
        let again = Authority::of(certificate, &made.key).unwrap();
        let key = new_key().unwrap();
        for authority in [made.authority, again] {
            let issued = authority.issue(&client("DE*ABC"), &key, 730, now()).unwrap();
            assert_eq!(issued.facts.subject, "CN=DE*ABC");
            assert_eq!(issued.facts.issuer, "CN=hub.example CA");
            assert_eq!(issued.facts.r#use, Use::Client);
            assert_eq!(issued.facts.days_left(now()), 730);
            assert!(issued.facts.begins_at < now() && !issued.cut_short);
        }
        let other = Authority::make(None, 1, now()).unwrap();
        assert!(Authority::of(other.authority.certificate, &made.key).is_err(), "another one's key");
        let leaf = again_leaf();
        assert!(Authority::of(leaf.0, &leaf.1).is_err(), "no authority");
    }

    /// A certificate that may not sign others, with its key.
    fn again_leaf() -> (CertificateDer<'static>, String) {
        let authority = Authority::make(None, 10, now()).unwrap().authority;
        let key = new_key().unwrap();
        let issued = authority.issue(&client("DE*ABC"), &key, 1, now()).unwrap();
        use rustls::pki_types::pem::PemObject;
        (CertificateDer::from_pem_slice(issued.pem.as_bytes()).unwrap(), key.serialize_pem())
    }

    #[test]
    fn no_certificate_outlives_its_authority_and_none_comes_from_a_dead_one() {
        let authority = Authority::make(None, 10, now()).unwrap().authority;
        let key = new_key().unwrap();
        let issued = authority.issue(&client("DE*ABC"), &key, 730, now()).unwrap();
        assert!(issued.cut_short);
        assert_eq!(issued.facts.expires_at, authority.facts.expires_at);
        let later = authority.facts.expires_at;
        assert!(authority.issue(&client("DE*ABC"), &key, 730, later).is_err());
    }

    #[test]
    fn serial_numbers_are_all_different_and_long() {
        let authority = Authority::make(None, 10, now()).unwrap().authority;
        let key = new_key().unwrap();
        let serials: std::collections::BTreeSet<_> = (0..20)
            .map(|_| authority.issue(&client("DE*ABC"), &key, 1, now()).unwrap().facts.serial)
            .collect();
        assert_eq!(serials.len(), 20);
        assert!(serials.iter().all(|serial| serial.len() == 32), "{serials:?}");
    }

    #[test]
    fn servers_have_names_and_addresses_and_mistakes_are_said() {
        let authority = Authority::make(None, 10, now()).unwrap().authority;
        let key = new_key().unwrap();
        let issue = |names: &[&str]| {
            let names = names.iter().map(|&name| name.to_owned()).collect();
            authority.issue(&Holder::Server(names), &key, 1, now())
        };
        let names = ["hub.example", "*.hub.example", "127.0.0.1", "::1"];
        let issued = issue(&names).unwrap();
        assert_eq!(issued.facts.names, names);
        assert_eq!(issued.facts.r#use, Use::Server);
        for bad in ["", "hub example", "https://hub.example", "hub.example:8443", "*", "h\u{fc}b.example"] {
            assert!(issue(&[bad]).is_err(), "{bad:?}");
        }
        assert!(issue(&[]).is_err());
    }

    #[test]
    fn a_certificate_lasts_for_days_that_exist() {
        let authority = Authority::make(None, 10, now()).unwrap().authority;
        let key = new_key().unwrap();
        for days in [0, u32::MAX] {
            assert!(authority.issue(&client("DE*ABC"), &key, days, now()).is_err(), "{days}");
        }
    }
}
