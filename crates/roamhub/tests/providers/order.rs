//! The order within a session, what overtakes what, and that nobody waits for somebody else's provider.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use roamhub_testkit::{Answer, FakeProvider, Received, Reply, messages};
use serde_json::json;

use crate::stage::{
    LONGEST_ANSWER, PATIENT, QUICK, SOON, Stage, answer_notifications, assert_deferred, assert_delivered,
    hub_with, notify_beside, of_session, operator_of, provider_entry,
};

fn kinds(requests: &[Received]) -> Vec<&'static str> {
    requests.iter().map(Received::kind).collect()
}

fn busy() -> Reply {
    Reply::Json(503, json!({}))
}

/// A provider that fails what `fails` names until it is told otherwise.
async fn failing(
    lines: &str,
    fails: impl Fn(&Received) -> bool + Send + Sync + 'static,
) -> (Stage, Arc<AtomicBool>) {
    let up = Arc::new(AtomicBool::new(false));
    let is_up = up.clone();
    let stage = Stage::answering(lines, move |request| {
        if fails(request) && !is_up.load(Ordering::SeqCst) { busy() } else { Reply::Acknowledge }
    })
    .await;
    (stage, up)
}

async fn state(stage: &Stage, answer: &Answer, state: &str) {
    stage.record_in_state(answer, state).await;
}

#[tokio::test]
async fn an_end_waits_for_a_start_that_is_under_way_and_goes_after_it() {
    let took = Duration::from_millis(600);
    let stage = Stage::answering(PATIENT, move |request| match request.kind() {
        "Start" => Reply::After(took, Box::new(Reply::Acknowledge)),
        _ => Reply::Acknowledge,
    })
    .await;
    let session = stage.operator.open_session().await;
    let start = notify_beside(&stage.operator, messages::start(&session));
    stage.provider.wait_for(1, SOON).await;
    let end = stage.operator.notify(messages::end(&session)).await;
    assert_delivered(&end);
    assert_delivered(&start.await.unwrap());
    let seen = of_session(&stage.provider, &session);
    assert_eq!(kinds(&seen), ["Start", "End"]);
    assert!(seen[1].at - seen[0].at >= took, "one under way at a time");
}

#[tokio::test]
async fn an_end_goes_at_once_when_a_start_under_way_fails() {
    let stage = Stage::answering(PATIENT, |request| match request.kind() {
        "Start" => Reply::Hang,
        _ => Reply::Acknowledge,
    })
    .await;
    let session = stage.operator.open_session().await;
    let start = notify_beside(&stage.operator, messages::start(&session));
    stage.provider.wait_for(1, SOON).await;
    let end = stage.operator.notify(messages::end(&session)).await;
    assert_delivered(&end);
    assert!(end.took < Duration::from_secs(2), "the Start's timeout and not much more: {end:?}");
    let start = start.await.unwrap();
    assert_deferred(&start);
    state(&stage, &start, "superseded").await;
    assert_eq!(kinds(&of_session(&stage.provider, &session)), ["Start", "End"]);
}

#[tokio::test]
async fn an_end_that_waited_too_long_for_its_turn_is_deferred_and_goes_when_it_may() {
    // The default time a provider gets, 6 s, leaves no time for a second exchange within the operator's 8 s.
    let stage = Stage::answering("broadcast = true", |request| match request.kind() {
        "Start" => Reply::Hang,
        _ => Reply::Acknowledge,
    })
    .await;
    let session = stage.operator.open_session().await;
    let start = notify_beside(&stage.operator, messages::start(&session));
    stage.provider.wait_for(1, SOON).await;
    let end = stage.operator.notify(messages::end(&session)).await;
    assert_deferred(&end);
    assert!(end.took < LONGEST_ANSWER, "{end:?}");
    let start = start.await.unwrap();
    assert_deferred(&start);
    state(&stage, &end, "delivered").await;
    state(&stage, &start, "superseded").await;
    assert_eq!(kinds(&of_session(&stage.provider, &session)), ["Start", "End"]);
}

