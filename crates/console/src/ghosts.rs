//! `GET /api/v1/ghosts?operator=DE*ABC`: sessions that look like ghosts, counted and listed, and the authorisations
//! that were refused while one of an operator's sessions stood open. Without `operator`: those of all.

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use oicp::OperatorId;
use roamhub_core::ports::watch::{Blocked, Ghost};
use roamhub_services::Hub;
use roamhub_services::ghosts::Ghosts;
use serde::Deserialize;
use serde_json::{Value, json};

/// The routes of this part of the admin API.
pub fn routes(hub: Hub) -> Router {
    Router::new().route("/api/v1/ghosts", get(ghosts)).with_state(hub)
}

#[derive(Deserialize)]
struct Wanted {
    operator: Option<String>,
}

async fn ghosts(State(hub): State<Hub>, Query(wanted): Query<Wanted>) -> Response {
    let operator = match wanted.operator.as_deref().map(OperatorId::parse).transpose() {
        Ok(operator) => operator,
        Err(error) => return answer(StatusCode::BAD_REQUEST, &json!({ "error": error.to_string() })),
    };
    match hub.ghosts(operator).await {
        Ok(ghosts) => answer(StatusCode::OK, &as_json(&ghosts)),
        Err(error) => {
            tracing::warn!(%error, "the ghosts could not be listed");
            answer(StatusCode::SERVICE_UNAVAILABLE, &json!({ "error": error.to_string() }))
        }
    }
}

fn answer(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json; charset=utf-8")], body.to_string()).into_response()
}

fn as_json(ghosts: &Ghosts) -> Value {
    let counts = ghosts.counts.iter().map(|count| {
        json!({
            "operator": count.operator.to_string(),
            "kind": count.kind.as_str(),
            "count": count.count,
            "since": count.since.to_string(),
        })
    });
    json!({
        "counts": counts.collect::<Vec<_>>(),
        "sessions": ghosts.sessions.iter().map(ghost).collect::<Vec<_>>(),
        "blockedAuthorisations": ghosts.blocked.iter().map(blocked).collect::<Vec<_>>(),
    })
}

/// A ghost, as the API and `roamhub ghosts --json` show it.
#[must_use]
pub fn ghost(ghost: &Ghost) -> Value {
    json!({
        "session": ghost.session.to_session_id().to_string(),
        "kind": ghost.kind.as_str(),
        "operator": ghost.operator.to_string(),
        "provider": ghost.provider.map(|provider| provider.to_string()),
        "openedAt": ghost.opened_at.to_string(),
        "lastHeardAt": ghost.last_heard_at.map(|at| at.to_string()),
        "since": ghost.since.to_string(),
    })
}

/// An authorisation that a session left open has blocked.
#[must_use]
pub fn blocked(blocked: &Blocked) -> Value {
    json!({
        "at": blocked.at.to_string(),
        "operator": blocked.operator.to_string(),
        "code": format!("{:03}", blocked.code),
        "earlierSession": blocked.earlier.to_session_id().to_string(),
        "causedBy": blocked.caused_by.to_string(),
        "provider": blocked.provider.to_string(),
    })
}
