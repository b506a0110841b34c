//! Errors of the admin API, and reading what it is sent.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use roamhub_core::ports::LedgerError;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// An error: its HTTP status, and a message that says what to do next.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Problem {
    status: StatusCode,
    message: String,
}

impl Problem {
    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, message: message.into() }
    }

    pub(super) fn forbidden(message: impl Into<String>) -> Self {
        Self { status: StatusCode::FORBIDDEN, message: message.into() }
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, message: message.into() }
    }

    pub(super) fn wrong_method() -> Self {
        let message = "this path takes another method: GET to look, POST to change";
        Self { status: StatusCode::METHOD_NOT_ALLOWED, message: message.to_owned() }
    }

    /// The ledger is in the way; `what` was asked for.
    pub(super) fn unavailable(message: impl Into<String>) -> Self {
        Self { status: StatusCode::SERVICE_UNAVAILABLE, message: message.into() }
    }
}

impl From<LedgerError> for Problem {
    fn from(error: LedgerError) -> Self {
        Self::unavailable(format!("{error}; try again, and see the hub's log if it stays so"))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.status, Json(json!({ "message": self.message }))).into_response()
    }
}

/// A JSON answer.
pub(super) struct Json(pub(super) Value);

impl IntoResponse for Json {
    fn into_response(self) -> Response {
        let kind = "application/json; charset=utf-8";
        ([(header::CONTENT_TYPE, kind)], format!("{}\n", self.0)).into_response()
    }
}

/// Reads a JSON body; an empty one is `{}`. What is wrong is said without repeating what was sent: it may be personal.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
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