#[tokio::test]
async fn deferred_start_and_progress_are_superseded_when_the_end_goes_out_and_not_sent_any_more() {
    let (stage, up) = failing(QUICK, |request| matches!(request.kind(), "Start" | "Progress")).await;
    let session = stage.operator.open_session().await;
    let start = stage.operator.notify(messages::start(&session)).await;
    assert_deferred(&start);
    let progress = stage.operator.notify(messages::progress(&session, 10)).await;
    assert_deferred(&progress);
    state(&stage, &start, "superseded").await;
    let end = stage.operator.notify(messages::end(&session)).await;
    assert_delivered(&end);
    state(&stage, &progress, "superseded").await;
    state(&stage, &end, "delivered").await;
    // Let two rounds of retries pass, and let everything through: nothing more comes of that session.
    let so_far = of_session(&stage.provider, &session).len();
    up.store(true, Ordering::SeqCst);
    two_retries_pass(&stage).await;
    let seen = of_session(&stage.provider, &session);
    assert_eq!((seen.len(), seen.last().map(Received::kind)), (so_far, Some("End")), "{seen:?}");
    // Who sends the Start again is told what became of it.
    let again = stage.operator.notify(messages::start(&session)).await;
    assert_eq!(
        (again.code().as_str(), again.header("hub-delivery")),
        ("310", Some("superseded")),
        "{again:?}"
    );
    assert_eq!(again.header("process-id"), start.header("process-id"));
    assert_eq!(of_session(&stage.provider, &session).len(), so_far);
}

/// Waits for as long as two retries of another session's message take.
async fn two_retries_pass(stage: &Stage) {
    let other = stage.operator.open_session().await;
    let session = other.clone();
    answer_notifications(&stage.provider, move |request| {
        let third = request.header("hub-attempt") == Some("3");
        if request.session() == session && !third { busy() } else { Reply::Acknowledge }
    });
    let answer = stage.operator.notify(messages::end(&other)).await;
    state(stage, &answer, "delivered").await;
}

#[tokio::test]
async fn a_progress_supersedes_a_deferred_start() {
    let (stage, _) = failing(PATIENT, |request| request.kind() == "Start").await;
    let session = stage.operator.open_session().await;
    let start = stage.operator.notify(messages::start(&session)).await;
    assert_deferred(&start);
    state(&stage, &start, "deferred").await;
    let progress = stage.operator.notify(messages::progress(&session, 10)).await;
    assert_delivered(&progress);
    state(&stage, &start, "superseded").await;
}

#[tokio::test]
async fn two_ends_keep_their_order_and_neither_is_superseded() {
    let (stage, up) = failing(QUICK, |_| true).await;
    let session = stage.operator.open_session().await;
    let first = messages::end(&session);
    let mut second = first.clone();
    second["ConsumedEnergy"] = json!(11);
    second["MeterValueEnd"] = json!(11);
    let first_told = stage.operator.notify(&first).await;
    assert_deferred(&first_told);
    let second_told = stage.operator.notify(&second).await;
    assert_deferred(&second_told);
    assert!(second_told.additional_info().contains("earlier message"), "{second_told:?}");
    up.store(true, Ordering::SeqCst);
    state(&stage, &first_told, "delivered").await;
    state(&stage, &second_told, "delivered").await;
    let seen = of_session(&stage.provider, &session);
    let last = seen.iter().rposition(|request| request.body == first.to_string()).unwrap();
    let next = seen.iter().position(|request| request.body == second.to_string()).unwrap();
    assert!(last < next, "the first End was through before the second was sent: {seen:?}");
}

#[tokio::test]
async fn an_error_is_never_superseded_and_holds_nobody_up() {
    let (stage, up) = failing(QUICK, |request| request.kind() == "Error").await;
    let session = stage.operator.open_session().await;
    let error = stage.operator.notify(messages::error(&session)).await;
    assert_deferred(&error);
    let end = stage.operator.notify(messages::end(&session)).await;
    assert_delivered(&end);
    stage.record_when(&error, "one more attempt", |record| record.attempts().len() >= 3).await;
    up.store(true, Ordering::SeqCst);
    state(&stage, &error, "delivered").await;
}

