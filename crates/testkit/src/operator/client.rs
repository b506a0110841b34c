//! A raw HTTP/1.1 client: kept connections, exact bytes, and a bound on everything.

use std::io::{Error, ErrorKind, Result};
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use rustix::net::RecvFlags;
use tokio::io::{AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::answer::Answer;
use crate::ca::ClientTls;
use crate::wire::{Framing, Head, Reader, Socket};

/// What a client waits for an answer unless it is told otherwise.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Connects to one address; clones share the kept connections.
#[derive(Clone)]
pub(crate) struct Client {
    address: SocketAddr,
    tls: Option<ClientTls>,
    patience: Duration,
    idle: Arc<Mutex<Vec<Connection>>>,
}

/// A request before it is written.
pub(crate) struct Request<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    /// Replace the client's own of the same name; one with an empty value only removes it.
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) body: Bytes,
}

impl Request<'_> {
    fn says(&self, name: &str, value: &str) -> bool {
        self.headers.iter().any(|(n, v)| n.eq_ignore_ascii_case(name) && v.eq_ignore_ascii_case(value))
    }

    fn waits_for_continue(&self) -> bool {
        self.says("expect", "100-continue")
    }

    /// The body as it goes over the wire: in two chunks where the request says chunked.
    fn framed(&self) -> Bytes {
        if !self.says("transfer-encoding", "chunked") {
            return self.body.clone();
        }
        let mut coded = Vec::new();
        let (first, second) = self.body.split_at(self.body.len() / 2);
        for part in [first, second].into_iter().filter(|part| !part.is_empty()) {
            coded.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
            coded.extend_from_slice(part);
            coded.extend_from_slice(b"\r\n");
        }
        coded.extend_from_slice(b"0\r\n\r\n");
        coded.into()
    }
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, tls: None, patience: PATIENCE, idle: Arc::default() }
    }

    pub(crate) fn with_tls(self, tls: ClientTls) -> Self {
        Self { tls: Some(tls), idle: Arc::default(), ..self }
    }

    pub(crate) fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Sends a request on a kept connection that is still open, or on a fresh one, and reads the answer.
    pub(crate) async fn exchange(&self, request: &Request<'_>) -> Result<Answer> {
        self.bounded(async {
            let began = Instant::now();
            let mut connection = match self.kept() {
                Some(connection) => connection,
                None => self.connect().await?,
            };
            let head = self.head(request);
            let (answer, reusable) = if request.waits_for_continue() {
                connection.ask_first(&head, &request.framed()).await?
            } else {
                connection.write_and_read(&[&head[..], &request.framed()[..]].concat()).await?
            };
            if reusable {
                self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
            }
            Ok(Answer { took: began.elapsed(), ..answer })
        })
        .await
    }

    /// Writes exactly these bytes on a fresh connection and reads one answer.
    pub(crate) async fn raw(&self, bytes: &[u8]) -> Result<Answer> {
        self.bounded(async {
            let began = Instant::now();
            let (answer, _) = self.connect().await?.write_and_read(bytes).await?;
            Ok(Answer { took: began.elapsed(), ..answer })
        })
        .await
    }

    /// Sends a request on a fresh connection, and closes it after a while, answered or not.
    pub(crate) async fn hang_up(&self, request: &Request<'_>, after: Duration) -> Result<()> {
        let mut connection = self.bounded(self.connect()).await?;
        let bytes = [&self.head(request)[..], &request.framed()[..]].concat();
        self.bounded(connection.write(&bytes)).await?;
        let _answered_or_not = timeout(after, connection.reader.drain()).await;
        Ok(())
    }

    async fn bounded<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        timeout(self.patience, work).await.unwrap_or_else(|_| {
            let text = format!("{} did not answer within {:?}", self.address, self.patience);
            Err(Error::new(ErrorKind::TimedOut, text))
        })
    }

    /// Whether a connection is kept that is still open.
    pub(crate) fn keeps_one(&self) -> bool {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).iter().any(Connection::is_open)
    }

    fn kept(&self) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(connection) = idle.pop() {
            if connection.is_open() {
                return Some(connection);
            }
        }
        None
    }

    async fn connect(&self) -> Result<Connection> {
        let tcp = TcpStream::connect(self.address).await?;
        tcp.set_nodelay(true)?;
        let probe = tcp.as_fd().try_clone_to_owned()?;
        let socket: Box<dyn Socket> = match &self.tls {
            None => Box::new(tcp),
            Some(tls) => {
                let connector = TlsConnector::from(Arc::clone(&tls.config));
                Box::new(connector.connect(tls.server_name.clone(), tcp).await?)
            }
        };
        let (reader, writer) = split(socket);
        Ok(Connection { reader: Reader::new(reader), writer, probe })
    }

    fn head(&self, request: &Request<'_>) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", request.method, request.path);
        let given = |wanted: &str| request.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(wanted));
        let mut add = |name: &str, value: &str| head.push_str(&format!("{name}: {value}\r\n"));
        if !given("host") {
            add("host", &self.address.to_string());
        }
        if request.method != "GET" {
            if !given("content-type") {
                add("content-type", "application/json");
            }
            if !given("content-length") && !given("transfer-encoding") {
                add("content-length", &request.body.len().to_string());
            }
        }
        for (name, value) in request.headers.iter().filter(|(_, value)| !value.is_empty()) {
            add(name, value);
        }
        head.push_str("\r\n");
        head.into_bytes()
    }
}

