//! How a command that changes something gets in: through the control socket if a hub runs on the data folder, otherwise
//! by opening the ledger itself. Either way the admin API answers.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use roamhub_console::Admin;
use roamhub_ledger::sqlite;
use roamhub_services::Accounts;
use roamhub_services::accounts::LogInTimes;
use serde_json::Value;
use tokio::net::UnixStream;

use crate::clock::SystemClock;
use crate::{control, node};

/// A way in.
pub(crate) enum Door {
    /// A hub runs on the folder.
    Hub(PathBuf),
    /// None does: this process has the ledger.
    Ledger(Admin),
}

/// What was answered.
pub(crate) enum Answer {
    /// What was asked for.
    Done(Value),
    /// It is not there; the message says what to do next.
    Missing(String),
}

impl Door {
    /// Finds the way in.
    pub(crate) async fn open(data: &Path) -> anyhow::Result<Self> {
        let socket = data.join(control::FILE_NAME);
        // A socket that nobody listens on was left behind by a hub that was killed.
        if UnixStream::connect(&socket).await.is_ok() {
            return Ok(Self::Hub(socket));
        }
        if !data.join(sqlite::FILE_NAME).exists() {
            return Err(sqlite::OpenError::Missing(data.to_owned()).into());
        }
        let (ledger, _gone) = node::open_ledger(data)?;
        let accounts = Accounts::new(ledger.clone(), Arc::new(SystemClock), LogInTimes::default());
        Ok(Self::Ledger(Admin::new(ledger, Arc::new(SystemClock), accounts)))
    }

    /// Posts to the admin API.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Answer> {
        self.call(Method::POST, path, body).await
    }

    /// Asks the admin API.
    pub(crate) async fn call(&self, method: Method, path: &str, body: &Value) -> anyhow::Result<Answer> {
        let (path, body) = (format!("/api/v1{path}"), Bytes::from(body.to_string()));
        let (status, answer) = match self {
            Self::Hub(socket) => over_socket(socket, method, &path, body).await?,
            Self::Ledger(admin) => admin.call(method, &path, body).await,
        };
        let answer: Value = serde_json::from_slice(&answer).context("the hub's answer is no JSON")?;
        let message = || answer["message"].as_str().unwrap_or_default().to_owned();
        match status {
            StatusCode::OK => Ok(Answer::Done(answer)),
            StatusCode::NOT_FOUND => Ok(Answer::Missing(message())),
            _ => bail!("{}", message()),
        }
    }

    /// Whether a running hub goes on with what was ordered.
    pub(crate) fn is_a_running_hub(&self) -> bool {
        matches!(self, Self::Hub(_))
    }
}

/// Opens the door, asks once, and expects it to be there.
pub(crate) fn ask(data: &Path, method: Method, path: &str, body: &Value) -> anyhow::Result<Value> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match Door::open(data).await?.call(method, path, body).await? {
            Answer::Done(answer) => Ok(answer),
            Answer::Missing(message) => bail!("{message}"),
        }
    })
}

async fn over_socket(
    socket: &Path,
    method: Method,
    path: &str,
    body: Bytes,
) -> anyhow::Result<(StatusCode, Bytes)> {
    let gone = || format!("the hub behind {} did not answer; see its log", socket.display());
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(header::HOST, "localhost")
        .header(header::CONTENT_TYPE, "application/json")
        .body(Full::new(body))?;
    let stream = UnixStream::connect(socket).await.with_context(gone)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.with_context(gone)?;
    let carried = tokio::spawn(connection);
    let answer = sender.send_request(request).await.with_context(gone)?;
    let status = answer.status();
    let body = answer.into_body().collect().await.with_context(gone)?.to_bytes();
    carried.abort();
    Ok((status, body))
}
