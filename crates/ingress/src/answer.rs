//! The bodies of answers. Every answer that is not HTTP 200 is one body that all known parsers read: an
//! acknowledgement, a fault with `message` and a list of `validationErrors` at once.

use oicp::Finding;
use oicp::ack::Acknowledgement;
use oicp::authorize::{AuthorizationStart, AuthorizationStop};
use oicp::fault::Fault;
use oicp::service::Service;
use oicp::status::{Code, Status};
use oicp::violation::Violations;
use roamhub_core::ProcessId;
use roamhub_core::ports::LedgerError;
use roamhub_services::reply::{CallerIds, Later};
use roamhub_services::{Reply, Verdict};

use crate::remote;
use crate::table::{EdgeFault, Row, of_verdict};

/// What is said about a message that is not relayed right away.
pub const DELIVERY_HEADER: &str = "hub-delivery";

/// Said before any work is done for a call.
const TOO_BUSY: &str = "the hub has too much under way; nothing was stored, send it again in a moment";

/// An answer, ready for the wire.
#[derive(Debug)]
pub struct WireAnswer {
    /// HTTP status and OICP code.
    pub row: Row,
    /// The JSON body.
    pub body: Vec<u8>,
    /// `Hub-Delivery`, where the message is kept for later.
    pub delivery: Option<&'static str>,
    /// When to try again, in seconds, where that is known.
    pub retry_after: Option<u64>,
    /// In words, for the record of refusals; empty where a provider's answer is passed on.
    pub reason: String,
}

/// The answer to a call that a service has seen.
#[must_use]
pub fn of_reply(service: Service, reply: Reply) -> WireAnswer {
    let row = of_verdict(&reply.verdict);
    match reply.verdict {
        Verdict::Relayed(ack) => {
            let body = relayed(ack, reply.ids).to_json();
            WireAnswer { row, body, delivery: None, retry_after: None, reason: String::new() }
        }
        _ => of_the_hubs_own(service, row, &reply),
    }
}

/// The answer where there is none to pass on.
fn of_the_hubs_own(service: Service, row: Row, reply: &Reply) -> WireAnswer {
    let status = status(reply, row.code);
    let reason =
        status.additional_info.clone().unwrap_or_else(|| status.description.clone().unwrap_or_default());
    let delivery = match reply.verdict {
        Verdict::Deferred(_) | Verdict::AcceptedForLater(_) => Some("deferred"),
        Verdict::NotOffered(_) | Verdict::InFeed(_) => Some("held"),
        Verdict::Superseded => Some("superseded"),
        _ => None,
    };
    let plain = row.http == http::StatusCode::OK && !matches!(reply.verdict, Verdict::Locked(_));
    let body = match (&reply.verdict, service) {
        (Verdict::Authorised(answer), _) => answer.to_json(),
        (Verdict::Stopped(answer), _) => answer.to_json(),
        (_, Service::AuthorizeStart) if plain => refusal(status, &reply.ids).to_json(),
        (_, Service::AuthorizeStop) if plain => no_stop(status, &reply.ids).to_json(),
        (verdict, _) if plain => acknowledgement(is_yes(verdict), status, &reply.ids).to_json(),
        (verdict, service) => fault(service, verdict, status, &reply.ids),
    };
    let retry_after = match reply.verdict {
        Verdict::TooOften(too_often) => Some(too_often.seconds()),
        _ => None,
    };
    WireAnswer { row, body, delivery, retry_after, reason }
}

/// The answer to a call that no service has seen.
#[must_use]
pub fn of_fault(service: Option<Service>, fault: &EdgeFault) -> WireAnswer {
    let row = crate::table::of_fault(fault);
    let message = fault_in_words(fault);
    let body = Fault {
        status: Status::new(row.code).with_info(message.clone()),
        message: message.clone(),
        session_id: None,
        cpo_partner_session_id: None,
        emp_partner_session_id: None,
        violations: &Violations::default(),
        not_authorized: service.is_some_and(asks_for_authorisation),
    };
    WireAnswer { row, body: body.to_json(), delivery: None, retry_after: None, reason: message }
}

