//! Lanes, as far as they are durable: who paused one and why, and what waits in it.

use jiff::Timestamp;
use oicp::ProviderId;

use super::LedgerTask;

/// A lane that a person has paused: messages are stored, nothing is sent.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Pause {
    /// Whose lane.
    pub provider: ProviderId,
    /// Since when.
    pub at: Timestamp,
    /// Who did it.
    pub by: String,
    /// Why, for people; partners never see it.
    pub why: String,
}

/// What waits in a lane.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Queue {
    /// Whose lane.
    pub provider: ProviderId,
    /// Deliveries that have an instant for their next attempt, past or to come.
    pub waiting: u64,
    /// The earliest of these instants: if it is past, the queue is that old.
    pub due_since: Option<Timestamp>,
}

/// Pausing lanes and looking at them.
pub trait LanePort: Send + Sync {
    /// The lanes that are paused now.
    fn pauses(&self) -> LedgerTask<'_, Vec<Pause>>;
    /// Pauses these lanes, in one transaction. One that is paused already keeps its first reason. Returns how many were
    /// not.
    fn pause(&self, pauses: Vec<Pause>) -> LedgerTask<'_, usize>;
    /// Resumes these lanes, in one transaction; that they were paused stays on record. Returns how many were.
    fn resume(&self, providers: Vec<ProviderId>, at: Timestamp, by: String) -> LedgerTask<'_, usize>;
    /// What waits in each lane that has something waiting.
    fn queues(&self) -> LedgerTask<'_, Vec<Queue>>;
}
