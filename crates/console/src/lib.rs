//! What people and their monitoring talk to: health, readiness, metrics, the admin API, the web console's pages.
//!
//! * `/healthz`: the process answers;
//! * `/readyz`: the ledger could be written within the last seconds, so messages can be taken in;
//! * `/metrics`: Prometheus text;
//! * `/api/v1`, and the pages: see [`admin`] and [`routes`]; who may do what is decided at the [`door`].
//!
//! The first three are open to whoever reaches the address; they name partners, and nobody else.

pub mod admin;
mod cookie;
pub mod door;
mod forms;
mod pages;
pub mod routes;
mod server;
mod trail;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use roamhub_core::ports::{Clock, Ledger};
use roamhub_core::room::Room;
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

pub use admin::Admin;
pub use door::Wire;

use door::Door;

/// Of every answer: nothing from elsewhere, no script, in nobody's frame, taken for what it says it is.
const HEADERS: [(HeaderName, HeaderValue); 5] = [
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; \
             frame-ancestors 'none'",
        ),
    ),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    // Not `no-referrer`: under it browsers hide where a form comes from, also from this very server.
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
];

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
        Self { ledger, clock, registry, backlog }
    }

    /// Serves itself and the admin API until it is told to stop; over TLS if there are settings for it.
    pub async fn run(
        self,
        listener: TcpListener,
        tls: Option<Arc<ServerConfig>>,
        admin: Admin,
        stop: CancellationToken,
    ) {
        let wire = if tls.is_some() { Wire::Tls } else { Wire::Plain };
        let routes = Router::new()
            .route("/healthz", get(|| async { "ok\n" }))
            .route("/readyz", get(ready))
            .route("/metrics", get(metrics))
            .with_state(Arc::new(self))
            .merge(routes::behind(Door::Console(wire), &admin))
            .layer(DefaultBodyLimit::max(forms::LONGEST))
            .layer(map_response(with_headers));
        server::serve(listener, tls, routes, stop).await;
    }
}

async fn with_headers(mut answer: Response) -> Response {
    let headers = answer.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, value);
    }
    // What somebody has seen stays with them.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    answer
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
