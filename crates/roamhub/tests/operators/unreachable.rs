//! Providers that do not answer: the operator hears so in time, and the hub goes on delivering.

use std::time::Duration;

use roamhub_testkit::messages;
use roamhub_testkit::provider::Reply;

use crate::stage::{BOUND, Partners, Stage, assert_judged};

/// What an operator waits at most for the answer to an End.
const IN_TIME: Duration = Duration::from_secs(8);

#[tokio::test]
async fn an_end_is_answered_within_8_s_though_the_provider_hangs() {
    let stage = Stage::new().await;
    let hung = [Reply::Hang, Reply::HangAfterHeaders, Reply::Trickle { every: Duration::from_millis(500) }];
    let mut sessions = Vec::new();
    for _ in 0..hung.len() {
        sessions.push(stage.operator.open_session().await);
    }
    let (by_session, count) = (sessions.clone(), hung.len());
    stage.answer_with(move |request| {
        let session = request.session();
        hung[by_session.iter().position(|one| *one == session).unwrap_or_default()].clone()
    });
    let mut calls = tokio::task::JoinSet::new();
    for session in sessions {
        let operator = stage.operator.clone();
        calls.spawn(async move { operator.notify(messages::end(&session)).await });
    }
    for answer in calls.join_all().await {
        let process = assert_judged(&answer, false, "310");
        assert!(answer.took < IN_TIME, "{answer:?}");
        assert_eq!(answer.header("hub-delivery"), Some("deferred"), "{answer:?}");
        let info = answer.additional_info();
        assert!(info.contains("stored, will be delivered"), "{answer:?}");
        assert!(info.ends_with(&format!("receipt={process}")), "{answer:?}");
    }
    assert_eq!(stage.provider.notifications().len(), count);
}

#[tokio::test]
async fn an_end_behind_a_start_that_hangs_is_answered_within_8_s_and_delivered() {
    let lines = r#"retry = ["300ms"]"#;
    let stage = Stage::with(Partners { provider: lines, ..Partners::default() }).await;
    let session = stage.operator.open_session().await;
    stage.answer_with(|request| if request.kind() == "Start" { Reply::Hang } else { Reply::Acknowledge });
    let (operator, start) = (stage.operator.clone(), messages::start(&session));
    let first = tokio::spawn(async move { operator.notify(start).await });
    stage.provider.wait_for(1, BOUND).await;
    let answer = stage.operator.notify(messages::end(&session)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.took < IN_TIME, "{answer:?}");
    let first = first.await.unwrap();
    assert_judged(&first, false, "310");
    assert!(first.took < IN_TIME, "{first:?}");
    let end = |seen: &[roamhub_testkit::Received]| seen.iter().any(|request| request.kind() == "End");
    stage.provider.wait_until(BOUND, end).await;
}

#[tokio::test]
async fn whatever_is_no_acknowledgement_is_310_and_deferred() {
    let stage = Stage::new().await;
    let html = |status: u16| Reply::Raw {
        status,
        content_type: Some("text/html".to_owned()),
        body: "<html><body>Welcome</body></html>".into(),
    };
    let elsewhere = stage.provider.url() + "/elsewhere";
    let cases = [
        ("reset", Reply::Reset),
        ("closed", Reply::CloseBeforeAnswer),
        ("half an answer", Reply::HalfJson),
        ("not HTTP", Reply::BytesThenClose(b"220 mail.example ESMTP\r\n".to_vec())),
        ("longer than a mebibyte", Reply::Huge(3 * 1024 * 1024)),
        ("a redirect", Reply::Redirect(elsewhere)),
        ("a web page", html(200)),
        ("not found", html(404)),
        ("a bad gateway", html(502)),
        ("asked for patience", Reply::Raw { status: 503, content_type: None, body: "".into() }),
    ];
    for (what, reply) in cases {
        let session = stage.operator.open_session().await;
        stage.answer_with(move |_| reply.clone());
        let answer = stage.operator.notify(messages::end(&session)).await;
        let process = assert_judged(&answer, false, "310");
        assert_eq!(answer.header("hub-delivery"), Some("deferred"), "{what}: {answer:?}");
        assert!(answer.additional_info().ends_with(&format!("receipt={process}")), "{what}: {answer:?}");
        stage.settled(&process, "deferred").await;
    }
    let elsewhere = |seen: &roamhub_testkit::Received| seen.path.contains("elsewhere");
    assert!(!stage.provider.received().iter().any(elsewhere), "a redirect was followed");
}

#[tokio::test]
async fn a_provider_that_is_gone_gets_the_same_end_when_it_is_back() {
    let lines = r#"retry = ["200ms"]"#;
    let stage = Stage::with(Partners { provider: lines, ..Partners::default() }).await;
    let session = stage.operator.open_session().await;
    stage.provider.stop().await;
    let end = messages::end(&session).to_string();
    let answer = stage.operator.notify(&end).await;
    let process = assert_judged(&answer, false, "310");
    assert!(answer.took < Duration::from_secs(4), "nobody listens there: {answer:?}");
    stage.provider.restart().await;
    let received = stage.provider.wait_for(1, BOUND).await;
    assert!(received[0].body == end.as_bytes(), "not byte for byte: {received:?}");
    assert_eq!(received[0].header("process-id"), Some(process.as_str()));
    stage.settled(&process, "delivered").await;
    // Asked again, the operator hears how it ended.
    let again = stage.operator.notify(&end).await;
    assert_eq!(assert_judged(&again, true, "000"), process);
    assert_eq!(stage.provider.notifications().len(), 1);
}

#[tokio::test]
async fn a_provider_that_is_set_to_accept_is_answered_for() {
    let lines = r#"when_unreachable = "accept""#;
    let stage = Stage::with(Partners { provider: lines, ..Partners::default() }).await;
    let session = stage.operator.open_session().await;
    stage.provider.stop().await;
    let answer = stage.operator.notify(messages::end(&session)).await;
    let process = assert_judged(&answer, true, "000");
    assert_eq!(answer.header("hub-delivery"), Some("deferred"), "{answer:?}");
    assert!(answer.additional_info().ends_with(&format!("receipt={process}")), "{answer:?}");
}

#[tokio::test]
async fn an_empty_answer_counts_as_delivered_with_a_note() {
    let stage = Stage::new().await;
    let empty = Reply::Raw { status: 200, content_type: None, body: "".into() };
    let no_result = Reply::Json(200, serde_json::json!({"status": "ok"}));
    for reply in [Reply::NoContent, empty, no_result] {
        let session = stage.operator.open_session().await;
        stage.answer_with(move |_| reply.clone());
        let answer = stage.operator.notify(messages::end(&session)).await;
        let process = assert_judged(&answer, true, "000");
        assert!(answer.additional_info().contains("without an acknowledgement"), "{answer:?}");
        stage.settled(&process, "delivered").await;
    }
}
