//! When an End is issued, what it says, and when none is.

use oicp::ChargingNotification;
use oicp::notification::Facts;
use roamhub_testkit::{Reply, messages};
use serde_json::{Value, json};

use crate::stage::*;

#[tokio::test]
async fn a_session_of_which_nothing_came_is_ended_on_the_operators_behalf() {
    let stage = Stage::agreed().await;
    let session = stage.operator.open_session().await;
    let end = stage.heard(1).await.remove(0);
    assert!(is_issued(&end), "{end:?}");
    let read = ChargingNotification::parse(end.body.clone()).expect("our own parser reads it");
    let received_at: jiff::Timestamp = end.header("hub-received-at").unwrap().parse().unwrap();
    assert_eq!((read.findings(), read.findings_at(received_at)), (&[][..], vec![]));
    assert_eq!(read.session_id().to_string(), session);
    let Facts::End(facts) = read.facts() else { panic!("{read:?}") };
    assert_eq!(
        (facts.charging_start, facts.consumed_energy.map(|kwh| kwh.to_string())),
        (None, Some("0".into()))
    );
    let body = end.json();
    assert_eq!((&body["OperatorID"], &body["EvseID"]), (&json!("DE*ABC"), &json!("DE*ABC*ETEST1")));

    // On record as what it is.
    let message = stage.messages(&session).await.remove(0);
    assert_eq!((&message["issuedByHub"], &message["session"]), (&json!("mandate"), &json!(session)));
    let process = message["process"].as_str().unwrap();
    assert_eq!(end.header("process-id"), Some(process));
    let printed = stage.run(&["inspect", process]).await;
    assert!(printed.stdout.contains("issued       by the hub"), "{printed:?}");
    for partner in ["operators/DE*ABC", "providers/DE-DCB"] {
        let receipt = stage.operator.get(&format!("/api/hub/v1/{partner}/receipts/{process}")).await;
        assert_eq!(receipt.json()["issued_by_hub"], "mandate", "{receipt:?}");
    }
    stage.metric_is("roamhub_mandated_ends_total{operator=\"DE*ABC\",ground=\"expired\"}", "1").await;
    assert_eq!(stage.run(&["ghosts"]).await.stdout, "no ghosts\n");
}

#[tokio::test]
async fn a_ghost_that_is_ended_by_mandate_leaves_the_list() {
    let stage =
        Stage::new("preauthorisation_expires = \"3s\"", ACCEPTED, &[("WATCHDOG_NEVER_STARTED", "300ms")])
            .await;
    let session = stage.operator.open_session().await;
    assert_eq!(stage.ghost().await["session"], session.as_str());
    assert!(is_issued(&stage.heard(1).await[0]));
    stage.metric_is("roamhub_ghosts{operator=\"DE*ABC\",kind=\"never-started\"}", "0").await;
    assert_eq!(stage.run(&["ghosts"]).await.stdout, "no ghosts\n");
}

#[tokio::test]
async fn unless_both_sides_have_agreed_the_hub_invents_nothing() {
    let late = [("WATCHDOG_NEVER_STARTED", "1500ms")];
    for (operator, provider) in [("", PLAIN), (GIVEN, PLAIN), ("", ACCEPTED)] {
        let stage = Stage::new(operator, provider, &late).await;
        let session = stage.operator.open_session().await;
        // By then a mandate of a second would have been kept.
        assert_eq!(stage.ghost().await["session"], session.as_str());
        assert_eq!(stage.messages(&session).await, [Value::Null; 0], "{operator}, {provider}");
        assert!(stage.provider.notifications().is_empty());
    }
}

#[tokio::test]
async fn a_provider_whose_upload_decided_has_not_heard_of_the_session_and_hears_of_no_end() {
    let uploading = ACCEPTED.replace("\"notifications\"", "\"notifications\", \"authentication-data\"");
    let stage = Stage::new(GIVEN, &uploading, &[("WATCHDOG_NEVER_STARTED", "1500ms")]).await;
    let card = json!({"Identification": {"RFIDMifareFamilyIdentification": {"UID": messages::UID}}});
    let push = json!({
        "ActionType": "fullLoad",
        "ProviderAuthenticationData": {"ProviderID": "DE-DCB", "AuthenticationDataRecord": [card]},
    });
    let path = "/api/oicp/authdata/v21/providers/DE-DCB/push-request";
    assert_eq!(stage.operator.post(path, &[], push.to_string()).await.code(), "000");
    let opened = stage.operator.authorize_start(messages::authorize_start_rfid(messages::UID)).await;
    let session = opened.json()["SessionID"].clone();
    assert_eq!(stage.ghost().await["session"], session);
    assert_eq!(stage.messages(session.as_str().unwrap()).await, [Value::Null; 0]);
    assert!(stage.provider.received().is_empty(), "it was never asked: {opened:?}");
}

