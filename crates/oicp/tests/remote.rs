//! Remote start and stop, reservations: strict about who is meant, exact about what changes on the way.

#![allow(clippy::panic, clippy::unwrap_used, clippy::result_large_err, reason = "a test that fails says so")]

mod support;

use bytes::Bytes;
use oicp::remote::{RemoteStart, RemoteStop};
use oicp::{Rejected, SessionId};
use proptest::prelude::*;
use serde_json::{Value, json};
use support::{SESSION, remote_start, remote_stop, violations, with};

const OURS: &str = "abababab-abab-abab-abab-abababababab";

fn bytes(body: &Value) -> Bytes {
    body.to_string().into()
}

fn start(body: &Value) -> Result<RemoteStart, Rejected> {
    RemoteStart::parse(bytes(body))
}

fn reservation(body: &Value) -> Result<RemoteStart, Rejected> {
    RemoteStart::parse_reservation(bytes(body))
}

fn forwarded(text: &str) -> String {
    let request = RemoteStart::parse_reservation(Bytes::copy_from_slice(text.as_bytes()));
    let request = request.unwrap_or_else(|rejected| panic!("{rejected}"));
    String::from_utf8(request.forwarded(&SessionId::from_uuid([0xAB; 16])).to_vec()).unwrap()
}

/// The pointers of what is wrong.
fn pointers<T: std::fmt::Debug>(read: Result<T, Rejected>) -> Vec<String> {
    let rejected = read.expect_err("this is not allowed");
    rejected.violations.iter().map(|violation| violation.pointer.clone()).collect()
}

#[test]
fn a_start_is_read() {
    let request = start(&with(remote_start(), "PartnerProductID", json!("AC 1"))).unwrap();
    assert_eq!(request.provider_id().key(), "DEDCB");
    assert_eq!(request.evse_id().operator().key(), "DEABC");
    assert_eq!(request.evco_id().key(), "DEDCBC12345678X");
    assert_eq!(request.identification().medium_text(), "evco:DEDCBC12345678X");
    assert_eq!(request.emp_partner_session_id(), Some("2345ABC"));
    assert_eq!(request.cpo_partner_session_id(), None);
    assert_eq!(request.partner_product_id(), Some("AC 1"));
    assert_eq!(request.duration(), None);
    assert!(!format!("{request:?}").contains("12345678"), "no contract in a log");
}

#[test]
fn only_session_and_contract_change_on_the_way() {
    let body = "{ \"X\" : 1.0 ,\"ProviderID\":\"de-dcb\",\"EvseID\":\"de*abc*e1\",\"Identification\":\t{\"RemoteIdentification\":{\"EvcoID\":\"de-dcb-c12345678-x\"} }\n}";
    let expected = body
        .replacen('{', &format!("{{\"SessionID\":\"{OURS}\","), 1)
        .replace("de-dcb-c12345678-x", "DE-DCB-C12345678-X");
    assert_eq!(forwarded(body), expected);
}

#[test]
fn an_incoming_session_id_of_a_start_is_ignored_even_when_malformed() {
    for theirs in [
        r#""string""#,
        "null",
        "17",
        r#"{"a":[1]}"#,
        r#""b2688855-7f00-0002-6d8e-48d883f6abb6""#,
        r#""\ud800""#,
    ] {
        let with_theirs = |value: &str| {
            format!(
                r#"{{"ProviderID":"DE-DCB","Session\u0049D": {value} ,"EvseID":"DE*ABC*E1","Identification":{{"RemoteIdentification":{{"EvcoID":"DE-DCB-C12345678-X"}}}}}}"#
            )
        };
        assert_eq!(forwarded(&with_theirs(theirs)), with_theirs(&format!("\"{OURS}\"")), "{theirs}");
    }
}

#[test]
fn only_a_remote_identification_is_allowed() {
    let evco = json!({"EvcoID": "DE-DCB-C12345678-X"});
    let cases = [
        (json!({"RemoteIdentification": evco, "RFIDIdentification": null}), None),
        (json!({"PlugAndChargeIdentification": evco}), Some("/Identification/PlugAndChargeIdentification")),
        (json!({"QRCodeIdentification": evco}), Some("/Identification/QRCodeIdentification")),
        (
            json!({"RFIDMifareFamilyIdentification": {"UID": "044A2DAA"}}),
            Some("/Identification/RFIDMifareFamilyIdentification"),
        ),
        (json!({"RFIDIdentification": {"UID": "044A2DAA"}}), Some("/Identification/RFIDIdentification")),
        (json!({"RemoteIdentification": evco, "PlugAndChargeIdentification": evco}), Some("/Identification")),
        (json!({"RemoteIdentification": {}}), Some("/Identification/RemoteIdentification/EvcoID")),
        (
            json!({"RemoteIdentification": {"EvcoID": "SECRET"}}),
            Some("/Identification/RemoteIdentification/EvcoID"),
        ),
        (json!({}), Some("/Identification")),
        (json!("app"), Some("/Identification")),
        (Value::Null, Some("/Identification")),
    ];
    for (identification, refused) in cases {
        let read = start(&with(remote_start(), "Identification", identification.clone()));
        match (read, refused) {
            (Ok(_), None) => {}
            (Err(rejected), Some(pointer)) => {
                let said = violations(&rejected);
                assert_eq!(said.len(), 1, "{identification}: {said:?}");
                assert!(said[0].starts_with(&format!("{pointer}: ")), "{identification}: {said:?}");
                assert!(!said[0].contains("SECRET"), "no personal id is repeated");
                assert_eq!(rejected.provider_id.unwrap().key(), "DEDCB");
                assert_eq!(rejected.emp_partner_session_id.as_deref(), Some("2345ABC"));
            }
            (read, refused) => panic!("{identification}: {read:?}, expected {refused:?}"),
        }
    }
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let body = json!({
        "ProviderID": "{{providerID}}", "EvseID": "DE*ICE*I01000*6", "EMPPartnerSessionID": "x".repeat(251),
        "CPOPartnerSessionID": 7, "PartnerProductID": "x".repeat(51), "Duration": 100,
    });
    assert_eq!(
        pointers(reservation(&body)),
        [
            "/ProviderID",
            "/EvseID",
            "/Identification",
            "/CPOPartnerSessionID",
            "/EMPPartnerSessionID",
            "/PartnerProductID",
            "/Duration",
        ]
    );
    let said = violations(&reservation(&body).unwrap_err());
    assert!(said[0].contains("{{providerID}}"), "{said:?}");
    assert_eq!(pointers(RemoteStop::parse(bytes(&json!({})))), ["/SessionID", "/ProviderID", "/EvseID"]);
    assert_eq!(pointers(RemoteStart::parse(Bytes::from_static(b"[]"))), [""]);
}

