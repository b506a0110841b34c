//! What the fake operator writes and reads, against a provider that sends exactly the bytes it is told.

use std::net::SocketAddr;
use std::time::Duration;

use roamhub_testkit::operator::AsBody;
use roamhub_testkit::{FakeOperator, FakeProvider, Reply, ServerTls, TestCa, messages};
use serde_json::json;

const SOON: Duration = Duration::from_secs(10);

async fn hub(reply: Reply) -> (FakeProvider, FakeOperator) {
    let hub = FakeProvider::builder().script(move |_| reply.clone()).start().await;
    let operator = FakeOperator::new("DE*ABC", address(&hub)).with_patience(SOON);
    (hub, operator)
}

fn address(hub: &FakeProvider) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], hub.port()))
}

#[tokio::test]
async fn reads_chunked_answers_after_interim_ones() {
    let wire = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
                5;x=y\r\n{\"Res\r\na\r\nult\":true}\r\n0\r\nTrailer: t\r\n\r\n";
    let (hub, operator) = hub(Reply::Bytes(wire.into())).await;
    for _ in 0..2 {
        assert!(operator.notify("{}").await.result());
    }
    assert_eq!(hub.connections(), 1);
}

#[tokio::test]
async fn reads_answers_that_end_with_the_connection() {
    let wire = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n{\"Result\":false}";
    let (hub, operator) = hub(Reply::BytesThenClose(wire.into())).await;
    for _ in 0..2 {
        let answer = operator.notify("{}").await;
        assert_eq!((answer.status, answer.result()), (400, false));
    }
    assert_eq!(hub.connections(), 2);
}

#[tokio::test]
async fn shows_what_a_refusal_says() {
    let body = json!({
        "Result": false,
        "StatusCode": {"Code": "022", "AdditionalInfo": "two"},
        "validationErrors": [{"fieldReference": "EvseID", "errorMessage": "missing", "pointer": "/EvseID"}],
    });
    let (_hub, operator) = hub(Reply::Json(400, body)).await;
    let answer = operator.notify("{}").await;
    assert_eq!((answer.code().as_str(), answer.additional_info().as_str()), ("022", "two"));
    assert_eq!(answer.violations(), [("/EvseID".to_owned(), "missing".to_owned())]);
}

#[tokio::test]
async fn writes_exactly_the_bytes_it_is_given() {
    let (hub, operator) = hub(Reply::Acknowledge).await;
    let answer =
        operator.raw(b"POST //x%2a HTTP/1.1\r\nContent-Length: 3\r\nX-Odd:  a \r\n\r\n\xef\xbb\xbf").await;
    assert_eq!(answer.status, 200);
    let seen = &hub.received()[0];
    assert_eq!((seen.path.as_str(), &seen.body[..]), ("//x%2a", &b"\xef\xbb\xbf"[..]));
    assert_eq!(seen.headers.len(), 2);
}

#[tokio::test]
async fn adds_only_the_headers_it_was_not_given() {
    let (hub, operator) = hub(Reply::Acknowledge).await;
    operator.post("/x", &[("Content-Type", ""), ("Host", "hub.example")], "{}").await;
    let seen = &hub.received()[0];
    assert_eq!(seen.header("content-type"), None);
    assert_eq!(seen.header("host"), Some("hub.example"));
    assert_eq!(seen.header("content-length"), Some("2"));
}

#[tokio::test]
async fn hears_a_refusal_that_comes_instead_of_100_and_before_the_body_is_written() {
    let wire = "HTTP/1.1 413 Content Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let early = tokio::spawn(async move {
        let mut kept = Vec::new();
        for _ in 0..2 {
            let (mut socket, _) = listener.accept().await.unwrap();
            tokio::io::AsyncWriteExt::write_all(&mut socket, wire.as_bytes()).await.unwrap();
            kept.push(socket);
        }
        kept
    });
    let operator = FakeOperator::new("DE*ABC", address).with_patience(SOON);
    let body = vec![b' '; 64 << 20];
    assert_eq!(operator.post("/x", &[("expect", "100-continue")], body.clone()).await.status, 413);
    assert_eq!(operator.post("/x", &[], body).await.status, 413);
    early.await.unwrap();
}

#[tokio::test]
async fn hangs_up() {
    let (hub, operator) = hub(Reply::Hang).await;
    operator.send_and_hang_up("/api/charging-notifications", "{}", Duration::from_millis(20)).await;
    hub.wait_for(1, SOON).await;
}

