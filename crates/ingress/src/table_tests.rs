//! The whole table, as a snapshot: whoever changes a row sees it here.

use std::fmt::Write;
use std::time::Duration;

use oicp::ack::Acknowledgement;
use oicp::authentication::ActionType;
use oicp::authorize::{AuthorizationStart, AuthorizationStop};
use oicp::service::Service;
use oicp::status::Status;
use oicp::{OperatorId, ProviderId, Rejected};
use roamhub_core::allowance::{Limited, TooOften};
use roamhub_core::directory::Directory;
use roamhub_core::session::SessionKind;
use roamhub_services::Identity;
use roamhub_services::identity::{NoCertificate, NotAdmitted, Unauthorised};
use roamhub_services::remote::InvalidSession;
use roamhub_services::reply::Later;
use roamhub_services::upload::{Named, UploadVerdict};

use super::*;

fn operator() -> OperatorId {
    OperatorId::parse("DE*ABC").unwrap()
}

fn provider() -> ProviderId {
    ProviderId::parse("DE-DCB").unwrap()
}

fn unauthorised() -> Box<Unauthorised> {
    let nobody = Identity::Nobody(NoCertificate::Missing);
    match nobody.admit(None, &Directory::default(), jiff::Timestamp::UNIX_EPOCH) {
        Err(NotAdmitted::Unauthorised(why)) => why,
        other => panic!("{other:?}"),
    }
}

fn stopped(authorized: bool, code: Code) -> AuthorizationStop {
    AuthorizationStop {
        session_id: None,
        cpo_partner_session_id: None,
        emp_partner_session_id: None,
        provider_id: None,
        authorized,
        status: Status::new(code),
    }
}

