//! Erasing what the ledger holds about one contract. Bodies go; digests, outcomes and receipts stay.

use bytes::Bytes;
use jiff::Timestamp;

use super::LedgerTask;
use crate::erasure::{ErasureCount, Undelivered};
use crate::{ProcessId, SessionKey};

/// Overwriting personal data.
pub trait ErasurePort: Send + Sync {
    /// The sessions of a medium, by its keyed hash.
    fn sessions_of_medium(&self, medium: [u8; 32]) -> LedgerTask<'_, Vec<SessionKey>>;
    /// The keyed hash of a session's medium.
    fn medium_of_session(&self, session: SessionKey) -> LedgerTask<'_, Option<[u8; 32]>>;
    /// Requests that came to no session and are not erased yet, from behind `after` on, at most `limit`: nothing but
    /// their text says whose they are.
    fn requests_without_session(
        &self,
        after: Option<ProcessId>,
        limit: usize,
    ) -> LedgerTask<'_, Vec<(ProcessId, Bytes)>>;
    /// What erasing a session would come to.
    fn erasable(&self, session: SessionKey) -> LedgerTask<'_, ErasureCount>;
    /// Erases the messages and requests of a session in one transaction. A message under way is never touched.
    fn erase_session(
        &self,
        session: SessionKey,
        undelivered: Undelivered,
        at: Timestamp,
    ) -> LedgerTask<'_, ErasureCount>;
    /// Erases one request that came to no session.
    fn erase_request(&self, process: ProcessId, at: Timestamp) -> LedgerTask<'_, ErasureCount>;
    /// Forgets which provider knows a medium; says whether one was remembered.
    fn forget_medium(&self, medium: [u8; 32]) -> LedgerTask<'_, bool>;
    /// Sees to it that nothing overwritten so far lives on in the ledger's files.
    fn purge(&self) -> LedgerTask<'_, ()>;
}
