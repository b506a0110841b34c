//! Forwarding: behind the call, by the delivery engine, on the provider's own time.

use std::time::Duration;

use roamhub_testkit::{Reply, messages};
use serde_json::json;

use crate::stage::{ALL, SOON, Stage, assert_recorded, process_of, sessions_on};

#[tokio::test]
async fn a_provider_that_was_down_gets_the_record_once_it_is_back() {
    let stage = Stage::new(ALL).await;
    let session = stage.operator.open_session().await;
    stage.provider.stop().await;
    let answer = stage.operator.bill(messages::cdr(&session)).await;
    assert_recorded(&answer);
    assert!(answer.took < Duration::from_secs(2), "nobody waits for the provider: {answer:?}");
    stage.provider.restart().await;
    let seen = stage.records(1).await;
    assert_eq!(seen[0].header("process-id"), answer.header("process-id"));
    stage.settled(&answer, "delivered").await;
}

#[tokio::test]
async fn a_fault_is_sent_again_a_judgement_is_not() {
    let stage = Stage::new(ALL).await;
    stage.answer_records(|request| match request.header("hub-attempt") {
        Some("1") => Reply::ack(false, "021", "try again"),
        Some("2") => Reply::Json(500, json!({})),
        Some("3") => Reply::Json(200, json!({"Result": true})),
        _ => Reply::ack(false, "102", "unexpected"),
    });
    let (_, answer) = stage.billed().await;
    let record = stage.settled(&answer, "delivered").await;
    let attempts = record["deliveries"][0]["attempts"].as_array().unwrap();
    let outcomes: Vec<_> = attempts.iter().map(|attempt| attempt["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["faulted", "unreachable", "delivered"]);
    stage.answer_records(|_| Reply::ack(false, "102", "no"));
    let (_, answer) = stage.billed().await;
    stage.settled(&answer, "refused").await;
}

#[tokio::test]
async fn a_broken_endpoint_for_records_holds_up_no_end_and_the_other_way_round() {
    let lines = format!("{ALL}\nconcurrency = 5\n[provider.breaker]\nfailures = 2");
    let stage = Stage::new(&lines).await;
    stage.answer_records(|_| Reply::Hang);
    for _ in 0..5 {
        stage.billed().await;
    }
    stage.records(1).await;
    for _ in 0..5 {
        let session = stage.operator.open_session().await;
        let end = stage.operator.notify(messages::end(&session)).await;
        assert!(end.result() && end.took < Duration::from_secs(1), "{end:?}");
    }
    let stage = Stage::new(&lines).await;
    stage.provider.set_script(|request| match request.is_notification() {
        true => Reply::Json(500, json!({})),
        false => Reply::Acknowledge,
    });
    for _ in 0..3 {
        let session = stage.operator.open_session().await;
        assert_eq!(stage.operator.notify(messages::start(&session)).await.code(), "310");
        let end = stage.operator.open_session().await;
        assert_eq!(stage.operator.notify(messages::end(&end)).await.code(), "310");
    }
    let (_, answer) = stage.billed().await;
    stage.settled(&answer, "delivered").await;
}

#[tokio::test]
async fn an_endpoint_that_takes_its_time_has_it() {
    // The provider's timeout of one second is for notifications.
    let stage = Stage::new(ALL).await;
    stage.answer_records(|_| Reply::After(Duration::from_secs(3), Box::new(Reply::Acknowledge)));
    let (_, answer) = stage.billed().await;
    let record = stage.settled(&answer, "delivered").await;
    assert_eq!(record["deliveries"][0]["attempts"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_locked_provider_is_not_called_and_fetches_once_it_is_unlocked() {
    let mut stage = Stage::new(ALL).await;
    let session = stage.operator.open_session().await;
    stage.change_partners(&format!("{ALL}\nlocked = true"), "");
    stage.hub.restart().await;
    stage.find_hub_again();
    let answer = stage.operator.bill(messages::cdr(&session)).await;
    assert_recorded(&answer);
    stage.settled(&answer, "held").await;
    let refused = stage.fetch("", &messages::get_cdrs()).await;
    assert_eq!(refused.code(), "017", "{refused:?}");
    stage.change_partners(ALL, "");
    stage.hub.restart().await;
    stage.find_hub_again();
    assert_eq!(sessions_on(&stage.fetch("", &messages::get_cdrs()).await), [session]);
    assert!(stage.provider.received().iter().all(|seen| !seen.is_cdr()));
}

#[tokio::test]
async fn a_record_is_replayed_like_any_message_and_counts_as_forwarded_then() {
    let stage = Stage::new(ALL).await;
    stage.answer_records(|request| match request.header("hub-replay") {
        Some("1") => Reply::Acknowledge,
        _ => Reply::ack(false, "102", "not ours"),
    });
    let (session, answer) = stage.billed().await;
    stage.settled(&answer, "refused").await;
    let mut forwarded = messages::get_cdrs();
    forwarded["CDRForwarded"] = json!(true);
    assert!(sessions_on(&stage.fetch("", &forwarded).await).is_empty());
    let data = stage.hub.data_dir().to_str().unwrap().to_owned();
    let order = ["replay", "--provider", "DE-DCB", "--data", &data];
    let ended = roamhub_testkit::program::run(crate::stage::BIN, &order, b"", SOON).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let seen = stage.records(2).await;
    assert_eq!(seen[1].header("process-id"), Some(process_of(&answer).as_str()));
    assert_eq!(seen[1].body, seen[0].body);
    stage.settled(&answer, "delivered").await;
    assert_eq!(sessions_on(&stage.fetch("", &forwarded).await), [session]);
}

#[tokio::test]
async fn a_receipt_says_what_became_of_a_record() {
    let stage = Stage::new(ALL).await;
    let (_, answer) = stage.billed().await;
    stage.settled(&answer, "delivered").await;
    let path = format!("/api/hub/v1/operators/DE*ABC/receipts/{}", process_of(&answer));
    let receipt = stage.operator.get(&path).await;
    assert_eq!(receipt.status, 200, "{receipt:?}");
    assert!(
        receipt.text().contains("ChargeDetailRecord") && receipt.text().contains("delivered"),
        "{receipt:?}"
    );
}
