//! Charge detail records beside the Ends of their sessions: the loop that compares them, behind everything that serves
//! partners. The rules are in `roamhub_core::reconcile`.

use std::sync::Arc;
use std::time::Duration;

use oicp::notification::Facts;
use oicp::{ChargeDetailRecord, ChargingNotification, Finding};
use roamhub_core::ports::cdr::Uncompared;
use roamhub_core::ports::{Clock, Ledger, LedgerError};
use roamhub_core::reconcile;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::hub::Hub;
use crate::metrics::{FindingLabels, ServiceMetrics};

/// So many records are compared in one go: each may be a megabyte.
const BATCH: usize = 16;
/// The rest when there is nothing to compare.
const REST: Duration = Duration::from_secs(1);
/// The pause between two batches: the ledger's writer has others to serve.
const BREATH: Duration = Duration::from_millis(10);

/// Compares the records of one ledger.
pub struct Comparing {
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    metrics: ServiceMetrics,
}

impl std::fmt::Debug for Comparing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Comparing").finish_non_exhaustive()
    }
}

impl Comparing {
    /// Compares until it is told to stop. What it cannot do now it does the next time.
    pub async fn run(self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let pause = match self.compare().await {
                Ok(BATCH) => BREATH,
                Ok(_) => REST,
                Err(error) => {
                    tracing::warn!(%error, "charge detail records could not be compared with Ends; tried again");
                    REST
                }
            };
            let _ = timeout(pause, stop.cancelled()).await;
        }
    }

    /// One batch; how many records it had.
    async fn compare(&self) -> Result<usize, LedgerError> {
        let uncompared = self.ledger.uncompared(BATCH).await?;
        let count = uncompared.len();
        if count == 0 {
            return Ok(0);
        }
        let compared: Vec<_> = uncompared.into_iter().map(|one| (findings(&one), one)).collect();
        let counted: Vec<_> = compared
            .iter()
            .flat_map(|(findings, one)| findings.iter().map(|finding| (one.operator, finding.code)))
            .collect();
        // Their bytes are not needed any more.
        let light = |one: Uncompared| Uncompared { record: None, end: None, ..one };
        let compared = compared.into_iter().map(|(findings, one)| (light(one), findings)).collect();
        self.ledger.note_compared(compared, self.clock.now()).await?;
        for (operator, code) in counted {
            self.metrics.differences.get_or_create(&FindingLabels { operator, code }).inc();
        }
        Ok(count)
    }
}

/// What differs. Nothing can be said of what is erased.
fn findings(one: &Uncompared) -> Vec<Finding> {
    let Some(record) = one.record.clone().and_then(|body| ChargeDetailRecord::parse(body).ok()) else {
        return Vec::new();
    };
    if !one.has_end {
        return reconcile::compare(record.facts(), None);
    }
    let end = one.end.clone().and_then(|body| ChargingNotification::parse(body).ok());
    match end.as_ref().map(ChargingNotification::facts) {
        Some(Facts::End(end)) => reconcile::compare(record.facts(), Some(end)),
        _ => Vec::new(),
    }
}

impl Hub {
    /// What compares records with Ends; to be run beside the hub.
    #[must_use]
    pub fn comparing(&self) -> Comparing {
        let inner = &self.inner;
        Comparing { ledger: inner.ledger.clone(), clock: inner.clock.clone(), metrics: inner.metrics.clone() }
    }
}
