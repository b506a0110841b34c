//! How busy the hub is, for monitoring: looked at when somebody asks.

use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use roamhub_services::Load;

/// Shows what is under way.
#[derive(Debug)]
pub(crate) struct LoadCollector(pub(crate) Arc<Load>);

impl Collector for LoadCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let (calls, bytes) = self.0.under_way();
        let ledger = self.0.ledger();
        for (name, help, value) in [
            ("roamhub_calls_under_way", "Calls of partners under way", calls),
            ("roamhub_bodies_bytes", "Bytes of bodies held for calls under way", bytes),
            ("roamhub_ledger_waiting", "Jobs that wait for the ledger's writer", ledger.jobs),
        ] {
            let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
            gauge.encode(encoder.encode_descriptor(name, help, None, gauge.metric_type())?)?;
        }
        let dropped = ConstCounter::new(ledger.refusals_dropped);
        let help = "Records of refused requests that were not kept because too many came at once";
        let kind = dropped.metric_type();
        dropped.encode(encoder.encode_descriptor("roamhub_refusals_dropped", help, None, kind)?)
    }
}
