//! The demo partners' HTTP client: one connection, POST, the whole answer.

use std::time::{Duration, Instant};

use anyhow::Context;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST};
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::secured::{Front, Role};

/// A connection to the hub, as one partner.
pub(crate) struct Client {
    host: String,
    sender: SendRequest<Full<Bytes>>,
}

/// The hub's answer.
pub(crate) struct Answer {
    /// HTTP status.
    pub(crate) status: StatusCode,
    /// `Process-ID`.
    pub(crate) process: String,
    /// The JSON body.
    pub(crate) body: Value,
    /// From sending to the last byte.
    pub(crate) took: Duration,
}

impl Client {
    /// Connects, with TLS where the hub speaks it.
    pub(crate) async fn connect(hub: &Front, role: Role) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(hub.address).await.context("cannot reach the hub")?;
        stream.set_nodelay(true)?;
        let host = hub.address.to_string();
        match hub.secured() {
            None => Self::over(stream, host).await,
            Some(secured) => {
                let name = ServerName::IpAddress(hub.address.ip().into());
                let connector = TlsConnector::from(secured.client(role));
                Self::over(connector.connect(name, stream).await.context("no trust in the hub")?, host).await
            }
        }
    }

    async fn over<S>(stream: S, host: String) -> anyhow::Result<Self>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(async move {
            // Whoever sends on it hears of an error.
            let _ = connection.await;
        });
        Ok(Self { host, sender })
    }

    /// Posts a message and reads the answer.
    pub(crate) async fn post(&mut self, path: &str, message: &Value) -> anyhow::Result<Answer> {
        let request = Request::post(path)
            .header(HOST, &self.host)
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(message.to_string())))?;
        self.sender.ready().await?;
        let started = Instant::now();
        let response = self.sender.send_request(request).await?;
        let status = response.status();
        let process =
            response.headers().get("process-id").and_then(|id| id.to_str().ok()).unwrap_or("-").to_owned();
        let body = response.into_body().collect().await?.to_bytes();
        let took = started.elapsed();
        let body = serde_json::from_slice(&body).context("the hub's answer is not JSON")?;
        Ok(Answer { status, process, body, took })
    }
}
