//! `GET /api/v1/differences?operator=DE*ABC`: where charge detail records and the Ends of their sessions say something
//! else, the newest first. Without `operator`: those of all.

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use oicp::OperatorId;
use roamhub_core::ports::cdr::Difference;
use roamhub_services::Hub;
use serde::Deserialize;
use serde_json::{Value, json};

/// The routes of this part of the admin API.
pub fn routes(hub: Hub) -> Router {
    Router::new().route("/api/v1/differences", get(differences)).with_state(hub)
}

#[derive(Deserialize)]
struct Wanted {
    operator: Option<String>,
}

async fn differences(State(hub): State<Hub>, Query(wanted): Query<Wanted>) -> Response {
    let operator = match wanted.operator.as_deref().map(OperatorId::parse).transpose() {
        Ok(operator) => operator,
        Err(error) => return answer(StatusCode::BAD_REQUEST, &json!({ "error": error.to_string() })),
    };
    match hub.differences(operator).await {
        Ok(found) => {
            let found: Vec<_> = found.iter().map(difference).collect();
            answer(StatusCode::OK, &json!({ "differences": found }))
        }
        Err(error) => {
            tracing::warn!(%error, "the differences could not be listed");
            answer(StatusCode::SERVICE_UNAVAILABLE, &json!({ "error": error.to_string() }))
        }
    }
}

fn answer(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json; charset=utf-8")], body.to_string()).into_response()
}

/// A difference, as the API and `roamhub differences --json` show it.
#[must_use]
pub fn difference(one: &Difference) -> Value {
    json!({
        "session": one.session.to_session_id().to_string(),
        "operator": one.operator.to_string(),
        "provider": one.provider.to_string(),
        "at": one.at.to_string(),
        "code": one.finding.code,
        "pointer": one.finding.pointer,
        "text": one.finding.text,
    })
}
