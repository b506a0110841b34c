//! Replays, worked off behind the live traffic: filled into their queue batch by batch, claimed when due, sent, recorded.
//!
//! A provider gets at most `WIDTH` of them at a time, beside what it is owed anyway and at its pace, and none while its
//! lane is paused or its breaker open.
//! Everything that is to survive a crash is the ledger's: the cursor, the queue, the leases. This loop can die anywhere.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use oicp::ProviderId;
use roamhub_core::MessageKind;
use roamhub_core::lane::Urgency;
use roamhub_core::ports::{Due, LedgerError, Settled};
use roamhub_core::replay::Filled;
use roamhub_core::retry;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout};

use crate::attempt::{Attempt, Done, Occasion};
use crate::breakers::Pass;
use crate::lanes::{Queue, Shut, reached};
use crate::relay::{Inner, Relay};

/// How many replays may be under way towards one provider.
const WIDTH: usize = 8;
/// The longest sleep: a replay is ordered in the ledger, and found there by looking.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);
/// The pause between two batches: the ledger's writer has others to serve.
const BETWEEN_BATCHES: Duration = Duration::from_millis(20);

/// The loop's memory, and it may forget it.
#[derive(Default)]
struct Replays {
    places: HashMap<ProviderId, Arc<Semaphore>>,
    /// Rung when a place becomes free.
    freed: Arc<Notify>,
}

impl Relay {
    /// Runs until [`Relay::close`] is called.
    pub async fn replay(&self) {
        let mut replays = Replays::default();
        while !self.inner.closing.is_cancelled() {
            let sleep = match self.inner.clone().replay_step(&mut replays).await {
                Ok(sleep) => sleep,
                Err(error) => {
                    tracing::error!(%error, "the replays could not be worked off; tried again");
                    LONGEST_SLEEP
                }
            };
            tokio::select! {
                () = self.inner.closing.cancelled() => {}
                _ = timeout(sleep, replays.freed.notified()) => {}
            }
        }
    }
}

impl Inner {
    /// Queues a batch and sends what is due; returns how long to sleep.
    async fn replay_step(self: Arc<Self>, replays: &mut Replays) -> Result<Duration, LedgerError> {
        let filled = self.ledger.fill_replays(self.clock.now()).await?;
        let now = self.clock.now();
        let Due { providers, next, .. } = self.ledger.replays_due(now).await?;
        if !providers.is_empty() {
            let paused: HashSet<_> =
                self.ledger.pauses().await?.into_iter().map(|pause| pause.provider).collect();
            for provider in providers.into_iter().filter(|provider| !paused.contains(provider)) {
                if self.closing.is_cancelled() {
                    break;
                }
                self.clone().replay_to(provider, replays).await?;
            }
        }
        if matches!(filled, Filled::Batch { .. }) {
            return Ok(BETWEEN_BATCHES);
        }
        let until_next = next.map(|next| next.duration_since(now).unsigned_abs());
        Ok(until_next.unwrap_or(LONGEST_SLEEP).min(LONGEST_SLEEP))
    }

    async fn replay_to(
        self: Arc<Self>,
        provider: ProviderId,
        replays: &mut Replays,
    ) -> Result<(), LedgerError> {
        // Without an address nothing can be sent; it stays due until there is one.
        let (notified, recorded) = (self.routes.route(&provider), self.routes.record_route(&provider));
        // The wider one of the two: records may take longer.
        let Some(route) = recorded.as_ref().or(notified.as_ref()) else { return Ok(()) };
        let lane = self.lanes.of(&provider);
        if Queue::ALL.into_iter().all(|queue| lane.shut_altogether(queue).is_some()) {
            return Ok(());
        }
        let width = replays.places.entry(provider).or_insert_with(|| Arc::new(Semaphore::new(WIDTH)));
        let mut places = Vec::with_capacity(WIDTH);
        while let Ok(place) = width.clone().try_acquire_owned() {
            places.push(place);
        }
        places.truncate(lane.may_begin(route.lane.drain_rate, places.len()).unwrap_or_default());
        if places.is_empty() {
            return Ok(());
        }
        let now = self.clock.now();
        let lease_until = retry::later(now, route.endpoint.timeout + self.tuning.lease_margin);
        let asked = Instant::now();
        let claimed = self.ledger.claim_replays(provider, now, lease_until, places.len()).await?;
        if asked.elapsed() >= self.tuning.lease_margin {
            tracing::warn!(%provider, claimed = claimed.len(), "replays were claimed too late to send");
            for owed in claimed {
                self.ledger.defer_replay(owed.lease, now).await?;
            }
            return Ok(());
        }
        lane.begun(route.lane.drain_rate, claimed.len());
        for (owed, place) in claimed.into_iter().zip(places) {
            let to = if owed.kind == MessageKind::ChargeDetailRecord { &recorded } else { &notified };
            let Some(to) = to else {
                // No endpoint for this kind, but for the other: it stands back for a while.
                self.ledger.defer_replay(owed.lease, retry::later(now, retry::SLOW_STEP)).await?;
                continue;
            };
            let attempt = Attempt { occasion: Occasion::Replay, ..Attempt::of(owed, to.clone()) };
            match lane.pass(Urgency::of(attempt.kind)) {
                Ok(pass) => {
                    self.tasks.spawn(self.clone().replay_one(attempt, pass, place, replays.freed.clone()));
                }
                Err(shut) => {
                    let pause = if let Shut::Open(pause) = shut { pause } else { Duration::ZERO };
                    self.ledger.defer_replay(attempt.lease, retry::later(now, pause)).await?;
                }
            }
        }
        Ok(())
    }

    async fn replay_one(
        self: Arc<Self>,
        attempt: Attempt,
        pass: Pass,
        place: OwnedSemaphorePermit,
        freed: Arc<Notify>,
    ) {
        let done = self.exchange(&attempt, attempt.route.endpoint.timeout).await;
        pass.heard(reached(&done.outcome), &attempt.route.lane.breaker);
        self.record_replay(&attempt, done).await;
        drop(place);
        freed.notify_one();
    }

    /// Writes the outcome. If the ledger does not take it, the lease runs out and the provider sees a repeat.
    async fn record_replay(&self, attempt: &Attempt, done: Box<Done>) {
        let Done { record, fate, .. } = *done;
        match self.ledger.settle_replay(attempt.lease, self.clock.now(), record, fate).await {
            Ok(Settled::Recorded) => {}
            Ok(Settled::Late) => {
                tracing::warn!(process = %attempt.process, "the outcome of a replay came after the lease was lost");
            }
            Err(error) => {
                self.metrics.unrecorded.inc();
                tracing::error!(process = %attempt.process, %error, "the outcome of a replay could not be recorded");
            }
        }
    }
}
