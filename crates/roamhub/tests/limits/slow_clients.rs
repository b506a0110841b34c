//! Slow clients: a head, a body, an upload that dribbles; an answer that nobody reads. Each is cut off in its time, and
//! nobody else notices.

use std::time::Duration;

use roamhub_testkit::messages;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpSocket;
use tokio::time::timeout;

use crate::stage::{BOUND, Stage, assert_judged};
use crate::wire::{Line, head, notification};

const BITE: Duration = Duration::from_millis(50);

#[tokio::test]
async fn a_head_that_dribbles_is_cut_off_and_an_idle_connection_is_not() {
    let stage = Stage::with("[limits]\nhead_time = \"1s\"\n").await;
    let session = stage.operator.open_session().await;
    let silent = Line::to(stage.hub.oicp()).await;
    let mut kept = Line::to(stage.hub.oicp()).await;
    kept.say(notification(&messages::start(&session))).await;
    assert!(kept.hear().await.starts_with("HTTP/1.1 200"));

    let lines = format!("{}x-more: {}\r\n", &head(10)[..head(10).len() - 2], "y".repeat(100_000));
    let (took, said) = Line::to(stage.hub.oicp()).await.dribble(lines.as_bytes(), BITE).await;
    assert!((1_000..4_000).contains(&took.as_millis()), "cut off after {took:?}");
    assert_eq!(said, "", "there was no request to answer");
    // After a whole call the next head has its own second.
    let mut second = Line::to(stage.hub.oicp()).await;
    second.say(notification(&messages::error(&session))).await;
    assert!(second.hear().await.starts_with("HTTP/1.1 200"));
    let (took, _) = second.dribble(lines.as_bytes(), BITE).await;
    assert!((1_000..4_000).contains(&took.as_millis()), "cut off after {took:?}");

    assert!(!silent.is_closed() && !kept.is_closed(), "idle connections have minutes");
    kept.say("\r\n").await;
    kept.say(notification(&messages::end(&session))).await;
    assert!(kept.hear().await.starts_with("HTTP/1.1 200"), "and serve on");
}

#[tokio::test]
async fn a_call_that_takes_long_is_not_a_slow_client() {
    let stage =
        Stage::with("[limits]\nhead_time = \"500ms\"\nanswer_time = \"500ms\"\nbody_time = \"500ms\"\n")
            .await;
    stage.answer_with(|_| {
        let later = Box::new(roamhub_testkit::Reply::Acknowledge);
        roamhub_testkit::Reply::After(Duration::from_secs(2), later)
    });
    let session = stage.operator.open_session().await;
    assert_judged(&stage.operator.notify(messages::end(&session)).await, "000");
}

#[tokio::test]
async fn a_body_that_dribbles_is_answered_408_when_its_time_is_over() {
    let stage = Stage::with("[limits]\nbody_time = \"1s\"\n").await;
    let mut line = Line::to(stage.hub.oicp()).await;
    line.say(head(100_000)).await;
    let (took, said) = line.dribble(b" ", BITE).await;
    assert!((1_000..4_000).contains(&took.as_millis()), "{took:?}");
    assert!(said.starts_with("HTTP/1.1 408") && said.contains("\"Code\":\"022\""), "{said}");
    // Also in chunks, which announce no length.
    let mut line = Line::to(stage.hub.oicp()).await;
    line.say(head(1).replace("content-length: 1", "transfer-encoding: chunked")).await;
    let (took, said) = line.dribble(b"1\r\n \r\n", BITE).await;
    assert!((1_000..4_000).contains(&took.as_millis()), "{took:?}");
    assert!(said.starts_with("HTTP/1.1 408"), "{said}");
    stage.still_serves().await;
}

#[tokio::test]
async fn an_upload_that_dribbles_is_cut_off_long_before_its_minute_is_over() {
    let stage = Stage::with("").await;
    let mut line = Line::to(stage.hub.oicp()).await;
    let path = "/api/oicp/authdata/v21/providers/DE-DCB/push-request";
    line.say(format!("POST {path} HTTP/1.1\r\nhost: hub\r\ncontent-length: 9000000\r\n\r\n")).await;
    let (took, said) = line.dribble(b" ", BITE).await;
    assert!((5..15).contains(&took.as_secs()), "{took:?}");
    assert!(said.starts_with("HTTP/1.1 408"), "{said}");
}

#[tokio::test]
async fn who_never_reads_the_answers_is_let_go() {
    let stage = Stage::with("[limits]\nanswer_time = \"1s\"\n").await;
    stage.still_serves().await;
    let before = stage.metric("roamhub_connections").await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let mut greedy = socket.connect(stage.hub.oicp()).await.unwrap();
    let request = "GET /api/oicp/nothing HTTP/1.1\r\nhost: hub\r\n\r\n".repeat(200);
    let asking = async { while greedy.write_all(request.as_bytes()).await.is_ok() {} };
    timeout(BOUND, asking).await.expect("the hub lets go of who never reads");
    stage.metric_is("roamhub_connections", |open| open <= before).await;
    stage.still_serves().await;
}

#[tokio::test]
async fn hundreds_of_slow_clients_hold_up_nobody() {
    const SLOW: usize = 400;
    let stage = Stage::with("").await;
    let session = stage.operator.open_session().await;
    let mut slow = Vec::new();
    for number in 0..SLOW {
        let mut line = Line::to(stage.hub.oicp()).await;
        if number % 2 == 0 {
            line.say(&head(10)[..40]).await;
        } else {
            line.say(head(100_000) + "{").await;
        }
        slow.push(line);
    }
    for number in 0..100 {
        let answer = stage.operator.notify(crate::stage::distinct(messages::end(&session), number)).await;
        assert_judged(&answer, "000");
        assert!(answer.took < Duration::from_secs(2), "{answer:?}");
    }
    for line in slow {
        let said = line.hear_to_the_end().await;
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 408"), "{said}");
    }
    stage.metric_is("roamhub_bodies_bytes", |bytes| bytes == 0).await;
    stage.metric_is("roamhub_calls_under_way", |calls| calls == 0).await;
}
