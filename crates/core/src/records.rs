//! What people look at: messages, their deliveries and attempts, sessions, refusals. Read models; nothing is decided
//! from them.

use bytes::Bytes;
use jiff::Timestamp;
use oicp::{OperatorId, ProviderId};
use serde::Deserialize;

use crate::mandate::Origin;
use crate::session::{Opened, SessionKind, SessionState};
use crate::{ProcessId, SessionKey};

/// A finding as it was stored: its code may be one that this program does not know.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct StoredFinding {
    /// The finding's code.
    pub code: String,
    /// Where in the message.
    pub pointer: String,
    /// What was odd, in words.
    pub text: String,
}

/// A notification with all that became of it.
#[derive(Clone, Debug)]
pub struct MessageRecord {
    /// Its id.
    pub process: ProcessId,
    /// Its session.
    pub session: SessionKey,
    /// Who sent it.
    pub operator: OperatorId,
    /// Who is to hear it.
    pub provider: ProviderId,
    /// Its type.
    pub kind: String,
    /// When it came in.
    pub received_at: Timestamp,
    /// The received bytes (a PIN is overwritten once delivered); empty once erased.
    pub body: Bytes,
    /// When the body was erased, if it was.
    pub erased_at: Option<Timestamp>,
    /// SHA-256 of the received bytes.
    pub digest: [u8; 32],
    /// What was odd about it.
    pub findings: Vec<StoredFinding>,
    /// Its deliveries, oldest first.
    pub deliveries: Vec<DeliveryRecord>,
    /// Who it comes from.
    pub origin: Origin,
}

/// A delivery as it stands.
#[derive(Clone, Debug)]
pub struct DeliveryRecord {
    /// `leased`, `deferred`, or a final state's word.
    pub state: String,
    /// Why it ended so, where the state alone does not say it.
    pub reason: Option<String>,
    /// When it is due, if deferred.
    pub due_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// The number of the replay that made it, if one did.
    pub replay: Option<i64>,
    /// Its attempts, oldest first.
    pub attempts: Vec<AttemptEntry>,
}

/// One exchange with a provider.
#[derive(Clone, Debug)]
pub struct AttemptEntry {
    /// Its number (`Hub-Attempt`).
    pub number: u32,
    /// When it began.
    pub started_at: Timestamp,
    /// How long it took, in milliseconds.
    pub took_ms: u64,
    /// The word for its outcome.
    pub outcome: String,
    /// The provider's HTTP status.
    pub http_status: Option<u16>,
    /// The acknowledgement (JSON).
    pub acknowledgement: Option<Bytes>,
    /// What happened, in words.
    pub detail: String,
    /// What was odd about the provider's answer.
    pub finding: Option<StoredFinding>,
    /// Recorded after the lease had been lost.
    pub late: bool,
}

/// A session as it stands.
#[derive(Clone, Debug)]
pub struct SessionRecord {
    /// Its key.
    pub key: SessionKey,
    /// Who opened it.
    pub operator: OperatorId,
    /// Whose driver is charging.
    pub provider: Option<ProviderId>,
    /// What it is for.
    pub kind: SessionKind,
    /// From which side it was opened.
    pub opened_by: Opened,
    /// Where it stands.
    pub state: SessionState,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// The EVSE, if known.
    pub evse: Option<String>,
}

/// What was asked and answered when a session was to begin.
#[derive(Clone, Debug)]
pub struct AuthorisationRecord {
    /// The call's id.
    pub process: ProcessId,
    /// When it came in.
    pub received_at: Timestamp,
    /// The OICP code of the answer, once there was one.
    pub code: Option<u16>,
    /// The provider that said yes.
    pub provider: Option<ProviderId>,
    /// When the request's body was erased, if it was.
    pub erased_at: Option<Timestamp>,
}

/// A provider that believes in a session that is not its own: it said yes after the decision had fallen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConflictRecord {
    /// Who.
    pub provider: ProviderId,
    /// When it said so.
    pub at: Timestamp,
}

/// Everything about one session.
#[derive(Clone, Debug)]
pub struct SessionStory {
    /// The session.
    pub session: SessionRecord,
    /// How it was authorised.
    pub authorisations: Vec<AuthorisationRecord>,
    /// Who else said yes.
    pub conflicts: Vec<ConflictRecord>,
    /// Where its charge detail record and its End differ.
    pub differences: Vec<StoredFinding>,
    /// Its messages, in order of arrival.
    pub messages: Vec<MessageRecord>,
}

impl SessionStory {
    /// Whether an End of it is in: the energy has stopped flowing, the session may go on.
    #[must_use]
    pub fn charging_ended(&self) -> bool {
        self.messages.iter().any(|message| message.kind == "End")
    }
}

/// A request that was refused before anything was stored for delivery.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// The `Process-ID` of the answer.
    pub process: ProcessId,
    /// When it came in.
    pub received_at: Timestamp,
    /// The service asked for.
    pub service: String,
    /// The partner named, as far as known.
    pub partner: Option<String>,
    /// The session named, as far as known.
    pub session: Option<String>,
    /// The HTTP status of the answer.
    pub http_status: u16,
    /// The OICP code of the answer.
    pub code: u16,
    /// Why, in words; violations with their pointers. Never a card's UID.
    pub reason: String,
}
