//! Operators that do not wait for the answer: what was sent whole is delivered all the same, and once.

use std::time::Duration;

use roamhub_testkit::provider::Reply;
use roamhub_testkit::{NOTIFICATIONS_PATH, messages};

use crate::conversation::{Conversation, notification};
use crate::stage::{BOUND, Stage};

#[tokio::test]
async fn an_operator_that_hangs_up_while_the_provider_thinks_changes_nothing() {
    let slow = || Reply::After(Duration::from_millis(1500), Box::new(Reply::Acknowledge));
    let stage = Stage::answering(move |_| slow()).await;
    let session = stage.operator.open_session().await;
    let (operator, end) = (stage.operator.clone(), messages::end(&session).to_string());
    let call = tokio::spawn(async move {
        operator.send_and_hang_up(NOTIFICATIONS_PATH, end, BOUND).await;
    });
    let received = stage.provider.wait_for(1, BOUND).await;
    // Dropping the call closes its connection, a second and a half before there is an answer.
    call.abort();
    assert!(call.await.is_err_and(|error| error.is_cancelled()), "the operator hung up before the answer");

    let process = received[0].header("process-id").expect("every attempt carries the Process-ID");
    let seen = stage.settled(process, "delivered").await;
    assert_eq!(seen["deliveries"].as_array().map(Vec::len), Some(1), "{seen:#}");
    assert_eq!(seen["deliveries"][0]["attempts"].as_array().map(Vec::len), Some(1), "{seen:#}");
    assert_eq!(stage.provider.notifications().len(), 1);
}

#[tokio::test]
async fn an_operator_that_hangs_up_after_a_second_has_its_end_delivered_once_and_the_outcome_on_record() {
    for said in [Reply::Acknowledge, Reply::ack(false, "102", "not ours")] {
        let refused = matches!(said, Reply::Json(..));
        let slow = Reply::After(Duration::from_millis(2_000), Box::new(said));
        let stage = Stage::answering(move |_| slow.clone()).await;
        let session = stage.operator.open_session().await;
        let end = messages::end(&session).to_string();
        let a_second = Duration::from_secs(1);
        stage.operator.send_and_hang_up(NOTIFICATIONS_PATH, end.clone(), a_second).await;

        let received = stage.provider.wait_for(1, BOUND).await;
        assert_eq!(received[0].body, end);
        let process = received[0].header("process-id").expect("every attempt carries the Process-ID");
        let state = if refused { "refused" } else { "delivered" };
        let seen = stage.settled(process, state).await;
        let attempts = &seen["deliveries"][0]["attempts"];
        assert_eq!(
            (attempts.as_array().map(Vec::len), &attempts[0]["outcome"]),
            (Some(1), &state.into()),
            "{seen:#}"
        );
        assert_eq!(stage.provider.notifications().len(), 1);
    }
}

#[tokio::test]
async fn an_end_that_arrived_whole_is_delivered_although_its_sender_left_at_once() {
    let mut stage = Stage::new().await;
    for known in [true, false] {
        let mut sessions = Vec::new();
        for _ in 0..20 {
            sessions.push(stage.operator("DE*ABC").open_session().await);
        }
        if !known {
            // After a restart the hub has to look the sessions up before it knows whose they are.
            stage.hub.restart().await;
        }
        stage.provider.forget();
        for session in &sessions {
            let mut caller = Conversation::with(stage.hub.oicp()).await;
            caller.say(notification("", &messages::end(session).to_string())).await;
        }
        let received = stage.provider.wait_for(sessions.len(), BOUND).await;
        for session in &sessions {
            let times = received.iter().filter(|request| request.session() == *session).count();
            assert_eq!(times, 1, "the End of {session}");
        }
    }
}

#[tokio::test]
async fn a_caller_that_closes_its_side_after_the_last_byte_hears_the_answer() {
    let stage = Stage::new().await;
    let session = stage.operator.open_session().await;
    let mut caller = Conversation::with(stage.hub.oicp()).await;
    caller.say(notification("", &messages::end(&session).to_string())).await;
    caller.say_no_more().await;
    let said = caller.hear().await;
    assert_eq!((said.status, &said.json()["Result"]), (200, &true.into()), "{said:?}");
    assert!(caller.is_closed().await);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_not_taken_in() {
    let stage = Stage::new().await;
    let session = stage.operator.open_session().await;
    let whole = notification("", &messages::end(&session).to_string());
    let mut caller = Conversation::with(stage.hub.oicp()).await;
    caller.say(&whole[..whole.len() - 1]).await;
    caller.say_no_more().await;
    let said = caller.hear().await;
    assert_eq!((said.status, &said.json()["StatusCode"]["Code"]), (400, &"022".into()), "{said:?}");
    stage.still_serves().await;
    assert_eq!(stage.provider.notifications().len(), 1, "only the one that shows that the hub serves");
}