struct Connection {
    reader: Reader<ReadHalf<Box<dyn Socket>>>,
    writer: WriteHalf<Box<dyn Socket>>,
    /// The same socket once more, to look at it without reading.
    probe: OwnedFd,
}

impl Connection {
    /// Whether the peer has neither closed the connection nor sent what nobody asked for.
    fn is_open(&self) -> bool {
        let mut byte = [0; 1];
        let seen = rustix::net::recv(&self.probe, &mut byte, RecvFlags::PEEK | RecvFlags::DONTWAIT);
        matches!(seen, Err(rustix::io::Errno::AGAIN))
    }

    async fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.writer.write_all(bytes).await?;
        self.writer.flush().await
    }

    /// Writes everything, reads one answer; the answer may come before all is written. Also says whether the
    /// connection can be used again.
    async fn write_and_read(&mut self, bytes: &[u8]) -> Result<(Answer, bool)> {
        let (head, all_written) = {
            let Self { reader, writer, .. } = self;
            let mut reading = std::pin::pin!(final_head(reader));
            let writing = async {
                writer.write_all(bytes).await?;
                writer.flush().await
            };
            tokio::select! {
                biased;
                // A failed write is no reason not to look for an answer: a refusal may have come before the reset.
                written = writing => (reading.await, written.is_ok()),
                head = &mut reading => (head, false),
            }
        };
        self.read_body(head?, all_written).await
    }

    /// Writes the head and waits for `100 Continue`, or for what comes instead, before it writes the body.
    async fn ask_first(&mut self, head: &[u8], body: &[u8]) -> Result<(Answer, bool)> {
        self.write(head).await?;
        let first = some(self.reader.head().await?)?;
        if status(&first)? != 100 {
            return self.read_body(first, false).await;
        }
        self.write_and_read(body).await
    }

    async fn read_body(&mut self, head: Head, all_written: bool) -> Result<(Answer, bool)> {
        let status = status(&head)?;
        let framing = match head.framing()? {
            _ if status == 204 || status == 304 => Framing::Length(0),
            Some(framing) => framing,
            None => Framing::UntilClose,
        };
        let body = self.reader.body(framing).await?;
        let reusable = all_written && !head.closes() && !matches!(framing, Framing::UntilClose);
        Ok((Answer { status, headers: head.headers, body, took: Duration::ZERO }, reusable))
    }
}

/// The head of the answer, after any interim ones.
async fn final_head(reader: &mut Reader<ReadHalf<Box<dyn Socket>>>) -> Result<Head> {
    loop {
        let head = some(reader.head().await?)?;
        if status(&head)? >= 200 {
            return Ok(head);
        }
    }
}

fn some(head: Option<Head>) -> Result<Head> {
    head.ok_or_else(|| Error::new(ErrorKind::UnexpectedEof, "closed before a byte of the answer"))
}

fn status(head: &Head) -> Result<u16> {
    let status = head.first.split_ascii_whitespace().nth(1).and_then(|word| word.parse().ok());
    status.ok_or_else(|| Error::new(ErrorKind::InvalidData, format!("not a status line: {:?}", head.first)))
}
