//! What came of a message, as its sender is told. Words are for the caller to choose.

use oicp::ack::Acknowledgement;
use roamhub_core::ProcessId;
use roamhub_core::ports::{Declined, Fate};

use crate::attempt::Done;

/// Why a message is delivered later.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Why {
    /// The attempt failed; in words.
    Failed(String),
    /// An earlier message of its session is deferred and goes first.
    Behind,
    /// An earlier message of its session took too long.
    TurnTooLate,
    /// Its provider has too much under way.
    LaneFull,
    /// Already deferred when it was repeated.
    Earlier,
    /// The provider has no address at the moment.
    NoRoute,
    /// Too little of the budget was left for an attempt.
    OutOfTime,
    /// The provider was not reached lately, so it is not asked.
    NotReached,
    /// A person has paused the provider's lane.
    Paused,
}

impl Why {
    /// The word for metrics.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Failed(_) => "failed",
            Self::Behind => "behind",
            Self::TurnTooLate => "turn-too-late",
            Self::LaneFull => "lane-full",
            Self::Earlier => "earlier",
            Self::NoRoute => "no-route",
            Self::OutOfTime => "out-of-time",
            Self::NotReached => "not-reached",
            Self::Paused => "paused",
        }
    }
}

/// What came of a message, for its sender.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The provider answered: relay it.
    Answered(Acknowledgement),
    /// Stored, and delivered later.
    Deferred(Why),
    /// The last attempt failed; in words. Nothing more is sent, unless it is sent in again.
    GivenUp(String),
    /// Stored for the provider's feed: it has no endpoint for it.
    Held,
    /// The provider has read it in its feed.
    Fetched,
    /// A newer message of the session went out instead.
    Superseded,
    /// Not stored.
    Declined(Declined),
}

/// What came of a message, and under which id.
#[derive(Clone, Debug)]
pub struct Submitted {
    /// The message's `Process-ID`; for a repeat, the first's.
    pub process: ProcessId,
    /// What came of it.
    pub outcome: Outcome,
}

impl Outcome {
    /// What an attempt and what follows from it mean for the sender.
    pub(crate) fn of(done: &Done) -> Self {
        match (done.outcome.acknowledgement(), &done.fate) {
            (Some(ack), _) => Self::Answered(ack.clone()),
            (None, Fate::Retry { .. }) => Self::Deferred(Why::Failed(done.outcome.describe())),
            (None, Fate::Final { .. }) => Self::GivenUp(done.outcome.describe()),
        }
    }
}
