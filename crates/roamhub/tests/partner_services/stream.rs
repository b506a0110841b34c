//! The feed as server-sent events.

use std::net::SocketAddr;

use roamhub_testkit::HubProcess;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::stage::{BOUND, FEED, READS, Stage, assert_refused, text};

/// One message of a stream.
pub(crate) struct Streamed {
    pub(crate) id: String,
    pub(crate) data: String,
}

impl Streamed {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.data).expect("the data is JSON")
    }
}

/// A client of a stream: reads chunks, and the lines in them.
pub(crate) struct Stream {
    socket: TcpStream,
    raw: Vec<u8>,
    text: String,
}

impl Stream {
    /// Opens a stream; more header lines may be given.
    pub(crate) async fn open(hub: SocketAddr, path: &str, headers: &[&str]) -> Self {
        let mut socket = TcpStream::connect(hub).await.unwrap();
        let more: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
        let head = format!("GET {path} HTTP/1.1\r\nHost: hub\r\nAccept: text/event-stream\r\n{more}\r\n");
        socket.write_all(head.as_bytes()).await.unwrap();
        let mut stream = Self { socket, raw: Vec::new(), text: String::new() };
        let head = loop {
            if let Some(end) = stream.raw.windows(4).position(|four| four == b"\r\n\r\n") {
                break stream.raw.drain(..end + 4).collect::<Vec<_>>();
            }
            assert!(stream.fill().await, "closed within the head");
        };
        let head = String::from_utf8(head).unwrap().to_lowercase();
        assert!(
            head.starts_with("http/1.1 200") && head.contains("content-type: text/event-stream"),
            "{head}"
        );
        assert!(head.contains("process-id: ") && head.contains("transfer-encoding: chunked"), "{head}");
        stream
    }

    /// The next message; comments and settings are passed over.
    pub(crate) async fn next(&mut self) -> Streamed {
        loop {
            let block = self.block().await.expect("the stream goes on");
            let of = |name: &str| -> Vec<&str> {
                block.lines().filter_map(|line| line.strip_prefix(name)).collect()
            };
            if let [id] = of("id: ")[..] {
                return Streamed { id: id.to_owned(), data: of("data: ").join("\n") };
            }
        }
    }

    /// The next lines up to an empty one; nothing once the hub has ended the stream.
    async fn block(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.text.find("\n\n") {
                return Some(self.text.drain(..end + 2).collect());
            }
            // The last chunk is empty; the connection may stay open behind it.
            if self.raw.starts_with(b"0\r\n") || !self.take_chunk() && !self.fill().await {
                return None;
            }
        }
    }

    /// Decodes one chunk, if one is there.
    fn take_chunk(&mut self) -> bool {
        let Some(line) = self.raw.windows(2).position(|two| two == b"\r\n") else { return false };
        let size = usize::from_str_radix(std::str::from_utf8(&self.raw[..line]).unwrap(), 16).unwrap();
        if self.raw.len() < line + size + 4 {
            return false;
        }
        let chunk: Vec<u8> = self.raw.drain(..line + size + 4).collect();
        self.text.push_str(std::str::from_utf8(&chunk[line + 2..line + 2 + size]).unwrap());
        true
    }

    async fn fill(&mut self) -> bool {
        let mut bytes = [0; 4096];
        let read =
            timeout(BOUND, self.socket.read(&mut bytes)).await.expect("something comes in time").unwrap_or(0);
        self.raw.extend_from_slice(&bytes[..read]);
        read > 0
    }
}