#[tokio::test]
async fn opens_sessions_with_cards_of_their_own() {
    let wire =
        json!({"SessionID": "s-1", "AuthorizationStatus": "Authorized", "StatusCode": {"Code": "000"}});
    let (hub, operator) = hub(Reply::Json(200, wire)).await;
    assert_eq!(operator.open_session().await, "s-1");
    operator.open_session().await;
    let seen = hub.received();
    assert_ne!(seen[0].body, seen[1].body);
    assert_eq!(seen[0].path, "/api/oicp/charging/v21/operators/DE*ABC/authorize/start");
    assert_eq!(seen[0].json()["EvseID"], "DE*ABC*ETEST1");
}

#[tokio::test]
async fn asks_concurrently_and_uses_connections_again() {
    let (hub, operator) = hub(Reply::After(Duration::from_millis(30), Box::new(Reply::Acknowledge))).await;
    for _ in 0..2 {
        let asked: Vec<_> = (0..8)
            .map(|_| {
                let operator = operator.clone();
                tokio::spawn(async move { operator.notify("{}").await.result() })
            })
            .collect();
        for answer in asked {
            assert!(answer.await.unwrap());
        }
    }
    assert!(hub.connections() <= 8, "{} connections", hub.connections());
}

#[test]
fn bodies_fit_together() {
    let progress = messages::progress("s", 90);
    assert_eq!(progress["EventOccurred"], "2026-03-02T11:30:00.000Z");
    assert_eq!(progress["ChargingDuration"], 5_400_000);
    assert_eq!(messages::end("s")["ConsumedEnergy"], 10);
    assert_eq!(messages::error("s")["Type"], "Error");
    assert_eq!(messages::start("s")["SessionID"], "s");
    let evco = messages::authorize_start_evco("DE-DCB-C12345678-X");
    assert_eq!(evco["Identification"]["PlugAndChargeIdentification"]["EvcoID"], "DE-DCB-C12345678-X");
    let guide = messages::end_as_in_the_guide("s-1", "DE*ABC", "DE*ABC*E1");
    assert!(guide.contains("\n    \"EvseID\": \"DE*ABC*E1\",\n") && guide.contains("\n\t\"SessionEnd\""));
    let parsed: serde_json::Value = serde_json::from_str(&guide).unwrap();
    assert_eq!((parsed["SessionID"].as_str(), parsed["Type"].as_str()), (Some("s-1"), Some("End")));
    assert_eq!(guide.as_body(), guide);
}

async fn encrypted(tls: ServerTls) -> (FakeProvider, FakeOperator) {
    let hub = FakeProvider::builder().tls(tls).start().await;
    let operator = FakeOperator::new("DE*ABC", address(&hub)).with_patience(SOON);
    (hub, operator)
}

#[tokio::test]
async fn speaks_tls_with_whom_it_trusts() {
    let ca = TestCa::new();
    let (hub, operator) = encrypted(ca.server("127.0.0.1")).await;
    assert_eq!(hub.url(), format!("https://127.0.0.1:{}", hub.port()));
    let operator = operator.with_tls(ca.client("an operator", "127.0.0.1"));
    for _ in 0..2 {
        assert!(operator.notify(messages::end("s")).await.result());
    }
    assert_eq!(hub.connections(), 1);
    hub.set_script(|_| Reply::Reset);
    assert!(operator.try_notify("{}").await.is_err());
}

#[tokio::test]
async fn refuses_wrong_names_strangers_and_expired_certificates() {
    let (ca, stranger) = (TestCa::new(), TestCa::new());
    for (server, client) in [
        (ca.server("127.0.0.1"), ca.anonymous_client("localhost")),
        (ca.server("localhost"), stranger.anonymous_client("localhost")),
        (ca.expired_server("localhost"), ca.anonymous_client("localhost")),
    ] {
        let (_hub, operator) = encrypted(server).await;
        let error = operator.with_tls(client).try_notify("{}").await.unwrap_err();
        assert!(error.to_string().contains("certificate"), "{error}");
    }
    let (_hub, operator) = encrypted(ca.server("localhost")).await;
    assert!(operator.with_tls(ca.anonymous_client("localhost")).notify("{}").await.result());
}

#[test]
fn writes_certificates_and_keys() {
    let (ca, dir) = (TestCa::new(), tempfile::tempdir().unwrap());
    let file = |name: &str| dir.path().join(name);
    ca.write_pem(file("ca.pem"));
    ca.server("localhost").write_pem(file("server.pem"), file("server.key"));
    ca.client("an operator", "localhost").write_pem(file("client.pem"), file("client.key"));
    for name in ["ca.pem", "server.pem", "client.pem"] {
        assert!(std::fs::read_to_string(file(name)).unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
    }
    for name in ["server.key", "client.key"] {
        assert!(std::fs::read_to_string(file(name)).unwrap().starts_with("-----BEGIN PRIVATE KEY-----"));
    }
}
