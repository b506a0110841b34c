//! A provider that costs next to nothing, for benchmarks: it acknowledges every POST over kept connections and counts
//! requests and distinct bodies, so that a benchmark can prove that everything arrived.
//!
//! `fast-provider [ADDRESS]` prints `listening http://ADDRESS`; `GET /count` answers `{"requests":N,"distinct":M}`,
//! `POST /reset` sets both to zero.
#![forbid(unsafe_code)]

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};
use std::io::{Error, ErrorKind, Result};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const ACKNOWLEDGEMENT: &str = r#"{"Result":true,"StatusCode":{"Code":"000","Description":"Success"}}"#;
const AUTHORIZED: &str = r#"{"AuthorizationStatus":"Authorized","ProviderID":"DE-DCB","StatusCode":{"Code":"000","Description":"Success"}}"#;
/// Bodies are spread over so many sets, so that connections rarely wait for each other.
const SHARDS: usize = 64;

#[tokio::main]
async fn main() -> Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let listener = TcpListener::bind(&address).await?;
    println!("listening http://{}", listener.local_addr()?);
    let provider = Arc::new(Provider::new());
    loop {
        let (socket, _) = listener.accept().await?;
        socket.set_nodelay(true)?;
        let provider = Arc::clone(&provider);
        tokio::spawn(async move {
            match provider.serve(socket).await {
                Err(error) if !is_gone(&error) => eprintln!("connection: {error}"),
                _ => {}
            }
        });
    }
}

/// Whether the peer just left, as a load generator does when its time is up.
fn is_gone(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe)
}

struct Provider {
    acknowledged: Vec<u8>,
    authorized: Vec<u8>,
    requests: AtomicU64,
    seen: Vec<Mutex<HashSet<u128>>>,
    /// Two differently keyed hashes make 128 bits: bodies that collide in both do not happen.
    hashers: [RandomState; 2],
}

impl Provider {
    fn new() -> Self {
        Self {
            acknowledged: answer(ACKNOWLEDGEMENT),
            authorized: answer(AUTHORIZED),
            requests: AtomicU64::new(0),
            seen: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hashers: [RandomState::new(), RandomState::new()],
        }
    }

    async fn serve(&self, mut socket: TcpStream) -> Result<()> {
        let mut buffer = BytesMut::with_capacity(16 * 1024);
        loop {
            let Some(request) = Request::find(&buffer)? else {
                if socket.read_buf(&mut buffer).await? == 0 {
                    return Ok(());
                }
                continue;
            };
            let body = &buffer[request.body_starts..request.ends];
            match request.target {
                Target::Count => socket.write_all(&answer(&self.count())).await?,
                Target::Reset => {
                    self.reset();
                    socket.write_all(&self.acknowledged).await?;
                }
                Target::Authorize => socket.write_all(&self.authorized).await?,
                Target::Other => {
                    self.keep(body);
                    socket.write_all(&self.acknowledged).await?;
                }
            }
            buffer.advance(request.ends);
        }
    }

    fn keep(&self, body: &[u8]) {
        let [low, high] = &self.hashers;
        let hash = (u128::from(high.hash_one(body)) << 64) | u128::from(low.hash_one(body));
        let shard = &self.seen[usize::from(hash.to_le_bytes()[0]) % SHARDS];
        shard.lock().unwrap_or_else(PoisonError::into_inner).insert(hash);
        self.requests.fetch_add(1, Ordering::Relaxed);
    }

    fn count(&self) -> String {
        let distinct: usize =
            self.seen.iter().map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner).len()).sum();
        format!(r#"{{"requests":{},"distinct":{distinct}}}"#, self.requests.load(Ordering::Relaxed))
    }

    fn reset(&self) {
        for shard in &self.seen {
            *shard.lock().unwrap_or_else(PoisonError::into_inner) = HashSet::new();
        }
        self.requests.store(0, Ordering::Relaxed);
    }
}

/// What a request asks for.
enum Target {
    Count,
    Reset,
    Authorize,
    Other,
}

/// A whole request at the beginning of a buffer.
struct Request {
    target: Target,
    body_starts: usize,
    ends: usize,
}

impl Request {
    /// `None` as long as the request is not whole.
    fn find(buffer: &[u8]) -> Result<Option<Self>> {
        let Some(at) = buffer.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
        let head =
            std::str::from_utf8(&buffer[..at]).map_err(|error| Error::new(ErrorKind::InvalidData, error))?;
        let mut lines = head.split("\r\n");
        let first = lines.next().unwrap_or_default();
        let mut length = 0;
        for (name, value) in lines.filter_map(|line| line.split_once(':')) {
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().map_err(|error| Error::new(ErrorKind::InvalidData, error))?;
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                return Err(Error::new(ErrorKind::Unsupported, "only Content-Length is understood"));
            }
        }
        let (body_starts, ends) = (at + 4, at + 4 + length);
        Ok((buffer.len() >= ends).then(|| Self { target: target(first), body_starts, ends }))
    }
}

fn target(first: &str) -> Target {
    let path = first.split(' ').nth(1).unwrap_or_default();
    match path {
        "/count" => Target::Count,
        "/reset" => Target::Reset,
        _ if path.ends_with("/authorize/start") => Target::Authorize,
        _ => Target::Other,
    }
}

fn answer(body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
        .into_bytes()
}