/// Whether the hub itself says yes.
fn is_yes(verdict: &Verdict) -> bool {
    match verdict {
        Verdict::AcceptedForLater(_) | Verdict::InFeed(_) | Verdict::Fetched(_) | Verdict::Recorded => true,
        Verdict::Uploaded(verdict) => !verdict.is_refusal(),
        _ => false,
    }
}

/// The answer that begins with a page of records, which follows as a body of its own.
#[must_use]
pub fn of_records() -> WireAnswer {
    let row = Row { http: http::StatusCode::OK, code: Code::SUCCESS };
    WireAnswer { row, body: Vec::new(), delivery: None, retry_after: None, reason: String::new() }
}

/// The provider's acknowledgement, with the caller's own ids.
fn relayed(ack: Acknowledgement, ids: CallerIds) -> Acknowledgement {
    Acknowledgement {
        session_id: ids.session,
        cpo_partner_session_id: ids.cpo_partner_session,
        emp_partner_session_id: ack.emp_partner_session_id.or(ids.emp_partner_session),
        ..ack
    }
}

fn acknowledgement(result: bool, status: Status, ids: &CallerIds) -> Acknowledgement {
    Acknowledgement {
        result,
        status,
        session_id: ids.session.clone(),
        cpo_partner_session_id: ids.cpo_partner_session.clone(),
        emp_partner_session_id: ids.emp_partner_session.clone(),
    }
}

fn refusal(status: Status, ids: &CallerIds) -> AuthorizationStart {
    AuthorizationStart {
        session_id: None,
        cpo_partner_session_id: ids.cpo_partner_session.clone(),
        emp_partner_session_id: ids.emp_partner_session.clone(),
        provider_id: None,
        authorized: false,
        status,
        stop_identifications: None,
    }
}

fn no_stop(status: Status, ids: &CallerIds) -> AuthorizationStop {
    AuthorizationStop {
        session_id: ids.session.clone(),
        cpo_partner_session_id: ids.cpo_partner_session.clone(),
        emp_partner_session_id: ids.emp_partner_session.clone(),
        provider_id: None,
        authorized: false,
        status,
    }
}

fn asks_for_authorisation(service: Service) -> bool {
    matches!(service, Service::AuthorizeStart | Service::AuthorizeStop)
}

fn fault(service: Service, verdict: &Verdict, status: Status, ids: &CallerIds) -> Vec<u8> {
    let none = Violations::default();
    let violations = match verdict {
        Verdict::Rejected(rejected) => &rejected.violations,
        _ => &none,
    };
    Fault {
        message: status.additional_info.clone().unwrap_or_default(),
        status,
        session_id: ids.session.clone(),
        cpo_partner_session_id: ids.cpo_partner_session.clone(),
        emp_partner_session_id: ids.emp_partner_session.clone(),
        violations,
        not_authorized: asks_for_authorisation(service),
    }
    .to_json()
}

