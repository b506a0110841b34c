//! A repeat is not a second event: same bytes, same session, same Process-ID, same answer, one delivery.

use std::time::Duration;

use roamhub_testkit::messages;
use roamhub_testkit::provider::Reply;

use crate::stage::{Stage, assert_judged, process_of};

#[tokio::test]
async fn an_identical_end_is_delivered_once_and_answered_twice() {
    let stage = Stage::answering(|request| {
        Reply::Json(
            200,
            serde_json::json!({
                "Result": true,
                "EMPPartnerSessionID": format!("emp-{}", request.n),
                "StatusCode": {"Code": "000", "Description": "ok", "AdditionalInfo": format!("no. {}", request.n)},
            }),
        )
    })
    .await;
    let session = stage.operator.open_session().await;
    let end = messages::end(&session);
    let first = stage.operator.notify(&end).await;
    let process = assert_judged(&first, true, "000");
    let joined = stage.operator.notify(&end).await;
    stage.settled(&process, "delivered").await;
    let from_the_ledger = stage.operator.notify(&end).await;
    for again in [joined, from_the_ledger] {
        assert_eq!(again.json(), first.json());
        assert_eq!(process_of(&again), process);
    }
    assert_eq!(stage.provider.notifications().len(), 1);
}

#[tokio::test]
async fn a_repeat_after_a_restart_is_still_a_repeat() {
    let mut stage = Stage::new().await;
    let session = stage.operator.open_session().await;
    let end = messages::end(&session);
    let first = stage.operator.notify(&end).await;
    stage.hub.restart().await;
    let again = stage.operator("DE*ABC").notify(&end).await;
    assert_eq!((again.json(), process_of(&again)), (first.json(), process_of(&first)));
    assert_eq!(stage.provider.notifications().len(), 1);
}

#[tokio::test]
async fn other_bytes_are_another_message() {
    let stage = Stage::new().await;
    let session = stage.operator.open_session().await;
    let end = messages::end(&session).to_string();
    let first = assert_judged(&stage.operator.notify(&end).await, true, "000");
    let second = assert_judged(&stage.operator.notify(format!("{end}\n")).await, true, "000");
    assert_ne!(first, second);
    assert_eq!(stage.provider.notifications().len(), 2);
}

#[tokio::test]
async fn ten_at_once_reach_the_provider_once_and_all_get_its_answer() {
    let slow = |reply| Reply::After(Duration::from_secs(1), Box::new(reply));
    let stage = Stage::answering(move |_| slow(Reply::ack(true, "000", "from the provider"))).await;
    let session = stage.operator.open_session().await;
    let end = messages::end(&session).to_string();
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let (operator, end) = (stage.operator.clone(), end.clone());
        calls.spawn(async move { operator.notify(&end).await });
    }
    let answers = calls.join_all().await;
    for answer in &answers {
        assert_judged(answer, true, "000");
        assert_eq!(answer.additional_info(), "from the provider", "{answer:?}");
        assert_eq!(process_of(answer), process_of(&answers[0]));
        assert!(answer.took < Duration::from_secs(8), "{answer:?}");
    }
    stage.settled(&process_of(&answers[0]), "delivered").await;
    assert_eq!(stage.provider.notifications().len(), 1);
}

#[tokio::test]
async fn after_a_refusal_a_repeat_goes_out_again_under_the_same_process_id() {
    let stage = Stage::answering(|_| Reply::ack(false, "102", "not now")).await;
    let session = stage.operator.open_session().await;
    let end = messages::end(&session).to_string();
    let process = assert_judged(&stage.operator.notify(&end).await, false, "102");
    stage.settled(&process, "refused").await;
    stage.answer_with(|_| Reply::Acknowledge);
    let again = assert_judged(&stage.operator.notify(&end).await, true, "000");
    assert_eq!(again, process);
    let received = stage.provider.notifications();
    assert_eq!(received.len(), 2, "{received:?}");
    for received in &received {
        assert!(received.body == end.as_bytes(), "not byte for byte: {received:?}");
        assert_eq!(received.header("process-id"), Some(process.as_str()));
    }
    let seen = stage.settled(&process, "delivered").await;
    let states = seen["deliveries"].as_array().into_iter().flatten().map(|delivery| &delivery["state"]);
    assert_eq!(states.collect::<Vec<_>>(), ["refused", "delivered"], "{seen:#}");
    // And now that the provider has said yes, it is not asked a third time.
    assert_eq!(assert_judged(&stage.operator.notify(&end).await, true, "000"), process);
    assert_eq!(stage.provider.notifications().len(), 2);
}

#[tokio::test]
async fn a_repeated_progress_gets_its_answer_and_not_022() {
    let stage = Stage::new().await;
    let session = stage.operator.open_session().await;
    let progress = messages::progress(&session, 9);
    let first = stage.operator.notify(&progress).await;
    let process = assert_judged(&first, true, "000");
    let again = stage.operator.notify(&progress).await;
    assert_eq!((assert_judged(&again, true, "000"), again.json()), (process, first.json()));
    assert_judged(&stage.operator.notify(messages::progress(&session, 12)).await, false, "022");
    assert_eq!(stage.provider.notifications().len(), 1);
}

#[tokio::test]
async fn a_repeat_of_what_is_deferred_hears_the_first_receipt() {
    let stage = Stage::new().await;
    let session = stage.operator.open_session().await;
    stage.provider.stop().await;
    let end = messages::end(&session);
    let process = assert_judged(&stage.operator.notify(&end).await, false, "310");
    stage.settled(&process, "deferred").await;
    let again = stage.operator.notify(&end).await;
    assert_eq!(assert_judged(&again, false, "310"), process);
    assert!(again.additional_info().ends_with(&format!("receipt={process}")), "{again:?}");
    assert_eq!(again.header("hub-delivery"), Some("deferred"), "{again:?}");
}
