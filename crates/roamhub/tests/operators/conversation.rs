//! One connection, spoken by hand: bytes out, answers in, in the order of the test.

use std::net::SocketAddr;

use roamhub_testkit::NOTIFICATIONS_PATH;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::stage::BOUND;

/// A connection to the hub.
pub(crate) struct Conversation(BufReader<TcpStream>);

/// One answer: first line and headers as they came, and the body.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) status: u16,
    /// Lower case.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Said {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Conversation {
    pub(crate) async fn with(hub: SocketAddr) -> Self {
        Self(BufReader::new(TcpStream::connect(hub).await.expect("the hub listens")))
    }

    /// Sends all of this before anything is read.
    pub(crate) async fn say(&mut self, bytes: impl AsRef<[u8]>) {
        let sent = timeout(BOUND, self.0.get_mut().write_all(bytes.as_ref())).await;
        sent.expect("the hub reads in time").expect("the connection stays open while this is written");
    }

    /// Closes the caller's side; what the hub says can still be heard.
    pub(crate) async fn say_no_more(&mut self) {
        self.0.get_mut().shutdown().await.expect("the connection is open");
    }

    /// Reads one answer, interim ones included.
    pub(crate) async fn hear(&mut self) -> Said {
        timeout(BOUND, self.read()).await.expect("the hub answers in time")
    }

    /// Whether the hub closes the connection without another byte.
    pub(crate) async fn is_closed(&mut self) -> bool {
        let mut rest = Vec::new();
        let read = timeout(BOUND, self.0.read_to_end(&mut rest)).await;
        matches!(read, Ok(Ok(0) | Err(_)))
    }

    async fn read(&mut self) -> Said {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            let read = self.0.read_line(&mut head).await.expect("the connection stays open");
            assert!(read > 0, "the hub closed the connection after {head:?}");
        }
        let head = head.to_lowercase();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
        let mut body = vec![0; length.unwrap_or_default()];
        self.0.read_exact(&mut body).await.expect("the body is as long as it was announced");
        Said { status: status.unwrap_or_else(|| panic!("no status in {head:?}")), head, body }
    }
}

/// A notification as it goes over the wire, with more header lines (each ends with CR LF).
pub(crate) fn notification(more: &str, body: &str) -> String {
    let length = body.len();
    let head = head(&format!("content-type: application/json\r\ncontent-length: {length}\r\n{more}"));
    head + body
}

/// The head of a POST to the notifications, with these header lines (each ends with CR LF).
pub(crate) fn head(lines: &str) -> String {
    format!("POST {NOTIFICATIONS_PATH} HTTP/1.1\r\nhost: hub.example\r\n{lines}\r\n")
}
