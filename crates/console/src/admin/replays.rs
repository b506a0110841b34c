//! Replays: ordered, listed, followed. A provider's people order and see those of what goes to them.

use axum::body::Bytes;
use axum::extract::{Path, State};
use roamhub_core::Partner;
use roamhub_core::access::Reach;
use roamhub_core::replay::{ReplayNo, ReplayRecord, Selection, SelectionText};
use serde::Deserialize;
use serde_json::{Value, json};

use super::problem::{Json, Problem, read};
use super::{Admin, view};
use crate::door::Visit;

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
pub(crate) async fn order(State(admin): State<Admin>, visit: Visit, body: Bytes) -> Result<Json, Problem> {
    let Order { mut selection, dry_run } = read(&body)?;
    if let Reach::Own(own) = visit.reach {
        // Nothing is sent to an operator.
        let Partner::Provider(own) = own else { return Err(Problem::nothing_here()) };
        selection.provider.get_or_insert_with(|| own.to_string());
    }
    let selection = selection.read().map_err(|error| Problem::bad(error.to_string()))?;
    if !is_within(visit.reach, &selection) {
        return Err(Problem::nothing_here());
    }
    visit.about(
        selection.provider.map_or_else(|| "all providers".to_owned(), |provider| provider.to_string()),
    );
    if dry_run {
        visit.detail("only counted");
        return Ok(Json(view::matching(&admin.ledger.matching(selection).await?)));
    }
    let no = admin.ledger.order_replay(selection, admin.clock.now()).await?;
    visit.detail(format!("replay {}", no.0));
    tracing::info!(replay = no.0, "a replay was ordered");
    show(&admin, no, visit.reach).await
}

/// `GET /replays`
pub(crate) async fn list(State(admin): State<Admin>, visit: Visit) -> Result<Json, Problem> {
    let mut replays = admin.ledger.replays(LISTED).await?;
    replays.retain(|replay: &ReplayRecord| is_within(visit.reach, &replay.selection));
    Ok(Json(json!({ "replays": replays.iter().map(view::replay).collect::<Vec<Value>>() })))
}

/// `GET /replays/{no}`
pub(crate) async fn one(
    State(admin): State<Admin>,
    visit: Visit,
    Path(no): Path<String>,
) -> Result<Json, Problem> {
    let no = no.parse().map_err(|_| Problem::bad("replays are numbered from 1"))?;
    show(&admin, ReplayNo(no), visit.reach).await
}

async fn show(admin: &Admin, no: ReplayNo, reach: Reach) -> Result<Json, Problem> {
    let replay = admin.ledger.replay(no).await?;
    replay
        .filter(|replay| is_within(reach, &replay.selection))
        .map(|replay| Json(view::replay(&replay)))
        .ok_or_else(|| Problem::not_found("no replay has this number; GET /api/v1/replays lists them"))
}

fn is_within(reach: Reach, selection: &Selection) -> bool {
    reach.takes_in(None, selection.provider.as_ref())
}
