//! The oracle: hubs were killed, providers failed, connections broke, and now all is quiet. Do the operator, the provider
//! and the ledger tell the same story, and is it the one the hub promises?
//!
//! What it asks, each in a function of its own:
//! * kept: whatever was answered is in the ledger, under the id of its answer, and each message is there once;
//! * arrived: an answered End or Error reached the provider, and who was told yes was told so by the provider;
//! * ended: nothing is open, no End or Error was given up or overtaken, a Start or Progress only for its reason;
//! * ordered: first arrivals in a session are in the order of the ledger;
//! * repeated: the provider saw a message again only where the hub did not get, or could not record, its answer; under one
//!   `Process-ID`, with growing numbers and the same bytes.
//!
//! It judges crashes of the process. What a machine without power does to its disk is beyond it.

mod evidence;
mod repeats;
mod rules;

use std::collections::HashMap;
use std::fmt;

use bytes::Bytes;
use oicp::NotificationType::{End, Error};
use roamhub_core::records::MessageRecord;

pub use evidence::{Arrival, Call, Evidence, Said, Span, Told};

/// What the oracle says.
#[derive(Debug, Default)]
pub struct Verdict {
    /// Every promise that was broken, in words. Empty is good.
    pub violations: Vec<String>,
    /// How much there was to look at.
    pub counts: Counts,
}

/// How much there was to look at, and how often the hub had to lean on a permission.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Sessions the operator spoke about.
    pub sessions: usize,
    /// Calls the operator made.
    pub calls: usize,
    /// Calls without a whole answer.
    pub unanswered: usize,
    /// Answers the provider gave, relayed or remembered.
    pub relayed: usize,
    /// Answers 310: stored, delivered later.
    pub deferred: usize,
    /// Answers 503: not stored.
    pub busy: usize,
    /// Messages in the ledger.
    pub messages: usize,
    /// Of these, Ends and Errors that were answered.
    pub owed: usize,
    /// Of the messages, superseded.
    pub superseded: usize,
    /// Of the messages, expired.
    pub expired: usize,
    /// Requests the provider saw.
    pub arrivals: usize,
    /// Of these, repeats of a message.
    pub repeats: usize,
    /// Repeats after an answer that was none, a fault, or half an answer.
    pub after_failure: usize,
    /// Repeats after a refusal, asked for by the sender.
    pub after_refusal: usize,
    /// Repeats of what the provider had accepted, whose answer a kill or a broken connection kept from being recorded.
    pub after_loss: usize,
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "operator: {} sessions, {} calls: {} relayed, {} deferred (310), {} busy (503), {} without an answer",
            self.sessions, self.calls, self.relayed, self.deferred, self.busy, self.unanswered
        )?;
        writeln!(
            f,
            "ledger:   {} messages, {} of them answered Ends and Errors; {} superseded, {} expired",
            self.messages, self.owed, self.superseded, self.expired
        )?;
        write!(
            f,
            "provider: {} requests, {} of them repeats: {} after a failure, {} after a refusal, {} after a lost outcome",
            self.arrivals, self.repeats, self.after_failure, self.after_refusal, self.after_loss
        )
    }
}

/// Judges what was seen.
#[must_use]
pub fn judge(evidence: &Evidence) -> Verdict {
    let case = Case::new(evidence);
    let mut verdict = Verdict { violations: Vec::new(), counts: case.counts() };
    let found = &mut verdict.violations;
    rules::kept(&case, found);
    rules::arrived(&case, found);
    rules::ended(&case, found);
    rules::ordered(&case, found);
    repeats::repeated(&case, found, &mut verdict.counts);
    verdict
}

/// The evidence, sorted so that it can be asked.
struct Case<'e> {
    evidence: &'e Evidence,
    /// Messages of the ledger by `Process-ID`.
    by_process: HashMap<String, &'e MessageRecord>,
    /// Arrivals by `Process-ID`, in order.
    arrivals: HashMap<&'e str, Vec<&'e Arrival>>,
    /// Calls by session and bytes.
    calls: HashMap<(String, Bytes), Vec<&'e Call>>,
}

impl<'e> Case<'e> {
    fn new(evidence: &'e Evidence) -> Self {
        let mut case =
            Self { evidence, by_process: HashMap::new(), arrivals: HashMap::new(), calls: HashMap::new() };
        for message in evidence.messages.iter().flatten() {
            case.by_process.insert(message.process.to_string(), message);
        }
        for arrival in &evidence.arrivals {
            case.arrivals.entry(&arrival.process).or_default().push(arrival);
        }
        for call in &evidence.calls {
            case.calls.entry((call.session.clone(), call.body.clone())).or_default().push(call);
        }
        case
    }

    fn arrivals_of(&self, message: &MessageRecord) -> &[&'e Arrival] {
        self.arrivals.get(message.process.to_string().as_str()).map(Vec::as_slice).unwrap_or_default()
    }

    /// The answers to all calls that brought this message.
    fn told_of(&self, message: &MessageRecord) -> impl Iterator<Item = &'e Told> {
        self.calls_of(message).iter().filter_map(|call| call.told.as_ref())
    }

    fn calls_of(&self, message: &MessageRecord) -> &[&'e Call] {
        let session = message.session.to_session_id().to_string();
        self.calls.get(&(session, message.body.clone())).map(Vec::as_slice).unwrap_or_default()
    }

    fn counts(&self) -> Counts {
        let told = |wanted: fn(&Told) -> bool| {
            self.evidence
                .calls
                .iter()
                .filter_map(|call| call.told.as_ref())
                .filter(|told| wanted(told))
                .count()
        };
        let messages = || self.evidence.messages.iter().flatten();
        let in_state = |state| messages().filter(|message| rules::state(message) == state).count();
        Counts {
            sessions: self.evidence.messages.len(),
            calls: self.evidence.calls.len(),
            unanswered: self.evidence.calls.iter().filter(|call| call.told.is_none()).count(),
            relayed: told(|told| told.status == 200 && !told.deferred),
            deferred: told(|told| told.status == 200 && told.deferred),
            busy: told(|told| told.status == 503),
            messages: messages().count(),
            owed: messages()
                .filter(|message| [End.as_str(), Error.as_str()].contains(&message.kind.as_str()))
                .filter(|message| self.told_of(message).any(|told| told.status == 200))
                .count(),
            superseded: in_state("superseded"),
            expired: in_state("expired"),
            arrivals: self.evidence.arrivals.len(),
            ..Counts::default()
        }
    }
}
