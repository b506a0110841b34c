//! The certificates that the hub's connections rely on, and until when: what providers' servers show, the CA files
//! that the partners file names for them, what the hub itself shows, and what partners show when they call
//! it. A further source is one more iterator in [`Certificates::known`].
//!
//! Invariant: what is not known is not taken for well. A provider that was not called since the start, or a partner that has
//! not called, may still show the certificate that people were told of.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use roamhub_core::Partner;
use roamhub_core::certificate::{CertificateRule, Fingerprint};
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
    /// Of these something was not seen yet: a provider's server, or any of the certificates with which a partner calls.
    pub(crate) unseen: BTreeSet<Side>,
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
        let known = self.known(directory);
        self.show(&known, now, metrics);
        if self.notice.is_zero() {
            return Expiries::default();
        }
        let unseen = called(directory).filter(|(_, url)| self.seen.of_server(url).is_none());
        let unseen = unseen.map(|(provider, _)| Side::Provider(provider.id));
        let silent = callers(directory).filter(|caller| self.seen.of_client(caller.partner).is_empty());
        let unseen = unseen.chain(silent.map(|caller| caller.side)).collect();
        let soon = known.into_iter().filter(|known| known.worth_a_word_since(self.notice) <= now).collect();
        Expiries { soon, unseen }
    }

    pub(crate) fn known(&self, directory: &Directory) -> Vec<KnownCertificate> {
        let servers = called(directory).filter_map(|(provider, url)| {
            let purpose = Purpose::Server { host: host(url) };
            Some(of(provider, self.seen.of_server(url)?, purpose))
        });
        let authorities = called(directory).filter_map(|(provider, _)| {
            let file = provider.ca.as_deref()?;
            let purpose = Purpose::Authority { file: name(file) };
            Some(of(provider, self.seen.of_authority(file)?, purpose))
        });
        let clients = callers(directory).filter_map(|caller| self.of_caller(&caller));
        servers.chain(authorities).chain(self.own(directory)).chain(clients).collect()
    }

    /// What the hub shows.
    fn own(&self, directory: &Directory) -> impl Iterator<Item = KnownCertificate> {
        let of_hub = |expires_at, purpose| KnownCertificate { expires_at, about: Side::Hub, purpose };
        let serving = self.seen.serving();
        let serving = serving.map(|(file, at)| of_hub(at, Purpose::Serving { file: name(&file) }));
        let operators = directory.operators().filter_map(|operator| operator.remote.client.as_ref());
        let providers = directory.providers().filter_map(|provider| provider.client.as_ref());
        let partners = operators.chain(providers).map(|client| client.certificate.clone());
        let files: BTreeSet<PathBuf> = self.seen.calling().into_iter().chain(partners).collect();
        let calling = files.into_iter().filter_map(move |file| {
            Some(of_hub(self.seen.of_own(&file)?, Purpose::Calling { file: name(&file) }))
        });
        serving.into_iter().chain(calling)
    }

    /// What a partner shows: of several that stand for it the one that lasts longest counts, because the old one stays
    /// pinned beside the new for a while.
    fn of_caller(&self, caller: &Caller<'_>) -> Option<KnownCertificate> {
        let seen = self.seen.of_client(caller.partner).into_iter();
        let counts = |fingerprint: &Fingerprint| {
            caller.certificates.iter().any(|rule| match rule {
                CertificateRule::Pinned(pinned) => pinned == fingerprint,
                // It was let in under this name.
                CertificateRule::Named(_) => true,
            })
        };
        let counted = seen.filter(|(fingerprint, _)| counts(fingerprint));
        let (fingerprint, expires_at) = counted.max_by_key(|(_, expires_at)| *expires_at)?;
        let fingerprint = fingerprint.to_string();
        Some(KnownCertificate { expires_at, about: caller.side, purpose: Purpose::Client { fingerprint } })
    }

    fn show(&self, known: &[KnownCertificate], now: Timestamp, metrics: &PeopleMetrics) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::take(&mut *shown);
        // Of several with the same labels the next one to expire is shown.
        let mut known: Vec<_> = known.iter().collect();
        known.sort_by_key(|certificate| std::cmp::Reverse(certificate.expires_at));
        for certificate in known {
            let labels = CertificateLabels::of(certificate);
            metrics.show_certificate(&labels, certificate.expires_at.duration_since(now).as_secs());
            shown.insert(labels);
        }
        before.difference(&shown).for_each(|gone| metrics.hide_certificate(gone));
    }
}

/// A partner that has certificates to call with.
struct Caller<'a> {
    partner: Partner,
    side: Side,
    certificates: &'a [CertificateRule],
}

fn callers(directory: &Directory) -> impl Iterator<Item = Caller<'_>> {
    let operators = directory.operators().map(|operator| Caller {
        partner: operator.id.into(),
        side: Side::Operator(operator.id),
        certificates: &operator.certificates,
    });
    let providers = directory.providers().map(|provider| Caller {
        partner: provider.id.into(),
        side: Side::Provider(provider.id),
        certificates: &provider.certificates,
    });
    operators.chain(providers).filter(|caller| !caller.certificates.is_empty())
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
