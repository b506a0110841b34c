//! The facts of a receipt as JSON. Members are only ever added: receipts are kept for years.

use jiff::Timestamp;
use roamhub_core::receipt::{self, ReceiptFacts};
use roamhub_core::records::AttemptEntry;
use serde::Serialize;
use serde_json::Value;

/// How many attempts are listed: the newest.
const ATTEMPTS: usize = 100;

/// What a receipt says.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Document {
    /// The hub that says so.
    pub issuer: String,
    /// When it said so.
    pub issued_at: String,
    /// The message's id.
    pub process_id: String,
    /// Its session.
    pub session: String,
    /// Who sent it.
    pub operator: String,
    /// Who is to get it.
    pub provider: String,
    /// Its type.
    pub r#type: String,
    /// The EVSE it names.
    pub evse: String,
    /// When the hub received it.
    pub received_at: String,
    /// `mandate` if the hub has issued it on the operator's behalf.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issued_by_hub: Option<&'static str>,
    /// It is on disk. A receipt is given of nothing else.
    pub stored: bool,
    /// SHA-256 of the received bytes, hexadecimal.
    pub sha256: String,
    /// `under-way`, `deferred`, `delivered`, `refused`, `exhausted`, `superseded`, `expired`, `held` or `fetched`.
    pub state: String,
    /// Why, where the state alone does not say it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When it came to a final state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// When the next attempt is due, if it is deferred and waits for no other message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_attempt_at: Option<String>,
    /// The newest attempts, oldest first.
    pub attempts: Vec<Attempt>,
    /// How many older ones are not listed.
    #[serde(skip_serializing_if = "is_zero")]
    pub attempts_omitted: usize,
    /// The provider's acknowledgement, the newest if there are several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledgement: Option<Acknowledgement>,
    /// Its place in the provider's feed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feed: Option<InFeed>,
}

/// One exchange with the provider.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Attempt {
    /// Its number (`Hub-Attempt`).
    pub number: u32,
    /// When it began.
    pub started_at: String,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// The word for its outcome.
    pub outcome: String,
    /// The provider's HTTP status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_status: Option<u16>,
    /// Its result came after somebody else had taken over.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub late: bool,
}

/// What the provider said.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Acknowledgement {
    /// `Result`.
    pub result: bool,
    /// `StatusCode.Code`.
    pub status_code: String,
}

/// A place in a feed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct InFeed {
    /// Its position.
    pub position: String,
    /// Whether the provider has confirmed that it has it.
    pub confirmed: bool,
}

impl Document {
    /// What is said about these facts at this instant.
    #[must_use]
    pub fn new(facts: &ReceiptFacts, issuer: &str, now: Timestamp) -> Self {
        let newest = facts.deliveries.last();
        let all = || facts.deliveries.iter().flat_map(|delivery| &delivery.attempts);
        let omitted = all().count().saturating_sub(ATTEMPTS);
        Self {
            issuer: issuer.to_owned(),
            issued_at: in_text(now),
            process_id: facts.process.to_string(),
            session: facts.session.to_session_id().to_string(),
            operator: facts.operator.to_string(),
            provider: facts.provider.to_string(),
            r#type: facts.kind.clone(),
            evse: facts.evse.clone(),
            received_at: in_text(facts.received_at),
            issued_by_hub: facts.origin.word(),
            stored: true,
            sha256: hex(&facts.digest),
            state: receipt::state(newest.map(|delivery| delivery.state.as_str())).to_owned(),
            reason: newest.and_then(|delivery| delivery.reason.clone()),
            ended_at: newest.and_then(|delivery| delivery.ended_at).map(in_text),
            next_attempt_at: newest.and_then(|delivery| delivery.due_at).map(in_text),
            attempts: all().skip(omitted).map(Attempt::of).collect(),
            attempts_omitted: omitted,
            acknowledgement: all().filter_map(acknowledged).last(),
            feed: facts
                .feed
                .map(|(position, confirmed)| InFeed { position: position.to_string(), confirmed }),
        }
    }

    /// The JSON text.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("strings, numbers and booleans can always be written as JSON")
    }
}

impl Attempt {
    fn of(entry: &AttemptEntry) -> Self {
        Self {
            number: entry.number,
            started_at: in_text(entry.started_at),
            took_ms: entry.took_ms,
            outcome: entry.outcome.clone(),
            http_status: entry.http_status,
            late: entry.late,
        }
    }
}

fn acknowledged(entry: &AttemptEntry) -> Option<Acknowledgement> {
    let ack: Value = serde_json::from_slice(entry.acknowledgement.as_ref()?).ok()?;
    let code = ack.get("StatusCode")?.get("Code")?.as_str()?;
    Some(Acknowledgement { result: ack.get("Result")?.as_bool()?, status_code: code.to_owned() })
}

/// An instant as receipts and feeds write it: RFC 3339 in UTC with microseconds, as `Hub-Received-At`.
#[must_use]
pub fn in_text(instant: Timestamp) -> String {
    format!("{instant:.6}")
}

/// Lower-case hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}
