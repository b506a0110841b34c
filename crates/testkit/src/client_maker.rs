//! Clients with certificates of every kind: another key, another time, another version of TLS, somebody else's.

use std::sync::Arc;

use jiff::Timestamp;
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair};
use rustls::client::ResolvesClientCert;
use rustls::sign::CertifiedKey;
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, RootCertStore, SignatureScheme, SupportedProtocolVersion};

use crate::ca::{ClientTls, TestCa, crypto, key, named, rsa_key};

/// For tests alone: everybody knows it.
const RSA_CLIENT: &str = include_str!("keys/rsa-client.pem");

/// Makes a client with a certificate of an authority.
pub struct ClientMaker<'a> {
    ca: &'a TestCa,
    trusts: &'a TestCa,
    params: CertificateParams,
    key: KeyPair,
    versions: Vec<&'static SupportedProtocolVersion>,
    shows: Option<&'a ClientTls>,
    protocols: Vec<Vec<u8>>,
}

impl TestCa {
    /// A client with a certificate of this authority in which it bears this name.
    #[must_use]
    pub fn client_maker(&self, name: &str) -> ClientMaker<'_> {
        let mut params = named(name, &[]);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let versions = vec![&TLS12, &TLS13];
        ClientMaker {
            ca: self,
            trusts: self,
            params,
            key: key(),
            versions,
            shows: None,
            protocols: Vec::new(),
        }
    }
}

impl<'a> ClientMaker<'a> {
    /// With an RSA key.
    #[must_use]
    pub fn rsa(self) -> Self {
        Self { key: rsa_key(RSA_CLIENT), ..self }
    }

    /// Valid between these instants.
    #[must_use]
    pub fn valid(mut self, from: Timestamp, until: Timestamp) -> Self {
        let epoch = rcgen::date_time_ymd(1970, 1, 1);
        let at =
            |instant: Timestamp| epoch + std::time::Duration::from_secs(instant.as_second().unsigned_abs());
        self.params.not_before = at(from);
        self.params.not_after = at(until);
        self
    }

    /// Speaks TLS 1.2 only.
    #[must_use]
    pub fn tls12(self) -> Self {
        Self { versions: vec![&TLS12], ..self }
    }

    /// Speaks TLS 1.3 only.
    #[must_use]
    pub fn tls13(self) -> Self {
        Self { versions: vec![&TLS13], ..self }
    }

    /// Trusts servers of another authority than the one that signed its certificate.
    #[must_use]
    pub fn trusting(self, other: &'a TestCa) -> Self {
        Self { trusts: other, ..self }
    }

    /// Shows the certificate of another client, whose key it does not have.
    #[must_use]
    pub fn claiming(self, other: &'a ClientTls) -> Self {
        Self { shows: Some(other), ..self }
    }

    /// Offers these protocols (ALPN).
    #[must_use]
    pub fn speaking(self, protocols: &[&str]) -> Self {
        let protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Self { protocols, ..self }
    }

    /// The client, which expects a server of this name.
    #[must_use]
    pub fn build(self, server_name: &str) -> ClientTls {
        let identity = self.ca.sign_key(self.params, &self.key);
        let mut roots = RootCertStore::empty();
        roots.add(self.trusts.der()).expect("the authority's certificate is one");
        let signing = crypto().key_provider.load_private_key(identity.key()).expect("a key that can sign");
        let shown = self.shows.and_then(|other| other.identity.as_ref()).unwrap_or(&identity).der.clone();
        let shows = Shows(Arc::new(CertifiedKey::new(vec![shown], signing)));
        let mut config = ClientConfig::builder_with_provider(crypto())
            .with_protocol_versions(&self.versions)
            .expect("ring supports both versions")
            .with_root_certificates(roots)
            .with_client_cert_resolver(Arc::new(shows));
        config.alpn_protocols = self.protocols;
        let server_name = server_name.to_owned().try_into().expect("a host name or an address");
        ClientTls { config: Arc::new(config), server_name, identity: Some(identity) }
    }
}

/// Shows one certificate, whatever the server asks for, and signs with one key, whether they belong together or not.
#[derive(Debug)]
struct Shows(Arc<CertifiedKey>);

impl ResolvesClientCert for Shows {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}
