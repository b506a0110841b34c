//! Release before authorise: finding the Ends still owed for a card or contract, and claiming them out of turn.

use jiff::Timestamp;
use oicp::ProviderId;

use super::LedgerTask;
use crate::ProcessId;
use crate::delivery::OwedDelivery;

/// An End that a provider is still owed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OwedEnd {
    /// Who is to get it.
    pub provider: ProviderId,
    /// The notification's id.
    pub process: ProcessId,
    /// Somebody is sending it right now.
    pub under_way: bool,
}

/// Ends by the keyed hash of the medium of their session.
pub trait ReleasePort: Send + Sync {
    /// The Ends owed for this medium, to whomever. Usually none, and then one short read.
    fn owed_ends(&self, medium: [u8; 32]) -> LedgerTask<'_, Vec<OwedEnd>>;
    /// Claims at most `limit` Ends of this medium owed to this provider, due or not, in the order of their sessions.
    fn claim_ends(
        &self,
        provider: ProviderId,
        medium: [u8; 32],
        now: Timestamp,
        lease_until: Timestamp,
        limit: usize,
    ) -> LedgerTask<'_, Vec<OwedDelivery>>;
    /// Files at most `limit` deferred Ends under their medium, so that they are found without looking at all of them.
    /// Kept up behind the writer; what is not filed yet is found all the same. Returns how many were filed.
    fn file_media(&self, limit: usize) -> LedgerTask<'_, usize>;
}
