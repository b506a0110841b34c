//! The audit trail.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use roamhub_core::account::AuditRecord;
use serde::Deserialize;
use serde_json::{Value, json};

use super::problem::{Json, Problem};
use super::{Admin, view};

/// How many lines are shown unless told, and at most.
const USUAL: usize = 100;
const MOST: usize = 1000;

/// Which lines.
#[derive(Deserialize, Default)]
pub(crate) struct Wanted {
    pub(crate) before: Option<i64>,
    limit: Option<usize>,
}

/// `GET /audit?before=NO&limit=N`, the newest first.
pub(crate) async fn list(
    State(admin): State<Admin>,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json, Problem> {
    let lines = newest(&admin, wanted).await?;
    Ok(Json(json!({ "audit": lines.iter().map(view::audit).collect::<Vec<Value>>() })))
}

/// The lines that are wanted.
pub(crate) async fn newest(
    admin: &Admin,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Vec<AuditRecord>, Problem> {
    let Query(wanted) = wanted.map_err(|_| Problem::bad("the query takes before=NO and limit=100"))?;
    let limit = wanted.limit.unwrap_or(USUAL).min(MOST);
    Ok(admin.ledger.audit(wanted.before, limit).await?)
}
