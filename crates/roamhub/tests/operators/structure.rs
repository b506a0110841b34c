//! What breaks the protocol's structure: HTTP 400 and code 022, with every violation and where it is.

use roamhub_testkit::messages;
use serde_json::{Value, json};

use crate::stage::{Stage, assert_judged, assert_refused, pointers};

#[tokio::test]
async fn malformed_json_is_400_with_line_and_column() {
    let stage = Stage::new().await;
    for body in
        ["{\"Type\":\"End\",", "{'Type':'End'}", "{\"Type\":\"End\"} {}", "{\"Type\": End}", "\"End\"", "[]"]
    {
        let answer = stage.operator.notify(body).await;
        assert_refused(&answer, 400, "022");
        assert_eq!(pointers(&answer), [""], "{body}: {answer:?}");
    }
    let answer = stage.operator.notify("{\"Type\":\"End\",\n  oops}").await;
    assert!(answer.violations()[0].1.contains("line 2, column"), "{answer:?}");
}

#[tokio::test]
async fn a_missing_charging_end_is_reported_together_with_everything_else() {
    let stage = Stage::new().await;
    let body = json!({
        "Type": "End",
        "SessionID": "not-a-session",
        "OperatorID": "ABC Charging",
        "EvseID": "socket 1",
        "CPOPartnerSessionID": "x".repeat(251),
        "ChargingStart": "yesterday",
        "ConsumedEnergy": "a lot",
        "MeterValueInBetween": {"meterValues": [1, "two", 3]},
        "PartnerProductID": 7,
    });
    let answer = stage.operator.notify(body).await;
    assert_refused(&answer, 400, "022");
    let expected = [
        "/CPOPartnerSessionID",
        "/ChargingEnd",
        "/ChargingStart",
        "/ConsumedEnergy",
        "/EvseID",
        "/MeterValueInBetween/meterValues/1",
        "/OperatorID",
        "/PartnerProductID",
        "/SessionID",
    ];
    assert_eq!(pointers(&answer), expected, "{answer:?}");
    let body = answer.json();
    let about_end = body["validationErrors"]
        .as_array()
        .and_then(|all| all.iter().find(|violation| violation["pointer"] == "/ChargingEnd").cloned());
    let about_end = about_end.unwrap_or_default();
    assert_eq!(about_end["fieldReference"], "ChargingEnd");
    assert_eq!(about_end["errorMessage"], "ChargingEnd is missing");
    assert!(stage.provider.notifications().is_empty());
}

#[tokio::test]
async fn each_required_field_of_each_type_is_required() {
    let stage = Stage::new().await;
    let session = stage.operator.open_session().await;
    let cases: [(Value, &[&str]); 4] = [
        (messages::start(&session), &["ChargingStart"]),
        (messages::progress(&session, 9), &["ChargingStart", "EventOccurred"]),
        (messages::end(&session), &["ChargingEnd"]),
        (messages::error(&session), &["ErrorType"]),
    ];
    for (whole, own) in cases {
        for field in own.iter().chain(&["Type", "SessionID", "OperatorID", "EvseID"]) {
            for hole in [None, Some(Value::Null)] {
                let mut body = whole.clone();
                let members = body.as_object_mut().expect("messages are objects");
                members.remove(*field);
                members.extend(hole.map(|null| ((*field).to_owned(), null)));
                let answer = stage.operator.notify(&body).await;
                assert_refused(&answer, 400, "022");
                assert_eq!(pointers(&answer), [format!("/{field}")], "{body}: {answer:?}");
            }
        }
    }
    assert!(stage.provider.notifications().is_empty());
}

#[tokio::test]
async fn a_progress_needs_duration_or_energy_and_either_is_enough() {
    let stage = Stage::new().await;
    let without = |session: &str, fields: &[&str]| {
        let mut body = messages::progress(session, 9);
        for field in fields {
            body.as_object_mut().expect("messages are objects").remove(*field);
        }
        body
    };
    let both = ["ChargingDuration", "ConsumedEnergyProgress"];
    let session = stage.operator.open_session().await;
    let answer = stage.operator.notify(without(&session, &both)).await;
    assert_refused(&answer, 400, "022");
    assert_eq!(pointers(&answer), ["/ChargingDuration"], "{answer:?}");
    for one in both {
        let session = stage.operator.open_session().await;
        let answer = stage.operator.notify(without(&session, &[one])).await;
        assert_judged(&answer, true, "000");
    }
}

#[tokio::test]
async fn a_refusal_repeats_the_ids_that_could_be_read() {
    let stage = Stage::new().await;
    let session = stage.operator.open_session().await;
    let mut body = messages::end(&session);
    body["EMPPartnerSessionID"] = "2345ABC".into();
    body["ChargingEnd"] = "soon".into();
    let answer = stage.operator.notify(body).await;
    assert_refused(&answer, 400, "022");
    let said = answer.json();
    assert_eq!(said["SessionID"], session);
    assert_eq!(
        (&said["CPOPartnerSessionID"], &said["EMPPartnerSessionID"]),
        (&json!("1234XYZ"), &json!("2345ABC"))
    );
}

#[tokio::test]
async fn what_the_field_sends_is_accepted_with_findings() {
    let stage = Stage::new().await;
    let session = stage.operator.open_session().await;
    let mut body = messages::end(&session);
    let members = json!({
        "EvseID": "DEABCETEST1",
        "OperatorID": "de*abc",
        "ConsumedEnergy": "10.0",
        "MeterValueInBetween": [5, "5.5"],
        "SessionStart": null,
        "ErrorType": "CriticalError",
        "Identification": {"RFIDMifareFamilyIdentification": {"UID": "no card"}},
        "PenaltyTimeStart": "2099-01-01T00:00:00+01:00",
    });
    for (name, value) in members.as_object().expect("an object") {
        body[name] = value.clone();
    }
    let answer = stage.operator.notify(&body).await;
    let process = assert_judged(&answer, true, "000");
    let mut findings = stage.findings(&process).await;
    findings.sort();
    findings.dedup();
    let expected = ["identification-odd", "meter-values-bare-list", "number-as-string", "unexpected-member"];
    assert_eq!(findings, expected);
}
