//! What the hub makes of an operator that does not answer as it should: the session is void only if nothing has begun for
//! certain.

use std::time::Duration;

use bytes::Bytes;
use roamhub_testkit::{RemoteService, Reply, messages};
use serde_json::json;

use crate::stage::{Cast, SOON, Stage, assert_answer, operator, session_of};

const QUICK: &str = "timeout = \"600ms\"";

/// Starts while the operator replies so; the session is kept, and lives as soon as the operator speaks of it.
async fn is_kept(reply: Reply, words: &str) {
    let stage = Stage::answering(operator(QUICK), move |_| reply.clone()).await;
    let answer = stage.start().await;
    assert_answer(&answer, false, "310");
    assert!(answer.additional_info().contains(words), "{answer:?}");
    let session = session_of(&answer);
    assert_eq!(stage.asked(1).await[0].session(), session, "the provider is told, so that it can stop it");
    assert_eq!(stage.state(&session).await, "unconfirmed");
    assert_answer(&stage.operator.notify(messages::end(&session)).await, true, "000");
    assert_eq!(stage.state(&session).await, "active");
    assert_eq!(stage.app.notifications()[0].session(), session);
    assert_eq!(stage.station.received().len(), 1, "nobody is asked twice");
}

/// Starts while the operator replies so; no session is left.
async fn is_void(reply: Reply, words: &str) {
    let stage = Stage::answering(operator(QUICK), move |_| reply.clone()).await;
    let answer = stage.start().await;
    assert_answer(&answer, false, "310");
    assert!(answer.additional_info().contains(words), "{answer:?}");
    assert!(answer.json()["SessionID"].is_null(), "{answer:?}");
    let session = stage.asked(1).await[0].session();
    assert_eq!(stage.state(&session).await, "gone");
    assert_answer(&stage.operator.notify(messages::end(&session)).await, false, "400");
}

fn page(status: u16) -> Reply {
    let body = Bytes::from_static(b"<html>hello</html>");
    Reply::Raw { status, content_type: Some("text/html".to_owned()), body }
}

#[tokio::test]
async fn an_operator_that_never_answers_leaves_the_session_unconfirmed() {
    is_kept(Reply::Hang, "did not answer in time").await;
}

#[tokio::test]
async fn a_connection_that_breaks_before_the_answer_leaves_it_unconfirmed() {
    is_kept(Reply::Reset, "broke").await;
}

#[tokio::test]
async fn half_an_answer_leaves_it_unconfirmed() {
    is_kept(Reply::HalfJson, "broke").await;
}

#[tokio::test]
async fn a_web_page_leaves_it_unconfirmed() {
    is_kept(page(200), "without an acknowledgement").await;
}

#[tokio::test]
async fn an_empty_answer_leaves_it_unconfirmed() {
    is_kept(Reply::NoContent, "HTTP 204").await;
}

#[tokio::test]
async fn a_server_error_leaves_it_unconfirmed() {
    is_kept(Reply::Json(503, json!({})), "HTTP 503").await;
}

#[tokio::test]
async fn a_wrong_path_at_the_operator_leaves_no_session() {
    is_void(page(404), "HTTP 404").await;
}

