//! Hostile bodies cost their sender an error and nobody else anything.

use std::time::Duration;

use roamhub_testkit::messages;
use serde_json::{Value, json};

use crate::stage::{Stage, assert_judged, assert_refused, pointers, process_of};

/// An End as text, with one member's value replaced by a text that need not be JSON.
fn end_with(session: &str, member: &str, value: &str) -> Vec<u8> {
    let mut end = messages::end(session);
    end[member] = "@".into();
    end.to_string().replace("\"@\"", value).into_bytes()
}

#[tokio::test]
async fn bodies_that_are_no_message_are_400_and_the_hub_goes_on() {
    let stage = Stage::new().await;
    let session = stage.operator.open_session().await;
    let end = messages::end(&session).to_string();
    let with = |member: &str, value: &str| end_with(&session, member, value);
    let nested = |open: &str, close: &str| open.repeat(10_000) + "1" + &close.repeat(10_000);
    let null = || {
        let mut end = messages::end(&session);
        end.as_object_mut().expect("an object").values_mut().for_each(|value| *value = Value::Null);
        end.to_string().into_bytes()
    };
    let cases: [(&str, Vec<u8>); 24] = [
        ("10,000 lists", nested("[", "]").into_bytes()),
        ("10,000 objects", nested("{\"a\":", "}").into_bytes()),
        ("10,000 lists in a member", with("x", &nested("[", "]"))),
        ("10,000 lists that never end", "[".repeat(10_000).into_bytes()),
        ("1e400 kWh", with("ConsumedEnergy", "1e400")),
        ("a billion digits of exponent", with("MeterValueEnd", "1e999999999")),
        ("100,000 digits", with("MeterValueEnd", &"9".repeat(100_000))),
        ("half a surrogate pair", with("EvseID", "\"\\uD800\"")),
        ("half a surrogate pair in an id", with("CPOPartnerSessionID", "\"x\\uDFFFx\"")),
        ("NUL in an id", with("SessionID", "\"\\u0000\"")),
        ("a NUL byte", with("CPOPartnerSessionID", "\"a\0b\"")),
        ("a megabyte of id", with("CPOPartnerSessionID", &format!("\"{}\"", "x".repeat(1_000_000)))),
        ("a megabyte of EvseID", with("EvseID", &format!("\"DE*ABC*E{}\"", "1".repeat(1_000_000)))),
        ("null everywhere", null()),
        ("a member twice", with("ConsumedEnergy", "10,\"ConsumedEnergy\":11")),
        ("a SessionID twice", with("SessionID", &format!("\"{session}\",\"SessionID\":\"{session}\""))),
        ("a member twice, once escaped", with("Type", "\"End\",\"\\u0054ype\":\"Start\"")),
        ("an object for a string", with("EvseID", "{\"toString\":\"DE*ABC*E1\"}")),
        ("a list for a number", with("ConsumedEnergy", "[10]")),
        ("NaN", with("ConsumedEnergy", "NaN")),
        ("a comment", format!("{end}// the end").into_bytes()),
        ("300,000 meter values of the wrong kind", {
            with("MeterValueInBetween", &format!("{{\"meterValues\":[{}0]}}", "[],".repeat(300_000)))
        }),
        ("the year 300000", with("ChargingEnd", "\"+300000-01-01T00:00:00Z\"")),
        ("a 30th of February", with("ChargingEnd", "\"2026-02-30T00:00:00Z\"")),
    ];
    for (what, body) in cases {
        let answer = stage.operator.notify(body).await;
        assert_eq!(answer.status, 400, "{what}: {answer:?}");
        assert_refused(&answer, 400, "022");
        assert!(answer.took < Duration::from_secs(3), "{what}: {answer:?}");
        assert!(answer.body.len() < 64 * 1024, "{what}: an answer of {} bytes", answer.body.len());
        assert!(answer.violations().len() <= 101, "{what}: {answer:?}");
    }
    assert!(stage.provider.notifications().is_empty());
    assert_judged(&stage.operator.notify(end).await, true, "000");
    stage.still_serves().await;
}

