//! The body of every answer that is not HTTP 200.
//!
//! OICP only describes HTTP 200. Partners' parsers know three shapes for the rest: the acknowledgement, a list of
//! validation errors, and a code with a message. One body with all their members serves all of them.

use serde::Serialize;

use crate::status::Status;
use crate::violation::Violations;

/// A refusal.
#[derive(Clone, Debug)]
pub struct Fault<'a> {
    /// Code and texts.
    pub status: Status,
    /// What went wrong, for people.
    pub message: String,
    /// The session, if it could be read.
    pub session_id: Option<String>,
    /// The operator's own id of the session, if it could be read.
    pub cpo_partner_session_id: Option<String>,
    /// The provider's own id of the session, if it could be read.
    pub emp_partner_session_id: Option<String>,
    /// What is wrong with the body, if that is the reason.
    pub violations: &'a Violations,
    /// Whether the question was one for authorisation: then the answer says that it is refused.
    pub not_authorized: bool,
}

#[derive(Serialize)]
struct Wire<'a> {
    #[serde(rename = "Result")]
    result: bool,
    #[serde(rename = "StatusCode")]
    status: &'a Status,
    #[serde(rename = "SessionID", skip_serializing_if = "Option::is_none")]
    session_id: Option<&'a str>,
    #[serde(rename = "CPOPartnerSessionID", skip_serializing_if = "Option::is_none")]
    cpo_partner_session_id: Option<&'a str>,
    #[serde(rename = "EMPPartnerSessionID", skip_serializing_if = "Option::is_none")]
    emp_partner_session_id: Option<&'a str>,
    #[serde(rename = "AuthorizationStatus", skip_serializing_if = "Option::is_none")]
    authorization_status: Option<&'a str>,
    message: &'a str,
    #[serde(rename = "validationErrors")]
    validation_errors: Vec<ValidationError<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ValidationError<'a> {
    field_reference: &'a str,
    error_message: &'a str,
    pointer: &'a str,
}

impl Fault<'_> {
    /// The JSON text. Violations that were counted but not kept are summed up in a last entry.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let more = match self.violations.truncated() {
            0 => None,
            count => Some(format!("and {count} more violations")),
        };
        let kept = self.violations.iter().map(|violation| ValidationError {
            field_reference: &violation.field,
            error_message: &violation.message,
            pointer: &violation.pointer,
        });
        let rest =
            more.iter().map(|text| ValidationError { field_reference: "", error_message: text, pointer: "" });
        let wire = Wire {
            result: false,
            status: &self.status,
            session_id: self.session_id.as_deref(),
            cpo_partner_session_id: self.cpo_partner_session_id.as_deref(),
            emp_partner_session_id: self.emp_partner_session_id.as_deref(),
            authorization_status: self.not_authorized.then_some("NotAuthorized"),
            message: &self.message,
            validation_errors: kept.chain(rest).collect(),
        };
        serde_json::to_vec(&wire).expect("strings and booleans can always be written as JSON")
    }
}

#[cfg(test)]
mod tests {
    use super::Fault;
    use crate::status::{Code, Status};
    use crate::violation::{Violation, Violations};

    #[test]
    fn is_all_known_shapes_in_one() {
        let violations: Violations = (0..Violations::MOST + 7)
            .map(|index| Violation {
                pointer: format!("/x/{index}"),
                field: "x".into(),
                message: "bad".into(),
            })
            .collect();
        let fault = Fault {
            status: Status::new(Code::DATA_ERROR),
            message: "refused".into(),
            session_id: None,
            cpo_partner_session_id: Some("mine".into()),
            emp_partner_session_id: None,
            violations: &violations,
            not_authorized: true,
        };
        let wire: serde_json::Value = serde_json::from_slice(&fault.to_json()).unwrap();
        assert_eq!(wire["Result"], false);
        assert_eq!(wire["StatusCode"]["Code"], "022");
        assert_eq!(wire["AuthorizationStatus"], "NotAuthorized");
        assert_eq!(wire["CPOPartnerSessionID"], "mine");
        assert_eq!(wire["message"], "refused");
        assert!(wire.get("SessionID").is_none());
        let errors = wire["validationErrors"].as_array().unwrap();
        assert_eq!(errors.len(), Violations::MOST + 1);
        assert_eq!(errors[0]["fieldReference"], "x");
        assert_eq!(errors[0]["pointer"], "/x/0");
        assert_eq!(errors[Violations::MOST]["errorMessage"], "and 7 more violations");
    }
}
