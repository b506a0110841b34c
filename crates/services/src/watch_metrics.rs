//! What the watchdog counts, per operator.

use oicp::OperatorId;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use roamhub_core::ports::watch::GhostCount;
use roamhub_core::watchdog::GhostKind;

/// Labels of ghosts.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
pub struct GhostLabels {
    /// The operator whose session it is.
    pub operator: String,
    /// The kind.
    pub kind: &'static str,
}

/// The operator that caused something.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
pub struct CauseLabel {
    /// The operator.
    pub operator: String,
}

/// The watchdog's metrics.
#[derive(Clone, Debug, Default)]
pub struct WatchMetrics {
    ghosts: Family<GhostLabels, Gauge>,
    found: Family<GhostLabels, Counter>,
    cleared: Family<GhostLabels, Counter>,
    blocked: Family<CauseLabel, Counter>,
    behind: Gauge,
}

impl WatchMetrics {
    /// Makes them and registers them.
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register("roamhub_ghosts", "Sessions that look like ghosts now", metrics.ghosts.clone());
        registry.register("roamhub_ghosts_found", "Sessions found to be ghosts", metrics.found.clone());
        registry.register(
            "roamhub_ghosts_cleared",
            "Ghosts that ended or went on after all",
            metrics.cleared.clone(),
        );
        registry.register(
            "roamhub_authorisations_blocked",
            "Authorisations refused while an earlier session of the same medium stood open, by that session's operator",
            metrics.blocked.clone(),
        );
        registry.register(
            "roamhub_watch_behind",
            "1 while more has happened than the watchdog has taken note of in one go",
            metrics.behind.clone(),
        );
        metrics
    }

    pub(crate) fn behind(&self, behind: bool) {
        self.behind.set(i64::from(behind));
    }

    pub(crate) fn found(&self, operator: &OperatorId, kind: GhostKind) {
        self.found.get_or_create(&labels(operator, kind)).inc();
    }

    pub(crate) fn cleared(&self, operator: &OperatorId, kind: GhostKind) {
        self.cleared.get_or_create(&labels(operator, kind)).inc();
    }

    pub(crate) fn blocked(&self, caused_by: &OperatorId) {
        self.blocked.get_or_create(&CauseLabel { operator: caused_by.to_string() }).inc();
    }

    /// Shows the ghosts of now. One that was there before and is not any more shows as 0, not as a gap.
    pub(crate) fn show(&self, counts: &[GhostCount], shown: &mut Vec<(OperatorId, GhostKind)>) {
        for (operator, kind) in shown.iter() {
            if !counts.iter().any(|count| count.operator == *operator && count.kind == *kind) {
                self.ghosts.get_or_create(&labels(operator, *kind)).set(0);
            }
        }
        for count in counts {
            let value = i64::try_from(count.count).unwrap_or(i64::MAX);
            self.ghosts.get_or_create(&labels(&count.operator, count.kind)).set(value);
            if !shown.contains(&(count.operator, count.kind)) {
                shown.push((count.operator, count.kind));
            }
        }
    }
}

fn labels(operator: &OperatorId, kind: GhostKind) -> GhostLabels {
    GhostLabels { operator: operator.to_string(), kind: kind.as_str() }
}
