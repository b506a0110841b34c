//! `roamhub demo --tls`: certificates for everybody, made as `roamhub pki` makes them, in the demo's temporary folder. The hub,
//! the operator's server and the provider's server all want to know who calls them.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use jiff::Timestamp;
use roamhub_core::route::ClientCertificate;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio_rustls::TlsAcceptor;

use super::Cast;
use crate::pki::{self, Existing, Folder, Holder, Pair};
use crate::tls::TlsSettings;

/// The demo needs them for a while.
const DAYS: u32 = 7;

/// Where the hub is called, and how.
#[derive(Clone)]
pub(crate) struct Front {
    pub(crate) address: SocketAddr,
    secured: Option<Arc<Secured>>,
}

impl Front {
    pub(crate) fn new(address: SocketAddr, secured: Option<Arc<Secured>>) -> Self {
        Self { address, secured }
    }

    pub(crate) fn secured(&self) -> Option<&Secured> {
        self.secured.as_deref()
    }

    /// Its base URL.
    pub(crate) fn url(&self) -> String {
        let scheme = if self.secured.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }
}

/// As whom the hub is called.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Role {
    Operator,
    Provider,
}

/// The certificates of all.
pub(crate) struct Secured {
    folder: Folder,
    operator: Party,
    provider: Party,
    servers: Arc<ServerConfig>,
}

/// A partner's certificate.
struct Party {
    pair: Pair,
    fingerprint: String,
    client: Arc<ClientConfig>,
}

impl Secured {
    /// Makes everything.
    pub(crate) fn make(data: &Path, cast: &Cast, now: Timestamp) -> anyhow::Result<Self> {
        let folder = Folder::of(data);
        pki::init(Some("roamhub demo CA"), DAYS, &folder, Existing::Keep, now)?;
        let here = || Holder::Server(vec!["127.0.0.1".to_owned(), "::1".to_owned(), "localhost".to_owned()]);
        let make = |holder: &Holder, pair: &Pair| pki::make(&folder, holder, pair, Existing::Keep, DAYS, now);
        make(&here(), &folder.server())?;
        make(&Holder::Client("roamhub demo".to_owned()), &folder.outgoing())?;
        let party = |id: &str| -> anyhow::Result<Party> {
            let pair = folder.next_of(id);
            let issued = make(&Holder::Client(id.to_owned()), &pair)?;
            let client = client(&folder, &pair)?;
            Ok(Party { pair, fingerprint: issued.facts.fingerprint, client })
        };
        let (operator, provider) = (party(&cast.operator.to_string())?, party(&cast.provider.to_string())?);
        let server = folder.next_of("partner-server");
        make(&here(), &server)?;
        let servers = servers(&folder, &server)?;
        Ok(Self { operator, provider, servers, folder })
    }

    /// What the hub shows when it is called.
    pub(crate) fn server(&self) -> TlsSettings {
        let Pair { certificate, key } = self.folder.server();
        TlsSettings { own: Some((certificate, key)), client_ca: None }
    }

    /// What it shows when it calls.
    pub(crate) fn outgoing(&self) -> ClientCertificate {
        let pair = self.folder.outgoing();
        ClientCertificate { certificate: pair.certificate, key: pair.key }
    }

    /// The lines of both partners in the partners file.
    pub(crate) fn lines(&self, role: Role) -> String {
        let ca = self.folder.authority().certificate;
        format!(
            "certificates = [\"{}\"]\nca = {:?}\n",
            self.party(role).fingerprint,
            ca.display().to_string()
        )
    }

    /// For the partners' servers.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.servers.clone())
    }

    /// For whoever calls the hub.
    pub(crate) fn client(&self, role: Role) -> Arc<ClientConfig> {
        self.party(role).client.clone()
    }

    /// What `curl` needs to call as this partner.
    pub(crate) fn curl(&self, role: Role) -> String {
        let Pair { certificate, key } = &self.party(role).pair;
        let ca = self.folder.authority().certificate;
        format!("--cert {} --key {} --cacert {}", certificate.display(), key.display(), ca.display())
    }

    fn party(&self, role: Role) -> &Party {
        match role {
            Role::Operator => &self.operator,
            Role::Provider => &self.provider,
        }
    }
}

fn roots(folder: &Folder) -> anyhow::Result<Arc<RootCertStore>> {
    let mut roots = RootCertStore::empty();
    for certificate in pki::read_file(&folder.authority().certificate)? {
        roots.add(certificate)?;
    }
    Ok(Arc::new(roots))
}

fn client(folder: &Folder, pair: &Pair) -> anyhow::Result<Arc<ClientConfig>> {
    let config = ClientConfig::builder_with_provider(crypto())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots(folder)?)
        .with_client_auth_cert(pki::read_file(&pair.certificate)?, key(pair)?)?;
    Ok(Arc::new(config))
}

fn servers(folder: &Folder, pair: &Pair) -> anyhow::Result<Arc<ServerConfig>> {
    let callers = WebPkiClientVerifier::builder_with_provider(roots(folder)?, crypto()).build()?;
    let config = ServerConfig::builder_with_provider(crypto())
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(callers)
        .with_single_cert(pki::read_file(&pair.certificate)?, key(pair)?)?;
    Ok(Arc::new(config))
}

fn key(pair: &Pair) -> anyhow::Result<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_file(&pair.key).with_context(|| format!("cannot read {}", pair.key.display()))
}

fn crypto() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}
