//! Mandates: which operators have lost theirs, and giving one back.

use axum::extract::{Path, State};
use oicp::OperatorId;
use serde_json::json;

use super::problem::{Json, Problem};
use super::{Admin, view};

/// Who gave a mandate back, for the record: accounts come later.
const BY: &str = "admin";

/// `GET /mandates`
pub(super) async fn list(State(admin): State<Admin>) -> Result<Json, Problem> {
    Ok(Json(view::suspensions(&admin.ledger.suspensions().await?)))
}

/// `POST /mandates/{operator}/restore`
pub(super) async fn restore(
    State(admin): State<Admin>,
    Path(operator): Path<String>,
) -> Result<Json, Problem> {
    let operator =
        OperatorId::parse(&operator).map_err(|_| Problem::bad("an OperatorID looks like DE*ABC"))?;
    let restored = admin.ledger.restore_mandate(operator, admin.clock.now(), BY.to_owned()).await?;
    if restored > 0 {
        tracing::warn!(%operator, "the operator has its mandate back: Ends are issued on its behalf again");
    }
    Ok(Json(json!({ "operator": operator.to_string(), "suspended": false, "changed": restored > 0 })))
}
