//! The question whether a medium may stop a session (OICP 2.3, eRoamingAuthorizeStop). What goes on to the provider is
//! what came in; only UID and EvcoID become upper-case.

use std::fmt;
use std::ops::Range;

use bytes::Bytes;

use super::start;
use crate::body;
use crate::field::{At, Judge};
use crate::identification::{self, Identification};
use crate::ids::{EvseId, OperatorId, SessionId};
use crate::json;
use crate::rejected::Rejected;

const NAMES: [&str; 6] =
    ["SessionID", "CPOPartnerSessionID", "EMPPartnerSessionID", "OperatorID", "EvseID", "Identification"];

/// A request to stop whose structure is right, with the bytes it came in.
#[derive(Clone)]
pub struct AuthorizeStop {
    body: Bytes,
    content: Content,
}

#[derive(Clone, Debug)]
struct Content {
    session_id: SessionId,
    operator_id: OperatorId,
    identification: Identification,
    cpo_partner_session_id: Option<String>,
    emp_partner_session_id: Option<String>,
    /// Where UID and EvcoID values stand.
    ids_at: [Option<Range<usize>>; 2],
}

impl AuthorizeStop {
    /// Reads a received body. Members that no table names, such as PartnerProductID, are none of the hub's business.
    ///
    /// # Errors
    ///
    /// [`Rejected`] with every violation of the structure, those of the Identification among them.
    pub fn parse(body: Bytes) -> Result<Self, Rejected> {
        let content = content(body::check(&body)?)?;
        Ok(Self { body, content })
    }

    /// The bytes as they were received; may hold a PIN.
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
    pub fn operator_id(&self) -> OperatorId {
        self.content.operator_id
    }

    /// What the driver identified with.
    #[must_use]
    pub fn identification(&self) -> &Identification {
        &self.content.identification
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

    /// What goes to the provider: the received bytes, with UID and EvcoID in upper-case.
    #[must_use]
    pub fn forwarded(&self) -> Bytes {
        let mut splices = start::upper_cased(&self.content.identification, &self.content.ids_at);
        json::splice(&self.body, &mut splices).into()
    }
}

impl fmt::Debug for AuthorizeStop {
    /// Without the body, which holds personal data.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("AuthorizeStop").field("content", &self.content).finish_non_exhaustive()
    }
}

fn content(text: &str) -> Result<Content, Rejected> {
    let (mut judge, object) = Judge::open(text, &NAMES)?;
    let [session, cpo, emp, operator, evse, identification] = object.values();

    let at = At::member("SessionID");
    let session = judge.required(at, session);
    let session_id = judge.parsed(at, session, SessionId::parse);
    let at = At::member("OperatorID");
    let operator = judge.required(at, operator);
    let operator_id = judge.parsed(at, operator, OperatorId::parse);
    let _evse = judge.parsed(At::member("EvseID"), evse, EvseId::parse);
    let identification = judge.required(At::member("Identification"), identification);
    let reading = identification.map(|raw| identification::read(raw, &mut judge)).unwrap_or_default();
    if let Some(identification) = &reading.identification {
        start::allowed(identification, &mut judge);
    }
    let cpo_partner_session_id = judge.text(At::member("CPOPartnerSessionID"), cpo, 250);
    let emp_partner_session_id = judge.text(At::member("EMPPartnerSessionID"), emp, 250);

    match (session_id, operator_id, reading.identification) {
        (Some(session_id), Some(operator_id), Some(identification)) if judge.violations.is_empty() => {
            Ok(Content {
                session_id,
                operator_id,
                identification,
                cpo_partner_session_id,
                emp_partner_session_id,
                ids_at: reading.ids.map(|raw| raw.map(|raw| json::span(text, raw))),
            })
        }
        (session_id, operator_id, _) => Err(Rejected {
            violations: judge.violations,
            session_id,
            operator_id,
            cpo_partner_session_id,
            emp_partner_session_id,
            ..Rejected::default()
        }),
    }
}
