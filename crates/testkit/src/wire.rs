//! Reading HTTP/1.1 from a socket, for both sides: small on purpose, so that the doubles see and send every byte
//! themselves and share no code with what they test.

use std::io::{Error, ErrorKind, Result};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::net::TcpStream;

/// A plain or encrypted connection whose TCP socket can be reached.
pub(crate) trait Socket: AsyncRead + AsyncWrite + Send + Unpin {
    /// The TCP socket underneath.
    fn tcp(&self) -> &TcpStream;
}

impl Socket for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl Socket for tokio_rustls::server::TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

impl Socket for tokio_rustls::client::TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

/// Header lines, names in lower case, in the order in which they came.
pub(crate) type Headers = Vec<(String, String)>;

/// The first line and the headers of a message.
pub(crate) struct Head {
    pub(crate) first: String,
    pub(crate) headers: Headers,
}

impl Head {
    /// The value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    fn mentions(&self, name: &str, word: &str) -> bool {
        self.header(name).is_some_and(|value| value.to_ascii_lowercase().contains(word))
    }

    /// Whether the sender wants the connection closed after this exchange.
    pub(crate) fn closes(&self) -> bool {
        self.mentions("connection", "close") || self.first.contains("HTTP/1.0")
    }

    /// Whether the sender waits for `100 Continue` before it sends the body.
    pub(crate) fn expects_continue(&self) -> bool {
        self.mentions("expect", "100-continue")
    }

    /// How the body ends; `None` where the headers do not say.
    pub(crate) fn framing(&self) -> Result<Option<Framing>> {
        if self.mentions("transfer-encoding", "chunked") {
            return Ok(Some(Framing::Chunked));
        }
        match self.header("content-length") {
            None => Ok(None),
            Some(text) => match text.trim().parse() {
                Ok(length) => Ok(Some(Framing::Length(length))),
                Err(_) => Err(malformed(format!("Content-Length: {text:?}"))),
            },
        }
    }
}

/// The value of a header in a list.
pub(crate) fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
}

/// How a body ends.
#[derive(Clone, Copy)]
pub(crate) enum Framing {
    Length(usize),
    Chunked,
    UntilClose,
}

/// A buffered reader of HTTP/1.1 messages.
pub(crate) struct Reader<S> {
    stream: S,
    buffer: BytesMut,
}

impl<S: AsyncRead + Unpin> Reader<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, buffer: BytesMut::with_capacity(8 * 1024) }
    }

    pub(crate) fn stream(&mut self) -> &mut S {
        &mut self.stream
    }

    /// Waits until something is in the buffer; `false` when the peer closed instead.
    pub(crate) async fn arrives(&mut self) -> Result<bool> {
        Ok(!self.buffer.is_empty() || self.fill().await? > 0)
    }

    /// Reads and forgets until the peer closes.
    pub(crate) async fn drain(&mut self) {
        while matches!(self.fill().await, Ok(read) if read > 0) {
            self.buffer.clear();
        }
    }

    /// Reads a first line and headers; `None` when the peer closed before the first byte.
    pub(crate) async fn head(&mut self) -> Result<Option<Head>> {
        if !self.arrives().await? {
            return Ok(None);
        }
        let first = self.line().await?;
        let mut headers = Headers::new();
        loop {
            let line = self.line().await?;
            if line.is_empty() {
                return Ok(Some(Head { first, headers }));
            }
            let Some((name, value)) = line.split_once(':') else {
                return Err(malformed(format!("not a header line: {line:?}")));
            };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }

    /// Reads a body.
    pub(crate) async fn body(&mut self, framing: Framing) -> Result<Bytes> {
        match framing {
            Framing::Length(length) => self.exactly(length).await,
            Framing::Chunked => self.chunks().await,
            Framing::UntilClose => {
                while self.fill().await? > 0 {}
                Ok(self.buffer.split().freeze())
            }
        }
    }

    async fn chunks(&mut self) -> Result<Bytes> {
        let mut body = BytesMut::new();
        loop {
            let line = self.line().await?;
            let digits = line.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(digits, 16)
                .map_err(|_| malformed(format!("not a chunk size: {line:?}")))?;
            if size == 0 {
                while !self.line().await?.is_empty() {}
                return Ok(body.freeze());
            }
            body.extend_from_slice(&self.exactly(size).await?);
            if !self.line().await?.is_empty() {
                return Err(malformed("a chunk is longer than it said".to_owned()));
            }
        }
    }

    async fn exactly(&mut self, length: usize) -> Result<Bytes> {
        while self.buffer.len() < length {
            if self.fill().await? == 0 {
                let text = format!("closed after {} of {length} bytes of a body", self.buffer.len());
                return Err(Error::new(ErrorKind::UnexpectedEof, text));
            }
        }
        Ok(self.buffer.split_to(length).freeze())
    }

    async fn line(&mut self) -> Result<String> {
        let mut searched = 0;
        loop {
            if let Some(at) = self.buffer[searched..].iter().position(|byte| *byte == b'\n') {
                let line = self.buffer.split_to(searched + at + 1);
                return Ok(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned());
            }
            searched = self.buffer.len();
            if self.fill().await? == 0 {
                let text = format!("closed in the middle of a line: {:?}", self.buffer);
                return Err(Error::new(ErrorKind::UnexpectedEof, text));
            }
        }
    }

    async fn fill(&mut self) -> Result<usize> {
        self.buffer.reserve(4 * 1024);
        self.stream.read_buf(&mut self.buffer).await
    }
}

fn malformed(text: String) -> Error {
    Error::new(ErrorKind::InvalidData, text)
}
