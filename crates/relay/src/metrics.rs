//! What the engine counts. Labels are partner ids and outcomes, never anything personal.

use std::fmt;

use oicp::{NotificationType, ProviderId};
use prometheus_client::encoding::{EncodeLabelSet, LabelSetEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// Labels of an attempt. They become text when somebody reads the metrics, not when something is counted.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct AttemptLabels {
    /// The provider.
    pub provider: ProviderId,
    /// The notification's type.
    pub kind: NotificationType,
    /// The outcome's word.
    pub outcome: &'static str,
}

impl EncodeLabelSet for AttemptLabels {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        let provider = self.provider.to_string();
        [("provider", provider.as_str()), ("type", self.kind.as_str()), ("outcome", self.outcome)]
            .encode(encoder)
    }
}

/// Labels of a deferral.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
pub struct DeferralLabels {
    /// The provider's id.
    pub provider: String,
    /// Why.
    pub reason: &'static str,
}

/// The engine's metrics.
#[derive(Clone, Debug)]
pub struct RelayMetrics {
    pub(crate) attempts: Family<AttemptLabels, Counter>,
    pub(crate) exchange: Histogram,
    pub(crate) deferrals: Family<DeferralLabels, Counter>,
    pub(crate) unrecorded: Counter,
    pub(crate) returned: Counter,
}

impl RelayMetrics {
    /// Makes them and registers them.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            attempts: Family::default(),
            exchange: Histogram::new(exponential_buckets(0.001, 2.0, 14)),
            deferrals: Family::default(),
            unrecorded: Counter::default(),
            returned: Counter::default(),
        };
        registry.register(
            "roamhub_attempts",
            "Exchanges with providers, by outcome",
            metrics.attempts.clone(),
        );
        registry.register_with_unit(
            "roamhub_exchange",
            "How long an exchange with a provider takes",
            Unit::Seconds,
            metrics.exchange.clone(),
        );
        registry.register("roamhub_deferrals", "Messages deferred, by reason", metrics.deferrals.clone());
        registry.register(
            "roamhub_outcomes_unrecorded",
            "Outcomes the ledger did not take; the provider sees a repeat",
            metrics.unrecorded.clone(),
        );
        registry.register(
            "roamhub_deliveries_returned",
            "Deliveries whose lease ran out or that were stranded, returned to the queue",
            metrics.returned.clone(),
        );
        metrics
    }
}
