//! The admin API, `/api/v1`: JSON in, JSON out. The same routes stand behind two doors (see `door`): the Unix socket in
//! the data folder, and the console's address. Without a hub, the program asks the routes directly, over a ledger it has
//! opened itself.
//!
//! What each route needs is said in [`crate::routes`] and decided before a handler is called; a handler is told how far the
//! permission reaches, and shows a partner what is its own. Everything else is 404 there.
//!
//! An error is `{"message": "…"}`, and the message says what to do next. Bodies of messages, and with them UIDs and
//! EvcoIDs, are not shown.

pub(crate) mod accounts;
pub(crate) mod audit;
pub(crate) mod certificates;
pub mod differences;
pub(crate) mod erasures;
pub mod ghosts;
pub(crate) mod lanes;
pub(crate) mod mandates;
pub mod mask;
pub(crate) mod me;
pub(crate) mod problem;
pub(crate) mod records;
pub(crate) mod replays;
pub(crate) mod tokens;
pub mod view;

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Method, Request, StatusCode};
use roamhub_core::ports::{Clock, Ledger};
use roamhub_services::{Accounts, CertificateList, Partners};
use tokio::net::UnixListener;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::door::Door;
use crate::{routes, trail};

pub use problem::Problem;

/// What the API works on. Cheap to clone.
#[derive(Clone)]
pub struct Admin {
    pub(crate) ledger: Arc<dyn Ledger>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) accounts: Accounts,
    pub(crate) strangers: Arc<trail::Strangers>,
    /// The partners as of now; only a running hub has them.
    pub(crate) partners: Option<(Arc<Partners>, CertificateList)>,
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admin").finish_non_exhaustive()
    }
}

impl Admin {
    /// An API over this ledger and these accounts in it.
    #[must_use]
    pub fn new(ledger: Arc<dyn Ledger>, clock: Arc<dyn Clock>, accounts: Accounts) -> Self {
        Self { ledger, clock, accounts, strangers: Arc::default(), partners: None }
    }

    /// Knows the partners, and their certificates, as well.
    #[must_use]
    pub fn with_partners(self, partners: Arc<Partners>, certificates: CertificateList) -> Self {
        Self { partners: Some((partners, certificates)), ..self }
    }

    /// The routes, everything allowed.
    fn local_routes(&self) -> Router {
        routes::behind(Door::Socket, self)
    }

    /// Serves the Unix socket until it is told to stop.
    pub async fn serve(self, listener: UnixListener, stop: CancellationToken) {
        let routes = self.local_routes();
        let served = axum::serve(listener, routes).with_graceful_shutdown(stop.cancelled_owned());
        if let Err(error) = served.await {
            tracing::error!(%error, "the control socket ended");
        }
    }

    /// Answers one request, everything allowed: its status and its JSON.
    pub async fn call(&self, method: Method, path: &str, body: Bytes) -> (StatusCode, Bytes) {
        let mut request = Request::new(Body::from(body));
        *request.method_mut() = method;
        match path.parse() {
            Ok(uri) => *request.uri_mut() = uri,
            Err(_) => return (StatusCode::BAD_REQUEST, Bytes::new()),
        }
        let answered: Result<_, Infallible> = self.local_routes().oneshot(request).await;
        let answer = answered.unwrap_or_else(|never| match never {});
        let status = answer.status();
        // A body that the routes have made themselves can be read.
        (status, to_bytes(answer.into_body(), usize::MAX).await.unwrap_or_default())
    }
}
