//! A charging session as the hub knows it. The hub issues the SessionID (a UUIDv7); it selects the operator that may
//! speak about the session and the provider that hears it.
//!
//! What can change (the state) is decided inside the ledger's transactions, by the rules in [`machine`]; what cannot
//! ([`SessionFacts`]) may be cached by anybody.

pub mod machine;

use jiff::Timestamp;
use oicp::{EvseId, OperatorId, ProviderId, SessionId};
use uuid::Uuid;

use crate::directory::OfferedService;

pub use machine::{Opened, SessionState};

/// The key of a session in the ledger: the SessionID's sixteen bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct SessionKey([u8; 16]);

impl SessionKey {
    /// A key for a session that begins now.
    #[must_use]
    pub fn new() -> Self {
        Self(*Uuid::now_v7().as_bytes())
    }

    /// The key of a SessionID that came in. `None` for one that no hub of this kind ever issued: the published
    /// expression allows more letters than hexadecimal ones.
    #[must_use]
    pub fn of(session: &SessionId) -> Option<Self> {
        session.to_uuid().map(Self)
    }

    /// The SessionID as it goes on the wire.
    #[must_use]
    pub fn to_session_id(self) -> SessionId {
        SessionId::from_uuid(self.0)
    }

    /// The sixteen bytes, as the ledger keeps them.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// From the sixteen bytes the ledger kept.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl Default for SessionKey {
    fn default() -> Self {
        Self::new()
    }
}

/// What a session is for. A reservation is a session of its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum SessionKind {
    /// A driver charges.
    Charging,
    /// A spot is kept free for a driver.
    Reservation,
}

impl SessionKind {
    /// The word in the ledger and for people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Charging => "charging",
            Self::Reservation => "reservation",
        }
    }

    /// Reads the ledger's word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Charging, Self::Reservation].into_iter().find(|kind| kind.as_str() == word)
    }

    /// What operator and provider must have a contract for.
    #[must_use]
    pub fn contract(self) -> OfferedService {
        match self {
            Self::Charging => OfferedService::Authorization,
            Self::Reservation => OfferedService::Reservation,
        }
    }
}

/// What never changes about a session once it is active.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SessionFacts {
    /// Its key.
    pub key: SessionKey,
    /// The operator that opened it and alone may speak about it.
    pub operator: OperatorId,
    /// The provider whose driver is charging.
    pub provider: ProviderId,
    /// The EVSE named when it was opened, if one was.
    pub evse: Option<EvseId>,
    /// The provider's own id of the session, if it gave one.
    pub emp_partner_session_id: Option<String>,
}

/// A session to be made durable before any provider is asked.
#[derive(Clone, Debug)]
pub struct PendingSession {
    /// The new session's key.
    pub key: SessionKey,
    /// The call that opens it.
    pub process: crate::ProcessId,
    /// When the call came in.
    pub opened_at: Timestamp,
    /// Who opens it.
    pub operator: OperatorId,
    /// Where, if the operator said so.
    pub evse: Option<EvseId>,
    /// The operator's own id of the session.
    pub cpo_partner_session_id: Option<String>,
    /// Keyed hash of the card or contract.
    pub medium: [u8; 32],
    /// The request as received, with a PIN overwritten.
    pub request: bytes::Bytes,
}

/// How an authorisation ended, to be written before the operator hears it.
#[derive(Clone, Debug)]
pub struct AuthorisationOutcome {
    /// The session it is about.
    pub key: SessionKey,
    /// The keyed hash of its medium.
    pub medium: [u8; 32],
    /// When the decision fell.
    pub decided_at: Timestamp,
    /// The provider that said yes; `None` makes the session void.
    pub authorised_by: Option<ProviderId>,
    /// The provider's own id of the session.
    pub emp_partner_session_id: Option<String>,
    /// The OICP code the operator is told.
    pub code: u16,
}
