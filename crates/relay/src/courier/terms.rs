//! On which terms a connection is made: whom the hub trusts, as whom it calls, how far it may go. Connections of different
//! terms are never mixed.

use std::path::PathBuf;

use roamhub_core::address::Reach;
use roamhub_core::route::{ClientCertificate, Endpoint};

/// How the hub calls, whomever it calls.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Outgoing {
    /// The certificate that it shows where a partner's entry names no other.
    pub client: Option<ClientCertificate>,
    /// How far it may go without anybody's `allow_private`. A hub in plain mode may call loopback and private addresses: it
    /// runs on a laptop.
    pub reach: Reach,
}

impl Outgoing {
    /// Of a hub in plain mode, without certificates.
    #[must_use]
    pub fn plain() -> Self {
        Self { client: None, reach: Reach::Private }
    }

    /// The terms on which an endpoint is called.
    pub(super) fn terms(&self, endpoint: &Endpoint) -> Terms {
        Terms {
            ca: endpoint.ca.clone(),
            client: self.client_for(endpoint).cloned(),
            reach: self.reach.or(endpoint.reach),
        }
    }

    /// The certificate that an endpoint is shown.
    pub(super) fn client_for<'a>(&'a self, endpoint: &'a Endpoint) -> Option<&'a ClientCertificate> {
        endpoint.client.as_ref().or(self.client.as_ref())
    }
}

/// The terms of a connection.
#[derive(Clone, PartialEq, Eq, Hash, Default, Debug)]
pub(super) struct Terms {
    /// Extra trust anchors.
    pub(super) ca: Option<PathBuf>,
    /// As whom the hub calls.
    pub(super) client: Option<ClientCertificate>,
    /// Which addresses the server may have.
    pub(super) reach: Reach,
}

impl Terms {
    /// Those that matter without TLS.
    pub(super) fn without_tls(self) -> Self {
        Self { reach: self.reach, ..Self::default() }
    }

    /// Whether they are those of an endpoint; nothing is copied for the answer.
    pub(super) fn are_of(&self, endpoint: &Endpoint, outgoing: &Outgoing, tls: bool) -> bool {
        self.reach == outgoing.reach.or(endpoint.reach)
            && self.ca.as_ref() == endpoint.ca.as_ref().filter(|_| tls)
            && self.client.as_ref() == outgoing.client_for(endpoint).filter(|_| tls)
    }
}
