//! Certificates as people look at them: each partner's pinned ones, and those that connections to it rely on.

use std::sync::Arc;

use jiff::Timestamp;
use roamhub_core::Partner;
use roamhub_core::expiry::Purpose;
use roamhub_core::trouble::Side;
use roamhub_relay::SeenCertificates;

use crate::certificates;
use crate::partners::Partners;

/// A certificate of a partner.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListedCertificate {
    /// Whose.
    pub partner: Partner,
    /// `client` (it shows it to the hub), `server` (its server shows it), `authority` (trusted for its server).
    pub purpose: &'static str,
    /// Its fingerprint, host or file.
    pub name: String,
    /// Until when it is valid, where the hub has seen it.
    pub expires_at: Option<Timestamp>,
}

/// Lists certificates. Cheap to clone.
#[derive(Clone, Debug)]
pub struct CertificateList {
    seen: Arc<SeenCertificates>,
    partners: Arc<Partners>,
}

impl CertificateList {
    /// Of these partners, as far as seen.
    #[must_use]
    pub fn new(seen: Arc<SeenCertificates>, partners: Arc<Partners>) -> Self {
        Self { seen, partners }
    }

    /// All that are known.
    #[must_use]
    pub fn all(&self) -> Vec<ListedCertificate> {
        let directory = self.partners.directory();
        let operators =
            directory.operators().flat_map(|operator| pinned(operator.id.into(), &operator.certificates));
        let providers =
            directory.providers().flat_map(|provider| pinned(provider.id.into(), &provider.certificates));
        let relied_on = certificates::known(&self.seen, &directory).into_iter().filter_map(|known| {
            let (purpose, name) = match known.purpose {
                Purpose::Server { host } => ("server", host),
                Purpose::Authority { file } => ("authority", file),
            };
            let partner = match known.about {
                Side::Operator(id) => id.into(),
                Side::Provider(id) => id.into(),
                Side::Hub => return None,
            };
            Some(ListedCertificate { partner, purpose, name, expires_at: Some(known.expires_at) })
        });
        operators.chain(providers).chain(relied_on).collect()
    }
}

fn pinned(partner: Partner, fingerprints: &[String]) -> Vec<ListedCertificate> {
    let listed = fingerprints.iter().map(|fingerprint| ListedCertificate {
        partner,
        purpose: "client",
        name: format!("sha256:{fingerprint}"),
        expires_at: None,
    });
    listed.collect()
}
