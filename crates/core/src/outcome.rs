//! What an exchange with a provider means, and what follows from it. Pure functions over what came back; the table is
//! the one in the project's delivery document.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use oicp::Finding;
use oicp::ack::{Acknowledgement, Reading};
use oicp::status::{Code, Status};

use crate::delivery::{FinalState, Tries};
use crate::retry::{self, RetrySchedule, SLOW_STEP};
use crate::{MessageKind, ProcessId};

/// A provider's whole HTTP answer.
#[derive(Clone, Debug)]
pub struct HttpAnswer {
    /// The HTTP status.
    pub status: u16,
    /// `Retry-After` in seconds or as a date, already turned into a duration.
    pub retry_after: Option<Duration>,
    /// The decoded body, bounded in size by the courier.
    pub body: Bytes,
}

/// Why an exchange brought no answer.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ExchangeFailure {
    /// The address could not be resolved or no connection could be made.
    Connect,
    /// The TLS handshake failed: certificate, name or protocol.
    Tls,
    /// The connection broke before the answer was complete.
    Broken,
    /// The deadline passed.
    Timeout,
    /// The answer was longer than the hub reads.
    TooLarge,
    /// What came back is not HTTP.
    Protocol,
    /// The provider's address is not usable (not a URL, unknown scheme).
    Address,
    /// The host has only addresses that the hub must not call (loopback, private and the like).
    Forbidden,
}

impl ExchangeFailure {
    /// A short word for the ledger and for metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Broken => "broken",
            Self::Timeout => "timeout",
            Self::TooLarge => "too-large",
            Self::Protocol => "protocol",
            Self::Address => "address",
            Self::Forbidden => "forbidden-address",
        }
    }

    /// Whether nothing of the request can have reached the partner. Holds for what was carried at most once.
    #[must_use]
    pub fn is_before_sending(self) -> bool {
        match self {
            Self::Connect | Self::Tls | Self::Address | Self::Forbidden => true,
            Self::Broken | Self::Timeout | Self::TooLarge | Self::Protocol => false,
        }
    }
}

/// One exchange: an answer, or why there is none.
pub type Exchange = Result<HttpAnswer, ExchangeFailure>;

/// The codes in a refusal that mean "something broke", not "I judge so".
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FaultCodes(Vec<Code>);

impl Default for FaultCodes {
    fn default() -> Self {
        Self(vec![Code::SYSTEM_ERROR, Code::DATABASE_ERROR, Code::GENERIC])
    }
}

impl FaultCodes {
    /// Exactly these codes.
    #[must_use]
    pub fn new(codes: Vec<Code>) -> Self {
        Self(codes)
    }

    fn contains(&self, code: Code) -> bool {
        self.0.contains(&code)
    }
}

/// What an attempt came to.
#[derive(Clone, Debug)]
pub enum AttemptOutcome {
    /// The provider has the message.
    Delivered {
        /// What the operator is told.
        ack: Acknowledgement,
        /// What was odd about the provider's answer.
        finding: Option<Finding>,
    },
    /// The provider judged and said no.
    Refused(Acknowledgement),
    /// The provider said no because something broke on its side.
    Faulted(Acknowledgement),
    /// 2xx, but no acknowledgement: a wrong address answers like that.
    Unusable {
        /// The HTTP status.
        status: u16,
    },
    /// Address or credentials are wrong.
    Misconfigured {
        /// What is wrong.
        why: Misconfiguration,
    },
    /// Not there, too slow, or asking for patience.
    Unreachable {
        /// The HTTP status, where there was one.
        status: Option<u16>,
        /// Why there was no answer, where there was none.
        failure: Option<ExchangeFailure>,
        /// When the provider wants to be asked again.
        retry_after: Option<Duration>,
    },
}

/// What is wrong with a provider's address or credentials.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Misconfiguration {
    /// It answers this HTTP status, 3xx or 4xx, without an acknowledgement.
    Answer(u16),
    /// It is no address that can be called.
    Unusable,
    /// It is one that the hub must not call.
    Forbidden,
}

