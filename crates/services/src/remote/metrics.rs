//! What is counted about remote requests.

use oicp::service::Service;
use oicp::status::Code;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use oicp::OperatorId;

/// Labels of a remote request.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct RemoteLabels {
    /// What was asked.
    service: String,
    /// Who was asked.
    operator: String,
    /// The OICP code the provider was told.
    code: String,
}

/// Labels of an operator that was slow.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct SlowLabels {
    /// Which one.
    operator: String,
}

/// The metrics of remote requests.
#[derive(Clone, Debug)]
pub(crate) struct RemoteMetrics {
    calls: Family<RemoteLabels, Counter>,
    answered: Histogram,
    slow: Family<SlowLabels, Counter>,
}

impl Default for RemoteMetrics {
    fn default() -> Self {
        Self {
            calls: Family::default(),
            answered: Histogram::new(exponential_buckets(0.01, 2.0, 14)),
            slow: Family::default(),
        }
    }
}

impl RemoteMetrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register(
            "roamhub_remote_requests",
            "Remote requests that reached the point of asking the operator, by the code the provider was told",
            self.calls.clone(),
        );
        registry.register_with_unit(
            "roamhub_remote_exchange",
            "How long an operator takes for a remote request",
            Unit::Seconds,
            self.answered.clone(),
        );
        registry.register(
            "roamhub_remote_slow",
            "Remote requests that took an operator more than ten seconds",
            self.slow.clone(),
        );
    }

    pub(super) fn told(&self, service: Service, operator: &OperatorId, code: Code) {
        let labels = RemoteLabels {
            service: format!("{service:?}"),
            operator: operator.to_string(),
            code: code.to_string(),
        };
        self.calls.get_or_create(&labels).inc();
    }

    pub(super) fn took(&self, seconds: f64) {
        self.answered.observe(seconds);
    }

    pub(super) fn slow(&self, operator: &OperatorId) {
        self.slow.get_or_create(&SlowLabels { operator: operator.to_string() }).inc();
    }
}