/// Code and words for everything that is not simply relayed.
fn status(reply: &Reply, code: Code) -> Status {
    let status = Status::new(code);
    let info = match &reply.verdict {
        Verdict::Relayed(ack) => return ack.status.clone(),
        Verdict::Authorised(answer) => return answer.status.clone(),
        Verdict::NotAuthorised(status) => return status.clone(),
        Verdict::Stopped(answer) => return answer.status.clone(),
        Verdict::Uploaded(verdict) => verdict.in_words(),
        Verdict::Deferred(later) | Verdict::AcceptedForLater(later) => stored(later, reply.process),
        Verdict::GivenUp(why) => {
            format!("{why}; nothing more is sent unless you send it again; receipt={}", reply.process)
        }
        Verdict::Superseded => {
            format!("a newer message of the session went out instead; receipt={}", reply.process)
        }
        Verdict::NotOffered(provider) => {
            format!("{provider} takes no notifications of this type; stored, receipt={}", reply.process)
        }
        Verdict::InFeed(provider) => {
            format!("stored in the feed that {provider} reads; receipt={}", reply.process)
        }
        Verdict::Fetched(provider) => {
            format!("{provider} has it: it was read in the feed; receipt={}", reply.process)
        }
        Verdict::Recorded => format!("stored, the session is closed; receipt={}", reply.process),
        Verdict::SessionInvalid => {
            "no open session with this SessionID belongs to this operator; use the SessionID that the hub gave in its \
             answer to the start request"
                .to_owned()
        }
        Verdict::TooSoon { last } => {
            format!("at least 300 s between two Progress notifications of a session; the last one came at {last}")
        }
        Verdict::Implausible(findings) | Verdict::ForeignEvse(findings) => listed(findings),
        Verdict::Remote(verdict) => remote::in_words(verdict),
        Verdict::NoContract => "no contract for authorisation with any provider that could be asked".to_owned(),
        Verdict::UnknownProvider(id) => format!("no provider {id} is registered at this hub"),
        Verdict::ProviderNotAsked => "the provider does not offer authorisation at the moment".to_owned(),
        Verdict::Locked(id) => format!("{id} is locked at this hub; ask the people who run it"),
        Verdict::Unauthorised(why) => why.to_string(),
        Verdict::UnknownCaller(partner) => format!("no {} {partner} is registered at this hub", partner.side()),
        Verdict::IdMismatch { path, body } => {
            let path: String = path.chars().take(40).collect();
            format!("the path names {} {path:?}, the body {body}; they must be the same", body.side())
        }
        Verdict::Rejected(rejected) => rejected.to_string(),
        Verdict::Ledger(LedgerError::Contradiction) => "the hub failed; its log says how".to_owned(),
        Verdict::Ledger(LedgerError::Busy) => "the hub is busy; nothing was stored, send it again".to_owned(),
        Verdict::TooBusy => TOO_BUSY.to_owned(),
        Verdict::TooOften(too_often) => too_often.to_string(),
        Verdict::Ledger(LedgerError::Full) => {
            "the hub's disk is almost full; nothing was stored, send it again later".to_owned()
        }
        Verdict::Ledger(LedgerError::Unavailable) => {
            "the hub cannot store anything at the moment; send it again".to_owned()
        }
        Verdict::Ledger(LedgerError::Unknown) => {
            "the hub could not confirm that this is stored; send the identical message again".to_owned()
        }
    };
    status.with_info(info)
}

fn stored(later: &Later, process: ProcessId) -> String {
    let Later { why, may_be_overtaken } = later;
    let unless = if *may_be_overtaken { " unless a newer message of the session overtakes it" } else { "" };
    format!("{why}; stored, will be delivered{unless}; receipt={process}")
}

fn listed(findings: &[Finding]) -> String {
    let listed: Vec<_> =
        findings.iter().map(|finding| format!("{}: {}", finding.pointer, finding.text)).collect();
    listed.join("; ")
}

pub(crate) fn fault_in_words(fault: &EdgeFault) -> String {
    match fault {
        EdgeFault::UnknownPath => {
            "service not found; OICP services live under /api/oicp, the hub's own under /api/hub/v1"
                .to_owned()
        }
        EdgeFault::NotOffered => "this hub does not offer this OICP service".to_owned(),
        EdgeFault::Method => "OICP services are called with POST".to_owned(),
        EdgeFault::TooLarge { most } => format!("the body is longer than {most} bytes"),
        EdgeFault::TooBusy => TOO_BUSY.to_owned(),
        EdgeFault::TooSlow => "the body did not arrive in time".to_owned(),
        EdgeFault::BrokenOff => "the body ended before it was complete".to_owned(),
        EdgeFault::Encoding => "Content-Encoding must be absent, identity or gzip".to_owned(),
        EdgeFault::BrokenGzip => "Content-Encoding says gzip, the body is not".to_owned(),
        EdgeFault::Body(problem) => problem.to_string(),
        EdgeFault::TooManyConnections { most } => format!(
            "more than {most} connections are open with certificates of this partner; use those, or close some first"
        ),
    }
}
