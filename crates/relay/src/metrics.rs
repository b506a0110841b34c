//! What the engine counts. Labels are partner ids and outcomes, never anything personal.

use std::fmt;
use std::ops::Deref;

use oicp::ProviderId;
use prometheus_client::encoding::{EncodeLabelSet, LabelSetEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};
use roamhub_core::MessageKind;

/// Labels of an attempt. They become text when somebody reads the metrics, not when something is counted.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct AttemptLabels {
    /// The provider.
    pub provider: ProviderId,
    /// The notification's type.
    pub kind: MessageKind,
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

/// Labels of a breaker.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
pub struct BreakerLabels {
    /// The provider's id.
    pub provider: String,
    /// What it is asked.
    pub service: &'static str,
}

/// Labels of a breaker's change.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
pub struct BreakerChange {
    /// The provider's id.
    pub provider: String,
    /// What it is asked.
    pub service: &'static str,
    /// Where the breaker stands now.
    pub to: &'static str,
}

/// Labels of a lane.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
pub struct LaneLabels {
    /// The provider's id.
    pub provider: String,
}

/// Labels of deliveries that were given up.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
pub struct GivenUpLabels {
    /// The provider's id.
    pub provider: String,
    /// How it ended.
    pub state: &'static str,
    /// Why.
    pub reason: &'static str,
}

/// The metrics of breakers, of whatever service.
#[derive(Clone, Debug, Default)]
pub struct BreakerMetrics {
    pub(crate) state: Family<BreakerLabels, Gauge>,
    pub(crate) changes: Family<BreakerChange, Counter>,
}

/// The engine's metrics.
#[derive(Clone, Debug)]
pub struct RelayMetrics {
    pub(crate) attempts: Family<AttemptLabels, Counter>,
    pub(crate) exchange: Histogram,
    pub(crate) deferrals: Family<DeferralLabels, Counter>,
    pub(crate) unrecorded: Counter,
    pub(crate) returned: Counter,
    pub(crate) released: Counter,
    pub(crate) given_up: Family<GivenUpLabels, Counter>,
    pub(crate) paused: Family<LaneLabels, Gauge>,
    pub(crate) breakers: BreakerMetrics,
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
            released: Counter::default(),
            given_up: Family::default(),
            paused: Family::default(),
            breakers: BreakerMetrics::default(),
        };
        metrics.register_lanes(registry);
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
    fn register_lanes(&self, registry: &mut Registry) {
        registry.register(
            "roamhub_ends_released",
            "Owed Ends sent because their card asked to start again",
            self.released.clone(),
        );
        registry.register(
            "roamhub_deliveries_given_up",
            "Deliveries that ended without reaching the provider",
            self.given_up.clone(),
        );
        registry.register("roamhub_lane_paused", "1 while a person has paused the lane", self.paused.clone());
        registry.register(
            "roamhub_breaker_state",
            "0 closed, 1 in probation, 2 open: the provider is not reached",
            self.breakers.state.clone(),
        );
        registry.register(
            "roamhub_breaker_changes",
            "How often a breaker came to which state",
            self.breakers.changes.clone(),
        );
    }

    pub(crate) fn given_up(
        &self,
        provider: &ProviderId,
        state: &'static str,
        reason: &'static str,
    ) -> impl Deref<Target = Counter> {
        self.given_up.get_or_create(&GivenUpLabels { provider: provider.to_string(), state, reason })
    }
}
