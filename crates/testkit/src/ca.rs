//! A certificate authority for tests: server and client certificates that are trusted by nobody else.

mod asking;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    KeyUsagePurpose, PKCS_RSA_SHA256, date_time_ymd,
};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use sha2::{Digest, Sha256};

/// For tests alone: everybody knows it.
const RSA_SERVER: &str = include_str!("keys/rsa-server.pem");

/// A certificate authority with a key of its own.
pub struct TestCa {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A server's certificate and key, and the configuration that uses them.
#[derive(Clone)]
pub struct ServerTls {
    /// For an acceptor.
    pub config: Arc<ServerConfig>,
    identity: Identity,
}

/// What a client needs: whom it trusts, whom it expects, and possibly a certificate of its own.
#[derive(Clone)]
pub struct ClientTls {
    /// For a connector.
    pub config: Arc<ClientConfig>,
    /// The name that the server's certificate must carry.
    pub server_name: ServerName<'static>,
    pub(crate) identity: Option<Identity>,
}

#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) der: CertificateDer<'static>,
    certificate_pem: String,
    key_der: Vec<u8>,
    key_pem: String,
}

impl Default for TestCa {
    fn default() -> Self {
        Self::new()
    }
}

impl TestCa {
    /// A new authority.
    #[must_use]
    pub fn new() -> Self {
        Self::with(named("roamhub test authority", &[]))
    }

    /// A new authority whose own certificate is valid until then.
    #[must_use]
    pub fn until(expires_at: Timestamp) -> Self {
        Self::with(until(named("roamhub test authority", &[]), expires_at))
    }

    fn with(mut params: CertificateParams) -> Self {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer =
            CertifiedIssuer::self_signed(params, key()).expect("a fresh key signs its own certificate");
        Self { issuer }
    }

    /// A server certificate for exactly this name or address, such as `localhost` or `127.0.0.1`.
    #[must_use]
    pub fn server(&self, name: &str) -> ServerTls {
        self.server_with(named(name, &[name]))
    }

    /// A server certificate with an RSA key.
    #[must_use]
    pub fn rsa_server(&self, name: &str) -> ServerTls {
        self.server_with_key(named(name, &[name]), &rsa_key(RSA_SERVER))
    }

    /// A server certificate that has expired.
    #[must_use]
    pub fn expired_server(&self, name: &str) -> ServerTls {
        let mut params = named(name, &[name]);
        params.not_before = date_time_ymd(2019, 1, 1);
        params.not_after = date_time_ymd(2020, 1, 1);
        self.server_with(params)
    }

    /// A server certificate that is valid until then.
    ///
    /// # Panics
    /// When that was before the year 2019.
    #[must_use]
    pub fn server_until(&self, name: &str, expires_at: Timestamp) -> ServerTls {
        self.server_with(until(named(name, &[name]), expires_at))
    }

    /// A client without a certificate that trusts this authority and expects a server of this name.
    #[must_use]
    pub fn anonymous_client(&self, server_name: &str) -> ClientTls {
        self.client_with(server_name, None)
    }

    /// A client with a certificate of this authority in which it bears the first name.
    #[must_use]
    pub fn client(&self, name: &str, server_name: &str) -> ClientTls {
        self.client_maker(name).build(server_name)
    }

