//! What the services count. Labels are partner ids and codes, never anything personal.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use crate::watch_metrics::WatchMetrics;

/// Labels of a finding.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
pub struct FindingLabels {
    /// The operator whose message it was.
    pub operator: String,
    /// The finding's code.
    pub code: &'static str,
}

/// Labels of an authorisation.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
pub struct AuthorisationLabels {
    /// The operator that asked.
    pub operator: String,
    /// The OICP code it was told.
    pub code: String,
}

/// The services' metrics.
#[derive(Clone, Debug, Default)]
pub struct ServiceMetrics {
    pub(crate) findings: Family<FindingLabels, Counter>,
    pub(crate) authorisations: Family<AuthorisationLabels, Counter>,
    pub(crate) conflicts: Counter,
    /// What the watchdog counts.
    pub watch: WatchMetrics,
}

impl ServiceMetrics {
    /// Makes them and registers them.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self { watch: WatchMetrics::register(registry), ..Self::default() };
        registry.register("roamhub_findings", "Oddities in accepted notifications", metrics.findings.clone());
        registry.register(
            "roamhub_authorisations",
            "Authorisations, by answer",
            metrics.authorisations.clone(),
        );
        registry.register(
            "roamhub_authorisation_conflicts",
            "Providers that said yes after another one had",
            metrics.conflicts.clone(),
        );
        metrics
    }
}
