//! A provider that is not reached is not asked again and again, and is asked again by itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use roamhub_testkit::{Answer, Reply, messages};
use serde_json::json;

use crate::stage::{
    SOON, Stage, answer_notifications, assert_deferred, assert_delivered, notify_beside, of_session,
};

const AT_ONCE: Duration = Duration::from_millis(900);

fn unreached() -> Reply {
    Reply::Json(503, json!({"error": "maintenance"}))
}

/// The value of the one line of the metrics with this beginning and all of these labels.
async fn metric(stage: &Stage, name: &str, labels: &[&str]) -> Option<u64> {
    let text = stage.hub.get_console("/metrics").await.text();
    let line =
        text.lines().find(|line| line.starts_with(name) && labels.iter().all(|label| line.contains(label)));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok())
}

async fn state_of(stage: &Stage, service: &str) -> Option<u64> {
    metric(stage, "roamhub_breaker_state", &[&format!("service=\"{service}\"")]).await
}

/// Waits until the breaker is in this state.
async fn await_state(stage: &Stage, service: &str, state: u64) {
    let began = Instant::now();
    let mut looks = tokio::time::interval(Duration::from_millis(40));
    while state_of(stage, service).await != Some(state) {
        looks.tick().await;
        assert!(
            began.elapsed() < SOON,
            "{service} never came to {state}; the hub said:\n{}",
            stage.hub.log()
        );
    }
}

#[track_caller]
fn assert_not_asked(answer: &Answer) {
    assert_deferred(answer);
    assert!(answer.additional_info().contains("not reached lately"), "{answer:?}");
    assert!(answer.took < AT_ONCE, "at once: {answer:?}");
}

#[tokio::test]
async fn after_some_failures_in_a_row_messages_are_deferred_without_an_attempt() {
    let lines = "timeout = \"1s\"\nretry = [\"10m\"]\nbreaker = { failures = 3, pause = \"10m\", longest_pause = \"10m\" }";
    let stage = Stage::answering(lines, |_| unreached()).await;
    let mut sessions = Vec::new();
    for _ in 0..9 {
        sessions.push(stage.operator.open_session().await);
    }
    for session in &sessions[..3] {
        let answer = stage.operator.notify(messages::end(session)).await;
        assert_deferred(&answer);
        assert!(answer.additional_info().contains("HTTP 503"), "{answer:?}");
    }
    let connections = stage.provider.connections();
    for session in &sessions[3..] {
        assert_not_asked(&stage.operator.notify(messages::end(session)).await);
    }
    assert_eq!(stage.provider.notifications().len(), 3, "the provider hears nothing more");
    assert_eq!(stage.provider.connections(), connections);
    assert_eq!(state_of(&stage, "end-and-error").await, Some(2));
    let opened = ["service=\"end-and-error\"", "to=\"open\""];
    assert_eq!(metric(&stage, "roamhub_breaker_changes_total", &opened).await, Some(1));
    let said = stage.hub.log().matches("the provider is not reached").count();
    assert_eq!(said, 1, "a change is said once:\n{}", stage.hub.log());
    // Who fails at Ends may take Starts.
    answer_notifications(&stage.provider, |_| Reply::Acknowledge);
    let started = stage.operator.open_session().await;
    assert_delivered(&stage.operator.notify(messages::start(&started)).await);
}

#[tokio::test]
async fn it_probes_and_closes_again_by_itself_and_everything_owed_arrives() {
    const OWED: usize = 20;
    let lines = "timeout = \"1s\"\nretry = [\"100ms\"]\nbreaker = { failures = 3, pause = \"300ms\", longest_pause = \"600ms\" }";
    let up = Arc::new(AtomicBool::new(false));
    let is_up = up.clone();
    let stage = Stage::answering(lines, move |_| match is_up.load(Ordering::SeqCst) {
        true => Reply::Acknowledge,
        false => unreached(),
    })
    .await;
    let mut answers = Vec::new();
    for _ in 0..OWED {
        let answer = stage.end_of_new_session().await;
        assert_deferred(&answer);
        answers.push(answer);
    }
    // One probe at a time, further and further apart.
    await_state(&stage, "end-and-error", 2).await;
    let before = stage.provider.notifications().len();
    let began = Instant::now();
    let seen = stage.provider.wait_for(before + 4, SOON).await;
    assert!(began.elapsed() > Duration::from_millis(1_200), "four probes in {:?}", began.elapsed());
    assert!(seen.len() <= before + 5, "{} at once", seen.len() - before);
    up.store(true, Ordering::SeqCst);
    for answer in &answers {
        stage.record_in_state(answer, "delivered").await;
    }
    await_state(&stage, "end-and-error", 0).await;
    assert_delivered(&stage.end_of_new_session().await);
}

