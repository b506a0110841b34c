//! Servers that want to know who calls them, and clients made of files.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ALL_VERSIONS, ClientConfig, RootCertStore, ServerConfig, SupportedProtocolVersion, version};

use super::{ClientTls, ServerTls, TestCa, crypto};

impl ServerTls {
    /// Serves nobody without a client certificate of this authority.
    #[must_use]
    pub fn for_clients_of(&self, clients: &TestCa) -> Self {
        self.asking(&clients.pem(), false, ALL_VERSIONS)
    }

    /// The same; the authority is given as PEM.
    #[must_use]
    pub fn for_clients_of_pem(&self, authority: &str) -> Self {
        self.asking(authority, false, ALL_VERSIONS)
    }

    /// The same with TLS 1.2, where a refusal ends the handshake.
    #[must_use]
    pub fn for_clients_of_by_tls12(&self, clients: &TestCa) -> Self {
        self.asking(&clients.pem(), false, &[&version::TLS12])
    }

    /// Asks for a client certificate, and serves everybody who shows none too.
    #[must_use]
    pub fn asking_clients_of(&self, clients: &TestCa) -> Self {
        self.asking(&clients.pem(), true, ALL_VERSIONS)
    }

    fn asking(
        &self,
        authority: &str,
        optional: bool,
        versions: &[&'static SupportedProtocolVersion],
    ) -> Self {
        let mut roots = RootCertStore::empty();
        let authority =
            CertificateDer::from_pem_slice(authority.as_bytes()).expect("an authority in PEM form");
        roots.add(authority).expect("the authority's certificate is one");
        let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), crypto());
        let builder = if optional { builder.allow_unauthenticated() } else { builder };
        let config = ServerConfig::builder_with_provider(crypto())
            .with_protocol_versions(versions)
            .expect("ring supports these versions")
            .with_client_cert_verifier(builder.build().expect("an authority to verify by"))
            .with_single_cert(vec![self.identity.der.clone()], self.identity.key())
            .expect("certificate and key belong together");
        Self { config: Arc::new(config), identity: self.identity.clone() }
    }
}

impl ClientTls {
    /// A client that trusts the authority in a file and shows the certificate in another one.
    ///
    /// # Panics
    /// When a file holds something else.
    #[must_use]
    pub fn from_files(authority: &Path, certificate: &Path, key: &Path, server_name: &str) -> Self {
        let read = |file: &Path| CertificateDer::from_pem_file(file).expect("a certificate in PEM form");
        let mut roots = RootCertStore::empty();
        roots.add(read(authority)).expect("the authority's certificate is one");
        let config = ClientConfig::builder_with_provider(crypto())
            .with_safe_default_protocol_versions()
            .expect("ring supports the default protocol versions")
            .with_root_certificates(roots)
            .with_client_auth_cert(
                vec![read(certificate)],
                PrivateKeyDer::from_pem_file(key).expect("a private key in PEM form"),
            )
            .expect("certificate and key belong together");
        let server_name = server_name.to_owned().try_into().expect("a host name or an address");
        Self { config: Arc::new(config), server_name, identity: None }
    }
}
