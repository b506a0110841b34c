//! What the fake provider does on real sockets, seen by a client that reads byte by byte.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use roamhub_testkit::{
    Answer, FakeOperator, FakeProvider, NOTIFICATIONS_PATH, Reply, SessionGuard, authorize_start_path,
    messages,
};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const SOON: Duration = Duration::from_secs(10);
const SESSION: &str = "3fe7378a-238f-4cf3-bca6-de657881f8c2";

fn hub_of(provider: &FakeProvider) -> FakeOperator {
    FakeOperator::new("DE*ABC", SocketAddr::from(([127, 0, 0, 1], provider.port())))
}

async fn behaving(reply: Reply) -> (FakeProvider, FakeOperator) {
    let provider = FakeProvider::builder().script(move |_| reply.clone()).start().await;
    let hub = hub_of(&provider).with_patience(SOON);
    (provider, hub)
}

async fn answer_of(reply: Reply) -> Answer {
    let (_provider, hub) = behaving(reply).await;
    hub.notify(messages::end(SESSION)).await
}

async fn failure_of(reply: Reply) -> ErrorKind {
    let (_provider, hub) = behaving(reply).await;
    hub.try_notify(messages::end(SESSION)).await.expect_err("no whole answer").kind()
}

async fn silence_of(reply: Reply) -> ErrorKind {
    let (_provider, hub) = behaving(reply).await;
    let hub = hub.with_patience(Duration::from_millis(200));
    hub.try_notify(messages::end(SESSION)).await.expect_err("no whole answer").kind()
}

#[tokio::test]
async fn says_yes_to_everything_and_keeps_every_byte() {
    let provider = FakeProvider::start().await;
    let hub = hub_of(&provider);
    let sent = messages::end_as_in_the_guide(SESSION, "DE*ABC", "DE*ABC*ETEST1");

    let answer = hub.post(NOTIFICATIONS_PATH, &[("Process-ID", "p-1")], sent.clone()).await;

    assert_eq!((answer.status, answer.code().as_str(), answer.result()), (200, "000", true));
    assert_eq!(answer.json()["SessionID"], SESSION);
    let seen = &provider.wait_for(1, SOON).await[0];
    assert_eq!(seen.body, sent);
    assert_eq!((seen.n, seen.method.as_str(), seen.path.as_str()), (1, "POST", NOTIFICATIONS_PATH));
    assert_eq!(seen.header("process-id"), Some("p-1"));
    assert_eq!((seen.kind(), seen.connection), ("End", 1));
    assert_eq!(provider.url(), format!("http://127.0.0.1:{}", provider.port()));
}

#[tokio::test]
async fn authorises_and_keeps_notifications_apart() {
    let provider = FakeProvider::builder().provider_id("DE-XXX").start().await;
    let hub = hub_of(&provider);

    let answer = hub.authorize_start(messages::authorize_start_rfid("04AABBCCDDEEFF")).await;

    assert_eq!(answer.json()["AuthorizationStatus"], "Authorized");
    assert_eq!(answer.json()["ProviderID"], "DE-XXX");
    assert!(provider.received()[0].is_authorize_start());
    assert!(provider.notifications().is_empty());
}

#[tokio::test]
async fn reads_chunked_bodies_and_says_continue() {
    let provider = FakeProvider::start().await;
    let hub = hub_of(&provider);
    let body = messages::end(SESSION).to_string();

    for headers in [("transfer-encoding", "chunked"), ("expect", "100-continue")] {
        assert!(hub.post(NOTIFICATIONS_PATH, &[headers], body.clone()).await.result());
    }

    let seen = provider.wait_for(2, SOON).await;
    assert!(seen.iter().all(|seen| seen.body == body));
    assert_eq!(provider.connections(), 1, "both on one kept connection");
}

