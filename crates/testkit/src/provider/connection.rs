//! One connection of a fake provider: requests in, whatever the script wants out.

use std::io::Result;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use tokio::io::AsyncWriteExt;
use tokio::time::{Duration, sleep};

use super::received::Received;
use super::reply::{Manner, Plan};
use super::state::State;
use crate::wire::{Framing, Head, Reader, Socket};

type Stream = Reader<Box<dyn Socket>>;

/// What becomes of the connection after an exchange.
enum Then {
    Next,
    ResetOnNext,
    Close,
}

/// Serves one connection until either side ends it. What the peer does wrong ends the connection, nothing else.
pub(super) async fn serve(socket: Box<dyn Socket>, connection: u64, state: Arc<State>) {
    let mut stream = Reader::new(socket);
    loop {
        match exchange(&mut stream, connection, &state).await {
            Ok(Then::Next) => {}
            Ok(Then::ResetOnNext) => {
                if matches!(stream.arrives().await, Ok(true)) {
                    reset_on_drop(&mut stream);
                }
                return;
            }
            Ok(Then::Close) => {
                let _already_gone = stream.stream().shutdown().await;
                return;
            }
            Err(_) => return,
        }
    }
}

async fn exchange(stream: &mut Stream, connection: u64, state: &State) -> Result<Then> {
    let Some(head) = stream.head().await? else { return Ok(Then::Close) };
    if head.expects_continue() {
        write(stream, b"HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    let body = stream.body(head.framing()?.unwrap_or(Framing::Length(0))).await?;
    let close = head.closes();
    let request = state.record(|n| received(head, body, n, connection));
    let plan = state.answer(&request);
    if !plan.after.is_zero() {
        sleep(plan.after).await;
    }
    match send(stream, plan, close).await? {
        Then::Next if close => Ok(Then::Close),
        then => Ok(then),
    }
}

fn received(head: Head, body: Bytes, n: usize, connection: u64) -> Received {
    let mut words = head.first.split_ascii_whitespace().map(str::to_owned);
    Received {
        n,
        method: words.next().unwrap_or_default(),
        path: words.next().unwrap_or_default(),
        version: words.next().unwrap_or_default(),
        headers: head.headers,
        body,
        connection,
        at: Instant::now(),
    }
}

async fn send(stream: &mut Stream, plan: Plan, close: bool) -> Result<Then> {
    let length =
        if let Manner::Padded(size) = plan.manner { size.max(plan.body.len()) } else { plan.body.len() };
    let head = head_of(&plan, length, close);
    let body = &plan.body[..];
    match plan.manner {
        Manner::Whole => write_both(stream, &head, body).await.map(|()| Then::Next),
        Manner::ThenClose => write_both(stream, &head, body).await.map(|()| Then::Close),
        Manner::ThenResetOnNext => write_both(stream, &head, body).await.map(|()| Then::ResetOnNext),
        Manner::HeadThenHang => {
            write(stream, &head).await?;
            stream.drain().await;
            Ok(Then::Close)
        }
        Manner::HalfThenClose => {
            write_both(stream, &head, &body[..body.len() / 2]).await.map(|()| Then::Close)
        }
        Manner::Trickle(every) => trickle(stream, &[&head, body].concat(), every).await,
        Manner::Padded(_) => {
            write(stream, &head).await?;
            pad(stream, length - body.len()).await?;
            write(stream, body).await.map(|()| Then::Next)
        }
        Manner::Bytes => write(stream, body).await.map(|()| Then::Next),
        Manner::BytesThenClose => write(stream, body).await.map(|()| Then::Close),
        Manner::Hang => {
            stream.drain().await;
            Ok(Then::Close)
        }
        Manner::Reset => {
            reset_on_drop(stream);
            Err(std::io::ErrorKind::ConnectionReset.into())
        }
        Manner::Close => Ok(Then::Close),
    }
}

/// Makes the end of the connection a RST: with SO_LINGER 0 the kernel drops what is unsent and resets.
fn reset_on_drop(stream: &mut Stream) {
    stream.stream().tcp().set_zero_linger().expect("a TCP socket takes SO_LINGER");
}

async fn trickle(stream: &mut Stream, bytes: &[u8], every: Duration) -> Result<Then> {
    for byte in bytes {
        write(stream, std::slice::from_ref(byte)).await?;
        sleep(every).await;
    }
    Ok(Then::Next)
}

async fn pad(stream: &mut Stream, mut missing: usize) -> Result<()> {
    static BLANKS: [u8; 16 * 1024] = [b' '; 16 * 1024];
    while missing > 0 {
        let part = missing.min(BLANKS.len());
        stream.stream().write_all(&BLANKS[..part]).await?;
        missing -= part;
    }
    Ok(())
}

async fn write_both(stream: &mut Stream, head: &[u8], body: &[u8]) -> Result<()> {
    write(stream, &[head, body].concat()).await
}

async fn write(stream: &mut Stream, bytes: &[u8]) -> Result<()> {
    stream.stream().write_all(bytes).await?;
    stream.stream().flush().await
}

fn head_of(plan: &Plan, length: usize, close: bool) -> Vec<u8> {
    let given = |wanted: &str| plan.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(wanted));
    let mut head = format!("HTTP/1.1 {} {}\r\n", plan.status, reason(plan.status));
    if plan.status != 204 && !given("content-length") && !given("transfer-encoding") {
        head.push_str(&format!("content-length: {length}\r\n"));
    }
    if !given("connection") {
        head.push_str(if close { "connection: close\r\n" } else { "connection: keep-alive\r\n" });
    }
    for (name, value) in &plan.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    head.into_bytes()
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        307 => "Temporary Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        _ => "Status",
    }
}
