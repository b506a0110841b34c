//! Receipts: who may ask, and what they say.

use jiff::Timestamp;
use roamhub_testkit::{FakeOperator, messages};
use serde_json::{Value, json};

use crate::stage::{Stage, TAKES, argument, assert_refused, column, process_of, receipt_path, roamhub, text};

#[tokio::test]
async fn the_receipt_of_a_delivered_end_says_everything_and_carries_its_signature() {
    let stage = Stage::with(TAKES).await;
    let session = stage.operator.open_session().await;
    let answer = stage.operator.notify(messages::end(&session)).await;
    let process = process_of(&answer);
    let receipt = stage.receipt_in_state(&process, "delivered").await;
    for (member, value) in [
        ("issuer", "roamhub"),
        ("process_id", process.as_str()),
        ("session", session.as_str()),
        ("operator", "DE*ABC"),
        ("provider", "DE-DCB"),
        ("type", "End"),
        ("evse", messages::EVSE),
    ] {
        assert_eq!(text(&receipt[member]), value, "{member} in {receipt:#}");
    }
    assert_eq!(receipt["acknowledgement"], json!({"result": true, "status_code": "000"}));
    assert_eq!(receipt["attempts"].as_array().map(Vec::len), Some(1), "{receipt:#}");
    let attempt = &receipt["attempts"][0];
    assert_eq!((&attempt["number"], &attempt["http_status"]), (&json!(1), &json!(200)), "{receipt:#}");
    assert_eq!(text(&attempt["outcome"]), "delivered");
    assert_eq!(receipt["stored"], true);
    assert!(receipt.get("body").is_none() && !receipt.to_string().contains(messages::UID), "{receipt:#}");
    assert_eq!(text(&receipt["jws"]).split('.').count(), 3, "{receipt:#}");
    // The facts are what the program says about the same message.
    let inspected =
        roamhub(&["inspect", "--json", &process, "--data", argument(stage.hub.data_dir())], "").await;
    let inspected: Value = serde_json::from_str(&inspected.stdout).unwrap();
    assert_eq!(receipt["sha256"], inspected["sha256"]);
    let instant = |value: &Value| -> Timestamp { text(value).parse().unwrap() };
    assert_eq!(instant(&receipt["received_at"]), instant(&inspected["receivedAt"]));
}

#[tokio::test]
async fn a_deferred_message_says_when_it_is_tried_next() {
    let stage = Stage::with(TAKES).await;
    let session = stage.operator.open_session().await;
    stage.provider.stop().await;
    let answer = stage.operator.notify(messages::end(&session)).await;
    let receipt = stage.receipt_in_state(&process_of(&answer), "deferred").await;
    assert!(text(&receipt["next_attempt_at"]) > text(&receipt["issued_at"]), "{receipt:#}");
    assert!(receipt.get("ended_at").is_none() && receipt.get("acknowledgement").is_none(), "{receipt:#}");
    assert_eq!(text(&receipt["attempts"][0]["outcome"]), "unreachable");
    assert!(receipt["attempts"][0].get("http_status").is_none(), "{receipt:#}");
}

#[tokio::test]
async fn only_the_sender_and_the_provider_it_is_meant_for_may_ask() {
    let stage = Stage::with(TAKES).await;
    let process = stage.end("000").await;
    let get = async |path: String| stage.operator.get(&path).await;
    for own in [
        "operators/DE*ABC",
        "operators/DE%2AABC",
        "operators/deabc",
        "providers/DE-DCB",
        "providers/DE%2aDCB",
    ] {
        let answer = get(format!("/api/hub/v1/{own}/receipts/{process}")).await;
        assert_eq!(
            (answer.status, text(&answer.json()["process_id"])),
            (200, process.clone()),
            "{own}: {answer:?}"
        );
        assert_ne!(process_of(&answer), process, "the answer is a call of its own");
    }
    for stranger in ["operators/DE*QQQ", "providers/DE-QQQ"] {
        let answer = get(format!("/api/hub/v1/{stranger}/receipts/{process}")).await;
        assert_refused(&answer, 404, "022", "no notification of this partner");
    }
    let unknown = "0198f2d4-0000-7000-8000-000000000000";
    assert_refused(&get(receipt_path(unknown)).await, 404, "022", "no notification of this partner");
    assert_refused(&get(receipt_path("17")).await, 400, "022", "Process-ID looks like");
    assert_refused(&get(format!("{}?x=1", receipt_path(&process))).await, 400, "022", "no parameters");
    let unregistered = format!("/api/hub/v1/operators/DE*NIX/receipts/{process}");
    assert_refused(&get(unregistered).await, 404, "300", "DE*NIX");
    assert_refused(
        &get(format!("/api/hub/v1/operators/X/receipts/{process}")).await,
        400,
        "022",
        "OperatorID",
    );
    let posted = stage.operator.post(&receipt_path(&process), &[], "{}").await;
    assert_refused(&posted, 405, "022", "GET");
}

