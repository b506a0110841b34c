//! What a fake provider does with a request: answers of every kind, and every way of not answering.

use std::io::Write;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::received::Received;

/// What a fake provider does with one request.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Says yes: 000 Success with the session ids of the request. An AuthorizeStart or AuthorizeStop is authorised.
    Acknowledge,
    /// This HTTP status with this JSON.
    Json(u16, Value),
    /// This HTTP status with this body.
    Raw {
        /// The HTTP status.
        status: u16,
        /// The Content-Type, if there is to be one.
        content_type: Option<String>,
        /// The body, sent as it is.
        body: Bytes,
    },
    /// 204 without a body.
    NoContent,
    /// Never answers and keeps the connection open.
    Hang,
    /// Sends status and headers, then never a byte of the body.
    HangAfterHeaders,
    /// Resets the connection (RST) instead of answering.
    Reset,
    /// Closes the connection (FIN) instead of answering.
    CloseBeforeAnswer,
    /// Promises a whole acknowledgement, sends half of it, closes.
    HalfJson,
    /// Sends an acknowledgement one byte at a time.
    Trickle {
        /// The time between two bytes.
        every: Duration,
    },
    /// 307 to this location.
    Redirect(String),
    /// An acknowledgement preceded by blanks, so many bytes in all, streamed.
    Huge(usize),
    /// These bytes on the wire; the connection stays open.
    Bytes(Vec<u8>),
    /// These bytes on the wire, then the connection is closed.
    BytesThenClose(Vec<u8>),
    /// Acknowledges, then closes although it promised to keep the connection.
    CloseAfterAnswer,
    /// Acknowledges; the first byte of the next request on the connection is met with a reset.
    StaleKeepAlive,
    /// Does the other thing after a while.
    After(Duration, Box<Reply>),
    /// Answers as the other, with these headers; they replace those of the same name.
    WithHeaders(Vec<(String, String)>, Box<Reply>),
    /// Answers as the other, with the body compressed.
    Gzip(Box<Reply>),
}

impl Reply {
    /// An acknowledgement with HTTP 200.
    #[must_use]
    pub fn ack(result: bool, code: &str, additional: &str) -> Self {
        Self::Json(200, json!({"Result": result, "StatusCode": status_code(code, additional)}))
    }

    /// A positive answer to an AuthorizeStart.
    #[must_use]
    pub fn authorized(provider_id: &str) -> Self {
        let status = status_code("000", "");
        let answer =
            json!({"AuthorizationStatus": "Authorized", "ProviderID": provider_id, "StatusCode": status});
        Self::Json(200, answer)
    }

    /// A negative answer to an AuthorizeStart.
    #[must_use]
    pub fn not_authorized(code: &str) -> Self {
        let status = status_code(code, "");
        Self::Json(200, json!({"AuthorizationStatus": "NotAuthorized", "StatusCode": status}))
    }

    /// The answer and the manner of sending it.
    pub(super) fn plan(&self, request: &Received, provider_id: &str) -> Plan {
        let yes = || Plan::json(200, &affirmation(request, provider_id));
        match self {
            Self::Acknowledge => yes(),
            Self::Json(status, value) => Plan::json(*status, value),
            Self::Raw { status, content_type, body } => {
                let headers = content_type.iter().map(|value| header("content-type", value)).collect();
                Plan { status: *status, headers, body: body.clone(), ..Plan::default() }
            }
            Self::NoContent => Plan { status: 204, ..Plan::default() },
            Self::Redirect(to) => {
                Plan { status: 307, headers: vec![header("location", to)], ..Plan::default() }
            }
            Self::Hang => yes().sent(Manner::Hang),
            Self::HangAfterHeaders => yes().sent(Manner::HeadThenHang),
            Self::Reset => yes().sent(Manner::Reset),
            Self::CloseBeforeAnswer => yes().sent(Manner::Close),
            Self::HalfJson => yes().sent(Manner::HalfThenClose),
            Self::Trickle { every } => yes().sent(Manner::Trickle(*every)),
            Self::Huge(size) => yes().sent(Manner::Padded(*size)),
            Self::Bytes(bytes) => Plan::bytes(bytes).sent(Manner::Bytes),
            Self::BytesThenClose(bytes) => Plan::bytes(bytes).sent(Manner::BytesThenClose),
            Self::CloseAfterAnswer => yes().sent(Manner::ThenClose),
            Self::StaleKeepAlive => yes().sent(Manner::ThenResetOnNext),
            Self::After(pause, reply) => {
                let plan = reply.plan(request, provider_id);
                Plan { after: plan.after + *pause, ..plan }
            }
            Self::WithHeaders(headers, reply) => reply.plan(request, provider_id).with(headers),
            Self::Gzip(reply) => reply.plan(request, provider_id).compressed(),
        }
    }
}

/// An answer, and how it goes out.
#[derive(Default)]
pub(super) struct Plan {
    pub(super) after: Duration,
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Bytes,
    pub(super) manner: Manner,
}

/// How an answer goes out.
#[derive(Clone, Copy, Default)]
pub(super) enum Manner {
    #[default]
    Whole,
    ThenClose,
    ThenResetOnNext,
    HeadThenHang,
    HalfThenClose,
    Trickle(Duration),
    Padded(usize),
    Bytes,
    BytesThenClose,
    Hang,
    Reset,
    Close,
}

impl Plan {
    fn json(status: u16, value: &Value) -> Self {
        let headers = vec![header("content-type", "application/json;charset=utf-8")];
        Self { status, headers, body: value.to_string().into(), ..Self::default() }
    }

    fn bytes(bytes: &[u8]) -> Self {
        Self { body: Bytes::copy_from_slice(bytes), ..Self::default() }
    }

    fn sent(self, manner: Manner) -> Self {
        Self { manner, ..self }
    }

    fn with(mut self, headers: &[(String, String)]) -> Self {
        self.headers.retain(|(name, _)| !headers.iter().any(|(other, _)| other.eq_ignore_ascii_case(name)));
        self.headers.extend_from_slice(headers);
        self
    }

    fn compressed(self) -> Self {
        let body = gzip(&self.body);
        Self { body, ..self }.with(&[header("content-encoding", "gzip")])
    }
}

/// The bytes, compressed with gzip.
pub(crate) fn gzip(bytes: &[u8]) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("writing to memory does not fail");
    encoder.finish().expect("writing to memory does not fail").into()
}

fn header(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn status_code(code: &str, additional: &str) -> Value {
    let description = if code == "000" { "Success" } else { "Refused" };
    json!({"Code": code, "Description": description, "AdditionalInfo": additional})
}

fn affirmation(request: &Received, provider_id: &str) -> Value {
    let mut answer = if request.is_authorize_start() || request.is_authorize_stop() {
        json!({"AuthorizationStatus": "Authorized", "ProviderID": provider_id})
    } else {
        json!({"Result": true})
    };
    answer["StatusCode"] = status_code("000", "Success");
    let asked = request.json();
    for id in ["SessionID", "CPOPartnerSessionID", "EMPPartnerSessionID"] {
        if asked[id].is_string() {
            answer[id] = asked[id].clone();
        }
    }
    answer
}
