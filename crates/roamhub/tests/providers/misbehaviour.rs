//! Providers that misbehave on the wire: whatever they do, the operator gets a valid answer in time, and the End goes
//! through in the end.

use std::time::Duration;

use roamhub_testkit::{FakeProvider, Reply, messages};
use serde_json::json;

use crate::stage::{
    LONGEST_ANSWER, PATIENT, QUICK, SOON, Stage, answer_notifications, assert_deferred, assert_delivered,
    attempts, notify_beside, of_session,
};

const A_SECOND: Duration = Duration::from_secs(1);

#[tokio::test]
async fn silence_a_hang_after_headers_and_a_trickle_end_at_one_deadline_over_the_whole_exchange() {
    // The default time a provider gets: 6 s.
    let stage = Stage::answering("broadcast = true\nretry = [\"1h\"]", |request| {
        match request.json()["EvseID"].as_str() {
            Some("DE*ABC*E1") => Reply::Hang,
            Some("DE*ABC*E2") => Reply::HangAfterHeaders,
            _ => Reply::Trickle { every: A_SECOND },
        }
    })
    .await;
    let mut answers = Vec::new();
    for evse in ["DE*ABC*E1", "DE*ABC*E2", "DE*ABC*E3"] {
        let session = stage.operator.open_session().await;
        let mut end = messages::end(&session);
        end["EvseID"] = evse.into();
        answers.push((evse, notify_beside(&stage.operator, end)));
    }
    for (evse, answer) in answers {
        let answer = answer.await.unwrap();
        assert_deferred(&answer);
        let given = Duration::from_millis(5_500)..LONGEST_ANSWER;
        assert!(given.contains(&answer.took), "{evse}: the provider gets its 6 s, not more: {answer:?}");
        let record = stage.record_in_state(&answer, "deferred").await;
        assert_eq!(record.outcomes(), ["unreachable"], "{evse}");
    }
}

#[tokio::test]
async fn a_silent_provider_gets_the_time_that_the_partners_file_says() {
    for reply in [Reply::Hang, Reply::HangAfterHeaders, Reply::Trickle { every: Duration::from_millis(100) }]
    {
        let stage = Stage::new(PATIENT).await;
        answer_notifications(&stage.provider, move |_| reply.clone());
        let answer = stage.end_of_new_session().await;
        assert_deferred(&answer);
        assert!((A_SECOND..A_SECOND * 3).contains(&answer.took), "timeout = \"1s\": {answer:?}");
    }
}

