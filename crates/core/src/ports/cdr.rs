//! Charge detail records: taking one in, finding those of a window, and comparing each with the End of its session.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use oicp::{EvseId, Finding, OperatorId, ProviderId};

use super::LedgerTask;
use crate::allowance::{Ticket, TooOften};
use crate::records::StoredFinding;
use crate::{ProcessId, SessionKey};

/// A charge detail record to be made durable. It closes its session.
#[derive(Clone, Debug)]
pub struct CdrIntake {
    /// Its new id.
    pub process: ProcessId,
    /// When it came in. The ledger may make it a little later: reception times never go back, and never fall into a
    /// window that somebody has read to its end.
    pub received_at: Timestamp,
    /// The session it names.
    pub session: SessionKey,
    /// Who sent it.
    pub operator: OperatorId,
    /// Who is to get it.
    pub provider: ProviderId,
    /// The received bytes.
    pub body: Bytes,
    /// SHA-256 of the received bytes.
    pub digest: [u8; 32],
    /// The EVSE it names.
    pub evse: EvseId,
    /// Keyed hash of the card or contract it names.
    pub medium: [u8; 32],
    /// What is odd about it.
    pub findings: Vec<Finding>,
    /// Whether a PIN must be overwritten once it is delivered.
    pub has_pin: bool,
    /// What is to be done with it.
    pub plan: CdrPlan,
    /// What it counts against, unless it is a repeat.
    pub ticket: Option<Ticket>,
}

/// What is to be done with a record once it is stored.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CdrPlan {
    /// Owed to the provider: due at once, or, while an End of the session is owed, by this instant at the latest.
    Owe {
        /// The end of its patience.
        by: Timestamp,
    },
    /// The provider has no endpoint for it, or is locked: kept, to be fetched.
    Hold,
}

/// What the ledger made of a record.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CdrTaken {
    /// Stored, and the session closed.
    Stored,
    /// Known already, under this `Process-ID`.
    Repeat(ProcessId),
    /// Not stored: no such session of this operator, or it is not open any more.
    SessionInvalid,
    /// Not stored: its sender's allowance is used up.
    TooOften(TooOften),
}

/// A session's record, as far as a repeat is recognised by it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KnownCdr {
    /// Its `Process-ID`.
    pub process: ProcessId,
    /// SHA-256 of the received bytes.
    pub digest: [u8; 32],
}

/// Which records a provider asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CdrWindow {
    /// Who asks.
    pub provider: ProviderId,
    /// Received then or later.
    pub from: Timestamp,
    /// Received then or earlier.
    pub to: Timestamp,
    /// Of these sessions; of all if empty.
    pub sessions: Vec<SessionKey>,
    /// Of these registered operators; of all if empty.
    pub operators: Vec<OperatorId>,
    /// Whether the provider's endpoint has taken it.
    pub forwarded: Option<bool>,
}

/// The number of a record in the ledger; later ones have greater numbers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct CdrNo(pub i64);

/// What a page of a window holds.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct CdrListing {
    /// Records in the whole window.
    pub total: u64,
    /// Those of the page, in order of reception.
    pub page: Vec<CdrNo>,
}

/// Taking records in and reading them.
pub trait CdrPort: Send + Sync {
    /// Makes a record and its delivery durable and closes the session, in one transaction, or says why not.
    fn take_in_cdr(&self, intake: Arc<CdrIntake>) -> LedgerTask<'_, CdrTaken>;
    /// The record of a session, if there is one.
    fn cdr_of(&self, session: SessionKey) -> LedgerTask<'_, Option<KnownCdr>>;
    /// One page of a window, in order of reception, erased records left out. From now on nothing is received at an
    /// instant that lies in the window and before `now`.
    fn list_cdrs(
        &self,
        window: CdrWindow,
        now: Timestamp,
        offset: u64,
        limit: u64,
    ) -> LedgerTask<'_, CdrListing>;
    /// The bytes of these records, in this order: as many as fit into `most` bytes, but one at least. An erased one is
    /// `None`.
    fn cdr_bodies(&self, numbers: Vec<CdrNo>, most: usize) -> LedgerTask<'_, Vec<Option<Bytes>>>;
}

/// A record that has not been compared yet, with the last End of its session.
#[derive(Clone, Debug)]
pub struct Uncompared {
    /// The record.
    pub no: CdrNo,
    /// Its session.
    pub session: SessionKey,
    /// Who sent both.
    pub operator: OperatorId,
    /// The record's bytes; `None` if they are erased.
    pub record: Option<Bytes>,
    /// The End's bytes; `None` if there is no End, or they are erased.
    pub end: Option<Bytes>,
    /// Whether an End was received, erased or not.
    pub has_end: bool,
}

/// A record whose session's End says something else, as it is listed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Difference {
    /// The session.
    pub session: SessionKey,
    /// Who sent both.
    pub operator: OperatorId,
    /// Who gets both.
    pub provider: ProviderId,
    /// When it was found.
    pub at: Timestamp,
    /// What differs.
    pub finding: StoredFinding,
}

/// Comparing, behind the writer.
pub trait ComparePort: Send + Sync {
    /// At most `limit` records that have not been compared yet, the oldest first.
    fn uncompared(&self, limit: usize) -> LedgerTask<'_, Vec<Uncompared>>;
    /// Writes what the comparisons came to.
    fn note_compared(&self, compared: Vec<(Uncompared, Vec<Finding>)>, at: Timestamp) -> LedgerTask<'_, ()>;
    /// The newest differences first, of one operator or of all, at most `limit`.
    fn differences(&self, operator: Option<OperatorId>, limit: usize) -> LedgerTask<'_, Vec<Difference>>;
}