#[tokio::test]
async fn what_comes_while_the_stream_is_open_is_on_it_and_a_client_that_comes_back_misses_nothing() {
    let stage = Stage::with(READS).await;
    let first = stage.end("000").await;
    let mut stream = Stream::open(stage.hub.oicp(), FEED, &[]).await;
    assert_eq!(text(&stream.next().await.json()["process_id"]), first);
    let second = stage.end("000").await;
    let streamed = stream.next().await;
    assert_eq!((streamed.id.as_str(), text(&streamed.json()["process_id"])), ("2", second.clone()));
    drop(stream);
    let third = stage.end("000").await;
    let mut back = Stream::open(stage.hub.oicp(), FEED, &["Last-Event-ID: 2"]).await;
    assert_eq!(text(&back.next().await.json()["process_id"]), third);
    let mut from = Stream::open(stage.hub.oicp(), &format!("{FEED}?after=1"), &[]).await;
    assert_eq!(text(&from.next().await.json()["process_id"]), second);
    // Without a cursor it begins after what is confirmed.
    stage.confirm("2").await;
    let mut unread = Stream::open(stage.hub.oicp(), FEED, &[]).await;
    assert_eq!(unread.next().await.id, "3");
}

#[tokio::test]
async fn bodies_of_several_lines_come_through_a_stream() {
    let stage = Stage::with(READS).await;
    let session = stage.operator.open_session().await;
    let guide = roamhub_testkit::messages::end_as_in_the_guide(&session, "DE*ABC", "DE*ABC*ETEST1");
    stage.operator.notify(&guide).await;
    let mut stream = Stream::open(stage.hub.oicp(), FEED, &[]).await;
    let streamed = stream.next().await;
    assert!(streamed.data.contains(guide.trim_end()), "{}", streamed.data);
    assert_eq!(streamed.json()["body"]["SessionID"], session.as_str());
}

#[tokio::test]
async fn a_stream_on_which_nothing_happens_shows_that_it_lives() {
    let stage = Stage::with(READS).await;
    let mut stream = Stream::open(stage.hub.oicp(), FEED, &[]).await;
    assert_eq!(stream.block().await.as_deref(), Some("retry: 2000\n\n"));
    assert_eq!(stream.block().await.as_deref(), Some(": still here\n\n"));
}

#[tokio::test]
async fn a_provider_that_is_not_registered_any_more_is_not_told_anything_more() {
    let stage = Stage::with(READS).await;
    let mut stream = Stream::open(stage.hub.oicp(), FEED, &[]).await;
    std::fs::write(stage.hub.partners_file(), "[[operator]]\nid = \"DE*ABC\"\n").unwrap();
    stage.hub.reload();
    while stream.block().await.is_some() {}
    assert_refused(&stage.operator.get(FEED).await, 404, "300", "DE-DCB");
}

#[tokio::test]
async fn a_hub_that_stops_ends_its_streams() {
    let mut stage = Stage::with(READS).await;
    let mut stream = Stream::open(stage.hub.oicp(), FEED, &[]).await;
    assert!(stage.hub.terminate().await.success());
    while stream.block().await.is_some() {}
    assert!(!stage.hub.log().contains("time to stop was over"), "{}", stage.hub.log());
}

#[tokio::test]
async fn streams_of_one_provider_are_bounded_and_a_closed_one_makes_room() {
    let stage = Stage::with(READS).await;
    let mut open = Vec::new();
    for _ in 0..16 {
        open.push(Stream::open(stage.hub.oicp(), FEED, &[]).await);
    }
    let accept = [("accept", "text/event-stream")];
    let refused = stage.operator.get_with(FEED, &accept).await;
    assert_refused(&refused, 429, "320", "close one first");
    assert_eq!(refused.header("retry-after"), Some("2"));
    assert_streams(&stage.hub, 16).await;
    open.clear();
    assert_streams(&stage.hub, 0).await;
    Stream::open(stage.hub.oicp(), FEED, &[]).await;
}

async fn assert_streams(hub: &HubProcess, count: usize) {
    let line = format!("roamhub_feed_streams{{provider=\"DE-DCB\"}} {count}\n");
    let reached = async { while !hub.get_console("/metrics").await.text().contains(&line) {} };
    timeout(BOUND, reached).await.expect("closed streams are noticed");
}
