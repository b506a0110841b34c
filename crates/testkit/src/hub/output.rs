//! What a hub process prints: kept in full, and watched for the lines that say where it listens.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::sync::watch;

/// All lines of both outputs, of all runs.
#[derive(Clone, Default)]
pub(super) struct Log(Arc<watch::Sender<String>>);

impl Log {
    pub(super) fn add(&self, line: &str) {
        self.0.send_modify(|text| {
            text.push_str(line);
            text.push('\n');
        });
    }

    pub(super) fn text(&self) -> String {
        self.0.borrow().clone()
    }

    /// Waits until the text has been printed, in any run.
    pub(super) async fn says(&self, wanted: &str) {
        let mut text = self.0.subscribe();
        let _never_fails_while_the_log_is_there = text.wait_for(|text| text.contains(wanted)).await.is_ok();
    }
}

/// What standard output has said so far.
#[derive(Default)]
pub(super) struct Announced {
    pub(super) oicp: Option<SocketAddr>,
    pub(super) console: Option<SocketAddr>,
    pub(super) ready: bool,
    pub(super) ended: bool,
}

impl Announced {
    fn note(&mut self, line: &str) {
        if let Some(address) = line.strip_prefix("listening oicp ") {
            self.oicp = socket_address(address);
        } else if let Some(address) = line.strip_prefix("listening console ") {
            self.console = socket_address(address);
        } else if line.trim() == "ready" {
            self.ready = true;
        }
    }
}

/// Keeps and watches standard output until it ends.
pub(super) async fn read_stdout(
    output: impl AsyncRead + Unpin,
    log: Log,
    announced: watch::Sender<Announced>,
) {
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        log.add(&line);
        announced.send_modify(|announced| announced.note(&line));
    }
    announced.send_modify(|announced| announced.ended = true);
}

/// Keeps standard error until it ends.
pub(super) async fn read_stderr(output: impl AsyncRead + Unpin, log: Log) {
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        log.add(&format!("[stderr] {line}"));
    }
}

fn socket_address(url: &str) -> Option<SocketAddr> {
    let (_scheme, rest) = url.trim().split_once("://")?;
    rest.split('/').next()?.parse().ok()
}
