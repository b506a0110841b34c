//! One remote request to one operator, and what came back.

use std::time::{Duration, Instant};

use bytes::Bytes;
use oicp::service::Service;
use oicp::{OperatorId, ProviderId};
use roamhub_core::ProcessId;
use roamhub_core::ports::Letter;
use roamhub_core::remote::{self, Heard};
use roamhub_core::route::Endpoint;

use crate::hub::Inner;

/// Longer than this, and the driver in front of the charge point gives up.
const SLOW: Duration = Duration::from_secs(10);

/// What an operator is asked.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) service: Service,
    pub(super) process: ProcessId,
    pub(super) operator: OperatorId,
    /// Who asks; its id also stands in the path.
    pub(super) provider: ProviderId,
    pub(super) endpoint: Endpoint,
    pub(super) body: Bytes,
}

impl Inner {
    /// Asks once, and waits as long as the operator may take.
    pub(super) async fn ask_operator(&self, request: Request) -> Heard {
        let Request { service, process, operator, provider, endpoint, body } = request;
        let letter = Letter {
            url: service.join(&endpoint.base_url, Some(&provider.to_string())),
            headers: vec![("process-id", process.to_string())],
            body,
            budget: endpoint.timeout,
        };
        let began = Instant::now();
        let exchange = self.courier.carry_once(&endpoint, letter).await;
        let took = began.elapsed();
        self.metrics.remote.took(took.as_secs_f64());
        let (heard, took_ms) = (remote::judge(&exchange), took.as_millis());
        if let Heard::NothingHappened(what) | Heard::Unknown(what) = &heard {
            tracing::warn!(%process, ?service, %operator, %provider, took_ms, "{what}");
        }
        if took > SLOW {
            self.metrics.remote.slow(&operator);
            tracing::warn!(%process, ?service, %operator, took_ms, "an operator took more than ten seconds for a remote request");
        }
        heard
    }
}
