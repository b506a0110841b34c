//! How many connections a partner may have, and how long a handshake may take.

use std::time::{Duration, Instant};

use roamhub_testkit::{FakeProvider, HubProcess, partners_toml};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::stage::{BIN, HOST, SOON, Stage};

const KEYS: &str = "/api/hub/v1/keys";

#[tokio::test]
async fn one_connection_more_than_a_partner_may_have_is_told_so_and_nobody_else_is() {
    let provider = FakeProvider::start().await;
    let hub = HubProcess::builder(BIN)
        .partners(&partners_toml(&provider.url()))
        .with_tls()
        .arg("--tls-connections-per-partner")
        .arg("2")
        .start()
        .await;
    let (first, second) = (hub.operator("DE*ABC"), hub.operator("DE*ABC"));
    for operator in [&first, &second] {
        assert_eq!(operator.get(KEYS).await.status, 200);
    }
    let answer = hub.operator("DE*ABC").get(KEYS).await;
    assert_eq!((answer.status, answer.code().as_str()), (429, "021"), "{answer:?}");
    assert_eq!(answer.header("retry-after"), Some("2"), "{answer:?}");
    assert_eq!(answer.header("connection"), Some("close"), "{answer:?}");
    assert!(answer.additional_info().contains("more than 2 connections"), "{answer:?}");
    // Those that are open go on, and so does everybody else, strangers among themselves.
    assert_eq!(first.get(KEYS).await.status, 200);
    assert_eq!(hub.operator("DE*QQQ").get(KEYS).await.status, 200);
    let stranger = hub.operator("DE*ABC").with_tls(hub.tls().ca().client("somebody", HOST));
    assert_eq!(stranger.get(KEYS).await.status, 200);
    // When one has gone there is room again.
    drop((first, second));
    let third = async {
        let mut looks = tokio::time::interval(Duration::from_millis(20));
        while hub.operator("DE*ABC").get(KEYS).await.status != 200 {
            looks.tick().await;
        }
    };
    timeout(SOON, third).await.expect("there is room again");
}

#[tokio::test]
async fn a_handshake_that_does_not_come_on_is_cut_off_within_ten_seconds() {
    let stage = Stage::new().await;
    let began = Instant::now();
    let mut silent = TcpStream::connect(stage.hub.oicp()).await.unwrap();
    let mut buffer = [0; 16];
    let read = timeout(SOON, silent.read(&mut buffer)).await.expect("it is cut off");
    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    assert!(began.elapsed() > Duration::from_secs(8) && began.elapsed() < Duration::from_secs(15));
    stage.operator().open_session().await;
}
