//! Looking at whole sessions and at one partner's refusals.

use super::LedgerTask;
use crate::SessionKey;
use crate::records::{Refusal, SessionStory};

/// What the operating surface shows beyond single messages.
pub trait LookPort: Send + Sync {
    /// Everything about a session.
    fn session_story(&self, key: SessionKey) -> LedgerTask<'_, Option<SessionStory>>;
    /// The newest refusals of one partner (as it was named then) or of all, at most `limit`.
    fn refusals_of(&self, partner: Option<String>, limit: usize) -> LedgerTask<'_, Vec<Refusal>>;
}