#[tokio::test]
async fn answers_as_told() {
    let json = answer_of(Reply::Json(500, json!({"Result": false}))).await;
    assert_eq!((json.status, json.result()), (500, false));
    let refused = answer_of(Reply::ack(false, "021", "try later")).await;
    assert_eq!((refused.status, refused.code()), (200, "021".to_owned()));
    assert_eq!(refused.additional_info(), "try later");
    let raw = Reply::Raw { status: 200, content_type: Some("text/html".to_owned()), body: "<p>".into() };
    let html = answer_of(raw).await;
    assert_eq!((html.header("content-type"), html.text()), (Some("text/html"), "<p>".to_owned()));
    let nothing = answer_of(Reply::NoContent).await;
    assert_eq!((nothing.status, nothing.body.len(), nothing.header("content-length")), (204, 0, None));
    let elsewhere = answer_of(Reply::Redirect("http://127.0.0.1:1/".to_owned())).await;
    assert_eq!((elsewhere.status, elsewhere.header("location")), (307, Some("http://127.0.0.1:1/")));
    let huge = answer_of(Reply::Huge(3_000_000)).await;
    assert_eq!((huge.body.len(), huge.code()), (3_000_000, "000".to_owned()));
}

#[tokio::test]
async fn wraps_answers() {
    let headers =
        vec![("Retry-After".to_owned(), "7".to_owned()), ("content-type".to_owned(), "x/y".to_owned())];
    let told = answer_of(Reply::WithHeaders(headers, Box::new(Reply::Json(429, json!({}))))).await;
    assert_eq!((told.status, told.header("retry-after")), (429, Some("7")));
    assert_eq!(told.headers.iter().filter(|(name, _)| name == "content-type").count(), 1);

    let late = answer_of(Reply::After(Duration::from_millis(80), Box::new(Reply::Acknowledge))).await;
    assert!(late.took >= Duration::from_millis(80), "{late:?}");

    let small = answer_of(Reply::Gzip(Box::new(Reply::Acknowledge))).await;
    assert_eq!(small.header("content-encoding"), Some("gzip"));
    assert!(small.body.starts_with(&[0x1f, 0x8b]));
}

#[tokio::test]
async fn trickles_byte_by_byte() {
    let answer = answer_of(Reply::Trickle { every: Duration::from_millis(1) }).await;
    assert!(answer.result());
    assert!(answer.took >= Duration::from_millis(200), "{answer:?}");
}

#[tokio::test]
async fn withholds_answers() {
    assert_eq!(failure_of(Reply::Reset).await, ErrorKind::ConnectionReset);
    assert_eq!(failure_of(Reply::CloseBeforeAnswer).await, ErrorKind::UnexpectedEof);
    assert_eq!(failure_of(Reply::HalfJson).await, ErrorKind::UnexpectedEof);
    assert_eq!(silence_of(Reply::Hang).await, ErrorKind::TimedOut);
    assert_eq!(silence_of(Reply::HangAfterHeaders).await, ErrorKind::TimedOut);
    assert_eq!(silence_of(Reply::Bytes(b"HTTP/1.1 200 OK\r\n".to_vec())).await, ErrorKind::TimedOut);
    assert_eq!(failure_of(Reply::BytesThenClose(b"SSH-2.0\r\n\r\n".to_vec())).await, ErrorKind::InvalidData);
}

#[tokio::test]
async fn sends_the_head_before_it_hangs() {
    let (provider, _) = behaving(Reply::HangAfterHeaders).await;
    let mut socket = TcpStream::connect(("127.0.0.1", provider.port())).await.unwrap();
    socket.write_all(b"POST / HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}").await.unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(b"\r\n\r\n") {
        assert!(socket.read_buf(&mut seen).await.unwrap() > 0, "closed after {seen:?}");
    }
    assert!(seen.starts_with(b"HTTP/1.1 200 OK\r\n"));
}

