//! With which certificates partners call, for whoever warns people of their end.

use std::sync::Arc;

use roamhub_relay::SeenCertificates;

use crate::partners::Partners;
use crate::tls::ShownCertificate;

/// Takes note of the certificates of callers.
#[derive(Clone, Debug)]
pub struct Callers {
    seen: Arc<SeenCertificates>,
    partners: Arc<Partners>,
}

impl Callers {
    /// Keeps what it notes with what is known of other certificates.
    #[must_use]
    pub fn new(seen: Arc<SeenCertificates>, partners: Arc<Partners>) -> Self {
        Self { seen, partners }
    }

    /// Takes note of a certificate that was shown, for each partner for which it stands; nothing is kept of strangers.
    pub fn note(&self, shown: &ShownCertificate) {
        for partner in shown.stands_for(&self.partners.directory()) {
            self.seen.note_client(partner, shown.fingerprint(), shown.not_after());
        }
    }
}
