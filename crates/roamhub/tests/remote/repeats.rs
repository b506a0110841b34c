//! The same request twice: one question to the operator, one session.

use std::time::Duration;

use roamhub_testkit::{RemoteService, Reply, messages};

use crate::stage::{Cast, SOON, Stage, assert_answer, operator, session_of};

#[tokio::test]
async fn identical_requests_under_way_share_one_answer() {
    let late = || Reply::After(Duration::from_secs(1), Box::new(Reply::Acknowledge));
    let stage = Stage::answering(Cast::default(), move |_| late()).await;
    let body = messages::remote_start(messages::EVCO);
    let (first, second) = tokio::join!(
        stage.provider.ask(RemoteService::Start, &body),
        stage.provider.ask(RemoteService::Start, &body)
    );
    assert_answer(&first, true, "000");
    assert_eq!(first.body, second.body);
    assert_eq!(first.header("process-id"), second.header("process-id"));
    assert_eq!(stage.station.received().len(), 1);
}

#[tokio::test]
async fn a_repeat_after_a_yes_opens_no_second_session() {
    let stage = Stage::new(Cast::default()).await;
    let (first, second) = (stage.session().await, stage.session().await);
    assert_eq!(first, second);
    assert_eq!(stage.station.received().len(), 1);
    let mut another = messages::remote_start(messages::EVCO);
    another["EMPPartnerSessionID"] = "another".into();
    assert_ne!(session_of(&stage.provider.ask(RemoteService::Start, another).await), first);
}

#[tokio::test]
async fn after_a_no_the_driver_may_try_again_at_once() {
    let stage = Stage::answering(Cast::default(), |request| match request.n {
        1 => Reply::ack(false, "510", "nothing is plugged in"),
        _ => Reply::Acknowledge,
    })
    .await;
    assert_answer(&stage.start().await, false, "510");
    assert_answer(&stage.start().await, true, "000");
}

#[tokio::test]
async fn after_silence_each_call_is_tried_again() {
    let stage = Stage::answering(operator("timeout = \"400ms\""), |request| match request.n {
        1 | 2 => Reply::Hang,
        _ => Reply::Acknowledge,
    })
    .await;
    assert_answer(&stage.start().await, false, "310");
    assert_answer(&stage.start().await, false, "310");
    let answer = stage.start().await;
    assert_answer(&answer, true, "000");
    // Each of them was a session of its own.
    let seen = stage.station.wait_until(SOON, |seen| seen.len() == 3).await;
    assert_eq!(stage.state(&seen[0].session()).await, "unconfirmed");
    assert_eq!(seen[2].session(), session_of(&answer));
}

#[tokio::test]
async fn a_start_and_a_reservation_with_the_same_bytes_are_two_requests() {
    let stage = Stage::new(Cast::default()).await;
    let body = messages::remote_start(messages::EVCO);
    let started = stage.provider.ask(RemoteService::Start, &body).await;
    let reserved = stage.provider.ask(RemoteService::Reserve, &body).await;
    assert_answer(&reserved, true, "000");
    assert_ne!(session_of(&started), session_of(&reserved));
    assert_eq!(stage.station.received().len(), 2);
}
