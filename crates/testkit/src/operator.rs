//! A charge point operator that speaks raw HTTP/1.1: it sends exactly the bytes it is given and shows exactly what
//! came back.

mod answer;
mod client;

use std::io::Result;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

pub use crate::messages;
pub use answer::Answer;
pub(crate) use client::{Client, Request};

use crate::ca::ClientTls;
use crate::{NOTIFICATIONS_PATH, authorize_start_path, cdr_path};

/// An operator in front of a hub. Clones share their kept connections; concurrent requests use one each.
///
/// Methods named `try_…` return what went wrong on the wire; the others fail the test with it.
#[derive(Clone)]
pub struct FakeOperator {
    id: String,
    address: SocketAddr,
    client: Client,
}

impl FakeOperator {
    /// An operator that talks plain HTTP to the hub at this address.
    #[must_use]
    pub fn new(id: &str, hub: SocketAddr) -> Self {
        Self { id: id.to_owned(), address: hub, client: Client::new(hub) }
    }

    /// The same over TLS.
    #[must_use]
    pub fn with_tls(self, tls: ClientTls) -> Self {
        Self { client: self.client.with_tls(tls), ..self }
    }

    /// The same with another bound on every exchange; 30 s unless told.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { client: self.client.with_patience(patience), ..self }
    }

    /// The OperatorID.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Posts a body. Content-Type and Content-Length are added unless given; a header given with an empty value is
    /// left out. With `transfer-encoding: chunked` the body goes in two chunks, with `expect: 100-continue` it waits.
    pub async fn post(&self, path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
        self.expect_answer(path, self.try_post(path, headers, body).await)
    }

    /// As `post`, but what goes wrong on the wire is returned.
    ///
    /// # Errors
    /// When there is no whole answer in time.
    pub async fn try_post(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<Answer> {
        self.client.exchange(&Request { method: "POST", path, headers, body: body.into() }).await
    }

    /// Waits until the hub has closed every connection that was kept.
    ///
    /// # Panics
    /// When one is still open after this bound.
    pub async fn is_left_within(&self, bound: Duration) {
        let left = async {
            while self.client.keeps_one() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        if tokio::time::timeout(bound, left).await.is_err() {
            panic!("a connection of operator {} is still open after {bound:?}", self.id);
        }
    }

    /// Whether a connection is kept that is still open.
    #[must_use]
    pub fn keeps_a_connection(&self) -> bool {
        self.client.keeps_one()
    }

    /// Gets a page, such as a receipt.
    pub async fn get(&self, path: &str) -> Answer {
        let request = Request { method: "GET", path, headers: &[], body: Bytes::new() };
        self.expect_answer(path, self.client.exchange(&request).await)
    }

    /// The same with headers.
    pub async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let request = Request { method: "GET", path, headers, body: Bytes::new() };
        self.expect_answer(path, self.client.exchange(&request).await)
    }

    /// Posts a charging notification.
    pub async fn notify(&self, body: impl AsBody) -> Answer {
        self.post(NOTIFICATIONS_PATH, &[], body.as_body()).await
    }

    /// As `notify`, but what goes wrong on the wire is returned.
    ///
    /// # Errors
    /// When there is no whole answer in time.
    pub async fn try_notify(&self, body: impl AsBody) -> Result<Answer> {
        self.try_post(NOTIFICATIONS_PATH, &[], body.as_body()).await
    }

    /// Posts a charge detail record.
    pub async fn bill(&self, body: impl AsBody) -> Answer {
        self.post(&cdr_path(&self.id), &[], body.as_body()).await
    }

    /// Posts an AuthorizeStart.
    pub async fn authorize_start(&self, body: impl AsBody) -> Answer {
        self.post(&authorize_start_path(&self.id), &[], body.as_body()).await
    }

    /// Has a card that was never used before authorised and returns the SessionID.
    ///
    /// # Panics
    /// When the answer is not `Authorized`.
    pub async fn open_session(&self) -> String {
        static CARDS: AtomicU64 = AtomicU64::new(1);
        let uid = format!("04{:012X}", CARDS.fetch_add(1, Ordering::Relaxed));
        let mut body = messages::authorize_start_rfid(&uid);
        body["OperatorID"] = self.id.as_str().into();
        body["EvseID"] = format!("{}*ETEST1", self.id).into();
        let answer = self.authorize_start(body).await;
        let said = answer.json();
        match said["SessionID"].as_str() {
            Some(session) if said["AuthorizationStatus"] == "Authorized" => session.to_owned(),
            _ => panic!("expected an authorised session for card {uid}, got {answer:?}"),
        }
    }

    /// Writes exactly these bytes on a fresh connection and reads one answer.
    pub async fn raw(&self, bytes: &[u8]) -> Answer {
        self.expect_answer("raw bytes", self.try_raw(bytes).await)
    }

    /// As `raw`, but what goes wrong on the wire is returned.
    ///
    /// # Errors
    /// When there is no whole answer in time.
    pub async fn try_raw(&self, bytes: &[u8]) -> Result<Answer> {
        self.client.raw(bytes).await
    }

    /// Sends a whole request on a fresh connection and closes it after a while, answered or not.
    pub async fn send_and_hang_up(&self, path: &str, body: impl Into<Bytes>, after: Duration) {
        let request = Request { method: "POST", path, headers: &[], body: body.into() };
        if let Err(error) = self.client.hang_up(&request, after).await {
            panic!("operator {} could not send to {}{path}: {error}", self.id, self.address);
        }
    }

    fn expect_answer(&self, what: &str, answer: Result<Answer>) -> Answer {
        match answer {
            Ok(answer) => answer,
            Err(error) => {
                panic!("operator {} awaited an answer of {} to {what}: {error}", self.id, self.address)
            }
        }
    }
}

/// What can be sent as a body: JSON values are written out, text and bytes are sent as they are.
pub trait AsBody {
    /// The bytes to send.
    fn as_body(&self) -> Bytes;
}

impl AsBody for Value {
    fn as_body(&self) -> Bytes {
        self.to_string().into()
    }
}

impl AsBody for &str {
    fn as_body(&self) -> Bytes {
        Bytes::copy_from_slice(self.as_bytes())
    }
}

impl AsBody for String {
    fn as_body(&self) -> Bytes {
        Bytes::copy_from_slice(self.as_bytes())
    }
}

impl AsBody for Bytes {
    fn as_body(&self) -> Bytes {
        self.clone()
    }
}

impl AsBody for Vec<u8> {
    fn as_body(&self) -> Bytes {
        Bytes::copy_from_slice(self)
    }
}

impl<T: AsBody> AsBody for &T {
    fn as_body(&self) -> Bytes {
        (*self).as_body()
    }
}

/// The bytes, compressed with gzip, to be sent with `content-encoding: gzip`.
#[must_use]
pub fn gzipped(bytes: &[u8]) -> Bytes {
    crate::provider::gzip(bytes)
}
