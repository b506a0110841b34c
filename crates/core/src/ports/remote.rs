//! Sessions that a provider opens from afar: durable before their operator is asked, and kept where nobody knows what the
//! operator made of it.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use oicp::{EvseId, OperatorId, ProviderId};

use super::LedgerTask;
use crate::session::SessionKind;
use crate::session::machine::Session;
use crate::{ProcessId, SessionKey};

/// A session to be made durable before its operator is asked.
#[derive(Clone, Debug)]
pub struct RemoteOpening {
    /// The new session's key.
    pub key: SessionKey,
    /// The call that opens it.
    pub process: ProcessId,
    /// When the call came in.
    pub opened_at: Timestamp,
    /// What it is for.
    pub kind: SessionKind,
    /// Who is asked.
    pub operator: OperatorId,
    /// Who asks.
    pub provider: ProviderId,
    /// Where.
    pub evse: EvseId,
    /// The provider's own id of the session.
    pub emp_partner_session_id: Option<String>,
    /// Keyed hash of the contract.
    pub medium: [u8; 32],
    /// The request as received, with a PIN overwritten.
    pub request: Bytes,
    /// How long the operator may take: before that nobody calls it undecided.
    pub patience: Duration,
}

/// What the operator made of the request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RemoteAnswer {
    /// It said yes: the session is active.
    Accepted {
        /// Its own id of the session, if it gave one.
        cpo_partner_session_id: Option<String>,
    },
    /// It said no, or was never asked: the session is void, unless the operator has spoken of it already.
    Void,
    /// Nobody knows: the session is unconfirmed, unless the operator has spoken of it already.
    Unknown,
}

/// How a remote request ended.
#[derive(Clone, Debug)]
pub struct RemoteOutcome {
    /// The session it opened.
    pub key: SessionKey,
    /// When that was known.
    pub decided_at: Timestamp,
    /// What the operator made of it.
    pub answer: RemoteAnswer,
    /// The OICP code the provider is told.
    pub code: u16,
}

/// What has to be known of a session to stop it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stoppable {
    /// What its life depends on. Never pending: what is being opened from afar counts as unconfirmed.
    pub life: Session,
    /// Who can stop it.
    pub operator: OperatorId,
    /// Who may ask for it.
    pub provider: ProviderId,
    /// The provider's own id of the session.
    pub emp_partner_session_id: Option<String>,
}

/// Opening sessions from afar. While the operator is being asked, it may speak of the session already: it is welcome, and
/// the session is active from then on.
pub trait RemotePort: Send + Sync {
    /// Makes a session durable before its operator is asked.
    fn open_remote(&self, opening: RemoteOpening) -> LedgerTask<'_, ()>;
    /// Writes what the operator made of it.
    fn settle_remote(&self, outcome: RemoteOutcome) -> LedgerTask<'_, ()>;
    /// A session that was opened, from whichever side.
    fn stoppable(&self, key: SessionKey) -> LedgerTask<'_, Option<Stoppable>>;
}
