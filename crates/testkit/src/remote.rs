//! The other direction: a provider that calls the hub, and the operator's server that the hub calls in turn (a
//! [`FakeProvider`](crate::FakeProvider): it acknowledges whatever it is sent).

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use crate::ca::ClientTls;
use crate::operator::{Answer, AsBody, FakeOperator};

/// What a provider asks of a charge point.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RemoteService {
    /// Start charging.
    Start,
    /// Stop charging.
    Stop,
    /// Reserve.
    Reserve,
    /// Give a reservation up.
    GiveUp,
}

impl RemoteService {
    /// The path, at the hub and at an operator alike.
    #[must_use]
    pub fn path(self, provider: &str) -> String {
        match self {
            Self::Start => format!("/api/oicp/charging/v21/providers/{provider}/authorize-remote/start"),
            Self::Stop => format!("/api/oicp/charging/v21/providers/{provider}/authorize-remote/stop"),
            Self::Reserve => {
                format!("/api/oicp/reservation/v11/providers/{provider}/reservation-start-request")
            }
            Self::GiveUp => {
                format!("/api/oicp/reservation/v11/providers/{provider}/reservation-stop-request")
            }
        }
    }
}

/// A provider in front of a hub. Clones share their kept connections.
#[derive(Clone)]
pub struct CallingProvider {
    id: String,
    client: FakeOperator,
}

impl CallingProvider {
    /// A provider that talks plain HTTP to the hub at this address.
    #[must_use]
    pub fn new(id: &str, hub: SocketAddr) -> Self {
        Self { id: id.to_owned(), client: FakeOperator::new(id, hub) }
    }

    /// The same over TLS.
    #[must_use]
    pub fn with_tls(self, tls: ClientTls) -> Self {
        Self { client: self.client.with_tls(tls), ..self }
    }

    /// The ProviderID.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Asks for a service.
    pub async fn ask(&self, service: RemoteService, body: impl AsBody) -> Answer {
        self.client.post(&service.path(&self.id), &[], body.as_body()).await
    }

    /// The same, but what goes wrong on the wire is returned.
    ///
    /// # Errors
    /// When there is no whole answer in time.
    pub async fn try_ask(&self, service: RemoteService, body: impl AsBody) -> std::io::Result<Answer> {
        self.client.try_post(&service.path(&self.id), &[], body.as_body()).await
    }

    /// Posts to any path.
    pub async fn post(&self, path: &str, body: impl Into<Bytes>) -> Answer {
        self.client.post(path, &[], body).await
    }

    /// Asks on a fresh connection and closes it after a while, answered or not.
    pub async fn ask_and_hang_up(&self, service: RemoteService, body: impl AsBody, after: Duration) {
        self.client.send_and_hang_up(&service.path(&self.id), body.as_body(), after).await;
    }
}
