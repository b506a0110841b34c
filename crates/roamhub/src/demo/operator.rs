//! The demo operator's server: what providers ask of its charge points from afar. A few of its spots behave in a way of
//! their own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use oicp::EvseId;
use serde_json::json;
use tokio_rustls::TlsAcceptor;

use super::server::{self, acknowledgement, json_response};
use crate::node;

/// What a spot makes the operator do with a remote request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Spot {
    /// Everything is fine.
    Accepts,
    /// A start is refused with 510.
    NothingPluggedIn,
    /// A request is never answered.
    NeverAnswers,
    /// A request is answered with HTTP 500.
    Breaks,
}

/// The magic spots, by their number in the EvseID.
pub(crate) const SPOTS: [(&str, Spot, &str); 4] = [
    ("0001", Spot::Accepts, "everything is accepted"),
    ("0002", Spot::NothingPluggedIn, "a start is refused, 510: no vehicle connected"),
    ("0003", Spot::NeverAnswers, "nothing is ever answered: 310, and the session is kept"),
    ("0004", Spot::Breaks, "everything is answered with HTTP 500: the same"),
];

/// The operator's server, running.
pub(crate) struct DemoOperator {
    scheme: &'static str,
    address: SocketAddr,
    received: Arc<AtomicUsize>,
}

impl DemoOperator {
    /// Starts on a free loopback port.
    pub(crate) async fn start(tls: Option<TlsAcceptor>) -> anyhow::Result<Self> {
        let listener = node::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let address = listener.local_addr()?;
        let scheme = if tls.is_some() { "https" } else { "http" };
        let received = Arc::new(AtomicUsize::new(0));
        let counter = received.clone();
        tokio::spawn(server::accept(listener, tls, move |request| {
            counter.fetch_add(1, Ordering::Relaxed);
            answer(request)
        }));
        Ok(Self { scheme, address, received })
    }

    /// Its base URL.
    pub(crate) fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.address)
    }

    /// How many requests it has received.
    pub(crate) fn received(&self) -> usize {
        self.received.load(Ordering::Relaxed)
    }
}

async fn answer(request: Request<Incoming>) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    let start = path.ends_with("/authorize-remote/start") || path.ends_with("/reservation-start-request");
    let message = server::message(request).await;
    let evse = message["EvseID"].as_str().and_then(|id| EvseId::parse(id).ok());
    let spot = SPOTS.iter().find(|(number, ..)| evse.is_some_and(|evse| is_numbered(&evse, number)));
    match spot.map_or(Spot::Accepts, |(_, spot, _)| *spot) {
        Spot::NothingPluggedIn if start => acknowledgement(false, "510", "No vehicle connected"),
        Spot::NeverAnswers => std::future::pending().await,
        Spot::Breaks => json_response(StatusCode::INTERNAL_SERVER_ERROR, &json!({})),
        Spot::Accepts | Spot::NothingPluggedIn => acknowledgement(true, "000", "Success"),
    }
}

/// Whether a spot is `…*E0002*1`, or `…*0002*1` of a DIN operator.
fn is_numbered(evse: &EvseId, number: &str) -> bool {
    evse.key().ends_with(&format!("{number}1"))
}
