//! What the services count. Labels are partner ids and codes, never anything personal.

use std::fmt;

use oicp::OperatorId;
use prometheus_client::encoding::{EncodeLabelSet, LabelSetEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::mandates::MandateMetrics;
use crate::remote::metrics::RemoteMetrics;
use crate::watch_metrics::WatchMetrics;

/// Labels of a finding. They become text when somebody reads the metrics, not when something is counted.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct FindingLabels {
    /// The operator whose message it was.
    pub operator: OperatorId,
    /// The finding's code.
    pub code: &'static str,
}

impl EncodeLabelSet for FindingLabels {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        [("operator", self.operator.to_string().as_str()), ("code", self.code)].encode(encoder)
    }
}

/// Labels of an authorisation.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
pub struct AuthorisationLabels {
    /// The operator that asked.
    pub operator: String,
    /// The OICP code it was told.
    pub code: String,
}

/// Labels of an upload.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
pub struct UploadLabels {
    /// The provider that uploaded.
    pub provider: String,
    /// The OICP code it was told.
    pub code: String,
}

/// The services' metrics.
#[derive(Clone, Debug, Default)]
pub struct ServiceMetrics {
    pub(crate) findings: Family<FindingLabels, Counter>,
    pub(crate) differences: Family<FindingLabels, Counter>,
    pub(crate) authorisations: Family<AuthorisationLabels, Counter>,
    pub(crate) stops: Family<AuthorisationLabels, Counter>,
    pub(crate) uploads: Family<UploadLabels, Counter>,
    pub(crate) conflicts: Counter,
    pub(crate) remote: RemoteMetrics,
    pub(crate) feed: FeedMetrics,
    /// What the watchdog counts.
    pub watch: WatchMetrics,
    /// What is counted about mandates.
    pub mandates: MandateMetrics,
}

impl ServiceMetrics {
    /// Makes them and registers them.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            watch: WatchMetrics::register(registry),
            mandates: MandateMetrics::register(registry),
            ..Self::default()
        };
        registry.register("roamhub_findings", "Oddities in accepted notifications", metrics.findings.clone());
        registry.register(
            "roamhub_record_differences",
            "What charge detail records and the Ends of their sessions say differently",
            metrics.differences.clone(),
        );
        registry.register(
            "roamhub_authorisations",
            "Authorisations, by answer",
            metrics.authorisations.clone(),
        );
        registry.register("roamhub_stops", "Requests to stop, by answer", metrics.stops.clone());
        registry.register(
            "roamhub_uploads",
            "Uploads of authentication data, by answer",
            metrics.uploads.clone(),
        );
        registry.register(
            "roamhub_authorisation_conflicts",
            "Providers that said yes after another one had",
            metrics.conflicts.clone(),
        );
        metrics.remote.register(registry);
        metrics.feed.register(registry);
        metrics
    }
}

/// What the feeds count.
#[derive(Clone, Debug, Default)]
pub(crate) struct FeedMetrics {
    pub(crate) behind: Gauge,
    pub(crate) failures: Counter,
    pub(crate) positions: Family<FeedLabels, Counter>,
    pub(crate) fetched: Family<FeedLabels, Counter>,
    pub(crate) streams: Family<FeedLabels, Gauge>,
}

/// Labels of a feed.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
pub(crate) struct FeedLabels {
    /// The provider whose feed it is.
    pub(crate) provider: String,
}

impl FeedMetrics {
    fn register(&self, registry: &mut Registry) {
        registry.register(
            "roamhub_feed_behind",
            "Stored messages that the feeds' sequencer has not looked at yet",
            self.behind.clone(),
        );
        registry.register(
            "roamhub_feed_failures",
            "Passes of the feeds' sequencer that the ledger did not allow",
            self.failures.clone(),
        );
        registry.register("roamhub_feed_positions", "Positions given in feeds", self.positions.clone());
        registry.register(
            "roamhub_feed_fetched",
            "Waiting deliveries that were closed because the provider confirmed them",
            self.fetched.clone(),
        );
        registry.register("roamhub_feed_streams", "Open streams of a feed", self.streams.clone());
    }
}
