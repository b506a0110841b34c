//! Replays, durable: ordered once, filled into a queue of their own batch by batch, sent from there.
//!
//! The queue of replays is apart from what is owed: whose turn it is in a session is decided without it, so a replay
//! neither blocks nor is blocked nor supersedes.

use jiff::Timestamp;
use oicp::ProviderId;

use super::{AttemptRecord, Due, Fate, LedgerTask, Settled};
use crate::delivery::{Lease, OwedDelivery};
use crate::replay::{Filled, Matching, ReplayNo, ReplayRecord, Selection};

/// Sending messages once more.
pub trait ReplayPort: Send + Sync {
    /// Counts what a selection comes to now.
    fn matching(&self, selection: Selection) -> LedgerTask<'_, Matching>;
    /// Orders a replay of what has arrived until now.
    fn order_replay(&self, selection: Selection, at: Timestamp) -> LedgerTask<'_, ReplayNo>;
    /// The newest replays first, at most `limit`.
    fn replays(&self, limit: usize) -> LedgerTask<'_, Vec<ReplayRecord>>;
    /// One replay.
    fn replay(&self, no: ReplayNo) -> LedgerTask<'_, Option<ReplayRecord>>;
    /// Puts the next batch of the oldest unfinished replay into the queue and moves its cursor, in one transaction.
    fn fill_replays(&self, now: Timestamp) -> LedgerTask<'_, Filled>;
    /// The providers that have replays due by `now`, and when the next one is due after that.
    fn replays_due(&self, now: Timestamp) -> LedgerTask<'_, Due>;
    /// Claims at most `limit` replays of a provider that are due. What is too old, or erased by now, ends on the way.
    fn claim_replays(
        &self,
        provider: ProviderId,
        now: Timestamp,
        lease_until: Timestamp,
        limit: usize,
    ) -> LedgerTask<'_, Vec<OwedDelivery>>;
    /// Gives a lease back without an attempt: due at `due_at`.
    fn defer_replay(&self, lease: Lease, due_at: Timestamp) -> LedgerTask<'_, Settled>;
    /// Records an attempt of a replay and what follows.
    fn settle_replay(
        &self,
        lease: Lease,
        now: Timestamp,
        attempt: AttemptRecord,
        fate: Fate,
    ) -> LedgerTask<'_, Settled>;
}
