//! What a fake provider saw: one record per request, complete with its bytes.

use std::fmt;
use std::time::Instant;

use bytes::Bytes;
use serde_json::Value;

use crate::wire;

/// One request as it came in.
#[derive(Clone)]
pub struct Received {
    /// Counts the requests of this provider, from 1.
    pub n: usize,
    /// The HTTP method.
    pub method: String,
    /// The path as it was sent, with a query if there was one.
    pub path: String,
    /// The protocol version in the request line, such as `HTTP/1.1`.
    pub version: String,
    /// Header lines in the order in which they came, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body without its transfer coding, otherwise byte for byte.
    pub body: Bytes,
    /// The TCP connection it came on, counted from 1.
    pub connection: u64,
    /// When the last byte had arrived.
    pub at: Instant,
}

impl Received {
    /// The value of a header, whatever the case of its name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        wire::header(&self.headers, name)
    }

    /// The body as JSON; `null` if it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The `Type` of a charging notification, empty for anything else.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self.json()["Type"].as_str() {
            Some("Start") => "Start",
            Some("Progress") => "Progress",
            Some("End") => "End",
            Some("Error") => "Error",
            _ => "",
        }
    }

    /// The `SessionID` in the body, empty if there is none.
    #[must_use]
    pub fn session(&self) -> String {
        self.json()["SessionID"].as_str().unwrap_or_default().to_owned()
    }

    /// Whether it was sent to the path of charging notifications.
    #[must_use]
    pub fn is_notification(&self) -> bool {
        self.path.ends_with("/charging-notifications")
    }

    /// Whether it is a charge detail record.
    #[must_use]
    pub fn is_cdr(&self) -> bool {
        self.path.ends_with("/charge-detail-record")
    }

    /// Whether it asks for the authorisation of a start.
    #[must_use]
    pub fn is_authorize_start(&self) -> bool {
        self.path.ends_with("/authorize/start")
    }

    /// Whether it asks whether a session may be stopped.
    #[must_use]
    pub fn is_authorize_stop(&self) -> bool {
        self.path.ends_with("/authorize/stop")
    }
}

impl fmt::Display for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { n, method, path, connection, body, .. } = self;
        write!(f, "#{n} {method} {path} on connection {connection}")?;
        if !self.kind().is_empty() {
            write!(f, ", {} of session {}", self.kind(), self.session())?;
        }
        write!(f, ", {} bytes", body.len())
    }
}

impl fmt::Debug for Received {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}: {}", String::from_utf8_lossy(&self.body))
    }
}
