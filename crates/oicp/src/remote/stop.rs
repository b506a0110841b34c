//! The request to end: a charging session, or a reservation. It goes to the operator byte for byte; the SessionID in it is
//! the hub's already.

use std::fmt;

use bytes::Bytes;

use super::emp_partner_session_id;
use super::start::required;
use crate::body;
use crate::field::{At, Judge};
use crate::ids::{EvseId, ProviderId, SessionId};
use crate::rejected::Rejected;

const NAMES: [&str; 6] = [
    "SessionID",
    "CPOPartnerSessionID",
    "EMPPartnerSessionID",
    "EMPPartnerSessionId",
    "ProviderID",
    "EvseID",
];

/// A remote stop or the stop of a reservation whose structure is right, with the bytes it came in.
#[derive(Clone)]
pub struct RemoteStop {
    body: Bytes,
    content: Content,
}

#[derive(Clone, Debug)]
struct Content {
    session_id: SessionId,
    provider_id: ProviderId,
    evse_id: EvseId,
    cpo_partner_session_id: Option<String>,
    emp_partner_session_id: Option<String>,
}

impl RemoteStop {
    /// Reads a received body: an eRoamingAuthorizeRemoteStop or -ReservationStop, which have the same members.
    ///
    /// # Errors
    ///
    /// [`Rejected`] with every violation of the structure.
    pub fn parse(body: Bytes) -> Result<Self, Rejected> {
        let content = content(body::check(&body)?)?;
        Ok(Self { body, content })
    }

    /// The bytes as they were received; they go on like this.
    #[must_use]
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// The session to be stopped.
    #[must_use]
    pub fn session_id(&self) -> SessionId {
        self.content.session_id
    }

    /// The partner that asks.
    #[must_use]
    pub fn provider_id(&self) -> ProviderId {
        self.content.provider_id
    }

    /// The charging spot. The session leads to the operator, not this.
    #[must_use]
    pub fn evse_id(&self) -> EvseId {
        self.content.evse_id
    }

    /// The operator's own id of the session, at most 250 characters.
    #[must_use]
    pub fn cpo_partner_session_id(&self) -> Option<&str> {
        self.content.cpo_partner_session_id.as_deref()
    }

    /// The provider's own id of the session, at most 250 characters.
    #[must_use]
    pub fn emp_partner_session_id(&self) -> Option<&str> {
        self.content.emp_partner_session_id.as_deref()
    }
}

impl fmt::Debug for RemoteStop {
    /// Without the body: unknown members may hold anything.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("RemoteStop").field("content", &self.content).finish_non_exhaustive()
    }
}

fn content(text: &str) -> Result<Content, Rejected> {
    let (mut judge, object) = Judge::open(text, &NAMES)?;
    let [session, cpo, emp, emp_alias, provider, evse] = object.values();

    let session_id = required(&mut judge, "SessionID", session, SessionId::parse);
    let provider_id = required(&mut judge, "ProviderID", provider, ProviderId::parse);
    let evse_id = required(&mut judge, "EvseID", evse, EvseId::parse);
    let cpo_partner_session_id = judge.text(At::member("CPOPartnerSessionID"), cpo, 250);
    let emp_partner_session_id = emp_partner_session_id(&mut judge, emp, emp_alias);

    match (session_id, provider_id, evse_id) {
        (Some(session_id), Some(provider_id), Some(evse_id)) if judge.violations.is_empty() => {
            Ok(Content { session_id, provider_id, evse_id, cpo_partner_session_id, emp_partner_session_id })
        }
        (session_id, provider_id, _) => Err(Rejected {
            violations: judge.violations,
            session_id,
            provider_id,
            cpo_partner_session_id,
            emp_partner_session_id,
            ..Rejected::default()
        }),
    }
}