#[tokio::test]
async fn a_refused_key_at_the_operator_leaves_no_session() {
    is_void(Reply::Json(401, json!({"error": "who are you?"})), "HTTP 401").await;
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_leaves_no_session() {
    is_void(Reply::Redirect("http://127.0.0.1:1/".to_owned()), "HTTP 307").await;
}

#[tokio::test]
async fn an_operator_that_is_not_there_leaves_no_session() {
    let stage = Stage::new(operator(QUICK)).await;
    stage.station.stop().await;
    let answer = stage.start().await;
    assert_answer(&answer, false, "310");
    assert!(answer.additional_info().contains("no connection"), "{answer:?}");
    assert!(answer.json()["SessionID"].is_null(), "{answer:?}");
    stage.station.restart().await;
    stage.session().await;
}

#[tokio::test]
async fn a_kept_connection_that_was_closed_meanwhile_is_not_used() {
    let stage = Stage::answering(Cast::default(), |_| Reply::StaleKeepAlive).await;
    for _ in 0..3 {
        let mut body = messages::remote_start(messages::EVCO);
        body["EMPPartnerSessionID"] = format!("{:?}", std::time::Instant::now()).into();
        assert_answer(&stage.provider.ask(RemoteService::Start, body).await, true, "000");
    }
    assert_eq!((stage.station.received().len(), stage.station.connections()), (3, 3));
}

#[tokio::test]
async fn an_unconfirmed_session_can_be_stopped() {
    let stage = Stage::answering(operator(QUICK), |_| Reply::Hang).await;
    let session = session_of(&stage.start().await);
    stage.station.set_script(|_| Reply::Acknowledge);
    assert_answer(&stage.stop(&session).await, true, "000");
    assert_eq!(stage.asked(2).await[1].session(), session);
    let mut foreign = messages::remote_stop(&session);
    foreign["ProviderID"] = "DE-TWO".into();
    assert_answer(&stage.other("DE-TWO").ask(RemoteService::Stop, foreign).await, false, "400");
}

#[tokio::test]
async fn an_operator_may_speak_of_the_session_before_it_has_answered() {
    let pause = Duration::from_secs(2);
    let stage =
        Stage::answering(Cast::default(), move |_| Reply::After(pause, Box::new(Reply::Acknowledge))).await;
    let (provider, body) = (stage.provider.clone(), messages::remote_start(messages::EVCO));
    let call = tokio::spawn(async move { provider.ask(RemoteService::Start, body).await });
    let session = stage.asked(1).await[0].session();
    assert_eq!(stage.state(&session).await, "pending");
    assert_answer(&stage.operator.notify(messages::start(&session)).await, true, "000");
    assert_eq!(stage.state(&session).await, "active");
    let answer = call.await.unwrap();
    assert_answer(&answer, true, "000");
    assert!(answer.took >= pause, "the provider waited for the operator's answer: {answer:?}");
    assert_eq!(stage.state(&session).await, "active");
}

#[tokio::test]
async fn what_an_operator_has_spoken_of_is_not_void_when_it_says_no() {
    let pause = Duration::from_secs(1);
    let no = move || Reply::After(pause, Box::new(Reply::ack(false, "501", "")));
    let stage = Stage::answering(Cast::default(), move |_| no()).await;
    let (provider, body) = (stage.provider.clone(), messages::remote_start(messages::EVCO));
    let call = tokio::spawn(async move { provider.ask(RemoteService::Start, body).await });
    let session = stage.asked(1).await[0].session();
    assert_answer(&stage.operator.notify(messages::start(&session)).await, true, "000");
    assert_answer(&call.await.unwrap(), false, "501");
    assert_eq!(stage.state(&session).await, "active");
    assert_answer(&stage.operator.notify(messages::end(&session)).await, true, "000");
}

#[tokio::test]
async fn a_caller_that_hangs_up_changes_nothing() {
    let late = || Reply::After(Duration::from_secs(1), Box::new(Reply::Acknowledge));
    let stage = Stage::answering(Cast::default(), move |_| late()).await;
    let body = messages::remote_start(messages::EVCO);
    stage.provider.ask_and_hang_up(RemoteService::Start, &body, Duration::from_millis(200)).await;
    let session = stage.asked(1).await[0].session();
    stage.state_is(&session, "active").await;
    // Asking again is told what came of it.
    let answer = stage.provider.ask(RemoteService::Start, &body).await;
    assert_answer(&answer, true, "000");
    assert_eq!(session_of(&answer), session);
    assert_eq!(stage.station.received().len(), 1);
}

#[tokio::test]
async fn more_than_ten_seconds_are_answered_and_reported() {
    let late = || Reply::After(Duration::from_millis(10_500), Box::new(Reply::Acknowledge));
    let stage = Stage::answering(Cast::default(), move |_| late()).await;
    let answer = stage.start().await;
    assert_answer(&answer, true, "000");
    stage.hub.wait_for_log("more than ten seconds", SOON).await;
    let line = "roamhub_remote_slow_total{operator=\"DE*ABC\"}";
    assert_eq!(stage.metric(line).await.as_deref(), Some("1"));
}

#[tokio::test]
async fn beyond_sixty_four_calls_under_way_an_operator_is_not_asked() {
    let stage = Stage::answering(operator("timeout = \"5s\""), |_| Reply::Hang).await;
    let calls: Vec<_> = (0..64)
        .map(|number| {
            let provider = stage.provider.clone();
            let mut body = messages::remote_start(messages::EVCO);
            body["EMPPartnerSessionID"] = number.to_string().into();
            tokio::spawn(async move { provider.ask(RemoteService::Start, body).await })
        })
        .collect();
    stage.asked(64).await;
    let answer = stage.start().await;
    assert_answer(&answer, false, "310");
    assert!(answer.additional_info().contains("too many requests"), "{answer:?}");
    assert!(answer.took < Duration::from_secs(2), "at once: {answer:?}");
    for call in calls {
        assert_answer(&call.await.unwrap(), false, "310");
    }
    stage.station.set_script(|_| Reply::Acknowledge);
    assert_answer(&stage.start().await, true, "000");
}
