//! The time, once it is known that nobody has set the clock since it was last asked. Deliveries wait for instants on the
//! wall's clock; when that is set, the ledger's instants follow before anything is claimed or swept, or an End could be
//! given up for its age by a wrong clock.

use std::time::Duration;

use jiff::Timestamp;
use roamhub_core::clock_step::ClockWatch;
use roamhub_core::ports::{Clock, LedgerError};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::relay::Inner;

/// The last look at both clocks.
#[derive(Debug)]
pub(crate) struct RightClock {
    origin: Instant,
    watch: Mutex<ClockWatch>,
}

impl RightClock {
    pub(crate) fn new(clock: &dyn Clock) -> Self {
        Self { origin: Instant::now(), watch: Mutex::new(ClockWatch::new(clock.now(), Duration::ZERO)) }
    }
}

impl Inner {
    /// The time, after the ledger has followed a clock that was set.
    ///
    /// # Errors
    /// [`LedgerError`] if it could not: ask again before anything is done by the clock.
    pub(crate) async fn right_now(&self) -> Result<Timestamp, LedgerError> {
        // One after the other: a step is followed once.
        let mut watch = self.right_clock.watch.lock().await;
        let (now, steady) = (self.clock.now(), self.right_clock.origin.elapsed());
        if let Some(step) = watch.step(now, steady) {
            let deliveries = self.ledger.clock_stepped(now, step).await.inspect_err(|error| {
                tracing::error!(seconds = step.as_secs(), %error, "the clock was set; tried again");
            })?;
            tracing::warn!(
                seconds = step.as_secs(),
                deliveries,
                "the clock was set; what waits for it follows"
            );
        }
        *watch = ClockWatch::new(now, steady);
        Ok(now)
    }
}
