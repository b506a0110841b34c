//! Notifications that are judged: HTTP 200 with the code that says why they went nowhere.

use roamhub_testkit::messages;
use roamhub_testkit::provider::Reply;
use serde_json::json;

use crate::stage::{BOUND, Partners, Stage, assert_judged};

#[tokio::test]
async fn a_session_the_hub_never_issued_is_400() {
    let stage = Stage::new().await;
    // A UUID nobody issued, and one that the published expression allows although it is no UUID at all.
    for session in ["0198f2d4-0000-7000-8000-000000000000", "zzzzzzzz-zzzz-zzzz-zzzz-zzzzzzzzzzzz"] {
        for body in [messages::end(session), messages::start(session), messages::error(session)] {
            let answer = stage.operator.notify(body).await;
            assert_judged(&answer, false, "400");
            let said = answer.json();
            assert_eq!(
                (&said["SessionID"], &said["CPOPartnerSessionID"]),
                (&json!(session), &json!("1234XYZ"))
            );
        }
    }
    assert!(stage.provider.notifications().is_empty());
}

#[tokio::test]
async fn another_operators_session_is_400_and_stays_its_owners() {
    let stage = Stage::new().await;
    let session = stage.operator.open_session().await;
    let mut foreign = messages::end(&session);
    foreign["OperatorID"] = "DE*QQQ".into();
    foreign["EvseID"] = "DE*QQQ*ETEST1".into();
    assert_judged(&stage.operator("DE*QQQ").notify(&foreign).await, false, "400");
    assert!(stage.provider.notifications().is_empty());
    assert_judged(&stage.operator.notify(messages::end(&session)).await, true, "000");
}

#[tokio::test]
async fn a_session_that_nobody_authorised_is_400() {
    let stage = Stage::new().await;
    stage.provider.set_script(|_| Reply::not_authorized("102"));
    let refused = stage.operator.authorize_start(messages::authorize_start_rfid("04BBBBBBBBBBBB")).await;
    assert_eq!(refused.json()["AuthorizationStatus"], "NotAuthorized", "{refused:?}");
    let session = stage.provider.received()[0].session();
    assert!(!session.is_empty(), "the provider was asked under a SessionID");
    assert_judged(&stage.operator.notify(messages::end(&session)).await, false, "400");
    assert!(stage.provider.notifications().is_empty());
}

#[tokio::test]
async fn the_sessionid_counts_in_either_letter_case() {
    let stage = Stage::new().await;
    let session = stage.operator.open_session().await.to_uppercase();
    let answer = stage.operator.notify(messages::end(&session)).await;
    assert_judged(&answer, true, "000");
    assert_eq!(answer.json()["SessionID"], session, "the caller's own spelling");
}

#[tokio::test]
async fn a_second_progress_within_five_minutes_is_022() {
    let stage = Stage::new().await;
    let session = stage.operator.open_session().await;
    assert_judged(&stage.operator.notify(messages::progress(&session, 9)).await, true, "000");
    let answer = stage.operator.notify(messages::progress(&session, 12)).await;
    assert_judged(&answer, false, "022");
    assert!(answer.additional_info().contains("300 s"), "{answer:?}");
    // Other types and other sessions are not held up.
    let other = stage.operator.open_session().await;
    assert_judged(&stage.operator.notify(messages::progress(&other, 12)).await, true, "000");
    assert_judged(&stage.operator.notify(messages::start(&session)).await, true, "000");
    assert_judged(&stage.operator.notify(messages::end(&session)).await, true, "000");
    let kinds: Vec<_> = stage.provider.notifications().iter().map(|received| received.kind()).collect();
    assert_eq!(kinds, ["Progress", "Progress", "Start", "End"]);
}

#[tokio::test]
async fn an_end_does_not_end_the_session() {
    let stage = Stage::new().await;
    let session = stage.operator.open_session().await;
    let mut second = messages::end(&session);
    second["ChargingEnd"] = "2026-03-02T11:00:00.000Z".into();
    for body in [messages::end(&session), messages::error(&session), second, messages::start(&session)] {
        assert_judged(&stage.operator.notify(body).await, true, "000");
    }
    assert_eq!(stage.provider.notifications().len(), 4);
}

#[tokio::test]
async fn a_provider_without_notification_endpoint_is_320_and_the_message_is_kept() {
    let stage = Stage::with(Partners { services: r#"["authorization"]"#, ..Partners::default() }).await;
    let session = stage.operator.open_session().await;
    let answer = stage.operator.notify(messages::end(&session)).await;
    let process = assert_judged(&answer, false, "320");
    assert_eq!(answer.header("hub-delivery"), Some("held"), "{answer:?}");
    assert!(answer.additional_info().contains(&format!("receipt={process}")), "{answer:?}");
    stage.settled(&process, "held").await;
    assert!(stage.provider.notifications().is_empty());
    // A repeat is the same message, and stays where it is.
    let again = stage.operator.notify(messages::end(&session)).await;
    assert_eq!(assert_judged(&again, false, "320"), process);
}

#[tokio::test]
async fn a_type_the_provider_does_not_want_is_320_and_the_others_pass() {
    let lines = r#"notification_types = ["End"]"#;
    let stage = Stage::with(Partners { provider: lines, ..Partners::default() }).await;
    let session = stage.operator.open_session().await;
    for body in [messages::start(&session), messages::progress(&session, 9), messages::error(&session)] {
        assert_judged(&stage.operator.notify(body).await, false, "320");
    }
    assert_judged(&stage.operator.notify(messages::end(&session)).await, true, "000");
    assert_eq!(stage.provider.wait_for(1, BOUND).await.len(), 1);
}

#[tokio::test]
async fn a_providers_refusal_is_relayed_as_it_is_and_not_sent_again() {
    let stage = Stage::answering(|_| Reply::ack(false, "102", "no such card")).await;
    let session = stage.operator.open_session().await;
    let answer = stage.operator.notify(messages::end(&session)).await;
    let process = assert_judged(&answer, false, "102");
    assert_eq!(answer.additional_info(), "no such card");
    assert_eq!(answer.header("hub-delivery"), None, "{answer:?}");
    let seen = stage.settled(&process, "refused").await;
    assert_eq!(seen["deliveries"][0]["attempts"][0]["outcome"], "refused", "{seen:#}");
    assert_eq!(stage.provider.notifications().len(), 1);
}

#[tokio::test]
async fn a_code_nobody_defined_is_relayed_too() {
    let stage = Stage::answering(|_| Reply::ack(false, "987", "something new")).await;
    let session = stage.operator.open_session().await;
    assert_judged(&stage.operator.notify(messages::end(&session)).await, false, "987");
}
