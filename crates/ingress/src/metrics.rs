//! What the ingress counts.

use std::fmt;

use oicp::service::Service;
use oicp::status::Code;
use prometheus_client::encoding::{EncodeLabelSet, LabelSetEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// Labels of an answered call. They become text when somebody reads the metrics, not when something is counted.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct CallLabels {
    /// What was called.
    pub called: Called,
    /// The HTTP status.
    pub http: u16,
    /// The OICP code.
    pub code: Code,
}

/// What a call was for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Called {
    /// A service of OICP.
    Oicp(Service),
    /// One of the hub's own services for partners.
    Own(&'static str),
    /// Nothing that is known.
    Unknown,
}

impl fmt::Display for Called {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Oicp(service) => write!(f, "{service:?}"),
            Self::Own(name) => f.write_str(name),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

impl EncodeLabelSet for CallLabels {
    fn encode(&self, encoder: &mut LabelSetEncoder<'_>) -> fmt::Result {
        [
            ("service", self.called.to_string()),
            ("http", self.http.to_string()),
            ("code", self.code.to_string()),
        ]
        .encode(encoder)
    }
}

/// What was refused.
#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
pub struct OperationLabel {
    /// The type of notification, or the service.
    pub operation: String,
}

/// The ingress' metrics.
#[derive(Clone, Debug)]
pub struct IngressMetrics {
    pub(crate) calls: Family<CallLabels, Counter>,
    pub(crate) answered: Histogram,
    pub(crate) connections: Gauge,
    /// Calls refused because their sender had called too often.
    pub(crate) too_often: Family<OperationLabel, Counter>,
    /// Calls refused because the hub had too much under way.
    pub(crate) too_busy: Family<OperationLabel, Counter>,
    pub(crate) handshakes_failed: Counter,
}

impl IngressMetrics {
    /// Makes them and registers them.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = Self {
            calls: Family::default(),
            answered: Histogram::new(exponential_buckets(0.001, 2.0, 14)),
            connections: Gauge::default(),
            too_often: Family::default(),
            too_busy: Family::default(),
            handshakes_failed: Counter::default(),
        };
        registry.register(
            "roamhub_calls_too_often",
            "Calls refused because their sender's allowance was used up",
            metrics.too_often.clone(),
        );
        registry.register(
            "roamhub_calls_shed",
            "Calls refused because the hub had too much under way",
            metrics.too_busy.clone(),
        );
        registry.register("roamhub_calls", "Calls by partners, by answer", metrics.calls.clone());
        registry.register_with_unit(
            "roamhub_call",
            "From the head of a call to its answer",
            Unit::Seconds,
            metrics.answered.clone(),
        );
        registry.register("roamhub_connections", "Open connections of partners", metrics.connections.clone());
        registry.register(
            "roamhub_handshakes_failed",
            "TLS handshakes with partners that failed or took too long",
            metrics.handshakes_failed.clone(),
        );
        metrics
    }
}
