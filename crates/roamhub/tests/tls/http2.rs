//! HTTP/2 where the handshake agrees on it.

use bytes::Bytes;
use http::{Request, StatusCode, Version};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use roamhub_testkit::{ClientTls, NOTIFICATIONS_PATH, messages};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::stage::{HOST, SOON, Stage};

type Sender = SendRequest<Full<Bytes>>;

/// A connection over HTTP/2, and what becomes of it.
async fn connect(stage: &Stage, tls: ClientTls) -> (Sender, JoinHandle<hyper::Result<()>>) {
    let tcp = TcpStream::connect(stage.hub.oicp()).await.unwrap();
    let stream = TlsConnector::from(tls.config.clone()).connect(tls.server_name.clone(), tcp).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    (sender, tokio::spawn(connection))
}

async fn notify(sender: &mut Sender, body: Value) -> (StatusCode, Value) {
    let request = Request::post(format!("https://{HOST}{NOTIFICATIONS_PATH}"))
        .header("content-type", "application/json")
        .body(Full::from(body.to_string()))
        .unwrap();
    sender.ready().await.unwrap();
    let response = sender.send_request(request).await.unwrap();
    assert_eq!(response.version(), Version::HTTP_2);
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap())
}

fn client(stage: &Stage, name: &str) -> ClientTls {
    stage.hub.tls().ca().client_maker(name).speaking(&["h2", "http/1.1"]).build(HOST)
}

#[tokio::test]
async fn calls_share_a_connection_and_each_is_held_against_the_certificate() {
    let stage = Stage::new().await;
    let partner = client(&stage, "abc over http/2");
    stage.pin(&partner).await;
    let (sender, connection) = connect(&stage, partner).await;
    let mut ends = Vec::new();
    for _ in 0..8 {
        ends.push(messages::end(&stage.operator().open_session().await));
    }
    let calls: Vec<_> = ends
        .into_iter()
        .map(|end| {
            let mut sender = sender.clone();
            tokio::spawn(async move { notify(&mut sender, end).await })
        })
        .collect();
    for call in calls {
        let (status, body) = call.await.unwrap();
        assert_eq!((status, &body["StatusCode"]["Code"]), (StatusCode::OK, &"000".into()), "{body}");
    }
    let mut end = messages::end("0198f2d4-0000-7000-8000-000000000000");
    end["OperatorID"] = "DE*QQQ".into();
    let (status, body) = notify(&mut sender.clone(), end).await;
    assert_eq!((status, &body["StatusCode"]["Code"]), (StatusCode::UNAUTHORIZED, &"017".into()), "{body}");
    // A lock ends this connection too.
    stage.change_partners("name = \"ABC Charging\"", "name = \"ABC Charging\"\nlocked = true").await;
    timeout(SOON, connection).await.expect("the connection ends").unwrap().unwrap();
}

#[tokio::test]
async fn a_stranger_is_told_and_let_go() {
    let stage = Stage::new().await;
    let (mut sender, connection) = connect(&stage, client(&stage, "somebody")).await;
    let (status, body) = notify(&mut sender, messages::end("0198f2d4-0000-7000-8000-000000000000")).await;
    assert_eq!((status, &body["StatusCode"]["Code"]), (StatusCode::UNAUTHORIZED, &"017".into()), "{body}");
    assert!(timeout(SOON, connection).await.is_ok(), "the connection ends");
}

#[tokio::test]
async fn who_offers_http_1_1_alone_gets_that() {
    let stage = Stage::new().await;
    let partner = stage.hub.tls().ca().client_maker("old").speaking(&["http/1.1"]).build(HOST);
    stage.pin(&partner).await;
    stage.operator_behind("DE*ABC", partner).open_session().await;
}
