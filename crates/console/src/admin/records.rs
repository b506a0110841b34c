//! Looking: messages, sessions, refusals.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use oicp::SessionId;
use roamhub_core::{ProcessId, SessionKey};
use serde::Deserialize;
use serde_json::{Value, json};

use super::problem::{Json, Problem};
use super::{Admin, view};

/// How many refusals are shown unless told.
const REFUSALS: usize = 100;

/// `GET /messages/{process}`
pub(super) async fn message(
    State(admin): State<Admin>,
    Path(process): Path<String>,
) -> Result<Json, Problem> {
    let process = ProcessId::parse(&process)
        .ok_or_else(|| Problem::bad("a Process-ID looks like 0198f2d4-…, a UUID"))?;
    let message = admin.ledger.message(process).await?;
    let message = message.ok_or_else(|| {
        Problem::not_found(
            "no notification has this Process-ID; if its request was refused, see /api/v1/refusals",
        )
    })?;
    Ok(Json(view::message(&message)))
}

/// `GET /sessions/{session}`
pub(super) async fn session(
    State(admin): State<Admin>,
    Path(session): Path<String>,
) -> Result<Json, Problem> {
    let key = SessionId::parse(&session).ok().and_then(|id| SessionKey::of(&id));
    let key = key.ok_or_else(|| Problem::bad("a SessionID of a hub looks like 0198f2d4-…, a UUID"))?;
    let story = admin.ledger.session_story(key).await?;
    let story = story.ok_or_else(|| {
        Problem::not_found(
            "no session has this id: the hub never opened it, or its authorisation was refused",
        )
    })?;
    Ok(Json(view::session(&story)))
}

/// Which refusals.
#[derive(Deserialize)]
pub(super) struct Wanted {
    partner: Option<String>,
    limit: Option<usize>,
}

/// `GET /refusals?partner=DE*ABC&limit=100`
pub(super) async fn refusals(
    State(admin): State<Admin>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json, Problem> {
    let Query(wanted) = wanted.map_err(|_| Problem::bad("the query takes partner=DE*ABC and limit=100"))?;
    let refusals = admin.ledger.refusals_of(wanted.partner, wanted.limit.unwrap_or(REFUSALS)).await?;
    Ok(Json(json!({ "refusals": refusals.iter().map(view::refusal).collect::<Vec<Value>>() })))
}
