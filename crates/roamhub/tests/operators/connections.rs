//! Connections: kept for many calls, never upgraded, and finished properly when the hub stops.

use std::time::Duration;

use roamhub_testkit::messages;
use roamhub_testkit::provider::Reply;

use crate::conversation::{Conversation, notification};
use crate::stage::{BOUND, Stage, assert_judged, inspect};

#[tokio::test]
async fn one_connection_serves_many_calls_refusals_included() {
    let stage = Stage::new().await;
    let mut caller = Conversation::with(stage.hub.oicp()).await;
    for _ in 0..10 {
        let session = stage.operator.open_session().await;
        caller.say(notification("", &messages::end(&session).to_string())).await;
        let said = caller.hear().await;
        assert_eq!((said.status, &said.json()["Result"]), (200, &true.into()), "{said:?}");
        for (http, body) in [(400, "{"), (400, "{}")] {
            caller.say(notification("", body)).await;
            assert_eq!(caller.hear().await.status, http);
        }
        caller.say("GET / HTTP/1.1\r\nhost: hub\r\n\r\n").await;
        assert_eq!(caller.hear().await.status, 404);
    }
    assert_eq!(stage.provider.notifications().len(), 10);
}

#[tokio::test]
async fn calls_sent_without_waiting_are_answered_in_their_order() {
    let stage = Stage::new().await;
    let session = stage.operator.open_session().await;
    let bodies = [messages::start(&session), messages::progress(&session, 9), messages::end(&session)];
    let all: String = bodies.iter().map(|body| notification("", &body.to_string())).collect();
    let mut caller = Conversation::with(stage.hub.oicp()).await;
    caller.say(all).await;
    for _ in &bodies {
        assert_eq!(caller.hear().await.status, 200);
    }
    let kinds: Vec<_> = stage.provider.notifications().iter().map(|received| received.kind()).collect();
    assert_eq!(kinds, ["Start", "Progress", "End"]);
}

#[tokio::test]
async fn an_offer_to_upgrade_to_http2_is_ignored() {
    let stage = Stage::new().await;
    let session = stage.operator.open_session().await;
    let offer =
        "connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n";
    let mut caller = Conversation::with(stage.hub.oicp()).await;
    caller.say(notification(offer, &messages::end(&session).to_string())).await;
    let said = caller.hear().await;
    assert_eq!((said.status, &said.json()["Result"]), (200, &true.into()), "{said:?}");
    assert!(!said.head.contains("\r\nupgrade:"), "{said:?}");
    // And the connection goes on in HTTP/1.1.
    caller.say(notification("", "{}")).await;
    assert_eq!(caller.hear().await.status, 400);
}

#[tokio::test]
async fn an_old_client_is_answered_and_the_connection_closed() {
    let stage = Stage::new().await;
    let session = stage.operator.open_session().await;
    let request = notification("connection: close\r\n", &messages::end(&session).to_string());
    for old in [request.clone(), request.replace("HTTP/1.1", "HTTP/1.0")] {
        let mut caller = Conversation::with(stage.hub.oicp()).await;
        caller.say(old).await;
        assert_eq!(caller.hear().await.status, 200);
        assert!(caller.is_closed().await);
    }
}

#[tokio::test]
async fn what_is_not_http_costs_nobody_else_anything() {
    let stage = Stage::new().await;
    let noise: [&[u8]; 5] = [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"EHLO mail.example\r\n",
        b"POST / HTTP/1.1\r\nhost: hub\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}",
        b"POST / HTTP/1.1\r\nhost: hub\r\nno colon here\r\n\r\n",
    ];
    for bytes in noise {
        let mut caller = Conversation::with(stage.hub.oicp()).await;
        caller.say(bytes).await;
        // Either a plain 400 or a closed connection; both end it.
        let patient = stage.operator.clone().with_patience(Duration::from_secs(5));
        if let Ok(answer) = patient.try_raw(bytes).await {
            assert!(answer.status >= 400, "{answer:?}");
        }
    }
    stage.still_serves().await;
}

#[tokio::test]
async fn a_call_under_way_is_finished_when_the_hub_is_told_to_stop() {
    let slow = || Reply::After(Duration::from_secs(2), Box::new(Reply::Acknowledge));
    let mut stage = Stage::answering(move |_| slow()).await;
    let session = stage.operator.open_session().await;
    let mut idle = Conversation::with(stage.hub.oicp()).await;
    idle.say(notification("", "{}")).await;
    assert_eq!(idle.hear().await.status, 400);

    let (operator, end) = (stage.operator.clone(), messages::end(&session));
    let call = tokio::spawn(async move { operator.notify(end).await });
    stage.provider.wait_for(1, BOUND).await;
    let address = stage.hub.oicp();
    let ended = stage.hub.terminate().await;
    assert_eq!(ended.code(), Some(0), "{}", stage.hub.log());

    let answer = call.await.unwrap();
    let process = assert_judged(&answer, true, "000");
    let connection = answer.header("connection").map(str::to_lowercase);
    assert_eq!(connection.as_deref(), Some("close"), "{answer:?}");
    assert!(idle.is_closed().await, "idle connections are closed");
    assert!(tokio::net::TcpStream::connect(address).await.is_err(), "nobody listens any more");
    let seen = inspect(stage.hub.data_dir(), &process).await;
    assert_eq!(seen["deliveries"][0]["state"], "delivered", "{seen:#}");
    assert_eq!(stage.provider.notifications().len(), 1);
}

#[tokio::test]
async fn the_listener_is_closed_at_once_when_the_hub_is_told_to_stop() {
    let slow = || Reply::After(Duration::from_secs(3), Box::new(Reply::Acknowledge));
    let mut stage = Stage::answering(move |_| slow()).await;
    let session = stage.operator.open_session().await;
    let address = stage.hub.oicp();
    let (operator, end) = (stage.operator.clone(), messages::end(&session));
    let call = tokio::spawn(async move { operator.notify(end).await });
    stage.provider.wait_for(1, BOUND).await;
    let refused = async {
        while tokio::net::TcpStream::connect(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
        !call.is_finished()
    };
    let (ended, before_the_answer) = tokio::join!(stage.hub.terminate(), refused);
    assert!(before_the_answer, "new calls are refused while the old one is finished");
    assert_eq!(ended.code(), Some(0), "{}", stage.hub.log());
    assert_judged(&call.await.unwrap(), true, "000");
}
