//! Pausing a provider's lane: a person's decision, kept in the ledger so that a restart does not undo it.

use jiff::Timestamp;
use oicp::ProviderId;

use super::LedgerTask;

/// A lane that is paused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pause {
    /// Whose lane.
    pub provider: ProviderId,
    /// Since when.
    pub since: Timestamp,
    /// Who paused it: the interface it came through, or `after-restore`.
    pub by: String,
    /// Why, in words.
    pub reason: String,
}

/// Which lanes are paused.
pub trait LanePort: Send + Sync {
    /// All paused lanes, by provider.
    fn paused(&self) -> LedgerTask<'_, Vec<Pause>>;
    /// Pauses a lane; one that is paused already stays as it is. Says whether it was paused by this.
    fn pause(&self, pause: Pause) -> LedgerTask<'_, bool>;
    /// Lets a lane go on. Says whether it was paused.
    fn resume(&self, provider: ProviderId) -> LedgerTask<'_, bool>;
}
