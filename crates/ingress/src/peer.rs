//! Who is at the other end of a call.

use std::sync::Arc;

use http::{HeaderMap, Version};
use roamhub_services::Identity;
use roamhub_services::identity::NoCertificate;
use tokio_util::sync::CancellationToken;

use crate::proxy::Proxies;

/// The other end: one per connection, or one per call where a proxy stands in between.
#[derive(Debug)]
pub struct Peer {
    /// What it has proved.
    pub identity: Identity,
    /// Set when its connection is one more than it may have: the bound.
    pub surplus: Option<usize>,
    /// Says that the connection is to end once the call under way is answered.
    pub closing: CancellationToken,
    /// Others speak through the same connection.
    pub shared: bool,
}

impl Peer {
    /// Whether it is at the right address at all: at one that is for proxies, only they are.
    pub(crate) fn is_served(&self) -> bool {
        !matches!(self.identity, Identity::Nobody(NoCertificate::NotThroughProxy))
    }

    /// Has its connection end behind the answer, unless it is not its own. `true` if the answer is to say so.
    pub(crate) fn leaves(&self, version: Version) -> bool {
        if self.shared {
            return false;
        }
        if version >= Version::HTTP_2 {
            self.closing.cancel();
            return false;
        }
        true
    }
}

/// Who may be at the other end of a connection.
#[derive(Debug)]
pub(crate) enum Peers {
    /// One, for all its calls.
    One(Arc<Peer>),
    /// Whoever the proxy says, call by call.
    Behind(Arc<Proxies>, CancellationToken),
}

impl Peers {
    /// The other end of a connection that does not come from a proxy, where all are to.
    pub(crate) fn beside_the_proxy(closing: CancellationToken) -> Self {
        let identity = Identity::Nobody(NoCertificate::NotThroughProxy);
        Self::One(Arc::new(Peer { identity, surplus: None, closing, shared: false }))
    }

    /// The other end of a call with these headers.
    pub(crate) fn of(&self, headers: &HeaderMap) -> Arc<Peer> {
        match self {
            Self::One(peer) => peer.clone(),
            Self::Behind(proxies, closing) => Arc::new(Peer {
                identity: proxies.identity(headers),
                surplus: None,
                closing: closing.clone(),
                shared: true,
            }),
        }
    }

    /// Says that the connection is to end once the call under way is answered.
    pub(crate) fn closing(&self) -> CancellationToken {
        match self {
            Self::One(peer) => peer.closing.clone(),
            Self::Behind(_, closing) => closing.clone(),
        }
    }
}
