//! An answer as an operator reads it.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

use crate::wire::{self, Headers};

/// What came back for one request.
#[derive(Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// Header lines in the order in which they came, names in lower case.
    pub headers: Headers,
    /// The body without its transfer coding.
    pub body: Bytes,
    /// From the first byte written to the last byte read.
    pub took: Duration,
}

impl Answer {
    /// The value of a header, whatever the case of its name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        wire::header(&self.headers, name)
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    #[track_caller]
    pub fn json(&self) -> Value {
        match serde_json::from_slice(&self.body) {
            Ok(value) => value,
            Err(error) => panic!("the answer is not JSON ({error}): {self:?}"),
        }
    }

    /// `StatusCode.Code`, empty if absent.
    #[must_use]
    #[track_caller]
    pub fn code(&self) -> String {
        text(&self.json()["StatusCode"]["Code"])
    }

    /// Whether `Result` is `true`.
    #[must_use]
    #[track_caller]
    pub fn result(&self) -> bool {
        self.json()["Result"] == true
    }

    /// `StatusCode.AdditionalInfo`, empty if absent.
    #[must_use]
    #[track_caller]
    pub fn additional_info(&self) -> String {
        text(&self.json()["StatusCode"]["AdditionalInfo"])
    }

    /// The violations listed in `validationErrors`: JSON pointer and message.
    #[must_use]
    #[track_caller]
    pub fn violations(&self) -> Vec<(String, String)> {
        let body = self.json();
        let listed = body["validationErrors"].as_array().map(Vec::as_slice).unwrap_or_default();
        listed.iter().map(|one| (text(&one["pointer"]), text(&one["errorMessage"]))).collect()
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { status, headers, body, took } = self;
        write!(f, "{status} after {took:.1?}, {headers:?}, {}", String::from_utf8_lossy(body))
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