#[tokio::test]
async fn of_a_session_of_which_anything_was_heard_nothing_is_invented() {
    let stage = Stage::new(GIVEN, ACCEPTED, &[("WATCHDOG_WITHOUT_END", "2s")]).await;
    let session = stage.operator.open_session().await;
    assert_eq!(stage.operator.notify(messages::error(&session)).await.code(), "000");
    let ghost = stage.ghost().await;
    assert_eq!((&ghost["session"], &ghost["kind"]), (&json!(session), &json!("without-end")));
    assert_eq!(stage.messages(&session).await.len(), 1);
    assert!(!stage.heard(1).await.iter().any(is_issued));
}

#[tokio::test]
async fn every_attempt_says_that_the_hub_has_issued_it_also_a_replay() {
    let stage = Stage::agreed().await;
    stage.answer_notifications(|request| match request.header("hub-attempt") {
        Some("1" | "2") => Reply::Json(503, json!({})),
        _ => Reply::Acknowledge,
    });
    let session = stage.operator.open_session().await;
    let attempts = stage.heard(3).await;
    let numbers: Vec<_> = attempts.iter().map(|one| one.header("hub-attempt").unwrap()).collect();
    assert_eq!(numbers, ["1", "2", "3"]);
    assert!(attempts.iter().all(|one| is_issued(one) && one.body == attempts[0].body), "{attempts:?}");
    stage
        .json_when(&["inspect", &session], "the delivery", |said| {
            said["messages"][0]["deliveries"][0]["state"] == "delivered"
        })
        .await;
    stage.answer_notifications(|_| Reply::Acknowledge);
    let replayed = stage.run(&["replay", "--session", &session, "--state", "delivered"]).await;
    assert_eq!(replayed.code, Some(0), "{replayed:?}");
    let replay = stage.heard(4).await.remove(3);
    assert_eq!(replay.header("hub-replay"), Some("1"));
    assert!(is_issued(&replay) && replay.body == attempts[0].body, "{replay:?}");
}

#[tokio::test]
async fn a_session_of_which_nobody_knows_the_evse_is_counted_and_stays_a_ghost() {
    let stage = Stage::new(GIVEN, ACCEPTED, &[("WATCHDOG_NEVER_STARTED", "1500ms")]).await;
    let mut body = messages::authorize_start_rfid("04AA00AA00AA01");
    body.as_object_mut().unwrap().remove("EvseID");
    body["CPOPartnerSessionID"] = "my own".into();
    let answer = stage.operator.authorize_start(body.clone()).await.json();
    let session = answer["SessionID"].as_str().unwrap();
    stage.metric_is("roamhub_mandated_ends_passed_over_total{operator=\"DE*ABC\"}", "1").await;
    assert_eq!(stage.ghost().await["session"], session);
    assert!(stage.provider.notifications().is_empty());
    // With an EVSE, its own id of the session is named too.
    body["EvseID"] = "DE*ABC*E7".into();
    let answer = stage.operator.authorize_start(body).await.json();
    let end = stage.heard(1).await.remove(0).json();
    let named = (&end["SessionID"], &end["EvseID"], &end["CPOPartnerSessionID"]);
    assert_eq!(named, (&answer["SessionID"], &json!("DE*ABC*E7"), &json!("my own")));
    stage.metric_is("roamhub_mandated_ends_passed_over_total{operator=\"DE*ABC\"}", "1").await;
}

#[tokio::test]
async fn a_provider_that_reads_its_feed_finds_it_there() {
    let lines = "services = [\"authorization\"]\nfeed = true\naccepts_mandated_end = true";
    let stage = Stage::new(GIVEN, lines, &[]).await;
    let session = stage.operator.open_session().await;
    let held = |said: &Value| said["messages"][0]["deliveries"][0]["state"] == "held";
    stage.json_when(&["inspect", &session], "the End", held).await;
    let began = std::time::Instant::now();
    let entry = loop {
        let page = stage.operator.get("/api/hub/v1/providers/DE-DCB/notifications").await.json();
        if page["notifications"][0].is_object() {
            break page["notifications"][0].clone();
        }
        assert!(began.elapsed() < SOON, "{page:#}");
    };
    assert_eq!(
        (&entry["session"], &entry["issued_by_hub"]),
        (&json!(session), &json!("mandate")),
        "{entry:#}"
    );
    assert_eq!(entry["body"]["ConsumedEnergy"], 0, "{entry:#}");
}
