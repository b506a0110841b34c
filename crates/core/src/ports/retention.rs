//! Removing what is too old, a slice at a time, so that nobody waits for it.

use bytes::Bytes;
use jiff::Timestamp;
use oicp::{OperatorId, ProviderId};

use super::LedgerTask;
use crate::retention::{Ages, Counts, Kind, Outlook, Pass, Slice};
use crate::{ProcessId, SessionKey};

/// What is kept of a charge detail record once its identification is gone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KeptRecord {
    /// Its number: ascending with reception.
    pub no: i64,
    /// The record's own id.
    pub process: ProcessId,
    /// Its session.
    pub session: SessionKey,
    /// Who sent it.
    pub operator: OperatorId,
    /// Whose driver it was.
    pub provider: ProviderId,
    /// When it came in.
    pub received_at: Timestamp,
    /// SHA-256 of the received bytes.
    pub digest: [u8; 32],
    /// The record without its identification (JSON).
    pub record: Bytes,
}

/// Retention.
pub trait RetentionPort: Send + Sync {
    /// Removes some of a kind, from `from` on (0 for the beginning of a pass), in one small transaction.
    fn retain(&self, kind: Kind, ages: Ages, from: i64, now: Timestamp) -> LedgerTask<'_, Slice>;
    /// The pass is through: cuts what the log still holds of it, if nobody has to wait for that, and keeps a note.
    fn end_pass(&self, pass: Pass) -> LedgerTask<'_, ()>;
    /// Where retention stands.
    fn outlook(&self, ages: Ages, now: Timestamp) -> LedgerTask<'_, Outlook>;
    /// What a pass would remove now. Sessions count with their messages.
    fn would_leave(&self, ages: Ages, now: Timestamp) -> LedgerTask<'_, Counts>;
    /// What is kept of charge detail records, from behind a number on.
    fn kept_records(&self, after: i64, limit: usize) -> LedgerTask<'_, Vec<KeptRecord>>;
}
