//! How fast lanes are drained, where somebody has said so: never faster than the partners file allows.

use jiff::Timestamp;
use oicp::ProviderId;

use super::LedgerTask;

/// A drain rate that somebody has set.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LaneRate {
    /// Whose lane.
    pub provider: ProviderId,
    /// Deliveries per second; at least 1.
    pub per_second: u32,
    /// Since when.
    pub at: Timestamp,
    /// Who set it.
    pub by: String,
}

/// Setting drain rates.
pub trait RatePort: Send + Sync {
    /// Those that are set.
    fn rates(&self) -> LedgerTask<'_, Vec<LaneRate>>;
    /// Sets one.
    fn set_rate(&self, rate: LaneRate) -> LedgerTask<'_, ()>;
    /// Goes back to what the partners file says; whether one was set.
    fn clear_rate(&self, provider: ProviderId) -> LedgerTask<'_, bool>;
}
