//! What mandated Ends need from the ledger. All of it lies behind the writer's live path.

use jiff::Timestamp;
use oicp::OperatorId;

use super::LedgerTask;
use crate::mandate::{Issue, LateYes, MandatedEnd, Suspension};

/// Issuing Ends on operators' behalf, and who has lost the right to have them issued.
pub trait MandatePort: Send + Sync {
    /// Writes the End and its delivery in one transaction, if nothing at all has been heard of the session by then, or says
    /// why not. Whatever comes in later comes after it.
    fn issue(&self, end: MandatedEnd) -> LedgerTask<'_, Issue>;
    /// The listed late yeses in an operator's sessions for which no End was issued, the oldest first, at most `limit`.
    /// Those that were passed over are left out until somebody knows where the session was.
    fn late_yeses(&self, operator: OperatorId, limit: usize) -> LedgerTask<'_, Vec<LateYes>>;
    /// The operators that have lost their mandate.
    fn suspensions(&self) -> LedgerTask<'_, Vec<Suspension>>;
    /// Gives an operator its mandate back; that it was lost stays on record. Returns how many were lost: one or none.
    fn restore_mandate(&self, operator: OperatorId, at: Timestamp, by: String) -> LedgerTask<'_, usize>;
}