#[tokio::test]
async fn a_refused_message_has_no_receipt() {
    let stage = Stage::with(TAKES).await;
    let refused = stage.operator.notify("{}").await;
    assert_eq!(refused.status, 400, "{refused:?}");
    let asked = stage.operator.get(&receipt_path(&process_of(&refused))).await;
    assert_refused(&asked, 404, "022", "only accepted notifications");
}

#[tokio::test]
async fn a_session_lists_the_receipts_of_its_messages_for_both_sides() {
    let stage = Stage::with(TAKES).await;
    let session = stage.operator.open_session().await;
    let mut sent = Vec::new();
    for message in [messages::start(&session), messages::progress(&session, 9), messages::end(&session)] {
        sent.push(process_of(&stage.operator.notify(message).await));
    }
    for own in ["operators/DE*ABC", "providers/DE-DCB"] {
        let spelt = session.to_uppercase();
        let answer = stage.operator.get(&format!("/api/hub/v1/{own}/receipts?session={spelt}")).await;
        assert_eq!((answer.status, &answer.json()["more"]), (200, &json!(false)), "{answer:?}");
        let receipts = answer.json()["receipts"].as_array().unwrap().clone();
        assert_eq!(column(&receipts, "process_id"), sent);
        assert_eq!(column(&receipts, "type"), ["Start", "Progress", "End"]);
        assert!(receipts.iter().all(|receipt| receipt["jws"].is_string()));
    }
    let silent = stage.operator.open_session().await;
    let list = |who: &str, session: &str| format!("/api/hub/v1/{who}/receipts?session={session}");
    let none = stage.operator.get(&list("operators/DE*ABC", &silent)).await;
    assert_eq!(none.json()["receipts"], json!([]), "{none:?}");
    let foreign = stage.operator.get(&list("operators/DE*QQQ", &session)).await;
    assert_refused(&foreign, 404, "022", "no session of this partner");
    let foreign = stage.operator.get(&list("providers/DE-QQQ", &session)).await;
    assert_refused(&foreign, 404, "022", "no session of this partner");
    let broken = stage.operator.get(&list("operators/DE*ABC", "17")).await;
    assert_refused(&broken, 400, "022", "SessionID");
    let missing = stage.operator.get("/api/hub/v1/operators/DE*ABC/receipts").await;
    assert_refused(&missing, 400, "022", "?session=");
}

#[tokio::test]
async fn who_accepts_jose_gets_the_signed_form_alone() {
    let stage = Stage::with(TAKES).await;
    let process = stage.end("000").await;
    let path = receipt_path(&process);
    for accept in ["application/jose", "Application/JOSE;q=0.9, */*"] {
        let bare = stage.operator.get_with(&path, &[("accept", accept)]).await;
        assert_eq!(bare.header("content-type"), Some("application/jose"), "{bare:?}");
        assert_eq!(bare.text().split('.').count(), 3, "{bare:?}");
    }
    for accept in ["application/json, application/jose", "*/*", "text/html"] {
        let facts = stage.operator.get_with(&path, &[("accept", accept)]).await;
        assert_eq!(text(&facts.json()["process_id"]), process, "{accept}");
    }
}

#[tokio::test]
async fn the_hubs_name_in_receipts_can_be_set() {
    let provider = roamhub_testkit::FakeProvider::start().await;
    let partners = crate::stage::partners(&provider.url(), TAKES);
    let hub = roamhub_testkit::HubProcess::builder(crate::stage::ROAMHUB)
        .partners(&partners)
        .env("ROAMHUB_ISSUER", "hub \"north\"")
        .start()
        .await;
    let operator = FakeOperator::new("DE*ABC", hub.oicp());
    let session = operator.open_session().await;
    let process = process_of(&operator.notify(messages::end(&session)).await);
    assert_eq!(operator.get(&receipt_path(&process)).await.json()["issuer"], "hub \"north\"");
}
