//! The answer: read leniently from providers, written strictly to operators.

use serde::Serialize;
use serde_json::value::RawValue;
use thiserror::Error;

use crate::answer;
use crate::field::Judge;
use crate::identification::{self, Identification};
use crate::ids::{ProviderId, SessionId};
use crate::json::{self, Kind, NoObject};
use crate::status::{Code, Status};

/// What a provider answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizationReading {
    /// Whether the driver may charge.
    pub authorized: bool,
    /// The reason; 000 or 021 if the provider gave none that is usable.
    pub status: Status,
    /// Whether the StatusCode was missing or unusable and was filled in.
    pub completed: bool,
    /// Who authorises. Providers must say so with a positive answer, and do not always.
    pub provider_id: Option<ProviderId>,
    /// The media that may stop the session: a JSON list as the provider wrote it. Personal data.
    pub stop_identifications: Option<String>,
    /// The operator's own id of the session, as the provider repeats it.
    pub cpo_partner_session_id: Option<String>,
    /// The provider's own id of the session.
    pub emp_partner_session_id: Option<String>,
}

impl AuthorizationReading {
    /// So many media that may stop a session are read at most.
    pub const MOST_STOP_MEDIA: usize = 32;

    /// The media that may stop the session, as far as they can be read; the rest is left out.
    #[must_use]
    pub fn stop_media(&self) -> Vec<Identification> {
        let mut media = Vec::new();
        let Some(list) = &self.stop_identifications else { return media };
        // The list is part of a text that has been parsed, so it cannot fail to parse here.
        let _parsed = json::each_element(list, |_, raw| {
            if media.len() < Self::MOST_STOP_MEDIA {
                let mut judge = Judge::new(raw, &[]);
                media.extend(identification::read(raw, &mut judge).identification);
            }
        });
        media
    }
}

/// Why an answer to a request for authorisation says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum UnreadableAnswer {
    /// Nothing or blanks.
    #[error("the answer is empty")]
    Empty,
    /// A web page, text, or broken JSON.
    #[error("the answer is not JSON")]
    NotJson,
    /// JSON that says neither yes nor no.
    #[error("the answer has no usable AuthorizationStatus")]
    NoStatus,
}

/// What the hub answers to the operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizationStart {
    /// The session; only with a positive answer.
    pub session_id: Option<SessionId>,
    /// The operator's own id of the session.
    pub cpo_partner_session_id: Option<String>,
    /// The provider's own id of the session.
    pub emp_partner_session_id: Option<String>,
    /// Who authorises; only with a positive answer.
    pub provider_id: Option<ProviderId>,
    /// Whether the driver may charge.
    pub authorized: bool,
    /// The reason.
    pub status: Status,
    /// The media that may stop the session: a JSON list, left out if it is not valid JSON.
    pub stop_identifications: Option<String>,
}

/// What the hub answers to a request to stop (OICP 2.3, eRoamingAuthorizationStop).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthorizationStop {
    /// The session.
    pub session_id: Option<String>,
    /// The operator's own id of the session.
    pub cpo_partner_session_id: Option<String>,
    /// The provider's own id of the session.
    pub emp_partner_session_id: Option<String>,
    /// Who decided; only with a positive answer.
    pub provider_id: Option<ProviderId>,
    /// Whether the driver may stop.
    pub authorized: bool,
    /// The reason.
    pub status: Status,
}

impl AuthorizationStop {
    /// Reads what a provider answered; a `Result` beside the AuthorizationStatus is tolerated.
    ///
    /// # Errors
    /// [`UnreadableAnswer`] if it says neither yes nor no.
    pub fn read(body: &[u8]) -> Result<AuthorizationReading, UnreadableAnswer> {
        AuthorizationStart::read(body)
    }

    /// The JSON text; absent members are left out.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let wire = Wire {
            session_id: self.session_id.as_deref(),
            cpo_partner_session_id: self.cpo_partner_session_id.as_deref(),
            emp_partner_session_id: self.emp_partner_session_id.as_deref(),
            provider_id: self.provider_id,
            authorization_status: word(self.authorized),
            status: &self.status,
            stop_identifications: None,
        };
        serde_json::to_vec(&wire).expect("strings can always be written as JSON")
    }
}