#[test]
fn a_reservation_lasts_one_to_ninety_nine_minutes() {
    let lasting = |duration: Value| reservation(&with(remote_start(), "Duration", duration));
    for (duration, minutes) in [(json!(1), 1), (json!(99), 99), (json!("15"), 15), (json!(30.0), 30)] {
        assert_eq!(lasting(duration.clone()).unwrap().duration(), Some(minutes), "{duration}");
    }
    for duration in [json!(0), json!(100), json!(-1), json!(1.5), json!("soon"), json!(true), json!([15])] {
        assert_eq!(pointers(lasting(duration.clone())), ["/Duration"], "{duration}");
    }
    assert_eq!(lasting(Value::Null).unwrap().duration(), None, "it may be left out");
    let unread = start(&with(remote_start(), "Duration", json!("for ever"))).unwrap();
    assert_eq!(unread.duration(), None, "a remote start has no such member");
}

#[test]
fn the_other_spelling_of_the_providers_session_id_is_read() {
    let aliased = |body: Value| {
        let body = with(body, "EMPPartnerSessionID", None);
        with(body, "EMPPartnerSessionId", json!("ours"))
    };
    assert_eq!(reservation(&aliased(remote_start())).unwrap().emp_partner_session_id(), Some("ours"));
    let stop = RemoteStop::parse(bytes(&aliased(remote_stop()))).unwrap();
    assert_eq!(stop.emp_partner_session_id(), Some("ours"));
    let both = with(remote_stop(), "EMPPartnerSessionId", json!("other"));
    assert_eq!(RemoteStop::parse(bytes(&both)).unwrap().emp_partner_session_id(), Some("2345ABC"));
    let too_long = with(remote_stop(), "EMPPartnerSessionId", json!("x".repeat(251)));
    assert_eq!(pointers(RemoteStop::parse(bytes(&too_long))), ["/EMPPartnerSessionId"]);
}

#[test]
fn a_stop_is_read_and_kept_as_it_came() {
    let text = remote_stop().to_string().replacen('{', "{ \"Identification\": {\"odd\": 1} ,", 1);
    let stop = RemoteStop::parse(Bytes::from(text.clone())).unwrap();
    assert_eq!(stop.session_id(), SessionId::parse(SESSION).unwrap());
    assert_eq!(stop.provider_id().key(), "DEDCB");
    assert_eq!(stop.evse_id().key(), "DEABCE00012");
    assert_eq!(stop.cpo_partner_session_id(), Some("1234XYZ"));
    assert_eq!(stop.body(), text.as_bytes());
    let rejected = RemoteStop::parse(bytes(&with(remote_stop(), "EvseID", None))).unwrap_err();
    assert_eq!(rejected.session_id, Some(SessionId::parse(SESSION).unwrap()), "the answer names the session");
    assert_eq!(
        pointers(RemoteStop::parse(bytes(&with(remote_stop(), "SessionID", json!("x"))))),
        ["/SessionID"]
    );
}

proptest! {
    /// Whatever a provider writes beside what the hub reads, and in whatever order: it reaches the operator.
    #[test]
    fn all_other_bytes_reach_the_operator(
        before in "[ \t\n]{0,3}",
        unknown in proptest::collection::btree_map("x[a-z]{1,8}", "[ -~éß]{0,20}", 0..5),
        evco in "[a-z]{2}-[a-z0-9]{3}-c[a-z0-9]{8}-[a-z0-9]",
        session in prop::option::of("[ -~]{0,40}"),
    ) {
        let mut members: Vec<String> = unknown.iter().map(|(name, value)| format!("\"{name}\":{}", json!(value))).collect();
        members.insert(members.len() / 2, format!(
            "\"Identification\":{{\"RemoteIdentification\":{{\"EvcoID\":\"{evco}\"}}}},\"EvseID\":\"DE*ABC*E1\",\"ProviderID\":\"DE-DCB\""
        ));
        let theirs = session.map(|session| json!(session).to_string());
        if let Some(theirs) = &theirs {
            members.push(format!("\"SessionID\":{theirs}"));
        }
        let body = format!("{before}{{{}}}", members.join(" , "));
        let expected = body.replacen(&format!("\"EvcoID\":\"{evco}\""), &format!("\"EvcoID\":\"{}\"", evco.to_uppercase()), 1);
        let expected = match &theirs {
            Some(theirs) => expected.replacen(&format!("\"SessionID\":{theirs}"), &format!("\"SessionID\":\"{OURS}\""), 1),
            None => expected.replacen('{', &format!("{{\"SessionID\":\"{OURS}\","), 1),
        };
        prop_assert_eq!(forwarded(&body), expected);
    }
}
