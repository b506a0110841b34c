//! Answers that say nothing, and no answers: what the operator is told, and when the provider is asked again.

use std::time::Duration;

use jiff::SignedDuration;
use roamhub_testkit::{Received, Reply, messages};
use serde_json::json;

use crate::stage::{PATIENT, QUICK, Stage, answer_notifications, assert_deferred, attempts, of_session};

fn page(status: u16, text: &'static str) -> Reply {
    let content_type = Some("text/html; charset=utf-8".to_owned());
    Reply::Raw { status, content_type, body: bytes::Bytes::from_static(text.as_bytes()) }
}

fn is_first(request: &Received) -> bool {
    request.header("hub-attempt") == Some("1")
}

#[tokio::test]
async fn success_with_something_else_is_unusable_and_given_up_after_three_retries() {
    let stage = Stage::new(QUICK).await;
    for body in ["<html><body>It works!</body></html>", "OK", r#"{"Result":tru"#] {
        answer_notifications(&stage.provider, move |_| page(200, body));
        let session = stage.operator.open_session().await;
        let answer = stage.operator.notify(messages::end(&session)).await;
        assert_deferred(&answer);
        let record = stage.record_in_state(&answer, "exhausted").await;
        assert_eq!(record.reason(), "unusable", "{body}");
        assert_eq!(record.outcomes(), vec!["unusable"; 4], "{body}");
        assert_eq!(attempts(&of_session(&stage.provider, &session)), [1, 2, 3, 4], "{body}");
    }
}

#[tokio::test]
async fn a_wrong_address_or_key_is_asked_again_slowly_and_only_then() {
    let stage = Stage::new(QUICK).await;
    for status in [301, 400, 401, 403, 404, 405, 410, 422] {
        answer_notifications(&stage.provider, move |_| page(status, "<html>no</html>"));
        let session = stage.operator.open_session().await;
        let answer = stage.operator.notify(messages::end(&session)).await;
        assert_deferred(&answer);
        assert!(answer.additional_info().contains(&format!("HTTP {status}")), "{answer:?}");
        let record = stage.record_in_state(&answer, "deferred").await;
        assert_eq!(record.outcomes(), ["misconfigured"], "HTTP {status}");
        assert_eq!(record.attempts()[0]["httpStatus"], status);
        assert!(record.pause() >= SignedDuration::from_mins(4), "HTTP {status}: {:#}", record.0);
        assert_eq!(of_session(&stage.provider, &session).len(), 1, "HTTP {status}");
    }
}

#[tokio::test]
async fn a_provider_that_asks_for_patience_or_fails_is_asked_again_by_schedule() {
    let stage = Stage::new(QUICK).await;
    for status in [408, 425, 429, 500, 502, 503, 504] {
        answer_notifications(&stage.provider, move |request| {
            if is_first(request) { page(status, "<html>busy</html>") } else { Reply::Acknowledge }
        });
        let session = stage.operator.open_session().await;
        let answer = stage.operator.notify(messages::end(&session)).await;
        assert_deferred(&answer);
        let record = stage.record_in_state(&answer, "delivered").await;
        assert_eq!(record.outcomes(), ["unreachable", "delivered"], "HTTP {status}");
        assert_eq!(record.attempts()[0]["httpStatus"], status);
        let seen = of_session(&stage.provider, &session);
        assert_eq!(attempts(&seen), [1, 2], "HTTP {status}");
        let pause = seen[1].at - seen[0].at;
        assert!(
            pause >= Duration::from_millis(170),
            "HTTP {status}: the schedule says 200 ms, not {pause:?}"
        );
        assert_eq!(seen[1].header("process-id"), answer.header("process-id"));
    }
}

#[tokio::test]
async fn a_refused_connection_is_tried_again_by_schedule() {
    let stage = Stage::new(QUICK).await;
    let session = stage.operator.open_session().await;
    stage.provider.stop().await;
    let answer = stage.operator.notify(messages::end(&session)).await;
    assert_deferred(&answer);
    stage.record_when(&answer, "three attempts", |record| record.attempts().len() >= 3).await;
    stage.provider.restart().await;
    let record = stage.record_in_state(&answer, "delivered").await;
    let (last, failed) = record.outcomes().split_last().map(|(l, f)| (l.clone(), f.to_vec())).unwrap();
    assert_eq!(last, "delivered");
    assert!(failed.iter().all(|outcome| outcome == "unreachable"), "{:#}", record.0);
    assert!(record.attempts()[0]["httpStatus"].is_null());
    assert_eq!(stage.provider.notifications().len(), 1);
}