#[tokio::test]
async fn half_an_answer_is_none() {
    let stage = Stage::answering(QUICK, |request| match request.header("hub-attempt") {
        Some("1") => Reply::HalfJson,
        Some("2") => Reply::BytesThenClose(b"HTTP/1.1 200 OK\r\ncontent-le".to_vec()),
        Some("3") => Reply::BytesThenClose(
            b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{\"Res".to_vec(),
        ),
        _ => Reply::Acknowledge,
    })
    .await;
    let answer = stage.end_of_new_session().await;
    assert_deferred(&answer);
    let record = stage.record_in_state(&answer, "delivered").await;
    assert_eq!(record.outcomes(), ["unreachable", "unreachable", "unreachable", "delivered"]);
}

/// The most memory a process has used so far, in kilobytes.
pub(crate) fn high_water_mark(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_ascii_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn an_answer_of_a_hundred_megabytes_is_not_read() {
    let stage = Stage::new(PATIENT).await;
    assert_delivered(&stage.end_of_new_session().await);
    let before = high_water_mark(stage.hub.pid());
    answer_notifications(&stage.provider, |_| Reply::Huge(100 << 20));
    let answer = stage.end_of_new_session().await;
    assert_deferred(&answer);
    assert!(answer.additional_info().contains("too long"), "{answer:?}");
    let grown = high_water_mark(stage.hub.pid()) - before;
    assert!(grown < 20 * 1024, "the hub grew by {grown} kB");
    // An answer that is long, but not too long, is read.
    answer_notifications(&stage.provider, |_| Reply::Huge(500 << 10));
    assert_delivered(&stage.end_of_new_session().await);
}

#[tokio::test]
async fn a_gzip_bomb_is_not_unpacked() {
    let stage = Stage::new(PATIENT).await;
    let blanks = Reply::Raw { status: 200, content_type: None, body: vec![b' '; 60 << 20].into() };
    answer_notifications(&stage.provider, move |_| Reply::Gzip(Box::new(blanks.clone())));
    assert_delivered_session(&stage).await;
    let before = high_water_mark(stage.hub.pid());
    let answer = stage.end_of_new_session().await;
    assert_deferred(&answer);
    let grown = high_water_mark(stage.hub.pid()) - before;
    assert!(grown < 20 * 1024, "the hub grew by {grown} kB");
}

/// One authorisation, so that code and connections are warm before memory is measured.
async fn assert_delivered_session(stage: &Stage) {
    assert!(!stage.operator.open_session().await.is_empty());
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = FakeProvider::start().await;
    let stage = Stage::new(QUICK).await;
    for status in [301, 302, 303, 307, 308] {
        let to = format!("{}/api/oicp/notificationmgmt/v11/charging-notifications", elsewhere.url());
        answer_notifications(&stage.provider, move |_| match status {
            307 => Reply::Redirect(to.clone()),
            _ => {
                let moved = Reply::Raw { status, content_type: None, body: bytes::Bytes::new() };
                Reply::WithHeaders(vec![("location".to_owned(), to.clone())], Box::new(moved))
            }
        });
        let answer = stage.end_of_new_session().await;
        assert_deferred(&answer);
        let record = stage.record_in_state(&answer, "deferred").await;
        assert_eq!(record.outcomes(), ["misconfigured"], "HTTP {status}");
    }
    assert_eq!(elsewhere.connections(), 0, "a message goes where the partners file says, nowhere else");
}

#[tokio::test]
async fn a_compressed_answer_is_read_although_it_was_not_asked_for() {
    let stage = Stage::answering(QUICK, |_| Reply::Gzip(Box::new(Reply::ack(true, "000", "packed")))).await;
    let answer = stage.end_of_new_session().await;
    assert_delivered(&answer);
    assert_eq!(answer.additional_info(), "packed");
    // Announced, but not what came.
    let header = vec![("content-encoding".to_owned(), "gzip".to_owned())];
    answer_notifications(&stage.provider, move |request| match request.header("hub-attempt") {
        Some("1") => Reply::WithHeaders(header.clone(), Box::new(Reply::Acknowledge)),
        _ => Reply::Acknowledge,
    });
    let answer = stage.end_of_new_session().await;
    assert_deferred(&answer);
    stage.record_in_state(&answer, "delivered").await;
}

#[tokio::test]
async fn an_answer_may_come_in_chunks_behind_promises_or_until_the_connection_ends() {
    let ack = r#"{"Result":true,"StatusCode":{"Code":"000","AdditionalInfo":"read whole"}}"#;
    let (front, back) = ack.split_at(20);
    let (head, chunked) = ("HTTP/1.1 200 OK\r\n", "transfer-encoding: chunked\r\n\r\n");
    let chunks =
        format!("{:x};a=b\r\n{front}\r\n{:X}\r\n{back}\r\n0\r\nx: y\r\n\r\n", front.len(), back.len());
    let promise = "HTTP/1.1 103 Early Hints\r\nlink: </>\r\n\r\n";
    let ways = [
        (Reply::Bytes(format!("{head}{chunked}{chunks}").into_bytes()), true),
        (
            Reply::Bytes(
                format!("{promise}{promise}{head}content-length: {}\r\n\r\n{ack}", ack.len()).into_bytes(),
            ),
            true,
        ),
        (Reply::BytesThenClose(format!("{head}\r\n{ack}").into_bytes()), false),
        (Reply::BytesThenClose(format!("HTTP/1.0 200 OK\r\n\r\n{ack}").into_bytes()), false),
        (
            Reply::Bytes(
                format!("{head}connection: close\r\ncontent-length: {}\r\n\r\n{ack}", ack.len()).into_bytes(),
            ),
            false,
        ),
    ];
    let stage = Stage::new(PATIENT).await;
    for (way, (reply, kept)) in ways.into_iter().enumerate() {
        let session = stage.operator.open_session().await;
        let before = stage.provider.connections();
        answer_notifications(&stage.provider, move |_| reply.clone());
        let answer = stage.operator.notify(messages::end(&session)).await;
        assert_delivered(&answer);
        assert_eq!(answer.additional_info(), "read whole", "way {way}");
        stage.operator.open_session().await;
        assert_eq!(
            stage.provider.connections() == before,
            kept,
            "way {way}: whether the connection is used again"
        );
    }
}

#[tokio::test]
async fn a_kept_connection_that_is_reset_in_the_moment_of_sending_costs_nothing() {
    let stage = Stage::new(PATIENT).await;
    // The authorisation leaves a connection behind whose next use is met with a reset.
    stage.provider.set_script(|request| {
        if request.is_authorize_start() { Reply::StaleKeepAlive } else { Reply::Acknowledge }
    });
    for round in 1..=5 {
        let answer = stage.end_of_new_session().await;
        assert_delivered(&answer);
        let record = stage.record_in_state(&answer, "delivered").await;
        assert_eq!(record.outcomes(), ["delivered"], "round {round}");
        assert_eq!(record.attempts()[0]["number"], 1, "round {round}: the same attempt");
    }
    assert_eq!(attempts(&stage.provider.notifications()), [1; 5]);
}

#[tokio::test]
async fn a_kept_connection_that_breaks_before_a_byte_of_the_answer_gets_one_more_try_and_only_one() {
    let stage = Stage::new(PATIENT).await;
    let session = stage.operator.open_session().await;
    let kept = stage.provider.connections();
    answer_notifications(&stage.provider, move |request| {
        if request.connection == kept { Reply::Reset } else { Reply::Acknowledge }
    });
    let answer = stage.operator.notify(messages::end(&session)).await;
    assert_delivered(&answer);
    let seen = of_session(&stage.provider, &session);
    assert_eq!(attempts(&seen), [1, 1], "the same attempt, on two connections");
    assert_ne!(seen[0].connection, seen[1].connection);
    assert_eq!(stage.record_in_state(&answer, "delivered").await.outcomes(), ["delivered"]);
    // On a fresh connection nothing is repeated.
    let session = stage.operator.open_session().await;
    answer_notifications(&stage.provider, |_| Reply::Reset);
    let answer = stage.operator.notify(messages::end(&session)).await;
    assert_deferred(&answer);
    assert_eq!(attempts(&of_session(&stage.provider, &session)), [1, 1], "kept, fresh, and no third");
}

#[tokio::test]
async fn the_second_try_on_a_fresh_connection_has_no_budget_of_its_own() {
    let stage = Stage::new(PATIENT).await;
    let session = stage.operator.open_session().await;
    let kept = stage.provider.connections();
    answer_notifications(&stage.provider, move |request| {
        let late_reset = Reply::After(Duration::from_millis(700), Box::new(Reply::Reset));
        if request.connection == kept { late_reset } else { Reply::Hang }
    });
    let answer = stage.operator.notify(messages::end(&session)).await;
    assert_deferred(&answer);
    assert!(answer.took < Duration::from_millis(1_600), "1 s for both tries together: {answer:?}");
}

#[tokio::test]
async fn a_provider_that_closes_after_every_answer_is_served_all_the_same() {
    let stage = Stage::new(PATIENT).await;
    stage.provider.set_script(|_| Reply::CloseAfterAnswer);
    for _ in 0..10 {
        assert_delivered(&stage.end_of_new_session().await);
    }
    assert_eq!(attempts(&stage.provider.notifications()), [1; 10]);
    assert!(stage.provider.connections() >= 20, "each exchange on a connection of its own");
}

#[tokio::test]
async fn a_connection_is_kept_and_used_again() {
    let stage = Stage::new(PATIENT).await;
    for _ in 0..10 {
        assert_delivered(&stage.end_of_new_session().await);
    }
    assert_eq!(stage.provider.connections(), 1, "one after the other, all on one");
}

#[tokio::test]
async fn an_answer_that_comes_after_the_deadline_is_not_taken_for_that_of_the_next_message() {
    let stage = Stage::answering(PATIENT, |request| match request.kind() {
        "Start" => {
            let late = Reply::ack(false, "102", "for the Start");
            Reply::After(Duration::from_millis(1_300), Box::new(late))
        }
        _ => Reply::Acknowledge,
    })
    .await;
    let session = stage.operator.open_session().await;
    assert_deferred(&stage.operator.notify(messages::start(&session)).await);
    assert_delivered(&stage.operator.notify(messages::end(&session)).await);
}

#[tokio::test]
async fn a_refusal_that_comes_before_the_whole_message_was_read_is_heard() {
    let stage = Stage::new(PATIENT).await;
    let head = b"HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    answer_notifications(&stage.provider, |_| Reply::BytesThenClose(head.to_vec()));
    let session = stage.operator.open_session().await;
    let mut end = messages::end(&session);
    end["Comment"] = json!("x".repeat(600 << 10));
    let answer = stage.operator.notify(end).await;
    assert_deferred(&answer);
    let record = stage.record_in_state(&answer, "deferred").await;
    assert_eq!(record.outcomes(), ["misconfigured"], "{:#}", record.0);
    assert!(stage.provider.wait_for(1, SOON).await[0].body.len() > 600 << 10, "long, and whole");
}
