//! Certificates as people look at them: those that partners may call with, and those that connections rely on.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use roamhub_core::Partner;
use roamhub_core::certificate::CertificateRule;
use roamhub_core::expiry::Purpose;
use roamhub_core::trouble::Side;
use roamhub_relay::SeenCertificates;

use crate::certificates::Certificates;
use crate::partners::Partners;

/// A certificate of a partner, or of the hub.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListedCertificate {
    /// Whose; the hub's own without.
    pub partner: Option<Partner>,
    /// `client` (it shows it to the hub), `server` (its server shows it), `authority` (trusted for its server),
    /// `serving` and `calling` (the hub shows it).
    pub purpose: &'static str,
    /// Its fingerprint, its subject and issuer, its host or its file.
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
        let mut all = Vec::new();
        for operator in directory.operators() {
            all.extend(self.of_caller(operator.id.into(), &operator.certificates));
        }
        for provider in directory.providers() {
            all.extend(self.of_caller(provider.id.into(), &provider.certificates));
        }
        let known = Certificates::new(self.seen.clone(), Duration::ZERO).known(&directory);
        all.extend(known.into_iter().filter_map(|known| {
            let (purpose, name) = match known.purpose {
                Purpose::Server { host } => ("server", host),
                Purpose::Authority { file } => ("authority", file),
                Purpose::Serving { file } => ("serving", file),
                Purpose::Calling { file } => ("calling", file),
                // Each of them is listed already.
                Purpose::Client { .. } => return None,
            };
            let partner = match known.about {
                Side::Operator(id) => Some(id.into()),
                Side::Provider(id) => Some(id.into()),
                Side::Hub => None,
            };
            Some(ListedCertificate { partner, purpose, name, expires_at: Some(known.expires_at) })
        }));
        all
    }

    /// The certificates by which a partner is known: the pinned ones whether they were seen or not, those by name as far
    /// as they were seen.
    fn of_caller(&self, partner: Partner, rules: &[CertificateRule]) -> Vec<ListedCertificate> {
        let seen = self.seen.of_client(partner);
        let listed = |name: String, expires_at| ListedCertificate {
            partner: Some(partner),
            purpose: "client",
            name,
            expires_at,
        };
        let pinned = |rule: &CertificateRule| match rule {
            CertificateRule::Pinned(fingerprint) => Some(*fingerprint),
            CertificateRule::Named(_) => None,
        };
        let mut all = Vec::new();
        for rule in rules {
            match rule {
                CertificateRule::Pinned(fingerprint) => {
                    let known = seen.iter().find(|(other, _)| other == fingerprint);
                    all.push(listed(fingerprint.to_string(), known.map(|(_, expires_at)| *expires_at)));
                }
                CertificateRule::Named(name) => {
                    all.push(listed(format!("{}, issued by {}", name.subject, name.issuer), None));
                }
            }
        }
        let others = seen.iter().filter(|(other, _)| !rules.iter().any(|rule| pinned(rule) == Some(*other)));
        all.extend(
            others.map(|(fingerprint, expires_at)| listed(fingerprint.to_string(), Some(*expires_at))),
        );
        all
    }
}