#[tokio::test]
async fn a_reset_a_close_and_a_timeout_are_tried_again_by_schedule() {
    let stage = Stage::new(QUICK).await;
    for (reply, detail) in [
        (Reply::Reset, "connection"),
        (Reply::CloseBeforeAnswer, "connection"),
        (Reply::Hang, "did not answer in time"),
        (Reply::Bytes(b"220 mail.example ESMTP\r\n".to_vec()), "connection"),
    ] {
        let first = reply.clone();
        answer_notifications(&stage.provider, move |request| {
            if is_first(request) { first.clone() } else { Reply::Acknowledge }
        });
        let answer = stage.end_of_new_session().await;
        assert_deferred(&answer);
        assert!(answer.additional_info().contains(detail), "{reply:?}: {answer:?}");
        let record = stage.record_in_state(&answer, "delivered").await;
        assert_eq!(record.outcomes(), ["unreachable", "delivered"], "{reply:?}");
    }
}

#[tokio::test]
async fn retry_after_is_honoured_in_seconds_and_as_a_date() {
    let headers = [
        vec![("retry-after".to_owned(), "2".to_owned())],
        vec![
            ("retry-after".to_owned(), "Wed, 21 Oct 2015 07:28:02 GMT".to_owned()),
            ("date".to_owned(), "Wed, 21 Oct 2015 07:28:00 GMT".to_owned()),
        ],
    ];
    let stage = Stage::new(QUICK).await;
    for (status, headers) in [503, 429].into_iter().zip(headers) {
        answer_notifications(&stage.provider, move |request| {
            let busy = Reply::WithHeaders(headers.clone(), Box::new(page(status, "busy")));
            if is_first(request) { busy } else { Reply::Acknowledge }
        });
        let session = stage.operator.open_session().await;
        let answer = stage.operator.notify(messages::end(&session)).await;
        assert_deferred(&answer);
        stage.record_in_state(&answer, "delivered").await;
        let seen = of_session(&stage.provider, &session);
        assert_eq!(attempts(&seen), [1, 2]);
        let pause = seen[1].at - seen[0].at;
        let asked = Duration::from_millis(1_950)..Duration::from_millis(3_500);
        assert!(asked.contains(&pause), "HTTP {status}: asked for 2 s, got {pause:?}");
    }
}

#[tokio::test]
async fn a_year_of_retry_after_is_cut_to_an_hour() {
    let stage = Stage::answering(QUICK, |_| {
        let year = vec![("retry-after".to_owned(), "31536000".to_owned())];
        Reply::WithHeaders(year, Box::new(page(503, "gone fishing")))
    })
    .await;
    let answer = stage.end_of_new_session().await;
    assert_deferred(&answer);
    let pause = stage.record_in_state(&answer, "deferred").await.pause();
    assert!((59..=61).contains(&pause.as_mins()), "{pause:?}");
}

#[tokio::test]
async fn a_repeat_of_a_deferred_message_gets_the_first_receipt() {
    let stage = Stage::answering(PATIENT, |_| Reply::Json(503, json!({}))).await;
    let session = stage.operator.open_session().await;
    let first = stage.operator.notify(messages::end(&session)).await;
    assert_deferred(&first);
    stage.record_in_state(&first, "deferred").await;
    let repeat = stage.operator.notify(messages::end(&session)).await;
    assert_deferred(&repeat);
    assert_eq!(repeat.header("process-id"), first.header("process-id"));
    assert_eq!(stage.provider.notifications().len(), 1, "a repeat is not a second event");
}

#[tokio::test]
async fn the_text_of_a_310_says_whether_the_message_may_be_overtaken() {
    let stage = Stage::answering(PATIENT, |_| Reply::Json(503, json!({}))).await;
    let session = stage.operator.open_session().await;
    let start = stage.operator.notify(messages::start(&session)).await;
    assert_deferred(&start);
    assert!(start.additional_info().contains("unless a newer message of the session overtakes it"));
    let end = stage.operator.notify(messages::end(&session)).await;
    assert_deferred(&end);
    assert!(!end.additional_info().contains("unless"), "an End is never overtaken: {end:?}");
}

#[tokio::test]
async fn with_accept_the_operator_is_told_yes_with_the_same_note() {
    let lines = format!("{QUICK}\nwhen_unreachable = \"accept\"");
    let stage = Stage::answering(&lines, |request| {
        if is_first(request) { Reply::Json(503, json!({})) } else { Reply::Acknowledge }
    })
    .await;
    let answer = stage.end_of_new_session().await;
    assert_eq!((answer.status, answer.code().as_str(), answer.result()), (200, "000", true), "{answer:?}");
    assert_eq!(answer.header("hub-delivery"), Some("deferred"));
    let receipt = format!("receipt={}", answer.header("process-id").unwrap());
    assert!(answer.additional_info().contains(&receipt), "{answer:?}");
    assert!(answer.additional_info().contains("will be delivered"), "{answer:?}");
    let record = stage.record_in_state(&answer, "delivered").await;
    assert_eq!(record.outcomes(), ["unreachable", "delivered"]);
    assert_eq!(attempts(&stage.provider.notifications()), [1, 2]);
}