fn word(authorized: bool) -> &'static str {
    if authorized { "Authorized" } else { "NotAuthorized" }
}

#[derive(Serialize)]
struct Wire<'a> {
    #[serde(rename = "SessionID", skip_serializing_if = "Option::is_none")]
    session_id: Option<&'a str>,
    #[serde(rename = "CPOPartnerSessionID", skip_serializing_if = "Option::is_none")]
    cpo_partner_session_id: Option<&'a str>,
    #[serde(rename = "EMPPartnerSessionID", skip_serializing_if = "Option::is_none")]
    emp_partner_session_id: Option<&'a str>,
    #[serde(rename = "ProviderID", skip_serializing_if = "Option::is_none")]
    provider_id: Option<ProviderId>,
    #[serde(rename = "AuthorizationStatus")]
    authorization_status: &'static str,
    #[serde(rename = "StatusCode")]
    status: &'a Status,
    #[serde(rename = "AuthorizationStopIdentifications", skip_serializing_if = "Option::is_none")]
    stop_identifications: Option<&'a RawValue>,
}

impl AuthorizationStart {
    /// Reads what a provider answered. A negative acknowledgement, which some send instead, is a no.
    pub fn read(body: &[u8]) -> Result<AuthorizationReading, UnreadableAnswer> {
        const NAMES: [&str; 7] = [
            "AuthorizationStatus",
            "StatusCode",
            "ProviderID",
            "AuthorizationStopIdentifications",
            "CPOPartnerSessionID",
            "EMPPartnerSessionID",
            "Result",
        ];
        let text = answer::text(body);
        if text.trim().is_empty() {
            return Err(UnreadableAnswer::Empty);
        }
        let [authorization, status, provider, stop, cpo, emp, result] =
            match json::parse_object(&text, &NAMES) {
                Ok(object) => object.values(),
                Err(NoObject::OtherKind(_)) => return Err(UnreadableAnswer::NoStatus),
                Err(NoObject::TooDeep | NoObject::Syntax(_)) => return Err(UnreadableAnswer::NotJson),
            };
        let authorized = authorized(authorization, result).ok_or(UnreadableAnswer::NoStatus)?;
        let status = answer::status(status);
        let completed = status.is_none();
        let filled = if authorized { Code::SUCCESS } else { Code::GENERIC };
        Ok(AuthorizationReading {
            authorized,
            status: status.unwrap_or_else(|| Status::new(filled)),
            completed,
            provider_id: answer::string(provider).and_then(|text| ProviderId::parse(&text).ok()),
            stop_identifications: stop.filter(|raw| json::kind(raw) == Kind::List).map(str::to_owned),
            cpo_partner_session_id: answer::string(cpo),
            emp_partner_session_id: answer::string(emp),
        })
    }

    /// The JSON text; absent members are left out.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        let session_id = self.session_id.map(|id| id.to_string());
        let wire = Wire {
            session_id: session_id.as_deref(),
            cpo_partner_session_id: self.cpo_partner_session_id.as_deref(),
            emp_partner_session_id: self.emp_partner_session_id.as_deref(),
            provider_id: self.provider_id,
            authorization_status: word(self.authorized),
            status: &self.status,
            stop_identifications: self
                .stop_identifications
                .as_deref()
                .and_then(|raw| serde_json::from_str(raw).ok()),
        };
        serde_json::to_vec(&wire).expect("strings and raw JSON can always be written as JSON")
    }
}

/// The answer's yes or no; a Result alone can only say no.
fn authorized(authorization: Option<&str>, result: Option<&str>) -> Option<bool> {
    match answer::string(authorization) {
        Some(status) if status.eq_ignore_ascii_case("Authorized") => Some(true),
        Some(status) if status.eq_ignore_ascii_case("NotAuthorized") => Some(false),
        Some(_) => None,
        None => (answer::boolean(result) == Some(false)).then_some(false),
    }
}
