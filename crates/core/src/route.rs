//! Where messages go. Whoever sends is told; it never looks partners up itself.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use oicp::ProviderId;

use crate::Partner;
use crate::address::Reach;
use crate::contact::Secret;
use crate::lane::LaneSettings;
use crate::outcome::FaultCodes;
use crate::retry::RetrySchedule;

/// How to reach one partner, of either side.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Endpoint {
    /// Whose it is.
    pub partner: Partner,
    /// Its base URL; the service path is appended.
    pub base_url: String,
    /// Headers sent with every request, e.g. an API key: each value is a secret.
    pub headers: Vec<(String, Secret)>,
    /// Extra trust anchors (PEM) for its server certificate.
    pub ca: Option<PathBuf>,
    /// The certificate that the hub shows it; without one, that of all calls, if there is one.
    pub client: Option<ClientCertificate>,
    /// Which addresses it may have.
    pub reach: Reach,
    /// What the partner gets for one whole exchange.
    pub timeout: Duration,
}

/// A certificate with which the hub says who it is when it calls: two PEM files.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct ClientCertificate {
    /// The certificate, with those of intermediate authorities behind it, if there are any.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// How to reach one provider with what it is owed, and what to make of its answers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Route {
    /// The provider.
    pub provider: ProviderId,
    /// Where it is.
    pub endpoint: Endpoint,
    /// When to try again.
    pub retry: RetrySchedule,
    /// Which refusals are faults that deserve another try.
    pub faults: FaultCodes,
    /// How many at a time, how fast, and when to stop asking.
    pub lane: LaneSettings,
}

/// Whether a header (in lower case) is about the connection or the message's length, and so is nobody's to set but the
/// hub's.
#[must_use]
pub fn is_of_the_connection(header: &str) -> bool {
    matches!(
        header,
        "connection"
            | "content-length"
            | "expect"
            | "host"
            | "keep-alive"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    )
}

/// Tells where a provider is, as of now.
pub trait Routes: Send + Sync {
    /// The provider's route; `None` if it has no endpoint (any more).
    fn route(&self, provider: &ProviderId) -> Option<Arc<Route>>;
    /// The provider's route for charge detail records; `None` if it has no endpoint for them (any more), or is locked.
    fn record_route(&self, provider: &ProviderId) -> Option<Arc<Route>>;
}
