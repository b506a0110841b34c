//! What is owed from before, also from before a restart: claimed when it is due, sent, recorded. One loop; it sleeps
//! until the next delivery is due, until somebody wakes it, or for a second, whichever comes first.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use oicp::ProviderId;
use roamhub_core::clock_step::ClockWatch;
use roamhub_core::ports::{Due, LedgerError};
use roamhub_core::retry;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout};

use crate::attempt::Attempt;
use crate::relay::{Inner, Relay};
use crate::submitted::{Outcome, Submitted};

/// The longest sleep: what another node left is found by looking.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

impl Relay {
    /// Runs until [`Relay::close`] is called.
    pub async fn redeliver(&self) {
        let origin = Instant::now();
        let mut watch = ClockWatch::new(self.inner.clock.now(), origin.elapsed());
        let mut swept = Instant::now();
        while !self.inner.closing.is_cancelled() {
            let (now, steady) = (self.inner.clock.now(), origin.elapsed());
            if !self.inner.clock_is_right(watch, now, steady).await {
                let _ = timeout(LONGEST_SLEEP, self.inner.closing.cancelled()).await;
                continue;
            }
            watch = ClockWatch::new(now, steady);
            if swept.elapsed() >= self.inner.tuning.sweep_every {
                swept = Instant::now();
                self.inner.sweep().await;
            }
            let sleep = match self.inner.clone().send_due(now).await {
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

    /// Looks whether the clock was set, and has the ledger's instants follow. `false` if they could not: until they do,
    /// nothing is claimed, or an End might be given up for its age by a wrong clock.
    async fn clock_is_right(&self, watch: ClockWatch, now: Timestamp, steady: Duration) -> bool {
        let Some(step) = watch.step(now, steady) else { return true };
        match self.ledger.clock_stepped(now, step).await {
            Ok(deliveries) => {
                tracing::warn!(
                    seconds = step.as_secs(),
                    deliveries,
                    "the clock was set; what waits for it follows"
                );
                true
            }
            Err(error) => {
                tracing::error!(seconds = step.as_secs(), %error, "the clock was set; tried again");
                false
            }
        }
    }

    /// Claims and sends what is due `now`, an instant at which the clock was known to be right; returns how long to sleep.
    async fn send_due(self: Arc<Self>, now: Timestamp) -> Result<Duration, LedgerError> {
        let Due { providers, next } = self.ledger.due(now).await?;
        for provider in providers {
            if self.closing.is_cancelled() {
                break;
            }
            self.clone().send_due_to(provider, now).await?;
        }
        let until_next = next.map(|next| next.duration_since(now).unsigned_abs());
        Ok(until_next.unwrap_or(LONGEST_SLEEP).min(LONGEST_SLEEP))
    }

    async fn send_due_to(self: Arc<Self>, provider: ProviderId, now: Timestamp) -> Result<(), LedgerError> {
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
        let lease_until = retry::later(self.clock.now(), route.timeout + self.tuning.lease_margin);
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
