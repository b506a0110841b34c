//! What is owed from before, also from before a restart: claimed when it is due, sent, recorded. One loop; it sleeps
//! until the next delivery is due, until somebody wakes it, or for a second, whichever comes first.

use std::sync::Arc;
use std::time::Duration;

use oicp::ProviderId;
use roamhub_core::ports::{Due, LedgerError};
use roamhub_core::retry;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout};

use crate::attempt::{Attempt, Occasion};
use crate::relay::{Inner, Relay};
use crate::submitted::{Outcome, Submitted};

/// The longest sleep: what another node left is found by looking.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

impl Relay {
    /// Runs until [`Relay::close`] is called.
    pub async fn redeliver(&self) {
        let mut swept = Instant::now();
        while !self.inner.closing.is_cancelled() {
            if swept.elapsed() >= self.inner.tuning.sweep_every {
                swept = Instant::now();
                self.inner.sweep().await;
            }
            let sleep = match self.inner.clone().send_due().await {
                Ok(sleep) => sleep,
                Err(error) => {
                    tracing::error!(%error, "what is due could not be claimed; tried again");
                    LONGEST_SLEEP
                }
            };
            tokio::select! {
                () = self.inner.closing.cancelled() => {}
                _ = timeout(sleep, self.inner.wake.notified()) => {}
            }
        }
    }
}

impl Inner {
    async fn sweep(&self) {
        match self.ledger.sweep(self.clock.now()).await {
            Ok(0) => {}
            Ok(returned) => {
                self.metrics.returned.inc_by(u64::try_from(returned).unwrap_or(u64::MAX));
                tracing::warn!(returned, "deliveries without an owner were returned to the queue");
            }
            Err(error) => tracing::error!(%error, "expired leases could not be looked for"),
        }
    }

    /// Claims and sends what is due; returns how long to sleep.
    async fn send_due(self: Arc<Self>) -> Result<Duration, LedgerError> {
        let now = self.clock.now();
        let Due { providers, next } = self.ledger.due(now).await?;
        for provider in providers {
            if self.closing.is_cancelled() {
                break;
            }
            self.clone().send_due_to(provider).await?;
        }
        let until_next = next.map(|next| next.duration_since(now).unsigned_abs());
        Ok(until_next.unwrap_or(LONGEST_SLEEP).min(LONGEST_SLEEP))
    }

    async fn send_due_to(self: Arc<Self>, provider: ProviderId) -> Result<(), LedgerError> {
        // Without an address nothing can be sent; it stays due until there is one.
        let Some(route) = self.routes.route(&provider) else { return Ok(()) };
        let lane = self.lanes.of(&provider);
        let mut places = Vec::new();
        while let Ok(place) = lane.redelivery.clone().try_acquire_owned() {
            places.push(place);
        }
        if places.is_empty() {
            return Ok(());
        }
        let now = self.clock.now();
        let lease_until = retry::later(now, route.timeout + self.tuning.lease_margin);
        let asked = Instant::now();
        let claimed = self.ledger.claim_due(provider, now, lease_until, places.len()).await?;
        if asked.elapsed() >= self.tuning.lease_margin {
            // The ledger took so long that the leases may be somebody else's by now: the sweeper returns them.
            tracing::warn!(%provider, claimed = claimed.len(), "claimed too late to send");
            return Ok(());
        }
        for owed in claimed {
            let Some(place) = places.pop() else { break };
            let attempt = Attempt {
                lease: owed.lease,
                occasion: Occasion::Owed,
                process: owed.process,
                session: owed.session,
                kind: owed.kind,
                body: owed.body,
                received_at: owed.received_at,
                gives_up_at: owed.gives_up_at,
                tries: owed.tries,
                route: route.clone(),
            };
            self.joins.open(attempt.process);
            self.tasks.spawn(self.clone().redeliver_one(attempt, place));
        }
        Ok(())
    }

    async fn redeliver_one(self: Arc<Self>, attempt: Attempt, place: OwnedSemaphorePermit) {
        let done = self.exchange(&attempt, attempt.route.timeout).await;
        self.joins
            .tell(attempt.process, &Submitted { process: attempt.process, outcome: Outcome::of(&done) });
        self.record(&attempt, done).await;
        drop(place);
        // There may be more where this came from, and now there is a place for it.
        self.wake.notify_one();
    }
}