/// The finding on a provider that answers 2xx without an acknowledgement.
pub const ANSWER_WITHOUT_RESULT: &str = "answer-without-result";
/// The finding on a provider whose acknowledgement lacks its StatusCode.
pub const ANSWER_INCOMPLETE: &str = "answer-incomplete";

impl AttemptOutcome {
    /// The word used in the ledger and in metrics.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Delivered { .. } => "delivered",
            Self::Refused(_) => "refused",
            Self::Faulted(_) => "faulted",
            Self::Unusable { .. } => "unusable",
            Self::Misconfigured { .. } => "misconfigured",
            Self::Unreachable { .. } => "unreachable",
        }
    }

    /// The acknowledgement to relay, if the provider gave one.
    #[must_use]
    pub fn acknowledgement(&self) -> Option<&Acknowledgement> {
        match self {
            Self::Delivered { ack, .. } | Self::Refused(ack) | Self::Faulted(ack) => Some(ack),
            Self::Unusable { .. } | Self::Misconfigured { .. } | Self::Unreachable { .. } => None,
        }
    }

    /// What happened, in words for an operator and for the record: no internals.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Delivered { .. } => "the provider has it".to_owned(),
            Self::Refused(ack) => format!("the provider refused it with code {}", ack.status.code),
            Self::Faulted(ack) => format!("the provider reported a fault, code {}", ack.status.code),
            Self::Unusable { status } => {
                format!("the provider answered HTTP {status} without an acknowledgement")
            }
            Self::Misconfigured { why: Misconfiguration::Answer(status) } => {
                format!("the provider's address answered HTTP {status}; its configuration needs a look")
            }
            Self::Misconfigured { why: Misconfiguration::Unusable } => {
                "the provider's address is not usable".to_owned()
            }
            Self::Misconfigured { why: Misconfiguration::Forbidden } => {
                "the provider's address is not one that the hub may call (loopback, private or reserved)"
                    .to_owned()
            }
            Self::Unreachable { failure: Some(failure), .. } => match failure {
                ExchangeFailure::Timeout => "the provider did not answer in time".to_owned(),
                ExchangeFailure::Connect => "no connection to the provider".to_owned(),
                ExchangeFailure::Tls => "no trusted connection to the provider".to_owned(),
                ExchangeFailure::TooLarge => "the provider's answer is too long".to_owned(),
                ExchangeFailure::Broken
                | ExchangeFailure::Protocol
                | ExchangeFailure::Address
                | ExchangeFailure::Forbidden => "the connection to the provider broke".to_owned(),
            },
            Self::Unreachable { status: Some(status), .. } => format!("the provider answered HTTP {status}"),
            Self::Unreachable { .. } => "the provider could not be reached".to_owned(),
        }
    }
}

/// Judges one exchange about a message of this kind.
#[must_use]
pub fn judge(exchange: &Exchange, kind: MessageKind, faults: &FaultCodes) -> AttemptOutcome {
    let answer = match exchange {
        Ok(answer) => answer,
        Err(ExchangeFailure::Address) => {
            return AttemptOutcome::Misconfigured { why: Misconfiguration::Unusable };
        }
        Err(ExchangeFailure::Forbidden) => {
            return AttemptOutcome::Misconfigured { why: Misconfiguration::Forbidden };
        }
        Err(failure) => {
            return AttemptOutcome::Unreachable { status: None, failure: Some(*failure), retry_after: None };
        }
    };
    let success = (200..300).contains(&answer.status);
    match Acknowledgement::read(&answer.body) {
        // An incomplete acknowledgement outside 2xx is more likely some framework's error page.
        Reading::Acknowledged { ack, completed } if success || !completed => {
            judge_acknowledgement(ack, completed, kind, faults)
        }
        Reading::NoResult if success => AttemptOutcome::Delivered {
            ack: note_without_acknowledgement(answer.status),
            finding: Some(Finding {
                code: ANSWER_WITHOUT_RESULT,
                pointer: "".into(),
                text: format!("HTTP {} without an acknowledgement", answer.status),
            }),
        },
        _ if success => AttemptOutcome::Unusable { status: answer.status },
        _ => without_acknowledgement(answer),
    }
}

