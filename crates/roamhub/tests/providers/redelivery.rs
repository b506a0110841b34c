//! What could not be delivered at once is delivered later, without anyone sending it again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use roamhub_testkit::{FakeProvider, Reply, messages};
use serde_json::json;

use crate::stage::{
    LONGEST_ANSWER, QUICK, SOON, Stage, answer_notifications, assert_deferred, assert_delivered, attempts,
    notify_beside, of_session, partners, process_of, provider_entry,
};

#[tokio::test]
async fn a_provider_that_was_down_gets_the_end_without_anyone_resending() {
    let stage = Stage::new(QUICK).await;
    let session = stage.operator.open_session().await;
    stage.provider.stop().await;
    let body = messages::end_as_in_the_guide(&session, "DE*ABC", "DE*ABC*ETEST1");
    let answer = stage.operator.notify(&body).await;
    assert_deferred(&answer);
    assert_eq!(answer.json()["SessionID"], session.as_str());
    assert_eq!(answer.json()["CPOPartnerSessionID"], "1234XYZ");
    stage.provider.restart().await;
    let seen = stage.provider.wait_for(1, SOON).await;
    assert_eq!(seen[0].body, body, "byte for byte");
    assert_eq!(seen[0].header("process-id"), answer.header("process-id"));
    assert!(attempts(&seen)[0] >= 2, "the first attempt met nobody: {seen:?}");
    stage.record_in_state(&answer, "delivered").await;
    assert_eq!(stage.provider.notifications().len(), 1);
}

#[tokio::test]
async fn all_four_types_are_delivered_later() {
    let stage = Stage::new(QUICK).await;
    let mut sessions = Vec::new();
    for _ in 0..4 {
        sessions.push(stage.operator.open_session().await);
    }
    stage.provider.stop().await;
    let bodies = [
        messages::start(&sessions[0]),
        messages::progress(&sessions[1], 10),
        messages::end(&sessions[2]),
        messages::error(&sessions[3]),
    ];
    let mut answers = Vec::new();
    for body in &bodies {
        let answer = stage.operator.notify(body).await;
        assert_deferred(&answer);
        answers.push(answer);
    }
    stage.provider.restart().await;
    for (answer, body) in answers.iter().zip(&bodies) {
        let record = stage.record_in_state(answer, "delivered").await;
        assert_eq!(record.0["type"], body["Type"]);
    }
}

#[tokio::test]
async fn a_provider_that_answers_every_start_with_500_still_gets_every_end_in_time() {
    const SESSIONS: usize = 20;
    let stage = Stage::answering(QUICK, |request| match request.kind() {
        "Start" => Reply::Json(500, json!({"error": "NullPointerException"})),
        _ => Reply::Acknowledge,
    })
    .await;
    let mut sessions = Vec::new();
    for _ in 0..SESSIONS {
        sessions.push(stage.operator.open_session().await);
    }
    let starts: Vec<_> =
        sessions.iter().map(|session| notify_beside(&stage.operator, messages::start(session))).collect();
    let mut told = Vec::new();
    for start in starts {
        let start = start.await.unwrap();
        assert_deferred(&start);
        told.push(start);
    }
    // Some of the Starts are being sent again right now; an End waits for at most one attempt.
    let ends: Vec<_> =
        sessions.iter().map(|session| notify_beside(&stage.operator, messages::end(session))).collect();
    for end in ends {
        let end = end.await.unwrap();
        assert_delivered(&end);
        assert!(end.took < Duration::from_secs(3), "in time: {end:?}");
    }
    for (session, start) in sessions.iter().zip(&told) {
        let kinds: Vec<_> = of_session(&stage.provider, session).iter().map(|seen| seen.kind()).collect();
        let ends = kinds.iter().filter(|kind| **kind == "End").count();
        assert_eq!((ends, kinds.last()), (1, Some(&"End")), "{kinds:?}");
        stage.record_in_state(start, "superseded").await;
    }
}