#[tokio::test]
async fn closes_although_it_promised_to_stay() {
    let (provider, _) = behaving(Reply::CloseAfterAnswer).await;
    let mut socket = TcpStream::connect(("127.0.0.1", provider.port())).await.unwrap();
    socket.write_all(b"POST /x HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}").await.unwrap();
    let mut seen = String::new();
    socket.read_to_string(&mut seen).await.unwrap();
    assert!(seen.contains("\r\nconnection: keep-alive\r\n") && seen.ends_with('}'), "{seen}");
}

#[tokio::test]
async fn resets_a_kept_connection_at_the_first_byte_of_the_second_request() {
    let (provider, _) = behaving(Reply::StaleKeepAlive).await;
    let request = b"POST /x HTTP/1.1\r\ncontent-length: 2\r\n\r\n{}";
    let mut socket = TcpStream::connect(("127.0.0.1", provider.port())).await.unwrap();
    socket.write_all(request).await.unwrap();
    let mut first = vec![0; 12];
    socket.read_exact(&mut first).await.unwrap();
    assert_eq!(first, b"HTTP/1.1 200");
    socket.write_all(b"P").await.unwrap();
    let error = socket.read_to_end(&mut first).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert_eq!(provider.received().len(), 1, "the second request was not read");
}

#[tokio::test]
async fn stops_at_once_and_comes_back_on_its_port() {
    let provider = FakeProvider::builder().script(|_| Reply::Hang).start().await;
    let hub = hub_of(&provider).with_patience(SOON);
    let waiting = tokio::spawn({
        let hub = hub.clone();
        async move { hub.try_notify(messages::end(SESSION)).await }
    });
    provider.wait_for(1, SOON).await;

    provider.stop().await;

    assert!(waiting.await.unwrap().is_err(), "open connections end");
    let refused = hub.try_notify(messages::end(SESSION)).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);

    provider.set_script(|_| Reply::Acknowledge);
    provider.restart().await;
    assert!(hub.notify(messages::start(SESSION)).await.result());
    let kinds: Vec<_> = provider.wait_for(2, SOON).await.iter().map(|seen| seen.kind()).collect();
    assert_eq!(kinds, ["End", "Start"], "what was received before the stop is kept");
}

#[tokio::test]
async fn guards_its_sessions() {
    let provider = FakeProvider::builder().script(SessionGuard::new().into_script()).start().await;
    let hub = hub_of(&provider);
    let mut asked = messages::authorize_start_rfid("04AABBCCDDEEFF");
    asked["SessionID"] = SESSION.into();
    assert_eq!(hub.authorize_start(asked).await.json()["AuthorizationStatus"], "Authorized");

    assert!(hub.notify(messages::end(SESSION)).await.result());
    let unknown = hub.notify(messages::end("00000000-238f-4cf3-bca6-de657881f8c2")).await;
    assert_eq!((unknown.result(), unknown.code().as_str()), (false, "400"));
}

#[tokio::test]
async fn says_what_it_awaited_and_what_it_saw() {
    let provider = FakeProvider::start().await;
    hub_of(&provider).notify(messages::end(SESSION)).await;
    let waiting = tokio::spawn(async move { provider.wait_for(2, Duration::from_millis(50)).await.len() });
    let panic = waiting.await.unwrap_err().into_panic();
    let text = panic.downcast_ref::<String>().unwrap();
    for part in ["2 charging notifications", "tests/provider.rs", "End of session 3fe7378a", "1 requests"] {
        assert!(text.contains(part), "{part:?} is missing in {text}");
    }
}

#[tokio::test]
async fn takes_the_port_it_is_given() {
    let earlier = FakeProvider::start().await;
    let port = earlier.port();
    earlier.stop().await;
    drop(earlier);
    let provider = FakeProvider::builder().port(port).start().await;
    assert_eq!(provider.port(), port);
    let path = authorize_start_path("DE*ABC");
    assert_eq!(hub_of(&provider).post(&path, &[], "{}").await.status, 200);
}
