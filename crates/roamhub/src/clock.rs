//! The clock on the wall, the only place that reads it.

use jiff::Timestamp;
use roamhub_core::ports::Clock;

/// The machine's clock.
#[derive(Debug)]
pub(crate) struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods, reason = "this is the Clock port's one real implementation")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}
