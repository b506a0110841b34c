//! The examples of the published OpenAPI documents and what this crate says to each. They are not part of this
//! repository: `OICP_OPENAPI_DIR` names the folder that holds them; without it there is nothing to test.

#![allow(clippy::panic, clippy::unwrap_used, clippy::result_large_err, reason = "a test that fails says so")]

mod support;

use std::path::Path;

use bytes::Bytes;
use oicp::Rejected;
use oicp::ack::{Acknowledgement, Reading};
use oicp::authentication::PushAuthenticationData;
use oicp::authorize::{AuthorizationStart, AuthorizationStop, AuthorizeStart, AuthorizeStop};
use oicp::cdr::GetChargeDetailRecords;
use oicp::remote::{RemoteStart, RemoteStop};
use oicp::status::Code;
use serde_json::Value;
use support::{findings, parse_cdr, violations, with};

type ReadStart = fn(Bytes) -> Result<RemoteStart, Rejected>;

#[test]
fn the_published_examples_have_their_verdicts() {
    let Some(folder) = std::env::var_os("OICP_OPENAPI_DIR") else {
        println!("skipped: OICP_OPENAPI_DIR is not set");
        return;
    };
    for side in ["cpo", "emp"] {
        let file = Path::new(&folder).join(format!("oicp-2.3-{side}.openapi.json"));
        let text = std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let document: Value = serde_json::from_slice(&text).unwrap();
        let example = |schema: &str| document["components"]["schemas"][schema]["example"].clone();
        notifications(example);
        authorisation(example);
        remote(example);
        stopping(example);
        acknowledgement(example);
        charge_detail_records(example);
        if side == "emp" {
            authentication(example);
            let wanted = example("eRoamingGetChargeDetailRecords").to_string();
            let wanted = GetChargeDetailRecords::parse(&Bytes::from(wanted)).unwrap();
            assert_eq!(
                (wanted.sessions.len(), wanted.operators.len(), wanted.forwarded),
                (1, 1, Some(false))
            );
        }
    }
}

fn charge_detail_records(example: impl Fn(&str) -> Value) {
    let record = example("eRoamingChargeDetailRecord");
    // All five identifications at once.
    let said = violations(&parse_cdr(&record).unwrap_err());
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(said[0].starts_with("/Identification: expected exactly one of "), "{said:?}");

    let card = record["Identification"]["RFIDMifareFamilyIdentification"].clone();
    let card = serde_json::json!({ "RFIDMifareFamilyIdentification": card });
    let record = parse_cdr(&with(record, "Identification", card)).unwrap();
    assert_eq!(record.hub_provider_id().unwrap().key(), "DEDCB");
}

fn notifications(example: impl Fn(&str) -> Value) {
    for (kind, expected) in [
        ("Start", &[][..]),
        // The duration is off by a factor of ten.
        ("Progress", &["duration-mismatch /ChargingDuration"]),
        // Charging starts 33 minutes after it ends.
        ("End", &["charging-start-after-end /ChargingStart"]),
        ("Error", &[]),
    ] {
        assert_eq!(findings(&example(&format!("eRoamingChargingNotification{kind}"))), expected, "{kind}");
    }
}

fn authorisation(example: impl Fn(&str) -> Value) {
    // All five identifications at once.
    let request = example("eRoamingAuthorizeStart").to_string();
    let said = violations(&AuthorizeStart::parse(Bytes::from(request)).unwrap_err());
    assert_eq!(said.len(), 1);
    assert!(said[0].starts_with("/Identification: expected exactly one of "), "{said:?}");

    let answer =
        AuthorizationStart::read(example("eRoamingAuthorizationStart").to_string().as_bytes()).unwrap();
    assert!(answer.authorized && !answer.completed);
    assert_eq!(answer.provider_id.unwrap().key(), "DEDCB");
    assert!(answer.stop_identifications.is_some());
}

fn remote(example: impl Fn(&str) -> Value) {
    // All five identifications at once.
    let starts: [(&str, ReadStart); 2] = [
        ("eRoamingAuthorizeRemoteStart", RemoteStart::parse),
        ("eRoamingAuthorizeRemoteReservationStart", RemoteStart::parse_reservation),
    ];
    for (name, read) in starts {
        let mut body = example(name);
        let said = violations(&read(Bytes::from(body.to_string())).unwrap_err());
        assert_eq!(said.len(), 1, "{name}");
        assert!(said[0].starts_with("/Identification: expected exactly one of "), "{name}: {said:?}");
        let remote = body["Identification"]["RemoteIdentification"].take();
        body["Identification"] = serde_json::json!({ "RemoteIdentification": remote });
        let request = read(Bytes::from(body.to_string())).unwrap();
        assert_eq!((request.provider_id().key(), request.evse_id().key()), ("DEDCB", "DEXYZETEST1"));
        assert_eq!(request.emp_partner_session_id(), Some("2345ABC"));
        assert_eq!(request.duration(), body["Duration"].as_u64().map(|_| 15));
    }
    for name in ["eRoamingAuthorizeRemoteStop", "eRoamingAuthorizeRemoteReservationStop"] {
        let body = example(name);
        let stop = RemoteStop::parse(Bytes::from(body.to_string())).unwrap();
        assert_eq!(stop.session_id().as_str(), body["SessionID"], "{name}");
        assert_eq!(stop.emp_partner_session_id(), Some("2345ABC"));
    }
}

fn stopping(example: impl Fn(&str) -> Value) {
    // All five identifications at once.
    let request = example("eRoamingAuthorizeStop").to_string();
    let said = violations(&AuthorizeStop::parse(Bytes::from(request)).unwrap_err());
    assert_eq!(said.len(), 1);
    assert!(said[0].starts_with("/Identification: expected exactly one of "), "{said:?}");

    let answer =
        AuthorizationStop::read(example("eRoamingAuthorizationStop").to_string().as_bytes()).unwrap();
    assert!(answer.authorized && !answer.completed);
    assert_eq!(answer.provider_id.unwrap().key(), "DEDCB");
}

fn authentication(example: impl Fn(&str) -> Value) {
    // One identification inside, the four others beside it.
    let push = example("eRoamingPushAuthenticationData").to_string();
    let said = violations(&PushAuthenticationData::parse(Bytes::from(push)).unwrap_err());
    assert_eq!(said.len(), 4, "{said:?}");
    assert!(said.iter().all(|one| one.contains("belongs inside Identification")), "{said:?}");
}

fn acknowledgement(example: impl Fn(&str) -> Value) {
    let body = example("eRoamingAcknowledgment").to_string();
    let Reading::Acknowledged { ack, completed: false } = Acknowledgement::read(body.as_bytes()) else {
        panic!("an acknowledgement: {body}")
    };
    assert_eq!((ack.result, ack.status.code), (true, Code::SUCCESS));
    assert_eq!(serde_json::from_slice::<Value>(&ack.to_json()).unwrap(), example("eRoamingAcknowledgment"));
}
