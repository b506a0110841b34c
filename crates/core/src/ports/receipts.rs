//! Looking up what receipts are made of.

use super::LedgerTask;
use crate::receipt::ReceiptFacts;
use crate::{ProcessId, SessionKey};

/// The facts for receipts. Message bodies are never read for them.
pub trait ReceiptPort: Send + Sync {
    /// The facts about a message.
    fn receipt(&self, process: ProcessId) -> LedgerTask<'_, Option<ReceiptFacts>>;
    /// The facts about the first `limit` messages of a session, in order of arrival.
    fn receipts_of(&self, session: SessionKey, limit: usize) -> LedgerTask<'_, Vec<ReceiptFacts>>;
}
