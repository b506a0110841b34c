//! What the oracle is shown: each party's own side of the story.

use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use bytes::Bytes;
use roamhub_core::records::MessageRecord;

use crate::{Answer, Received};

/// All three sides.
#[derive(Debug, Default)]
pub struct Evidence {
    /// The operator's: its calls.
    pub calls: Vec<Call>,
    /// The provider's: what arrived, in this order.
    pub arrivals: Vec<Arrival>,
    /// The ledger's: the messages of each session, in the order in which they were taken in.
    pub messages: Vec<Vec<MessageRecord>>,
    /// From when the hub was killed until it was ready again. What a dead hub had sent may arrive in between.
    pub kills: Vec<Span>,
    /// From when the provider began to go down and cut all its connections until it was up again.
    pub outages: Vec<Span>,
    /// How long the hub waits for the provider.
    pub timeout: Duration,
}

/// From one instant to another, both included.
pub type Span = RangeInclusive<Instant>;

/// One call of the operator with a notification.
#[derive(Clone, Debug)]
pub struct Call {
    /// The session it names.
    pub session: String,
    /// The bytes.
    pub body: Bytes,
    /// What came back; nothing if the connection broke.
    pub told: Option<Told>,
}

/// What the operator was told.
#[derive(Clone, Debug)]
pub struct Told {
    /// The HTTP status.
    pub status: u16,
    /// The `Process-ID`.
    pub process: String,
    /// `Result`.
    pub result: bool,
    /// `StatusCode.Code`.
    pub code: String,
    /// Whether it was told that the message is stored and delivered later.
    pub deferred: bool,
    /// How long it took.
    pub took: Duration,
}

impl From<&Answer> for Told {
    fn from(answer: &Answer) -> Self {
        Self {
            status: answer.status,
            process: answer.header("process-id").unwrap_or_default().to_owned(),
            result: answer.result(),
            code: answer.code(),
            deferred: answer.header("hub-delivery") == Some("deferred") || answer.code() == "310",
            took: answer.took,
        }
    }
}

/// One request as the provider saw it.
#[derive(Clone, Debug)]
pub struct Arrival {
    /// The `Process-ID`.
    pub process: String,
    /// `Hub-Attempt`; 0 if there was none.
    pub attempt: u32,
    /// `Hub-Received-At`.
    pub received_at: String,
    /// The connection it came on.
    pub connection: u64,
    /// The bytes.
    pub body: Bytes,
    /// When it was complete.
    pub at: Instant,
    /// What the provider meant to say to it.
    pub said: Said,
}

impl Arrival {
    /// A charging notification that a fake provider received, and what it meant to say.
    #[must_use]
    pub fn of(request: &Received, said: Said) -> Self {
        let header = |name| request.header(name).unwrap_or_default().to_owned();
        Self {
            process: header("process-id"),
            attempt: header("hub-attempt").parse().unwrap_or_default(),
            received_at: header("hub-received-at"),
            connection: request.connection,
            body: request.body.clone(),
            at: request.at,
            said,
        }
    }
}

/// What a provider means to say to a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Said {
    /// `Result:true`, whole.
    Yes,
    /// `Result:false`, a judgement.
    No,
    /// `Result:false`, a fault (001, 002, 021).
    Fault,
    /// Nothing that is an acknowledgement.
    Nothing,
}
