//! What people and their monitoring talk to: health, readiness, metrics, the admin API. The web console will live here
//! too.
//!
//! * `/healthz`: the process answers;
//! * `/readyz`: the ledger could be written within the last seconds, so messages can be taken in;
//! * `/metrics`: Prometheus text;
//! * `/api/v1`: see [`admin`] and [`ghosts`].

pub mod admin;
pub mod differences;
pub mod ghosts;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use roamhub_core::ports::{Clock, Ledger};
use roamhub_core::room::Room;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

pub use admin::Admin;

/// A commit this recent needs no further proof.
const RECENT: Duration = Duration::from_secs(2);
/// How long a commit made to prove readiness may take.
const PATIENCE: Duration = Duration::from_secs(2);

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct ProviderLabel {
    provider: String,
}

/// The console's own listener and what it shows.
pub struct Console {
    ledger: Arc<dyn Ledger>,
    clock: Arc<dyn Clock>,
    registry: Registry,
    backlog: Family<ProviderLabel, Gauge>,
    more: Router,
}

impl std::fmt::Debug for Console {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Console").finish_non_exhaustive()
    }
}

impl Console {
    /// Shows this ledger and these metrics.
    #[must_use]
    pub fn new(ledger: Arc<dyn Ledger>, clock: Arc<dyn Clock>, mut registry: Registry) -> Self {
        let backlog = Family::default();
        registry.register("roamhub_deliveries_open", "Deliveries owed, per provider", backlog.clone());
        Self { ledger, clock, registry, backlog, more: Router::new() }
    }

    /// Serves these routes as well.
    #[must_use]
    pub fn with(self, routes: Router) -> Self {
        Self { more: self.more.merge(routes), ..self }
    }

    /// Serves until it is told to stop.
    pub async fn run(mut self, listener: TcpListener, stop: CancellationToken) {
        let more = std::mem::take(&mut self.more);
        let loopback = listener.local_addr().is_ok_and(|address| address.ip().is_loopback());
        let admin = Admin::new(self.ledger.clone(), self.clock.clone()).console_routes(loopback);
        let routes = Router::new()
            .route("/healthz", get(|| async { "ok\n" }))
            .route("/readyz", get(ready))
            .route("/metrics", get(metrics))
            .with_state(Arc::new(self))
            .merge(admin)
            .merge(more);
        let served = axum::serve(listener, routes).with_graceful_shutdown(stop.cancelled_owned());
        if let Err(error) = served.await {
            tracing::error!(%error, "the console ended");
        }
    }
}

async fn ready(State(console): State<Arc<Console>>) -> (StatusCode, String) {
    let proven = if console.ledger.since_last_commit() < RECENT {
        Ok(())
    } else {
        match timeout(PATIENCE, console.ledger.probe(console.clock.now())).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err("the ledger cannot be written"),
            Err(_) => Err("the ledger does not commit in time"),
        }
    };
    match proven {
        Ok(()) => (StatusCode::OK, console.ready_text().await),
        Err(what) => (StatusCode::SERVICE_UNAVAILABLE, format!("{what}\n")),
    }
}

impl Console {
    /// A hub with paused lanes or a disk that fills up is ready, it takes Ends in; but whoever looks should see that.
    async fn ready_text(&self) -> String {
        let mut text = match self.ledger.room() {
            Room::Ample => "ready\n".to_owned(),
            low => format!("ready; {}\n", low.in_words()),
        };
        for pause in self.ledger.pauses().await.unwrap_or_default() {
            text.push_str(&format!("paused {} since {}: {}\n", pause.provider, pause.at, pause.why));
        }
        text
    }
}

async fn metrics(State(console): State<Arc<Console>>) -> impl IntoResponse {
    match console.ledger.backlog().await {
        Ok(backlog) => {
            console.backlog.clear();
            for (provider, count) in backlog {
                let label = ProviderLabel { provider: provider.to_string() };
                console.backlog.get_or_create(&label).set(i64::try_from(count).unwrap_or(i64::MAX));
            }
        }
        Err(error) => tracing::warn!(%error, "the backlog could not be counted"),
    }
    let mut text = String::new();
    match prometheus_client::encoding::text::encode(&mut text, &console.registry) {
        Ok(()) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            (StatusCode::OK, [(header::CONTENT_TYPE, kind)], text)
        }
        Err(error) => {
            tracing::error!(%error, "the metrics could not be written");
            let kind = "text/plain; charset=utf-8";
            (
                StatusCode::INTERNAL_SERVER_ERROR,
                [(header::CONTENT_TYPE, kind)],
                "see the hub's log\n".to_owned(),
            )
        }
    }
}