    pub(crate) fn der(&self) -> CertificateDer<'static> {
        self.issuer.der().clone()
    }

    /// The authority's certificate.
    #[must_use]
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// Writes the authority's certificate to a file.
    pub fn write_pem(&self, path: impl AsRef<Path>) {
        write(path.as_ref(), &self.pem());
    }

    fn server_with(&self, params: CertificateParams) -> ServerTls {
        self.server_with_key(params, &key())
    }

    fn server_with_key(&self, mut params: CertificateParams, key: &KeyPair) -> ServerTls {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let identity = self.sign_key(params, key);
        let config = ServerConfig::builder_with_provider(crypto())
            .with_safe_default_protocol_versions()
            .expect("ring supports the default protocol versions")
            .with_no_client_auth()
            .with_single_cert(vec![identity.der.clone()], identity.key())
            .expect("certificate and key belong together");
        ServerTls { config: Arc::new(config), identity }
    }

    pub(crate) fn client_with(&self, server_name: &str, identity: Option<Identity>) -> ClientTls {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).expect("the authority's certificate is one");
        let builder = ClientConfig::builder_with_provider(crypto())
            .with_safe_default_protocol_versions()
            .expect("ring supports the default protocol versions")
            .with_root_certificates(roots);
        let config = match &identity {
            None => builder.with_no_client_auth(),
            Some(identity) => builder
                .with_client_auth_cert(vec![identity.der.clone()], identity.key())
                .expect("certificate and key belong together"),
        };
        let server_name = server_name.to_owned().try_into().expect("a host name or an address");
        ClientTls { config: Arc::new(config), server_name, identity }
    }

    pub(crate) fn sign_key(&self, params: CertificateParams, key: &KeyPair) -> Identity {
        let certificate = params.signed_by(key, &self.issuer).expect("the authority signs anything");
        Identity {
            der: certificate.der().clone(),
            certificate_pem: certificate.pem(),
            key_der: key.serialize_der(),
            key_pem: key.serialize_pem(),
        }
    }
}

impl ServerTls {
    /// The certificate.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.identity.der
    }

    /// Writes certificate and key to files.
    pub fn write_pem(&self, certificate: impl AsRef<Path>, key: impl AsRef<Path>) {
        self.identity.write(certificate.as_ref(), key.as_ref());
    }
}

impl ClientTls {
    /// The client's certificate, if it has one.
    #[must_use]
    pub fn der(&self) -> Option<&[u8]> {
        self.identity.as_ref().map(|identity| &*identity.der)
    }

    /// The fingerprint of the client's certificate, as a partners file pins it.
    ///
    /// # Panics
    /// When the client has none.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        let der = self.der().expect("a client with a certificate");
        let hex: String = Sha256::digest(der).iter().map(|byte| format!("{byte:02x}")).collect();
        format!("sha256:{hex}")
    }

    /// The client's certificate as PEM.
    ///
    /// # Panics
    /// When the client has none.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.identity.as_ref().expect("a client with a certificate").certificate_pem
    }

    /// Writes certificate and key to files.
    ///
    /// # Panics
    /// When the client has none.
    pub fn write_pem(&self, certificate: impl AsRef<Path>, key: impl AsRef<Path>) {
        let identity = self.identity.as_ref().expect("a client with a certificate");
        identity.write(certificate.as_ref(), key.as_ref());
    }
}

impl Identity {
    pub(crate) fn key(&self) -> PrivateKeyDer<'static> {
        PrivatePkcs8KeyDer::from(self.key_der.clone()).into()
    }

    fn write(&self, certificate: &Path, key: &Path) {
        write(certificate, &self.certificate_pem);
        write(key, &self.key_pem);
    }
}

/// The implementation of cryptography, named here so that nothing depends on a process-wide default.
pub(crate) fn crypto() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// A key of the kind that this kit cannot make itself.
pub(crate) fn rsa_key(pem: &str) -> KeyPair {
    KeyPair::from_pkcs8_pem_and_sign_algo(pem, &PKCS_RSA_SHA256).expect("the kit's own key")
}

pub(crate) fn key() -> KeyPair {
    KeyPair::generate().expect("the system has randomness")
}

pub(crate) fn named(common_name: &str, alternative_names: &[&str]) -> CertificateParams {
    let names: Vec<String> = alternative_names.iter().map(|&name| name.to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("names are host names or addresses");
    params.distinguished_name.push(DnType::CommonName, common_name);
    params
}

/// Valid since 2019 and until then.
fn until(mut params: CertificateParams, expires_at: Timestamp) -> CertificateParams {
    params.not_before = date_time_ymd(2019, 1, 1);
    let epoch = date_time_ymd(1970, 1, 1);
    let seconds = u64::try_from(expires_at.as_second()).expect("an instant of this century");
    params.not_after = epoch + Duration::from_secs(seconds);
    assert!(params.not_before < params.not_after, "a certificate ends after it began: {expires_at}");
    params
}

fn write(path: &Path, text: &str) {
    if let Err(error) = fs::write(path, text) {
        panic!("cannot write {}: {error}", path.display());
    }
}
