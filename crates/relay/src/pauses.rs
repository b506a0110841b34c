//! Pauses and drain rates live in the ledger, since every node is to keep them; here they are read often enough that one takes effect
//! within a second, whoever wrote it.

use std::time::Duration;

use oicp::ProviderId;
use roamhub_core::ports::LedgerError;
use tokio::time::{MissedTickBehavior, interval};

use crate::lanes::LaneLoad;
use crate::relay::{Inner, Relay};

/// How old what is known of pauses and rates may be.
const READ_EVERY: Duration = Duration::from_millis(500);

impl Relay {
    /// Reads now which lanes are paused, and how fast each is drained: before the first message is taken in, and after every change made here.
    ///
    /// # Errors
    /// [`LedgerError`]; what was known before still holds.
    pub async fn read_pauses(&self) -> Result<(), LedgerError> {
        self.inner.read_pauses().await?;
        // What was resumed may be due.
        self.inner.wake.notify_one();
        Ok(())
    }

    /// What is under way towards a provider, and where its breaker stands.
    #[must_use]
    pub fn load_of(&self, provider: &ProviderId) -> LaneLoad {
        self.inner.lanes.of(provider).load()
    }
}

impl Inner {
    /// Reads again and again until the engine closes.
    pub(crate) async fn follow_pauses(&self) {
        let mut ticks = interval(READ_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.closing.cancelled() => return,
                _ = ticks.tick() => {}
            }
            if let Err(error) = self.read_pauses().await {
                tracing::error!(%error, "pauses and drain rates could not be read; they stay as they were");
            }
        }
    }

    async fn read_pauses(&self) -> Result<(), LedgerError> {
        // One after the other: what was read earlier must not be put in force later.
        let _turn = self.reading_pauses.lock().await;
        let pauses = self.ledger.pauses().await?;
        let paused: Vec<_> = pauses.into_iter().map(|pause| pause.provider).collect();
        self.lanes.pause_exactly(&paused);
        self.lanes.set_rates(&self.ledger.rates().await?);
        Ok(())
    }
}
