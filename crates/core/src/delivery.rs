//! A delivery: one message owed to one provider. Its life as a state machine.
//!
//! ```text
//!            take in                    attempt failed            due, claimed
//!   (new) ───────────▶ Leased ─────────────────────────▶ Deferred ────────────▶ Leased …
//!     │                  │ provider answered                │ overtaken / too old / given up
//!     └──▶ Held          ▼                                  ▼
//!        (no endpoint)  Delivered | Refused | Exhausted    Superseded | Expired | Exhausted | Fetched
//! ```
//!
//! Invariants: a final state is never left (a repeat, a replay, or a provider that fetches what was held makes a *new*
//! delivery of the same notification); only the holder of the current fencing token may write a result.

use jiff::Timestamp;
use oicp::{OperatorId, ProviderId};

use crate::mandate::Origin;
use crate::{MessageKind, ProcessId, SessionKey};

/// The number of a delivery in the ledger.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct DeliveryNo(pub i64);

/// The right to send a delivery, until somebody else claims it. The token grows with every claim; a result under an old
/// token is kept as a late attempt and changes nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lease {
    /// Which delivery.
    pub delivery: DeliveryNo,
    /// The fencing token; also the number of the attempt that this lease allows (`Hub-Attempt`).
    pub token: u32,
}

/// Why nothing more is sent. Stored as text; the spelling is part of receipts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FinalState {
    /// The provider has it.
    Delivered,
    /// The provider said no, and meant it.
    Refused,
    /// Given up; the reason is beside it. Replayable.
    Exhausted,
    /// A newer message of the session went out instead.
    Superseded,
    /// A Start or Progress that nobody needs any more.
    Expired,
    /// The provider offers no endpoint for it: it waits in the provider's feed.
    Held,
    /// The provider confirmed that it has read it in its feed.
    Fetched,
}

impl FinalState {
    /// All of them, for tables and tests.
    pub const ALL: [Self; 7] = [
        Self::Delivered,
        Self::Refused,
        Self::Exhausted,
        Self::Superseded,
        Self::Expired,
        Self::Held,
        Self::Fetched,
    ];

    /// The word used in the ledger, in metrics and in receipts.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Refused => "refused",
            Self::Exhausted => "exhausted",
            Self::Superseded => "superseded",
            Self::Expired => "expired",
            Self::Held => "held",
            Self::Fetched => "fetched",
        }
    }

    /// Reads the ledger's word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// How often which kind of failure happened to a delivery: some are retried only so many times.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Tries {
    /// Attempts whose result was recorded.
    pub recorded: u32,
    /// Of these, answered with a fault (`Result:false`, 001, 002 or 021).
    pub faulted: u32,
    /// Of these, answered with something that is no acknowledgement.
    pub unusable: u32,
}

/// A delivery in hand: everything needed to send it once more, also after a restart.
#[derive(Clone, Debug)]
pub struct OwedDelivery {
    /// The right to send it.
    pub lease: Lease,
    /// The notification's id.
    pub process: ProcessId,
    /// Its session.
    pub session: SessionKey,
    /// What it is.
    pub kind: MessageKind,
    /// Who sent it.
    pub operator: OperatorId,
    /// Who is to get it.
    pub provider: ProviderId,
    /// The received bytes.
    pub body: bytes::Bytes,
    /// When the hub received it.
    pub received_at: Timestamp,
    /// When it is given up.
    pub gives_up_at: Timestamp,
    /// What happened so far.
    pub tries: Tries,
    /// Who it comes from.
    pub origin: Origin,
}