fn judge_acknowledgement(
    ack: Acknowledgement,
    completed: bool,
    kind: MessageKind,
    faults: &FaultCodes,
) -> AttemptOutcome {
    if ack.result {
        let finding = completed.then(|| Finding {
            code: ANSWER_INCOMPLETE,
            pointer: "/StatusCode".into(),
            text: "the acknowledgement has no usable StatusCode".to_owned(),
        });
        AttemptOutcome::Delivered { ack, finding }
    } else if !kind.is_passing() && faults.contains(ack.status.code) {
        AttemptOutcome::Faulted(ack)
    } else {
        AttemptOutcome::Refused(ack)
    }
}

fn note_without_acknowledgement(status: u16) -> Acknowledgement {
    let note = format!("delivered; the provider answered HTTP {status} without an acknowledgement");
    Acknowledgement::new(true, Status::new(Code::SUCCESS).with_info(note))
}

fn without_acknowledgement(answer: &HttpAnswer) -> AttemptOutcome {
    match answer.status {
        408 | 425 | 429 | 500.. => AttemptOutcome::Unreachable {
            status: Some(answer.status),
            failure: None,
            retry_after: answer.retry_after,
        },
        _ => AttemptOutcome::Misconfigured { why: Misconfiguration::Answer(answer.status) },
    }
}

/// Retries after faults (`Result:false` with a fault code), at most.
pub const MOST_FAULTS: u32 = 5;
/// Retries after answers that are no acknowledgement, at most.
pub const MOST_UNUSABLE: u32 = 3;

/// What becomes of the delivery after an attempt.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Next {
    /// Nothing more is sent.
    Final {
        /// How it ended.
        state: FinalState,
        /// Why, for `Exhausted`.
        reason: Option<&'static str>,
    },
    /// Tried again at this instant.
    Retry {
        /// When it is due.
        due_at: Timestamp,
    },
}

/// Everything the decision depends on beside the outcome.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// What the message is.
    pub kind: MessageKind,
    /// Its id (for jitter).
    pub process: &'a ProcessId,
    /// When it is given up.
    pub gives_up_at: Timestamp,
    /// Now.
    pub now: Timestamp,
    /// The attempts before this one.
    pub tries: Tries,
    /// The provider's steps.
    pub schedule: &'a RetrySchedule,
}

/// Decides what follows from an attempt.
#[must_use]
pub fn next(outcome: &AttemptOutcome, situation: &Situation<'_>) -> Next {
    let ended = |state| Next::Final { state, reason: None };
    let exhausted = |reason| Next::Final { state: FinalState::Exhausted, reason: Some(reason) };
    let step = situation.schedule.pause_after(situation.tries.recorded + 1, situation.process);
    let pause = match outcome {
        AttemptOutcome::Delivered { .. } => return ended(FinalState::Delivered),
        AttemptOutcome::Refused(_) => return ended(FinalState::Refused),
        AttemptOutcome::Faulted(_) if situation.tries.faulted >= MOST_FAULTS => return exhausted("faulted"),
        AttemptOutcome::Unusable { .. } if situation.tries.unusable >= MOST_UNUSABLE => {
            return exhausted("unusable");
        }
        AttemptOutcome::Faulted(_) | AttemptOutcome::Unusable { .. } => step,
        AttemptOutcome::Misconfigured { .. } => step.max(SLOW_STEP),
        AttemptOutcome::Unreachable { retry_after: Some(asked), .. } => {
            step.max(retry::bounded_retry_after(*asked))
        }
        AttemptOutcome::Unreachable { .. } => step,
    };
    // What would come too late is tried one last time just before it is given up.
    let last = retry::last_try_before(situation.gives_up_at);
    let due_at = retry::later(situation.now, pause).min(last);
    if due_at > situation.now {
        return Next::Retry { due_at };
    }
    if situation.kind.is_passing() { ended(FinalState::Expired) } else { exhausted("too-old") }
}

#[cfg(test)]
mod tests;
