//! What came of a remote request where there is no acknowledgement of the operator to relay.

use oicp::OperatorId;
use roamhub_core::session::SessionKind;

/// Why a session cannot be stopped like this.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum InvalidSession {
    /// There is none of this provider.
    Unknown,
    /// Its charge detail record is in.
    Closed,
    /// It is of this kind, which another service stops.
    IsA(SessionKind),
}

/// What came of a remote request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RemoteVerdict {
    /// The EvseID leads to no registered operator.
    UnknownOperator(OperatorId),
    /// No contract with the operator for this kind of session.
    NoContract(OperatorId, SessionKind),
    /// The operator has no address, or does not offer this kind of session.
    NotOffered(OperatorId, SessionKind),
    /// Too many requests are under way to this operator.
    Busy(OperatorId),
    /// Nothing has happened: the operator was not reached, or its server took no notice.
    NotReached(String),
    /// Nobody knows whether the session has begun; it is kept.
    Unconfirmed(String),
    /// Nobody knows whether the session was stopped.
    MayBeStopped(String),
    /// The session cannot be stopped like this.
    SessionInvalid(InvalidSession),
}

impl RemoteVerdict {
    /// Whether it was refused before the operator was called.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::UnknownOperator(_)
            | Self::NoContract(..)
            | Self::NotOffered(..)
            | Self::Busy(_)
            | Self::SessionInvalid(_) => true,
            Self::NotReached(_) | Self::Unconfirmed(_) | Self::MayBeStopped(_) => false,
        }
    }
}
