//! Looking at ghosts and at the authorisations that they blocked.

use oicp::OperatorId;
use roamhub_core::ports::watch::{Blocked, Ghost, GhostCount};
use roamhub_core::ports::{Ledger, LedgerError};

/// The most that is listed at once.
pub const MOST_LISTED: usize = 1000;

/// What the watchdog has found, as of now.
#[derive(Clone, Debug)]
pub struct Ghosts {
    /// How many there are, per operator and kind.
    pub counts: Vec<GhostCount>,
    /// The oldest first, [`MOST_LISTED`] at most.
    pub sessions: Vec<Ghost>,
    /// Authorisations refused while an earlier session stood open: the newest first, [`MOST_LISTED`] at most.
    pub blocked: Vec<Blocked>,
}

/// The ghosts of one operator or of all, and whom they blocked.
///
/// # Errors
/// [`LedgerError`] if the ledger cannot be read.
pub async fn ghosts(ledger: &dyn Ledger, operator: Option<OperatorId>) -> Result<Ghosts, LedgerError> {
    let mut counts = ledger.ghost_counts().await?;
    counts.retain(|count| operator.is_none_or(|operator| count.operator == operator));
    let blocked = ledger.blocked(operator, MOST_LISTED).await?;
    Ok(Ghosts { counts, sessions: ledger.ghosts(operator, MOST_LISTED).await?, blocked })
}
