//! The hub is killed, or told to stop, at the worst moments: what it owes it still owes afterwards.

use std::time::Duration;

use roamhub_testkit::{Reply, messages};

use crate::stage::{
    QUICK, SOON, Stage, answer_notifications, assert_deferred, assert_delivered, attempts, notify_beside,
    of_session, process_of,
};

#[tokio::test]
async fn a_kill_between_the_promise_and_the_delivery_makes_no_difference() {
    let mut stage = Stage::new(QUICK).await;
    let session = stage.operator.open_session().await;
    stage.provider.stop().await;
    let body = messages::end_as_in_the_guide(&session, "DE*ABC", "DE*ABC*ETEST1");
    let answer = stage.operator.notify(&body).await;
    assert_deferred(&answer);
    stage.hub.kill9().await;
    stage.provider.restart().await;
    stage.hub.restart().await;
    let seen = stage.provider.wait_for(1, SOON).await;
    assert_eq!(seen[0].body, body, "byte for byte");
    assert_eq!(seen[0].header("process-id"), answer.header("process-id"));
    stage.record_in_state(&answer, "delivered").await;
}

#[tokio::test]
async fn stopping_and_starting_again_makes_no_difference_either() {
    let mut stage = Stage::new(QUICK).await;
    let session = stage.operator.open_session().await;
    stage.provider.stop().await;
    let body = messages::end(&session).to_string();
    let answer = stage.operator.notify(&body).await;
    assert_deferred(&answer);
    assert!(stage.hub.terminate().await.success());
    stage.provider.restart().await;
    stage.hub.restart().await;
    let seen = stage.provider.wait_for(1, SOON).await;
    assert_eq!(seen[0].body, body, "byte for byte");
    assert_eq!(seen[0].header("process-id"), answer.header("process-id"));
    stage.record_in_state(&answer, "delivered").await;
}

#[tokio::test]
async fn a_kill_in_the_middle_of_an_exchange_costs_a_repeat_under_the_same_process_id() {
    let mut stage = Stage::answering(QUICK, |_| Reply::Hang).await;
    let session = stage.operator.open_session().await;
    let (operator, end) = (stage.operator.clone(), messages::end(&session));
    let call = tokio::spawn(async move { operator.try_notify(end).await });
    let first = stage.provider.wait_for(1, SOON).await;
    stage.hub.kill9().await;
    assert!(call.await.unwrap().is_err(), "the operator got no answer");
    answer_notifications(&stage.provider, |_| Reply::Acknowledge);
    stage.hub.restart().await;
    let seen = stage.provider.wait_for(2, SOON).await;
    assert_eq!(attempts(&seen), [1, 2]);
    assert_eq!(seen[1].header("process-id"), first[0].header("process-id"));
    assert_eq!(seen[1].header("hub-received-at"), first[0].header("hub-received-at"));
    assert_eq!(seen[1].body, first[0].body);
    // The operator, having heard nothing, sends it again: it is the same End, and nothing more goes out.
    stage.find_hub_again();
    let mut answer = stage.operator.notify(messages::end(&session)).await;
    stage.record_in_state(&answer, "delivered").await;
    answer = stage.operator.notify(messages::end(&session)).await;
    assert_delivered(&answer);
    assert_eq!(answer.header("process-id"), first[0].header("process-id"));
    assert_eq!(stage.provider.notifications().len(), 2);
}

#[tokio::test]
async fn told_to_stop_the_hub_finishes_what_is_under_way() {
    let mut stage =
        Stage::answering(QUICK, |_| Reply::After(Duration::from_millis(600), Box::new(Reply::Acknowledge)))
            .await;
    let session = stage.operator.open_session().await;
    let call = notify_beside(&stage.operator, messages::end(&session));
    stage.provider.wait_for(1, SOON).await;
    assert!(stage.hub.terminate().await.success());
    let answer = call.await.unwrap();
    assert_delivered(&answer);
    stage.record_in_state(&answer, "delivered").await;
    // After the restart nothing of it is left to do.
    stage.hub.restart().await;
    stage.find_hub_again();
    assert_delivered(&stage.end_of_new_session().await);
    assert_eq!(attempts(&of_session(&stage.provider, &session)), [1]);
}

#[tokio::test]
async fn a_redelivery_under_way_when_the_hub_stops_is_not_sent_twice() {
    let mut stage = Stage::answering(QUICK, |request| match request.header("hub-attempt") {
        Some("1") => Reply::Reset,
        _ => Reply::After(Duration::from_millis(600), Box::new(Reply::Acknowledge)),
    })
    .await;
    let session = stage.operator.open_session().await;
    let answer = stage.operator.notify(messages::end(&session)).await;
    assert_deferred(&answer);
    let second = |request: &roamhub_testkit::Received| request.header("hub-attempt") == Some("2");
    stage.provider.wait_until(SOON, |seen| seen.iter().any(second)).await;
    assert!(stage.hub.terminate().await.success());
    stage.hub.restart().await;
    stage.find_hub_again();
    let record = stage.record_in_state(&answer, "delivered").await;
    assert_eq!(record.outcomes(), ["unreachable", "delivered"]);
    assert_eq!(stage.provider.notifications().iter().filter(|request| second(request)).count(), 1);
}

#[tokio::test]
async fn whatever_was_answered_when_the_hub_was_killed_arrives() {
    const SESSIONS: usize = 60;
    let mut stage = Stage::new(QUICK).await;
    let mut sessions = Vec::new();
    for _ in 0..SESSIONS {
        sessions.push(stage.operator.open_session().await);
    }
    answer_notifications(&stage.provider, |request| match request.n % 3 {
        0 => Reply::Reset,
        1 => Reply::After(Duration::from_millis(200), Box::new(Reply::Acknowledge)),
        _ => Reply::Acknowledge,
    });
    let calls: Vec<_> = sessions
        .iter()
        .map(|session| {
            let (operator, end) = (stage.operator.clone(), messages::end(session));
            tokio::spawn(async move { operator.try_notify(end).await })
        })
        .collect();
    stage.provider.wait_for(SESSIONS / 3, SOON).await;
    stage.hub.kill9().await;
    let mut answered = Vec::new();
    for (session, call) in sessions.iter().zip(calls) {
        if let Ok(answer) = call.await.unwrap() {
            assert_eq!(answer.status, 200, "{answer:?}");
            answered.push((session.clone(), process_of(&answer)));
        }
    }
    answer_notifications(&stage.provider, |_| Reply::Acknowledge);
    stage.hub.restart().await;
    stage.find_hub_again();
    let seen = stage
        .provider
        .wait_until(SOON, |seen| {
            answered
                .iter()
                .all(|(session, _)| seen.iter().any(|one| one.is_notification() && one.session() == *session))
        })
        .await;
    // One End is one Process-ID, however often it was sent.
    for (session, process) in &answered {
        for request in seen.iter().filter(|one| one.is_notification() && one.session() == *session) {
            assert_eq!(request.header("process-id"), Some(process.as_str()));
        }
    }
    // And whoever got no answer asks again and gets one.
    for session in &sessions {
        let answer = stage.operator.notify(messages::end(session)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        stage.record_in_state(&answer, "delivered").await;
    }
}
