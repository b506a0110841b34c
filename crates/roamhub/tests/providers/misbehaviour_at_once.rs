//! Every way of misbehaving at the same time, and the ways that take more than one message to see.

use std::time::Duration;

use roamhub_testkit::{Reply, messages};
use serde_json::json;

use crate::misbehaviour::high_water_mark;
use crate::stage::{
    LONGEST_ANSWER, PATIENT, Stage, answer_notifications, assert_deferred, assert_delivered, attempts,
    notify_beside, of_session, process_of,
};

/// Messages that meet each way, at the same time.
const EACH: usize = 4;

/// Answers that never end, or are none.
fn ways() -> Vec<(&'static str, Reply)> {
    let head = "HTTP/1.1 200 OK\r\n";
    let chunk = format!("{:x}\r\n{}\r\n", 64 << 10, " ".repeat(64 << 10));
    let chunks = format!("{head}transfer-encoding: chunked\r\n\r\n{}", chunk.repeat(64));
    let until_closed = format!("{head}connection: close\r\n\r\n{}", " ".repeat(4 << 20));
    let headers = format!("{head}{}", "x-more: and more\r\n".repeat(100_000));
    let promises = "HTTP/1.1 100 Continue\r\n\r\n".repeat(50_000);
    let page = Reply::Raw { status: 200, content_type: Some("text/html".to_owned()), body: "<html>".into() };
    vec![
        ("silence", Reply::Hang),
        ("a head and silence", Reply::HangAfterHeaders),
        ("a byte a second", Reply::Trickle { every: Duration::from_secs(1) }),
        ("a reset", Reply::Reset),
        ("a close", Reply::CloseBeforeAnswer),
        ("half an answer", Reply::HalfJson),
        ("a hundred megabytes", Reply::Huge(100 << 20)),
        ("chunks without end", Reply::Bytes(chunks.into_bytes())),
        ("a body without a length", Reply::BytesThenClose(until_closed.into_bytes())),
        ("a head without end", Reply::Bytes(headers.into_bytes())),
        ("promises without an answer", Reply::Bytes(promises.into_bytes())),
        ("another protocol", Reply::Bytes(b"220 mail.example ESMTP\r\n".to_vec())),
        (
            "a length that is none",
            Reply::Bytes(format!("{head}content-length: many\r\n\r\n{{}}").into_bytes()),
        ),
        (
            "two lengths",
            Reply::Bytes(format!("{head}content-length: 2\r\ncontent-length: 3\r\n\r\n{{}} ").into_bytes()),
        ),
        (
            "a length beside chunks",
            Reply::Bytes(
                format!("{head}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n")
                    .into_bytes(),
            ),
        ),
        ("a web page", page),
        ("a failure", Reply::Json(500, json!({"error": "oops"}))),
    ]
}

#[tokio::test]
async fn whatever_providers_do_at_once_every_operator_is_answered_in_time_and_memory_stays_flat() {
    let misbehaving = ways();
    let stage = Stage::answering("broadcast = true\nretry = [\"1s\"]", move |request| {
        let evse = request.json()["EvseID"].as_str().unwrap_or_default().to_owned();
        let way = evse.strip_prefix("DE*ABC*EWAY").and_then(|way| way.parse::<usize>().ok());
        match (request.header("hub-attempt"), way.and_then(|way| misbehaving.get(way))) {
            (Some("1"), Some((_, reply))) => reply.clone(),
            _ => Reply::Acknowledge,
        }
    })
    .await;
    // Connections and code are warm before memory is measured.
    let warm: Vec<_> = (0..EACH).map(|_| stage.end_of_new_session()).collect();
    for answer in warm {
        assert_delivered(&answer.await);
    }
    let mut ends = Vec::new();
    for (way, (name, _)) in ways().iter().enumerate() {
        for _ in 0..EACH {
            let mut end = messages::end(&stage.operator.open_session().await);
            end["EvseID"] = format!("DE*ABC*EWAY{way}").into();
            ends.push((*name, end));
        }
    }
    let before = high_water_mark(stage.hub.pid());
    let calls: Vec<_> =
        ends.into_iter().map(|(name, end)| (name, notify_beside(&stage.operator, end))).collect();
    let mut deferred = Vec::new();
    for (name, call) in calls {
        let answer = call.await.unwrap();
        assert!(answer.took < LONGEST_ANSWER, "{name}: {answer:?}");
        assert_deferred(&answer);
        deferred.push((name, answer));
    }
    let grown = high_water_mark(stage.hub.pid()) - before;
    println!("{} misbehaving answers at once: the hub grew by {grown} kB", deferred.len());
    assert!(grown < 64 * 1024, "the hub grew by {grown} kB");
    for (name, answer) in deferred.iter().step_by(EACH) {
        let record = stage.record_in_state(answer, "delivered").await;
        assert_eq!(record.outcomes().last().map(String::as_str), Some("delivered"), "{name}: {:#}", record.0);
    }
}

