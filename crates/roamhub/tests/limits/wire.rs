//! Connections spoken by hand: slow, greedy, or silent ones.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use roamhub_testkit::NOTIFICATIONS_PATH;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::stage::BOUND;

/// A connection to the hub.
pub(crate) struct Line(pub(crate) TcpStream);

impl Line {
    pub(crate) async fn to(hub: SocketAddr) -> Self {
        Self(TcpStream::connect(hub).await.expect("the hub listens"))
    }

    /// Sends all of this.
    pub(crate) async fn say(&mut self, bytes: impl AsRef<[u8]>) {
        let sent = timeout(BOUND, self.0.write_all(bytes.as_ref())).await;
        sent.expect("the hub reads in time").expect("the connection stays open while this is written");
    }

    /// Sends one byte after the other until the hub has had enough: when that was, and what it said.
    pub(crate) async fn dribble(mut self, bytes: &[u8], every: Duration) -> (Duration, String) {
        let began = Instant::now();
        let (mut reading, mut writing) = self.0.split();
        let mut said = Vec::new();
        let dribbling = async {
            for byte in bytes.iter().cycle() {
                if writing.write_all(&[*byte]).await.is_err() {
                    break;
                }
                sleep(every).await;
            }
            std::future::pending::<()>().await;
        };
        let ended = async {
            tokio::select! {
                read = reading.read_to_end(&mut said) => drop(read),
                () = dribbling => {}
            }
        };
        timeout(BOUND, ended).await.expect("the hub has enough some day");
        (began.elapsed(), String::from_utf8_lossy(&said).into_owned())
    }

    /// All that the hub says until it closes.
    pub(crate) async fn hear_to_the_end(mut self) -> String {
        let mut said = Vec::new();
        let read = timeout(BOUND, self.0.read_to_end(&mut said)).await.expect("the hub closes in time");
        drop(read);
        String::from_utf8_lossy(&said).into_owned()
    }

    /// The first bytes of an answer, as many as come at once.
    pub(crate) async fn hear(&mut self) -> String {
        let mut said = vec![0; 16 * 1024];
        let read = timeout(BOUND, self.0.read(&mut said)).await.expect("the hub answers in time").unwrap();
        String::from_utf8_lossy(&said[..read]).into_owned()
    }

    /// Whether the hub has closed the connection.
    pub(crate) fn is_closed(&self) -> bool {
        let mut byte = [0];
        match self.0.try_read(&mut byte) {
            Ok(0) => true,
            Ok(_) => panic!("nobody has asked for anything"),
            Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
        }
    }
}

/// The head of a POST to the notifications, of a body of this length.
pub(crate) fn head(length: usize) -> String {
    format!(
        "POST {NOTIFICATIONS_PATH} HTTP/1.1\r\nhost: hub.example\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n"
    )
}

/// A whole notification.
pub(crate) fn notification(body: &Value) -> String {
    let body = body.to_string();
    head(body.len()) + &body
}
