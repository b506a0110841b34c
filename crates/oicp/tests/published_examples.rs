//! The examples of the published OpenAPI documents and what this crate says to each. They are not part of this
//! repository: `OICP_OPENAPI_DIR` names the folder that holds them; without it there is nothing to test.

#![allow(clippy::panic, clippy::unwrap_used, reason = "a test that fails says so")]

mod support;

use std::path::Path;

use bytes::Bytes;
use oicp::ack::{Acknowledgement, Reading};
use oicp::authentication::PushAuthenticationData;
use oicp::authorize::{AuthorizationStart, AuthorizationStop, AuthorizeStart, AuthorizeStop};
use oicp::status::Code;
use serde_json::Value;
use support::{findings, violations};

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
        stopping(example);
        acknowledgement(example);
        if side == "emp" {
            authentication(example);
        }
    }
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
