//! What came of a call, in the hub's own terms. The ingress has the one table that turns it into HTTP status and OICP
//! code.

use jiff::Timestamp;
use oicp::Rejected;
use oicp::ack::Acknowledgement;
use oicp::authorize::{AuthorizationStart, AuthorizationStop};
use oicp::status::Status;
use oicp::{Finding, ProviderId};
use roamhub_core::allowance::TooOften;
use roamhub_core::ports::LedgerError;
use roamhub_core::{Partner, ProcessId};

use crate::identity::{NotAdmitted, Unauthorised};
use crate::remote::RemoteVerdict;
use crate::upload::UploadVerdict;

/// The answer to a call.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The id of the call; for a repeat, the first's.
    pub process: ProcessId,
    /// What came of it.
    pub verdict: Verdict,
    /// The caller's own ids, repeated in the answer.
    pub ids: CallerIds,
}

/// The ids by which the caller knows its message again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallerIds {
    /// Who it said it is.
    pub partner: Option<Partner>,
    /// SessionID as the caller spelt it.
    pub session: Option<String>,
    /// The operator's own id of the session.
    pub cpo_partner_session: Option<String>,
    /// The provider's own id of the session, as the caller or the session knows it.
    pub emp_partner_session: Option<String>,
}

impl CallerIds {
    /// What could be read of a message that breaks the protocol.
    pub(crate) fn of_rejected(rejected: &Rejected) -> Self {
        let operator = rejected.operator_id.map(Partner::Operator);
        Self {
            partner: operator.or_else(|| rejected.provider_id.map(Partner::Provider)),
            session: rejected.session_id.map(|id| id.to_string()),
            cpo_partner_session: rejected.cpo_partner_session_id.clone(),
            emp_partner_session: rejected.emp_partner_session_id.clone(),
        }
    }
}

/// Why a message waits, and whether it can be overtaken; for the text of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Later {
    /// In words.
    pub why: String,
    /// A newer message of the session may go out instead.
    pub may_be_overtaken: bool,
}

/// What came of a call.
#[derive(Debug, Clone)]
pub enum Verdict {
    /// The partner it was for answered: relayed.
    Relayed(Acknowledgement),
    /// Stored; the provider gets it later, and the operator is told so honestly.
    Deferred(Later),
    /// Stored; the provider gets it later, and its policy is to say yes for it.
    AcceptedForLater(Later),
    /// Stored, but the provider offers no endpoint for it.
    NotOffered(ProviderId),
    /// Stored for the provider's feed, which it reads: that counts as reached.
    InFeed(ProviderId),
    /// A repeat of what the provider has read in its feed.
    Fetched(ProviderId),
    /// The last attempt failed; nothing more is sent unless it is sent in again.
    GivenUp(String),
    /// A newer message of the session went out instead.
    Superseded,
    /// A charge detail record, stored; the provider gets it, or fetches it.
    Recorded,
    /// No such open session of this operator.
    SessionInvalid,
    /// A Progress within five minutes of the last one.
    TooSoon {
        /// When the last one came.
        last: Timestamp,
    },
    /// A strict operator's message with findings.
    Implausible(Vec<Finding>),
    /// A strict operator's message about somebody else's EVSE.
    ForeignEvse(Vec<Finding>),
    /// A provider authorised the start.
    Authorised(AuthorizationStart),
    /// Asked, and nobody said yes.
    NotAuthorised(Status),
    /// Whether a medium may stop a session was decided.
    Stopped(AuthorizationStop),
    /// What came of a push of authentication data.
    Uploaded(UploadVerdict),
    /// No contract with anybody who could be asked.
    NoContract,
    /// The contract id names a provider that is not registered.
    UnknownProvider(ProviderId),
    /// The provider is locked or offers no authorisation.
    ProviderNotAsked,
    /// A remote request that is not answered by its operator.
    Remote(RemoteVerdict),
    /// The caller is locked, or for a remote start its operator.
    Locked(Partner),
    /// The caller is not, or not known to be, who it says it is.
    Unauthorised(Box<Unauthorised>),
    /// The caller is not registered.
    UnknownCaller(Partner),
    /// Path and body name different partners.
    IdMismatch {
        /// In the path.
        path: String,
        /// In the body.
        body: Partner,
    },
    /// The message breaks the protocol.
    Rejected(Box<Rejected>),
    /// The ledger cannot take it now.
    Ledger(LedgerError),
    /// The caller's allowance is used up.
    TooOften(TooOften),
    /// The hub has too much under way for a message of this kind.
    TooBusy,
}

impl From<NotAdmitted> for Box<Verdict> {
    fn from(refused: NotAdmitted) -> Self {
        Self::new(match refused {
            NotAdmitted::Unauthorised(why) => Verdict::Unauthorised(why),
            NotAdmitted::Unregistered(partner) => Verdict::UnknownCaller(partner),
        })
    }
}

impl Verdict {
    /// Whether the message was refused before anything was stored for delivery.
    #[must_use]
    pub fn is_refusal(&self) -> bool {
        match self {
            Self::Remote(verdict) => verdict.is_refusal(),
            Self::Relayed(_)
            | Self::Deferred(_)
            | Self::AcceptedForLater(_)
            | Self::NotOffered(_)
            | Self::InFeed(_)
            | Self::Fetched(_)
            | Self::GivenUp(_)
            | Self::Superseded
            | Self::Recorded
            | Self::Authorised(_)
            | Self::NotAuthorised(_)
            | Self::Stopped(_) => false,
            Self::Uploaded(verdict) => verdict.is_refusal(),
            Self::SessionInvalid
            | Self::TooSoon { .. }
            | Self::Implausible(_)
            | Self::ForeignEvse(_)
            | Self::NoContract
            | Self::UnknownProvider(_)
            | Self::ProviderNotAsked
            | Self::Locked(_)
            | Self::Unauthorised(_)
            | Self::UnknownCaller(_)
            | Self::IdMismatch { .. }
            | Self::Rejected(_)
            | Self::Ledger(_)
            | Self::TooOften(_)
            | Self::TooBusy => true,
        }
    }
}
