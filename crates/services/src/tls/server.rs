//! The hub's own certificate, replaced while connections live, and the settings of a TLS listener.
//!
//! Invariants: a new file that cannot be used leaves the old certificate in place; no session is resumed, so that every
//! connection proves its certificate anew; a certificate that is missing, unknown or expired does not end the handshake,
//! because a sentence in an answer helps where an alert does not; but that a caller holds the key of what it shows is
//! always verified.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{DigitallySignedStruct, DistinguishedName, ServerConfig, SignatureScheme};
use x509_cert::Certificate;
use x509_cert::der::Decode;

use super::TlsFileError;
use super::certificate::{check, instant};

/// The hub's own certificate and key, from two PEM files. Clones of the `Arc` around it share what is loaded.
#[derive(Debug)]
pub struct ServerCertificate {
    certificate: PathBuf,
    key: PathBuf,
    current: ArcSwap<CertifiedKey>,
}

/// Whether a listener asks callers for a certificate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Asks {
    /// It does; who shows none gets in all the same, and is told so by whoever needs one.
    ForCertificates,
    /// It does not.
    ForNothing,
}

/// The implementation of cryptography, named so that nothing depends on a process-wide default.
pub(super) fn crypto() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

impl ServerCertificate {
    /// Loads certificate chain and key.
    ///
    /// # Errors
    /// [`TlsFileError`], if a file cannot be read or the two do not belong together.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, TlsFileError> {
        let current = ArcSwap::from_pointee(load(certificate, key)?);
        Ok(Self { certificate: certificate.to_owned(), key: key.to_owned(), current })
    }

    /// Reads both files again. Connections live on; new ones see the new certificate.
    ///
    /// # Errors
    /// [`TlsFileError`]; then the old certificate stays.
    pub fn reload(&self) -> Result<(), TlsFileError> {
        self.current.store(Arc::new(load(&self.certificate, &self.key)?));
        Ok(())
    }

    /// Until when the certificate is valid.
    #[must_use]
    pub fn not_after(&self) -> Option<Timestamp> {
        let current = self.current.load();
        let read = Certificate::from_der(current.cert.first()?).ok()?;
        Some(instant(read.tbs_certificate().validity().not_after))
    }

    /// The settings of a listener that shows this certificate and speaks these protocols (ALPN), the preferred one first.
    ///
    /// # Errors
    /// [`rustls::Error`], if the TLS library refuses them.
    pub fn listener(
        self: &Arc<Self>,
        asks: Asks,
        protocols: &[&str],
    ) -> Result<Arc<ServerConfig>, rustls::Error> {
        let builder = ServerConfig::builder_with_provider(crypto()).with_safe_default_protocol_versions()?;
        let builder = match asks {
            Asks::ForCertificates => builder.with_client_cert_verifier(Arc::new(KeyHolders::new())),
            Asks::ForNothing => builder.with_no_client_auth(),
        };
        let mut config = builder.with_cert_resolver(self.clone());
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(Arc::new(config))
    }
}

impl ResolvesServerCert for ServerCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

fn load(certificate: &Path, key: &Path) -> Result<CertifiedKey, TlsFileError> {
    let refuse = |path: &Path, reason: String| TlsFileError { path: path.to_owned(), reason };
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| refuse(certificate, error.to_string()))?;
    if chain.is_empty() {
        return Err(refuse(
            certificate,
            "it holds no certificate; it needs the hub's own first, as PEM".to_owned(),
        ));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| refuse(key, error.to_string()))?;
    CertifiedKey::from_der(chain, private, &crypto())
        .map_err(|error| refuse(key, format!("{error}; is it the key of {}?", certificate.display())))
}

/// Takes every client certificate, and verifies that the client holds its key. For whom it stands is asked per call.
#[derive(Debug)]
struct KeyHolders {
    crypto: Arc<CryptoProvider>,
}

impl KeyHolders {
    fn new() -> Self {
        Self { crypto: crypto() }
    }
}

impl ClientCertVerifier for KeyHolders {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        // One whose key cannot be read proves nothing, and is read as nobody's: `ShownCertificate::read` asks the same.
        if check(certificate).is_err() {
            return Ok(HandshakeSignatureValid::assertion());
        }
        verify_tls12_signature(message, certificate, signed, &self.crypto.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        if check(certificate).is_err() {
            return Ok(HandshakeSignatureValid::assertion());
        }
        verify_tls13_signature(message, certificate, signed, &self.crypto.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.crypto.signature_verification_algorithms.supported_schemes()
    }
}