#[tokio::test]
async fn after_an_outage_neither_backlog_nor_first_attempts_starve() {
    const OWED: usize = 60;
    let stage = Stage::new(QUICK).await;
    let mut sessions = Vec::new();
    for _ in 0..OWED + 10 {
        sessions.push(stage.operator.open_session().await);
    }
    let fresh = sessions.split_off(OWED);
    stage.provider.stop().await;
    let owed: Vec<_> =
        sessions.iter().map(|session| notify_beside(&stage.operator, messages::end(session))).collect();
    for answer in owed {
        assert_deferred(&answer.await.unwrap());
    }
    // It comes back slow.
    answer_notifications(&stage.provider, |_| {
        Reply::After(Duration::from_millis(150), Box::new(Reply::Acknowledge))
    });
    stage.provider.restart().await;
    stage.provider.wait_for(1, SOON).await;
    for session in &fresh {
        let answer = stage.operator.notify(messages::end(session)).await;
        assert_delivered(&answer);
        assert!(answer.took < Duration::from_secs(1), "first attempts do not queue behind the backlog");
    }
    let delivered = stage.provider.wait_for(OWED + fresh.len(), SOON).await;
    for session in sessions.iter().chain(&fresh) {
        assert!(delivered.iter().any(|seen| seen.session() == *session), "the End of {session}");
    }
}

#[tokio::test]
async fn what_is_owed_goes_to_the_address_that_the_partners_file_says_now() {
    let stage = Stage::new(QUICK).await;
    let session = stage.operator.open_session().await;
    stage.provider.stop().await;
    let answer = stage.operator.notify(messages::end(&session)).await;
    assert_deferred(&answer);
    let moved = FakeProvider::start().await;
    let text = partners(&[provider_entry("DE-DCB", &moved.url(), QUICK)]);
    std::fs::write(stage.hub.partners_file(), text).unwrap();
    stage.hub.reload();
    let seen = moved.wait_for(1, SOON).await;
    assert_eq!(seen[0].header("process-id"), answer.header("process-id"));
    stage.record_in_state(&answer, "delivered").await;
}

#[tokio::test]
async fn an_end_sent_again_while_it_waits_is_one_end() {
    let stage = Stage::new(QUICK).await;
    let session = stage.operator.open_session().await;
    stage.provider.stop().await;
    let body = messages::end(&session);
    let first = stage.operator.notify(&body).await;
    assert_deferred(&first);
    for _ in 0..3 {
        // As widespread clients do: at once, several times.
        let again = stage.operator.notify(&body).await;
        assert_deferred(&again);
        assert_eq!(process_of(&again), process_of(&first));
    }
    stage.provider.restart().await;
    stage.record_in_state(&first, "delivered").await;
    let told = stage.operator.notify(&body).await;
    assert_delivered(&told);
    assert_eq!(process_of(&told), process_of(&first));
    assert_eq!(stage.provider.notifications().len(), 1);
}

#[tokio::test]
async fn identical_ends_at_the_same_time_are_one_exchange_with_one_answer() {
    let stage = Stage::answering(QUICK, |_| {
        Reply::After(Duration::from_millis(400), Box::new(Reply::ack(true, "000", "the one answer")))
    })
    .await;
    let session = stage.operator.open_session().await;
    let calls: Vec<_> = (0..8).map(|_| notify_beside(&stage.operator, messages::end(&session))).collect();
    let mut processes = std::collections::BTreeSet::new();
    for call in calls {
        let answer = call.await.unwrap();
        assert_delivered(&answer);
        assert_eq!(answer.additional_info(), "the one answer");
        processes.insert(process_of(&answer));
    }
    assert_eq!((processes.len(), stage.provider.notifications().len()), (1, 1));
}

#[tokio::test]
async fn a_caller_that_hangs_up_changes_nothing() {
    let up = Arc::new(AtomicBool::new(false));
    let is_up = up.clone();
    let stage = Stage::answering(QUICK, move |_| {
        let reply =
            if is_up.load(Ordering::SeqCst) { Reply::Acknowledge } else { Reply::Json(503, json!({})) };
        Reply::After(Duration::from_millis(300), Box::new(reply))
    })
    .await;
    let session = stage.operator.open_session().await;
    let body = messages::end(&session).to_string();
    let path = roamhub_testkit::NOTIFICATIONS_PATH;
    stage.operator.send_and_hang_up(path, body.clone(), Duration::from_millis(100)).await;
    stage.provider.wait_for(1, SOON).await;
    up.store(true, Ordering::SeqCst);
    let seen = stage.provider.wait_for(2, SOON).await;
    assert_eq!(attempts(&seen), [1, 2], "its first attempt ended, its second followed");
    assert!(seen.iter().all(|request| request.body == body));
    // Asked again, the hub knows.
    let answer = stage.operator.notify(&body).await;
    assert!(answer.took < LONGEST_ANSWER);
    assert_eq!(answer.header("process-id"), seen[0].header("process-id"));
}
