//! What the watchdog needs from the ledger. All of it lies behind the writer: nothing here is done while a message is
//! taken in or an attempt is settled.

use std::time::Duration;

use jiff::Timestamp;
use oicp::{OperatorId, ProviderId};

use super::LedgerTask;
use crate::SessionKey;
use crate::mandate::Suspension;
use crate::watchdog::{GhostKind, Judgement, Watched};

/// A session that looks like a ghost, as it is listed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ghost {
    /// The session.
    pub session: SessionKey,
    /// Of which kind.
    pub kind: GhostKind,
    /// The operator that opened it.
    pub operator: OperatorId,
    /// The provider that believes in it, as far as known.
    pub provider: Option<ProviderId>,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// When something was heard of it last.
    pub last_heard_at: Option<Timestamp>,
    /// Since when it counts as a ghost.
    pub since: Timestamp,
}

/// How many ghosts an operator has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GhostCount {
    /// The operator.
    pub operator: OperatorId,
    /// The kind.
    pub kind: GhostKind,
    /// How many.
    pub count: u64,
    /// Since when the oldest of them is there.
    pub since: Timestamp,
}

/// An authorisation that was refused while an earlier session of the same card or contract stood open.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Blocked {
    /// When it was refused.
    pub at: Timestamp,
    /// The operator that asked.
    pub operator: OperatorId,
    /// The OICP code it was told.
    pub code: u16,
    /// The session that stood open.
    pub earlier: SessionKey,
    /// The operator of that session, which has not ended it.
    pub caused_by: OperatorId,
    /// The provider of that session.
    pub provider: ProviderId,
}

/// What following came to.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Followed {
    /// There is more to follow already.
    pub behind: bool,
    /// Ghosts that ended, by operator and kind.
    pub cleared: Vec<(OperatorId, GhostKind)>,
    /// Authorisations refused while an earlier session stood open.
    pub blocked: Vec<Blocked>,
    /// Operators that have lost their mandate.
    pub suspended: Vec<Suspension>,
}

/// What changed by judging.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum GhostChange {
    /// A session has become a ghost.
    Found(SessionKey, OperatorId, GhostKind),
    /// A ghost is none any more.
    Cleared(SessionKey, OperatorId, GhostKind),
    /// A ghost was too old to be listed any longer.
    Forgotten(SessionKey, OperatorId, GhostKind),
}

/// Watching over sessions. One watchdog per ledger: its operations are not meant to run beside each other.
pub trait WatchPort: Send + Sync {
    /// Takes note of at most `limit` messages and decisions that came since the last time. A session that was
    /// authorised or heard of is looked at no later than `soonest` after that. Where it stopped is durable.
    fn follow(&self, limit: usize, soonest: Duration) -> LedgerTask<'_, Followed>;
    /// At most `limit` sessions that are due for a look, the longest due first.
    fn due_for_a_look(&self, now: Timestamp, limit: usize) -> LedgerTask<'_, Vec<Watched>>;
    /// Writes what the looks came to.
    fn note_judgements(&self, judged: Vec<(Watched, Judgement)>) -> LedgerTask<'_, Vec<GhostChange>>;
    /// Voids at most `limit` sessions that were opened before this and are still undecided, or calls them unconfirmed if
    /// they were opened from afar; whose they were.
    fn void_undecided(
        &self,
        opened_before: Timestamp,
        limit: usize,
    ) -> LedgerTask<'_, Vec<(SessionKey, OperatorId)>>;
    /// Drops undecided sessions and late answers from the list that were found before this; whose they were.
    fn forget(&self, found_before: Timestamp) -> LedgerTask<'_, Vec<GhostChange>>;
    /// The oldest ghosts first, of one operator or of all, at most `limit`.
    fn ghosts(&self, operator: Option<OperatorId>, limit: usize) -> LedgerTask<'_, Vec<Ghost>>;
    /// How many ghosts there are, per operator and kind.
    fn ghost_counts(&self) -> LedgerTask<'_, Vec<GhostCount>>;
    /// The newest refusals while an earlier session stood open, of this operator or of any, at most `limit`.
    fn blocked(&self, caused_by: Option<OperatorId>, limit: usize) -> LedgerTask<'_, Vec<Blocked>>;
}