#[tokio::test]
async fn memory_does_not_grow_with_the_number_of_answers_that_are_too_long() {
    let stage = Stage::new(PATIENT).await;
    answer_notifications(&stage.provider, |_| Reply::Huge(100 << 20));
    for _ in 0..5 {
        assert_deferred(&stage.end_of_new_session().await);
    }
    let before = high_water_mark(stage.hub.pid());
    for _ in 0..100 {
        assert_deferred(&stage.end_of_new_session().await);
    }
    let grown = high_water_mark(stage.hub.pid()).saturating_sub(before);
    // The allocator takes 32 MB from the system at a time; half a megabyte kept per answer would be more.
    assert!(grown < 48 * 1024, "the hub grew by {grown} kB over 100 answers of 100 MB");
}

#[tokio::test]
async fn an_acknowledgement_that_names_another_session_is_relayed_under_the_callers_own() {
    let stage = Stage::new(PATIENT).await;
    let other = stage.operator.open_session().await;
    for named in [json!(other), json!("no session at all"), json!(7), json!(null), json!("x".repeat(500_000))]
    {
        let said = named.clone();
        answer_notifications(&stage.provider, move |_| {
            let status = json!({"Code": "000", "Description": "Success"});
            Reply::Json(
                200,
                json!({
                    "Result": true, "StatusCode": status, "SessionID": said, "CPOPartnerSessionID": said,
                }),
            )
        });
        let session = stage.operator.open_session().await;
        let answer = stage.operator.notify(messages::end(&session)).await;
        assert_delivered(&answer);
        assert_eq!(answer.json()["SessionID"], session, "the caller's own");
        assert_eq!(answer.json()["CPOPartnerSessionID"], "1234XYZ", "the caller's own");
        // And so it is when it is answered from the ledger.
        stage.record_in_state(&answer, "delivered").await;
        let repeat = stage.operator.notify(messages::end(&session)).await;
        assert_delivered(&repeat);
        assert_eq!(repeat.json()["SessionID"], session);
        assert_eq!(process_of(&repeat), process_of(&answer));
        assert_eq!(attempts(&of_session(&stage.provider, &session)), [1]);
    }
}

#[tokio::test]
async fn a_second_answer_to_one_request_is_not_taken_for_that_to_the_next() {
    let stage = Stage::new(PATIENT).await;
    let answer = |result: bool, code: &str| {
        let body = json!({"Result": result, "StatusCode": {"Code": code, "Description": ""}}).to_string();
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let both = answer(true, "000") + &answer(false, "102");
    for _ in 0..5 {
        let both = both.clone();
        answer_notifications(&stage.provider, move |_| Reply::Bytes(both.clone().into_bytes()));
        let session = stage.operator.open_session().await;
        assert_delivered(&stage.operator.notify(messages::start(&session)).await);
        answer_notifications(&stage.provider, |_| Reply::Acknowledge);
        assert_delivered(&stage.operator.notify(messages::end(&session)).await);
        assert_eq!(of_session(&stage.provider, &session).len(), 2, "the End was sent, not only answered");
    }
}

#[tokio::test]
async fn a_kept_connection_that_closes_after_it_took_the_request_gets_one_more_try() {
    let stage = Stage::new(PATIENT).await;
    for round in 1..=5 {
        let session = stage.operator.open_session().await;
        let kept = stage.provider.connections();
        answer_notifications(&stage.provider, move |request| {
            if request.connection <= kept { Reply::CloseBeforeAnswer } else { Reply::Acknowledge }
        });
        let answer = stage.operator.notify(messages::end(&session)).await;
        assert_delivered(&answer);
        assert_eq!(
            attempts(&of_session(&stage.provider, &session)),
            [1, 1],
            "round {round}: the same attempt"
        );
        assert_eq!(stage.record_in_state(&answer, "delivered").await.outcomes(), ["delivered"]);
    }
}
