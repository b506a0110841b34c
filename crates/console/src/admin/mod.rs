//! The admin API, `/api/v1`: JSON in, JSON out. The same routes stand behind two doors.
//!
//! * The Unix socket in the data folder: whoever may open it may do everything.
//! * The console's address: reading is allowed. Changing is allowed only where a web page in somebody's browser cannot do
//!   it by itself: the console listens on loopback, the request carries [`HEADER`] and names a loopback host.
//!
//! Without a hub, the program asks the routes directly, over a ledger it has opened itself.
//!
//! An error is `{"message": "…"}`, and the message says what to do next. Bodies of messages, and with them UIDs and
//! EvcoIDs, are not shown.

mod erasures;
mod guard;
mod lanes;
mod mandates;
pub mod mask;
mod problem;
mod records;
mod replays;
pub mod view;

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::http::{Method, Request, StatusCode};
use axum::routing::{get, post};
use roamhub_core::ports::{Clock, Ledger};
use tokio::net::UnixListener;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

pub use guard::HEADER;
pub use problem::Problem;

/// What the API works on. Cheap to clone.
#[derive(Clone)]
pub struct Admin {
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admin").finish_non_exhaustive()
    }
}

impl Admin {
    /// An API over this ledger.
    #[must_use]
    pub fn new(ledger: Arc<dyn Ledger>, clock: Arc<dyn Clock>) -> Self {
        Self { ledger, clock }
    }

    /// The routes, everything allowed.
    fn routes(self) -> Router {
        let routes = Router::new()
            .route("/messages/{process}", get(records::message))
            .route("/sessions/{session}", get(records::session))
            .route("/refusals", get(records::refusals))
            .route("/lanes", get(lanes::list))
            .route("/lanes/resume", post(lanes::resume_all))
            .route("/lanes/{provider}/pause", post(lanes::pause))
            .route("/lanes/{provider}/resume", post(lanes::resume))
            .route("/mandates", get(mandates::list))
            .route("/mandates/{operator}/restore", post(mandates::restore))
            .route("/replays", get(replays::list).post(replays::order))
            .route("/replays/{no}", get(replays::one))
            .route("/erasures", post(erasures::erase))
            .fallback(async || {
                Problem::not_found("there is nothing here; docs/operations.md lists the paths")
            })
            .method_not_allowed_fallback(async || Problem::wrong_method())
            .with_state(self);
        Router::new().nest("/api/v1", routes)
    }

    /// The routes behind the console's address.
    pub(crate) fn console_routes(self, loopback: bool) -> Router {
        guard::guarded(self.routes(), loopback)
    }

    /// Serves the Unix socket until it is told to stop.
    pub async fn serve(self, listener: UnixListener, stop: CancellationToken) {
        let served = axum::serve(listener, self.routes()).with_graceful_shutdown(stop.cancelled_owned());
        if let Err(error) = served.await {
            tracing::error!(%error, "the control socket ended");
        }
    }

    /// Answers one POST, everything allowed: its status and its JSON.
    pub async fn post(&self, path: &str, body: Bytes) -> (StatusCode, Bytes) {
        let mut request = Request::new(Body::from(body));
        *request.method_mut() = Method::POST;
        match path.parse() {
            Ok(uri) => *request.uri_mut() = uri,
            Err(_) => return (StatusCode::BAD_REQUEST, Bytes::new()),
        }
        let answered: Result<_, Infallible> = self.clone().routes().oneshot(request).await;
        let answer = answered.unwrap_or_else(|never| match never {});
        let status = answer.status();
        // A body that the routes have made themselves can be read.
        (status, to_bytes(answer.into_body(), usize::MAX).await.unwrap_or_default())
    }
}