fn verdicts() -> Vec<(&'static str, Verdict)> {
    let later = || Later { why: "no connection".to_owned(), may_be_overtaken: false };
    let ack = |result, code| Acknowledgement::new(result, Status::new(code));
    let authorised = AuthorizationStart {
        session_id: None,
        cpo_partner_session_id: None,
        emp_partner_session_id: None,
        provider_id: Some(provider()),
        authorized: true,
        status: Status::new(Code::SUCCESS),
        stop_identifications: None,
    };
    let too_often = TooOften {
        limited: Limited::Operation(Service::AuthorizeStart),
        per_minute: 200,
        again: Duration::from_millis(300),
    };
    let rejected = |problem| Verdict::Rejected(Box::new(Rejected { problem, ..Rejected::default() }));
    vec![
        ("relayed, yes", Verdict::Relayed(ack(true, Code::SUCCESS))),
        ("relayed, no", Verdict::Relayed(ack(false, Code::GENERIC))),
        ("deferred", Verdict::Deferred(later())),
        ("accepted for later", Verdict::AcceptedForLater(later())),
        ("not offered by the provider", Verdict::NotOffered(provider())),
        ("in the provider's feed", Verdict::InFeed(provider())),
        ("fetched from the feed", Verdict::Fetched(provider())),
        ("given up", Verdict::GivenUp("no connection".to_owned())),
        ("superseded", Verdict::Superseded),
        ("charge detail record", Verdict::Recorded),
        ("session invalid", Verdict::SessionInvalid),
        ("progress too soon", Verdict::TooSoon { last: jiff::Timestamp::UNIX_EPOCH }),
        ("implausible, strict", Verdict::Implausible(vec![])),
        ("foreign EVSE, strict", Verdict::ForeignEvse(vec![])),
        ("authorised", Verdict::Authorised(authorised)),
        ("not authorised", Verdict::NotAuthorised(Status::new(Code::RFID_REFUSED))),
        ("stopped", Verdict::Stopped(stopped(true, Code::SUCCESS))),
        ("not stopped, another card", Verdict::Stopped(stopped(false, Code::RFID_REFUSED))),
        ("upload without contract", Verdict::Uploaded(UploadVerdict::NoContract(provider()))),
        ("upload of others' contracts", Verdict::Uploaded(UploadVerdict::Foreign(Named::default()))),
        (
            "insert of what exists",
            Verdict::Uploaded(UploadVerdict::Unfit(ActionType::Insert, Named::default())),
        ),
        ("no contract", Verdict::NoContract),
        ("unknown provider", Verdict::UnknownProvider(provider())),
        ("provider not asked", Verdict::ProviderNotAsked),
        ("remote, unknown operator", Verdict::Remote(RemoteVerdict::UnknownOperator(operator()))),
        (
            "remote, no contract",
            Verdict::Remote(RemoteVerdict::NoContract(operator(), SessionKind::Charging)),
        ),
        (
            "remote, not offered",
            Verdict::Remote(RemoteVerdict::NotOffered(operator(), SessionKind::Charging)),
        ),
        ("remote, too many", Verdict::Remote(RemoteVerdict::Busy(operator()))),
        ("remote, not reached", Verdict::Remote(RemoteVerdict::NotReached("no connection".to_owned()))),
        ("remote, unconfirmed", Verdict::Remote(RemoteVerdict::Unconfirmed("no answer".to_owned()))),
        ("remote, may be stopped", Verdict::Remote(RemoteVerdict::MayBeStopped("no answer".to_owned()))),
        ("remote, session invalid", Verdict::Remote(RemoteVerdict::SessionInvalid(InvalidSession::Closed))),
        ("operator locked", Verdict::Locked(operator().into())),
        ("not who it says", Verdict::Unauthorised(unauthorised())),
        ("unknown caller", Verdict::UnknownCaller(operator().into())),
        ("ids differ", Verdict::IdMismatch { path: "DE*QQQ".to_owned(), body: operator().into() }),
        ("rejected", rejected(None)),
        ("rejected, byte order mark", rejected(Some(BodyProblem::ByteOrderMark))),
        ("rejected, UTF-16", rejected(Some(BodyProblem::Utf16))),
        ("too often", Verdict::TooOften(too_often)),
        ("hub too busy", Verdict::TooBusy),
        ("ledger busy", Verdict::Ledger(LedgerError::Busy)),
        ("ledger full", Verdict::Ledger(LedgerError::Full)),
        ("ledger unavailable", Verdict::Ledger(LedgerError::Unavailable)),
        ("ledger unknown", Verdict::Ledger(LedgerError::Unknown)),
        ("ledger contradiction", Verdict::Ledger(LedgerError::Contradiction)),
    ]
}

fn faults() -> Vec<(&'static str, EdgeFault)> {
    vec![
        ("unknown path", EdgeFault::UnknownPath),
        ("service not offered", EdgeFault::NotOffered),
        ("not POST", EdgeFault::Method),
        ("too large", EdgeFault::TooLarge { most: 1 }),
        ("too slow", EdgeFault::TooSlow),
        ("broken off", EdgeFault::BrokenOff),
        ("unknown encoding", EdgeFault::Encoding),
        ("broken gzip", EdgeFault::BrokenGzip),
        ("hub too busy", EdgeFault::TooBusy),
        ("multipart", EdgeFault::Body(BodyProblem::Multipart)),
        ("too many connections", EdgeFault::TooManyConnections { most: 1 }),
    ]
}

#[test]
fn the_table() {
    let mut table = String::new();
    for (name, verdict) in verdicts() {
        let row = of_verdict(&verdict);
        let kept = if verdict.is_refusal() { "refused" } else { "" };
        writeln!(table, "{name:<28} {} {} {kept}", row.http.as_u16(), row.code).unwrap();
    }
    for (name, fault) in faults() {
        let row = of_fault(&fault);
        writeln!(table, "{name:<28} {} {}", row.http.as_u16(), row.code).unwrap();
    }
    insta::assert_snapshot!(table);
}

#[test]
fn what_is_not_durable_is_never_200() {
    for (name, verdict) in verdicts() {
        if matches!(verdict, Verdict::Ledger(_) | Verdict::TooBusy | Verdict::TooOften(_)) {
            assert_ne!(of_verdict(&verdict).http, StatusCode::OK, "{name}");
        }
    }
}
