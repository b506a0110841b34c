//! The providers' feeds: giving positions, reading, confirming.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use oicp::ProviderId;

use super::LedgerTask;
use crate::ProcessId;
use crate::feed::{Confirmed, FeedEnds, FeedEntry, Position, Sequenced};

/// The providers' feeds.
pub trait FeedPort: Send + Sync {
    /// One pass of the sequencer: gives positions to committed messages that have none, in order of arrival, and looks at
    /// no more than `limit` of them. Messages to `readers` (the providers that read their feed) get one, and whatever is
    /// held. A provider that was no reader at the last pass also gets what is owed to it from before.
    fn sequence(&self, readers: Arc<BTreeSet<ProviderId>>, limit: u32) -> LedgerTask<'_, Sequenced>;
    /// Sees to it that a message that will not be sent, because its provider has no endpoint for it, waits in the feed:
    /// one that had ended otherwise (refused, exhausted, expired) is held from now on.
    fn hold_in_feed(&self, process: ProcessId, now: Timestamp) -> LedgerTask<'_, ()>;
    /// The messages after a position: at most `limit`, and no more than `bytes` of bodies except for the first.
    fn read_feed(
        &self,
        provider: ProviderId,
        after: Position,
        limit: u32,
        bytes: usize,
    ) -> LedgerTask<'_, Vec<FeedEntry>>;
    /// Where a feed ends, and up to where it is confirmed.
    fn feed_ends(&self, provider: ProviderId) -> LedgerTask<'_, FeedEnds>;
    /// Remembers that the provider has everything up to `cursor`, and closes what waits up to there, or was given
    /// up, as fetched; at most `limit` positions at a time. What is under way, or was heard, is left alone. A cursor that was confirmed before changes nothing.
    fn confirm_feed(
        &self,
        provider: ProviderId,
        cursor: Position,
        now: Timestamp,
        limit: u32,
    ) -> LedgerTask<'_, Confirmed>;
}
