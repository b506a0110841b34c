//! What is owed from before, also from before a restart. One loop looks what is due and has each lane with something due
//! drained by a task of its own (`drain`); it sleeps until the next delivery is due, until somebody wakes it, or
//! for a second, whichever comes first.

use std::sync::Arc;
use std::time::Duration;

use roamhub_core::ports::{Due, LedgerError};
use tokio::time::{Instant, sleep, timeout};

use crate::lanes::{Queue, Shut};
use crate::relay::{Inner, Relay};

/// The longest sleep: what another node left is found by looking.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);
/// The shortest one, however often it is woken: looking costs a read.
const SHORTEST_SLEEP: Duration = Duration::from_millis(5);
/// How many Ends are filed under their card at a time, and how often that is looked after.
const FILED_AT_ONCE: usize = 100;
const FILE_EVERY: Duration = Duration::from_secs(1);
/// The pause while there are more: the ledger's writer has others to serve.
const BETWEEN_FILES: Duration = Duration::from_millis(10);

impl Relay {
    /// Runs until [`Relay::close`] is called.
    pub async fn redeliver(&self) {
        // What is paused stays so from the first moment on. If that cannot be read, it is as it was read before.
        if let Err(error) = self.read_pauses().await {
            tracing::error!(%error, "the paused lanes could not be read");
        }
        tokio::join!(self.inner.follow_pauses(), self.inner.keep_files(), self.inner.look_what_is_due());
    }
}

impl Inner {
    async fn look_what_is_due(self: &Arc<Self>) {
        let mut swept = Instant::now();
        while !self.closing.is_cancelled() {
            if swept.elapsed() >= self.tuning.sweep_every {
                swept = Instant::now();
                self.sweep().await;
            }
            let sleeps = match self.drain_what_is_due().await {
                Ok(sleeps) => sleeps,
                Err(error) => {
                    tracing::error!(%error, "what is due could not be read; tried again");
                    LONGEST_SLEEP
                }
            };
            tokio::select! {
                () = self.closing.cancelled() => {}
                () = async {
                    sleep(SHORTEST_SLEEP).await;
                    let _ = timeout(sleeps, self.wake.notified()).await;
                } => {}
            }
        }
    }

    async fn sweep(&self) {
        // A clock that could not be followed has been spoken of.
        let Ok(now) = self.right_now().await else { return };
        match self.ledger.sweep(now).await {
            Ok(0) => {}
            Ok(returned) => {
                self.metrics.returned.inc_by(u64::try_from(returned).unwrap_or(u64::MAX));
                tracing::warn!(returned, "deliveries without an owner were returned to the queue");
            }
            Err(error) => tracing::error!(%error, "expired leases could not be looked for"),
        }
    }

    /// Has every lane drained that has something due and is not shut; returns how long to sleep.
    async fn drain_what_is_due(self: &Arc<Self>) -> Result<Duration, LedgerError> {
        let now = self.right_now().await?;
        let Due { providers, records, next } = self.ledger.due(now).await?;
        let mut sleeps = next.map_or(LONGEST_SLEEP, |next| next.duration_since(now).unsigned_abs());
        let notifications = providers.into_iter().map(|provider| (provider, Queue::Notifications));
        let records = records.into_iter().map(|provider| (provider, Queue::Records));
        for (provider, queue) in notifications.chain(records) {
            let lane = self.lanes.of(&provider);
            match lane.shut_altogether(queue) {
                Some(Shut::Paused) => {}
                Some(Shut::Open(pause)) => sleeps = sleeps.min(pause),
                None => {
                    // One kind may still be shut, and is to be probed in time.
                    sleeps = sleeps.min(lane.opens_in(queue).unwrap_or(sleeps));
                    if let Some(draining) = lane.begin_draining(queue) {
                        self.tasks.spawn(self.clone().drain(provider, draining));
                    }
                }
            }
        }
        Ok(sleeps.min(LONGEST_SLEEP))
    }

    /// Files deferred Ends under their card, so that they are found when it asks to start somewhere else.
    async fn keep_files(&self) {
        while !self.closing.is_cancelled() {
            let pause = match self.ledger.file_media(FILED_AT_ONCE).await {
                Ok(FILED_AT_ONCE) => BETWEEN_FILES,
                Ok(_) => FILE_EVERY,
                Err(error) => {
                    tracing::error!(%error, "deferred Ends could not be filed under their cards");
                    FILE_EVERY
                }
            };
            let _ = timeout(pause, self.closing.cancelled()).await;
        }
    }
}