#[tokio::test]
async fn bodies_that_are_only_strange_pass_untouched() {
    let stage = Stage::new().await;
    let nested = "[".repeat(100) + &"]".repeat(100);
    let bodies: [(&str, &str, &str); 10] = [
        ("an unknown member of 1e400", "x", "1e400"),
        ("half a surrogate pair in an unknown member", "x", "\"\\uDC00\""),
        ("NUL in an operator's id", "CPOPartnerSessionID", "\"a\\u0000b\""),
        ("100 lists", "x", &nested),
        ("a megabyte nobody asked for", "x", &format!("\"{}\"", "x".repeat(900_000))),
        ("an unknown member twice", "x", "1,\"x\":2"),
        ("next to nothing", "MeterValueEnd", "1e-999999999"),
        ("a minus", "ConsumedEnergy", "-0.000"),
        ("an exponent", "ConsumedEnergy", "1.0E+1"),
        ("an Identification that is none", "Identification", "[[[]]]"),
    ];
    for (what, member, value) in bodies {
        let session = stage.operator.open_session().await;
        let body = end_with(&session, member, value);
        let answer = stage.operator.notify(&body).await;
        assert_eq!((answer.status, answer.result()), (200, true), "{what}: {answer:?}");
        let received = stage.provider.notifications().pop().expect("it was forwarded");
        assert!(received.body == body, "{what}: not byte for byte");
        stage.settled(&process_of(&answer), "delivered").await;
    }
}

#[tokio::test]
async fn null_is_as_good_as_absent() {
    let stage = Stage::new().await;
    let session = stage.operator.open_session().await;
    let required = ["Type", "SessionID", "OperatorID", "EvseID", "ChargingEnd"];
    let mut end = messages::end(&session);
    for (name, value) in end.as_object_mut().expect("messages are objects") {
        if !required.contains(&name.as_str()) {
            *value = Value::Null;
        }
    }
    for absent in ["EMPPartnerSessionID", "PenaltyTimeStart", "ErrorType", "ChargingDuration"] {
        end[absent] = Value::Null;
    }
    let process = assert_judged(&stage.operator.notify(&end).await, true, "000");
    assert!(stage.findings(&process).await.is_empty());
}

#[tokio::test]
async fn hostile_authorisations_are_not_authorised() {
    let stage = Stage::new().await;
    let with = |member: &str, value: &str| {
        let mut body = messages::authorize_start_rfid("04E1E1E1E1E1E1");
        body[member] = "@".into();
        body.to_string().replace("\"@\"", value)
    };
    let uid = json!({"RFIDMifareFamilyIdentification": {"UID": "x".repeat(500_000)}}).to_string();
    let cases = [
        ("deep", with("Identification", &("[".repeat(10_000) + &"]".repeat(10_000))), ""),
        ("a card twice", with("Identification", "{},\"Identification\":{}"), "/Identification"),
        ("a long card", with("Identification", &uid), "/Identification/RFIDMifareFamilyIdentification/UID"),
        ("NUL", with("OperatorID", "\"DE*AB\\u0000\""), "/OperatorID"),
        ("half a surrogate pair", with("EvseID", "\"\\uD800\""), "/EvseID"),
        ("a long product", with("PartnerProductID", &format!("\"{}\"", "p".repeat(51))), "/PartnerProductID"),
    ];
    for (what, body, pointer) in cases {
        let answer = stage.operator.authorize_start(body).await;
        assert_refused(&answer, 400, "022");
        assert_eq!(answer.json()["AuthorizationStatus"], "NotAuthorized", "{what}: {answer:?}");
        assert!(pointers(&answer).iter().any(|place| place == pointer), "{what}: {answer:?}");
        assert!(answer.body.len() < 64 * 1024, "{what}: an answer of {} bytes", answer.body.len());
    }
    assert!(stage.provider.received().is_empty());
    stage.still_serves().await;
}