#[tokio::test]
async fn an_error_passes_what_is_deferred() {
    let (stage, up) = failing(QUICK, |request| request.kind() == "End").await;
    let session = stage.operator.open_session().await;
    let end = stage.operator.notify(messages::end(&session)).await;
    assert_deferred(&end);
    assert_delivered(&stage.operator.notify(messages::error(&session)).await);
    up.store(true, Ordering::SeqCst);
    state(&stage, &end, "delivered").await;
}

#[tokio::test]
async fn a_start_after_a_deferred_end_stays_behind_it() {
    let (stage, up) = failing(QUICK, |_| true).await;
    let session = stage.operator.open_session().await;
    let end = stage.operator.notify(messages::end(&session)).await;
    assert_deferred(&end);
    let start = stage.operator.notify(messages::start(&session)).await;
    assert_deferred(&start);
    up.store(true, Ordering::SeqCst);
    state(&stage, &start, "delivered").await;
    state(&stage, &end, "delivered").await;
    let acknowledged = kinds(&of_session(&stage.provider, &session));
    let first_start = acknowledged.iter().position(|kind| *kind == "Start").unwrap();
    assert!(acknowledged[first_start..].iter().all(|kind| *kind == "Start"), "{acknowledged:?}");
}

#[tokio::test]
async fn sessions_of_one_provider_do_not_wait_for_each_other() {
    let stage = Stage::answering(PATIENT, |request| match request.kind() {
        "Start" => Reply::Hang,
        _ => Reply::Acknowledge,
    })
    .await;
    let mut hanging = Vec::new();
    for _ in 0..20 {
        let session = stage.operator.open_session().await;
        hanging.push(notify_beside(&stage.operator, messages::start(&session)));
    }
    stage.provider.wait_for(20, SOON).await;
    let end = stage.end_of_new_session().await;
    assert_delivered(&end);
    assert!(end.took < Duration::from_millis(700), "{end:?}");
    for start in hanging {
        assert_deferred(&start.await.unwrap());
    }
}

#[tokio::test]
async fn a_hanging_provider_delays_nobody_elses_traffic() {
    let hanging = FakeProvider::builder().provider_id("DE-AAA").start().await;
    let healthy = FakeProvider::builder().provider_id("DE-BBB").start().await;
    answer_notifications(&hanging, |_| Reply::Hang);
    let lines = "timeout = \"3s\"\nretry = [\"100ms\"]";
    let hub = hub_with(&[
        provider_entry("DE-AAA", &hanging.url(), lines),
        provider_entry("DE-BBB", &healthy.url(), lines),
    ])
    .await;
    let operator = operator_of(&hub);
    let session_with = async |evco: String| {
        let answer = operator.authorize_start(messages::authorize_start_evco(&evco)).await;
        answer.json()["SessionID"].as_str().unwrap().to_owned()
    };
    let mut stuck = Vec::new();
    for number in 0..40 {
        let session = session_with(format!("DE-AAA-C{number:08}-1")).await;
        stuck.push(notify_beside(&operator, messages::end(&session)));
    }
    hanging.wait_for(40, SOON).await;
    for number in 0..20 {
        let session = session_with(format!("DE-BBB-C{number:08}-1")).await;
        for body in [messages::start(&session), messages::end(&session)] {
            let answer = operator.notify(body).await;
            assert_delivered(&answer);
            assert!(answer.took < Duration::from_millis(700), "{answer:?}");
        }
    }
    for call in stuck {
        assert_deferred(&call.await.unwrap());
    }
    // The same for redeliveries: the hanging ones are being tried again all the time now.
    let session = session_with("DE-BBB-C99999999-1".to_owned()).await;
    healthy.stop().await;
    let owed = operator.notify(messages::end(&session)).await;
    assert_deferred(&owed);
    healthy.restart().await;
    healthy
        .wait_until(Duration::from_secs(3), |seen| {
            seen.iter()
                .any(|one| one.is_notification() && one.header("process-id") == owed.header("process-id"))
        })
        .await;
}
