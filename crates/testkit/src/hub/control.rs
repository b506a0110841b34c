//! The hub's control socket, as the program's own commands use it: whoever may open it may do everything.

use std::io::{Error, ErrorKind, Result};
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;

use crate::operator::Answer;
use crate::wire::{Framing, Reader};

/// One request on a connection of its own.
pub(super) async fn ask(socket: &Path, method: &str, path: &str, body: &Bytes) -> Result<Answer> {
    let began = Instant::now();
    let mut stream = UnixStream::connect(socket).await?;
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(&[head.as_bytes(), body].concat()).await?;
    let mut reader = Reader::new(stream);
    let head = reader.head().await?.ok_or_else(|| Error::from(ErrorKind::UnexpectedEof))?;
    let status = head.first.split_ascii_whitespace().nth(1).and_then(|word| word.parse().ok());
    let status = status.ok_or_else(|| Error::new(ErrorKind::InvalidData, head.first.clone()))?;
    let framing = head.framing()?.unwrap_or(Framing::UntilClose);
    let body = reader.body(framing).await?;
    let took: Duration = began.elapsed();
    Ok(Answer { status, headers: head.headers, body, took })
}
