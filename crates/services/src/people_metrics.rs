//! What is counted about telling people.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};
use roamhub_core::expiry::{KnownCertificate, Purpose};
use roamhub_core::ports::people::Channel;
use roamhub_core::trouble::{Say, Trouble};

/// Labels of a trouble.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
pub struct TroubleLabels {
    /// What is the matter.
    pub kind: &'static str,
    /// With whom: `provider DE-DCB`.
    pub about: String,
}

/// Labels of what was said.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
pub struct SaidLabels {
    /// What is the matter.
    pub kind: &'static str,
    /// `trouble`, `reminder` or `all-clear`.
    pub state: &'static str,
}

/// Labels of a message to people.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
pub struct MessageLabels {
    /// `webhook` or `mail`.
    pub channel: &'static str,
    /// `sent`, `failed` (and tried again), `given-up` or `dropped`.
    pub outcome: &'static str,
}

/// Labels of a certificate.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, EncodeLabelSet)]
pub struct CertificateLabels {
    /// Whose it is: `provider DE-DCB`.
    pub about: String,
    /// `server`, `authority`, `serving`, `calling` or `client`.
    pub certificate: &'static str,
}

impl CertificateLabels {
    pub(crate) fn of(certificate: &KnownCertificate) -> Self {
        let about = certificate.about.to_string();
        let certificate = match certificate.purpose {
            Purpose::Server { .. } => "server",
            Purpose::Authority { .. } => "authority",
            Purpose::Serving { .. } => "serving",
            Purpose::Calling { .. } => "calling",
            Purpose::Client { .. } => "client",
        };
        Self { about, certificate }
    }
}

/// The metrics.
#[derive(Clone, Debug, Default)]
pub struct PeopleMetrics {
    troubles: Family<TroubleLabels, Gauge>,
    said: Family<SaidLabels, Counter>,
    messages: Family<MessageLabels, Counter>,
    crowded_out: Counter,
    certificates: Family<CertificateLabels, Gauge>,
}

impl PeopleMetrics {
    /// Makes them and registers them.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "roamhub_trouble",
            "1 while people were told of a trouble",
            metrics.troubles.clone(),
        );
        registry.register("roamhub_troubles_said", "What people were to be told", metrics.said.clone());
        registry.register("roamhub_people_messages", "Messages to people", metrics.messages.clone());
        registry.register(
            "roamhub_people_messages_crowded_out",
            "Messages to people that were dropped because too many waited",
            metrics.crowded_out.clone(),
        );
        registry.register_with_unit(
            "roamhub_certificate_expires_in",
            "How long a certificate that the hub's connections rely on is still valid; below 0 it is not",
            Unit::Seconds,
            metrics.certificates.clone(),
        );
        metrics
    }

    pub(crate) fn said(&self, trouble: &Trouble, say: Say) {
        let labels = SaidLabels { kind: trouble.kind.as_str(), state: say.as_str() };
        self.said.get_or_create(&labels).inc();
    }

    pub(crate) fn show(&self, trouble: &Trouble, there: bool) {
        let labels = TroubleLabels { kind: trouble.kind.as_str(), about: trouble.about.to_string() };
        self.troubles.get_or_create(&labels).set(i64::from(there));
    }

    pub(crate) fn message(&self, channel: Channel, outcome: &'static str) {
        let labels = MessageLabels { channel: channel.as_str(), outcome };
        self.messages.get_or_create(&labels).inc();
    }

    pub(crate) fn show_certificate(&self, labels: &CertificateLabels, seconds: i64) {
        self.certificates.get_or_create(labels).set(seconds);
    }

    pub(crate) fn hide_certificate(&self, labels: &CertificateLabels) {
        self.certificates.remove(labels);
    }

    pub(crate) fn crowded_out(&self, count: usize) {
        self.crowded_out.inc_by(u64::try_from(count).unwrap_or(u64::MAX));
    }
}
