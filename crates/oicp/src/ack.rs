//! The acknowledgement: OICP's answer to nearly everything.
//!
//! Written strictly, read leniently. OICP 2.3, eRoamingAcknowledgment: Result and StatusCode are mandatory; real
//! partners leave out the second, answer 204, or send a web page because the address is wrong. The first two mean
//! that the message arrived, the last does not.

use serde::Serialize;

use crate::answer;
use crate::json::{self, NoObject};
use crate::status::{Code, Status};

/// An acknowledgement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Acknowledgement {
    /// Whether what was asked was carried out.
    #[serde(rename = "Result")]
    pub result: bool,
    /// How it went.
    #[serde(rename = "StatusCode")]
    pub status: Status,
    /// The session, where there is one.
    #[serde(rename = "SessionID", skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    /// The operator's own id of the session.
    #[serde(rename = "CPOPartnerSessionID", skip_serializing_if = "Option::is_none")]
    pub cpo_partner_session_id: Option<String>,
    /// The provider's own id of the session.
    #[serde(rename = "EMPPartnerSessionID", skip_serializing_if = "Option::is_none")]
    pub emp_partner_session_id: Option<String>,
}

/// What a partner's answer turned out to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// An acknowledgement.
    Acknowledged {
        /// What it says.
        ack: Acknowledgement,
        /// Whether its StatusCode was missing or unusable and was filled in: 000 or 021.
        completed: bool,
    },
    /// Nothing, blanks, or JSON without a usable Result.
    NoResult,
    /// Something else: a web page, text.
    NotJson,
}

impl Acknowledgement {
    /// An acknowledgement without ids.
    #[must_use]
    pub fn new(result: bool, status: Status) -> Self {
        Self { result, status, session_id: None, cpo_partner_session_id: None, emp_partner_session_id: None }
    }

    /// The JSON text, the same as serde's: every message passes here twice, so it is written without asking a serialiser
    /// for each member. Absent members are left out; Description is cut to 200 and AdditionalInfo to 1000 characters.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(256);
        out.extend_from_slice(if self.result { br#"{"Result":true"# } else { br#"{"Result":false"# });
        out.extend_from_slice(br#","StatusCode":"#);
        self.status.write_json(&mut out);
        json::write_member(&mut out, r#","SessionID":"#, self.session_id.as_deref());
        json::write_member(&mut out, r#","CPOPartnerSessionID":"#, self.cpo_partner_session_id.as_deref());
        json::write_member(&mut out, r#","EMPPartnerSessionID":"#, self.emp_partner_session_id.as_deref());
        out.push(b'}');
        out
    }

    /// Reads a partner's answer.
    #[must_use]
    pub fn read(body: &[u8]) -> Reading {
        const NAMES: [&str; 5] =
            ["Result", "StatusCode", "SessionID", "CPOPartnerSessionID", "EMPPartnerSessionID"];
        let text = answer::text(body);
        if text.trim().is_empty() {
            return Reading::NoResult;
        }
        let [result, status, session, cpo, emp] = match json::parse_object(&text, &NAMES) {
            Ok(object) => object.values(),
            Err(NoObject::OtherKind(_)) => return Reading::NoResult,
            Err(NoObject::TooDeep | NoObject::Syntax(_)) => return Reading::NotJson,
        };
        let Some(result) = answer::boolean(result) else { return Reading::NoResult };
        let status = answer::status(status);
        let completed = status.is_none();
        let filled = if result { Code::SUCCESS } else { Code::GENERIC };
        let ack = Self {
            result,
            status: status.unwrap_or_else(|| Status::new(filled)),
            session_id: answer::string(session),
            cpo_partner_session_id: answer::string(cpo),
            emp_partner_session_id: answer::string(emp),
        };
        Reading::Acknowledged { ack, completed }
    }
}
