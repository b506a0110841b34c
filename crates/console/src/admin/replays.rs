//! Replays: ordered, listed, followed.

use axum::body::Bytes;
use axum::extract::{Path, State};
use roamhub_core::replay::{ReplayNo, SelectionText};
use serde::Deserialize;
use serde_json::{Value, json};

use super::problem::{Json, Problem, read};
use super::{Admin, view};

/// How many are listed.
const LISTED: usize = 100;

/// Which messages, and whether they are only counted.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Order {
    selection: SelectionText,
    #[serde(default)]
    dry_run: bool,
}

/// `POST /replays {"selection": {"provider": "DE-DCB", "from": "…"}, "dryRun": true}`
pub(super) async fn order(State(admin): State<Admin>, body: Bytes) -> Result<Json, Problem> {
    let order: Order = read(&body)?;
    let selection = order.selection.read().map_err(|error| Problem::bad(error.to_string()))?;
    if order.dry_run {
        return Ok(Json(view::matching(&admin.ledger.matching(selection).await?)));
    }
    let no = admin.ledger.order_replay(selection, admin.clock.now()).await?;
    tracing::info!(replay = no.0, "a replay was ordered");
    show(&admin, no).await
}

/// `GET /replays`
pub(super) async fn list(State(admin): State<Admin>) -> Result<Json, Problem> {
    let replays = admin.ledger.replays(LISTED).await?;
    Ok(Json(json!({ "replays": replays.iter().map(view::replay).collect::<Vec<Value>>() })))
}

/// `GET /replays/{no}`
pub(super) async fn one(State(admin): State<Admin>, Path(no): Path<String>) -> Result<Json, Problem> {
    let no = no.parse().map_err(|_| Problem::bad("replays are numbered from 1"))?;
    show(&admin, ReplayNo(no)).await
}

async fn show(admin: &Admin, no: ReplayNo) -> Result<Json, Problem> {
    let replay = admin.ledger.replay(no).await?;
    replay
        .map(|replay| Json(view::replay(&replay)))
        .ok_or_else(|| Problem::not_found("no replay has this number; GET /api/v1/replays lists them"))
}
