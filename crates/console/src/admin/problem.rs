//! Errors of the admin API, and reading what it is sent.

use std::time::Duration;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use roamhub_core::ports::LedgerError;
use roamhub_services::accounts::AccountError;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// An error: its HTTP status, and a message that says what to do next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) message: String,
    /// For how long there is no point in trying again.
    wait: Option<Duration>,
}

impl Problem {
    fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), wait: None }
    }

    pub(crate) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(crate) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    /// What is hidden looks like what is not there.
    pub(crate) fn nothing_here() -> Self {
        Self::not_found("there is nothing here; docs/operations.md lists the paths")
    }

    /// Nobody is logged in.
    pub(crate) fn nobody() -> Self {
        let message = "log in at /login, or send a token: Authorization: Bearer rh_…";
        Self::new(StatusCode::UNAUTHORIZED, message)
    }

    /// What stands behind `Authorization` is no token that holds.
    pub(crate) fn no_good_token() -> Self {
        let message = "this token is not good, or not any more; `roamhub token create` makes one, and it is sent as \
                       Authorization: Bearer rh_…";
        Self::new(StatusCode::UNAUTHORIZED, message)
    }

    /// Wrong name or password: which of the two is not said.
    pub(crate) fn wrong_log_in() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "the name or the password is wrong")
    }

    /// A change made with a cookie, without what only the console's pages know.
    pub(crate) fn not_meant() -> Self {
        Self::forbidden(
            "a change made with a log-in carries the page's form token (Hub-Form-Token, or the field form_token; GET \
             /api/v1/me has it); open the page again",
        )
    }

    pub(crate) fn wrong_method() -> Self {
        let message = "this path takes another method: GET to look, POST, PUT or DELETE to change";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, message)
    }

    /// The ledger is in the way; `what` was asked for.
    pub(crate) fn unavailable(message: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, message)
    }

    /// Too many tries.
    pub(crate) fn too_many(wait: Duration) -> Self {
        let message = "too many log-ins have failed; wait a little and try again";
        Self { wait: Some(wait), ..Self::new(StatusCode::TOO_MANY_REQUESTS, message) }
    }

    pub(crate) fn retry_after(&self) -> Option<HeaderValue> {
        self.wait.map(|wait| HeaderValue::from(wait.as_secs().max(1)))
    }
}

impl From<LedgerError> for Problem {
    fn from(error: LedgerError) -> Self {
        Self::unavailable(format!("{error}; try again, and see the hub's log if it stays so"))
    }
}

impl From<AccountError> for Problem {
    fn from(error: AccountError) -> Self {
        let status = match &error {
            AccountError::Name(_)
            | AccountError::Password(_)
            | AccountError::NoSuchEnd
            | AccountError::OutlivesItsMaker => StatusCode::BAD_REQUEST,
            AccountError::Taken => StatusCode::CONFLICT,
            AccountError::UnknownUser | AccountError::UnknownToken => StatusCode::NOT_FOUND,
            AccountError::BeyondYourRole
            | AccountError::WrongPassword
            | AccountError::NotAPerson
            | AccountError::NoSetUp => StatusCode::FORBIDDEN,
            AccountError::Busy | AccountError::NoRandom(_) => StatusCode::SERVICE_UNAVAILABLE,
            AccountError::Ledger(error) => return (*error).into(),
        };
        Self::new(status, error.to_string())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let wait = self.retry_after();
        let mut response = (self.status, Json(json!({ "message": self.message }))).into_response();
        if let Some(wait) = wait {
            response.headers_mut().insert(header::RETRY_AFTER, wait);
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// A JSON answer.
pub(crate) struct Json(pub(crate) Value);

impl IntoResponse for Json {
    fn into_response(self) -> Response {
        let kind = "application/json; charset=utf-8";
        ([(header::CONTENT_TYPE, kind)], format!("{}\n", self.0)).into_response()
    }
}

/// Reads a JSON body; an empty one is `{}`. What is wrong is said without repeating what was sent: it may be personal.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| {
        let place = (error.line(), error.column());
        match error.classify() {
            serde_json::error::Category::Data => {
                Problem::bad(format!("line {}, column {}: not what is expected here", place.0, place.1))
            }
            _ => Problem::bad(format!("line {}, column {}: this is no JSON", place.0, place.1)),
        }
    })
}