#[tokio::test]
async fn the_next_message_may_be_the_probe() {
    let lines = "timeout = \"1s\"\nretry = [\"10m\"]\nbreaker = { failures = 2, pause = \"300ms\" }";
    let stage = Stage::answering(lines, |_| unreached()).await;
    for _ in 0..2 {
        assert_deferred(&stage.end_of_new_session().await);
    }
    assert_not_asked(&stage.end_of_new_session().await);
    answer_notifications(&stage.provider, |_| Reply::Acknowledge);
    let began = Instant::now();
    loop {
        let answer = stage.end_of_new_session().await;
        if answer.code() == "000" {
            break;
        }
        assert_not_asked(&answer);
        assert!(began.elapsed() < SOON, "nobody was let through");
    }
    await_state(&stage, "end-and-error", 0).await;
}

#[tokio::test]
async fn a_wrong_address_an_unusable_answer_or_a_refusal_does_not_open_it() {
    let lines = "timeout = \"1s\"\nretry = [\"10m\"]\nbreaker = { failures = 2, pause = \"10m\", longest_pause = \"10m\" }";
    let stage = Stage::new(lines).await;
    let html = Reply::Raw { status: 200, content_type: None, body: "<html>It works!</html>".into() };
    let replies =
        [Reply::Json(404, json!({})), Reply::Json(401, json!({})), html, Reply::ack(false, "102", "")];
    for reply in &replies {
        let reply = reply.clone();
        answer_notifications(&stage.provider, move |_| reply.clone());
        for _ in 0..3 {
            let session = stage.operator.open_session().await;
            stage.operator.notify(messages::end(&session)).await;
            assert_eq!(of_session(&stage.provider, &session).len(), 1, "every one is attempted");
        }
    }
    assert_eq!(state_of(&stage, "end-and-error").await, Some(0));
    assert_eq!(metric(&stage, "roamhub_breaker_changes_total", &[]).await, None, "it never changed");
}

#[tokio::test]
async fn starts_that_fail_hold_up_no_end() {
    let lines = "timeout = \"1s\"\nretry = [\"10m\"]\nbreaker = { failures = 2, pause = \"10m\", longest_pause = \"10m\" }";
    let stage = Stage::answering(lines, |request| match request.kind() {
        "Start" => unreached(),
        _ => Reply::Acknowledge,
    })
    .await;
    for _ in 0..4 {
        let session = stage.operator.open_session().await;
        assert_deferred(&stage.operator.notify(messages::start(&session)).await);
    }
    assert_eq!(state_of(&stage, "start-and-progress").await, Some(2));
    assert_delivered(&stage.end_of_new_session().await);
}

#[tokio::test]
async fn those_who_come_while_a_probe_is_under_way_hear_what_comes_of_it() {
    let lines = "timeout = \"1s\"\nretry = [\"100ms\"]\nbreaker = { failures = 2, pause = \"200ms\" }";
    let stage = Stage::answering(lines, |_| unreached()).await;
    let mut sessions = Vec::new();
    for _ in 0..6 {
        sessions.push(stage.operator.open_session().await);
    }
    for _ in 0..2 {
        assert_deferred(&stage.end_of_new_session().await);
    }
    await_state(&stage, "end-and-error", 2).await;
    answer_notifications(&stage.provider, |_| {
        Reply::After(Duration::from_millis(200), Box::new(Reply::Acknowledge))
    });
    let before = stage.provider.notifications().len();
    stage.provider.wait_for(before + 1, SOON).await;
    let calls: Vec<_> =
        sessions.iter().map(|session| notify_beside(&stage.operator, messages::end(session))).collect();
    for call in calls {
        assert_delivered(&call.await.unwrap());
    }
}

#[tokio::test]
async fn authorisation_has_a_breaker_of_its_own() {
    let lines = "timeout = \"1s\"\nretry = [\"10m\"]\nbreaker = { failures = 2, pause = \"700ms\" }";
    let stage = Stage::new(lines).await;
    let session = stage.operator.open_session().await;
    stage
        .provider
        .set_script(|request| if request.is_notification() { Reply::Acknowledge } else { unreached() });
    let ask = |number: usize| messages::authorize_start_evco(&format!("DE-DCB-C{number:08}-1"));
    let mut asked = stage.provider.received().len();
    let mut before_opening = Instant::now();
    for number in 0..2 {
        before_opening = Instant::now();
        let answer = stage.operator.authorize_start(ask(number)).await;
        assert_eq!((answer.code().as_str(), answer.additional_info().contains("in time")), ("310", true));
        asked += 1;
    }
    let answer = stage.operator.authorize_start(ask(3)).await;
    assert_eq!((answer.status, answer.code().as_str()), (200, "310"), "{answer:?}");
    assert_eq!(answer.json()["AuthorizationStatus"], "NotAuthorized");
    assert!(answer.additional_info().contains("not reached lately"), "{answer:?}");
    assert_eq!(stage.provider.received().len(), asked, "it is not asked");
    // Notifications are another matter.
    assert_delivered(&stage.operator.notify(messages::end(&session)).await);
    stage.provider.set_script(|_| Reply::Acknowledge);
    let began = Instant::now();
    for number in 10.. {
        let answer = stage.operator.authorize_start(ask(number)).await;
        if answer.json()["AuthorizationStatus"] == "Authorized" {
            break;
        }
        assert!(began.elapsed() < SOON, "never asked again: {answer:?}");
    }
    assert!(before_opening.elapsed() > Duration::from_millis(700), "not before its pause was over");
}
