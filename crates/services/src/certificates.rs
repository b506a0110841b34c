//! The certificates that the hub's connections rely on, and until when: what providers' servers show, and the CA files
//! that the partners file names for them. A further source is one more iterator in [`known`].
//!
//! Invariant: what is not known is not taken for well. A provider that was not called since the start may still show
//! the certificate that people were told of.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use oicp::ProviderId;
use roamhub_core::directory::{Directory, Provider};
use roamhub_core::expiry::{KnownCertificate, Purpose};
use roamhub_core::trouble::Side;
use roamhub_relay::SeenCertificates;

use crate::people_metrics::{CertificateLabels, PeopleMetrics};

/// Looks at certificates.
#[derive(Debug)]
pub(crate) struct Certificates {
    seen: Arc<SeenCertificates>,
    /// How long before its end a certificate is worth a word; zero: never.
    notice: Duration,
    /// What the gauge shows.
    shown: Mutex<BTreeSet<CertificateLabels>>,
}

/// What a look came to.
#[derive(Debug, Default)]
pub(crate) struct Expiries {
    /// Those whose end is worth a word, the next one first.
    pub(crate) soon: BTreeSet<KnownCertificate>,
    /// Of these providers no server's certificate was seen yet.
    pub(crate) unseen: BTreeSet<ProviderId>,
}

impl Certificates {
    pub(crate) fn new(seen: Arc<SeenCertificates>, notice: Duration) -> Self {
        Self { seen, notice, shown: Mutex::default() }
    }

    /// Since when a certificate's end is worth a word.
    pub(crate) fn worth_a_word_since(&self, certificate: &KnownCertificate) -> Timestamp {
        certificate.worth_a_word_since(self.notice)
    }

    /// Looks at all of them, and shows in the metrics how long each lasts.
    pub(crate) fn look(&self, directory: &Directory, now: Timestamp, metrics: &PeopleMetrics) -> Expiries {
        let known = known(&self.seen, directory);
        self.show(&known, now, metrics);
        if self.notice.is_zero() {
            return Expiries::default();
        }
        let unseen = called(directory).filter(|(_, url)| self.seen.of_server(url).is_none());
        let unseen = unseen.map(|(provider, _)| provider.id).collect();
        let soon = known.into_iter().filter(|known| known.worth_a_word_since(self.notice) <= now).collect();
        Expiries { soon, unseen }
    }

    fn show(&self, known: &[KnownCertificate], now: Timestamp, metrics: &PeopleMetrics) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::take(&mut *shown);
        for certificate in known {
            let labels = CertificateLabels::of(certificate);
            metrics.show_certificate(&labels, certificate.expires_at.duration_since(now).as_secs());
            shown.insert(labels);
        }
        before.difference(&shown).for_each(|gone| metrics.hide_certificate(gone));
    }
}

/// What is known of the certificates that connections to providers rely on.
pub(crate) fn known(seen: &SeenCertificates, directory: &Directory) -> Vec<KnownCertificate> {
    let servers = called(directory).filter_map(|(provider, url)| {
        let purpose = Purpose::Server { host: host(url) };
        Some(of(provider, seen.of_server(url)?, purpose))
    });
    let authorities = called(directory).filter_map(|(provider, _)| {
        let file = provider.ca.as_deref()?;
        let purpose = Purpose::Authority { file: name(file) };
        Some(of(provider, seen.of_authority(file)?, purpose))
    });
    servers.chain(authorities).collect()
}

/// The providers that are called over TLS, and where.
fn called(directory: &Directory) -> impl Iterator<Item = (&Provider, &str)> {
    let providers = directory.providers().filter(|provider| !provider.services.is_empty());
    let called = providers.filter_map(|provider| Some((&**provider, provider.url.as_deref()?)));
    called.filter(|(_, url)| url.starts_with("https://"))
}

fn of(provider: &Provider, expires_at: Timestamp, purpose: Purpose) -> KnownCertificate {
    KnownCertificate { expires_at, about: Side::Provider(provider.id), purpose }
}

/// Host and port as the URL spells them.
fn host(url: &str) -> String {
    let rest = url.trim_start_matches("https://");
    rest.split('/').next().unwrap_or(rest).to_owned()
}

/// Where the file lies is nobody's business but the hub's.
fn name(file: &Path) -> String {
    file.file_name().unwrap_or(file.as_os_str()).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_and_files_are_named_without_what_is_around_them() {
        assert_eq!(host("https://emp.example:8443/base"), "emp.example:8443");
        assert_eq!(host("https://emp.example"), "emp.example");
        assert_eq!(name(Path::new("/etc/roamhub/emp-ca.pem")), "emp-ca.pem");
    }
}
