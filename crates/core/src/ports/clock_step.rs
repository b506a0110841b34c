//! What waits for an instant, when the clock on the wall is set.

use jiff::{SignedDuration, Timestamp};

use super::LedgerTask;

/// Keeping what waits for an instant right when the clock is set.
pub trait ClockStepPort: Send + Sync {
    /// The clock now says `now`, which is `by` more (or less) than it should after the time that has passed. Set back,
    /// what is deferred is due that much earlier, or it would wait for the clock to come round again. Set forwards, an
    /// End or Error is given up that much later. Nothing gets due later or is given up earlier: what was written between
    /// the step and this call was written by the new clock. Returns how many deliveries were changed.
    fn clock_stepped(&self, now: Timestamp, by: SignedDuration) -> LedgerTask<'_, usize>;
}
