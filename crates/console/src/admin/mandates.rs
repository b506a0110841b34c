//! Mandates: which operators have lost theirs, and giving one back.

use axum::extract::{Path, State};
use oicp::OperatorId;
use serde_json::json;

use super::problem::{Json, Problem};
use super::{Admin, view};
use crate::door::Visit;

/// `GET /mandates`
pub(crate) async fn list(State(admin): State<Admin>, visit: Visit) -> Result<Json, Problem> {
    let mut suspensions = admin.ledger.suspensions().await?;
    suspensions.retain(|one| visit.reach.takes_in(Some(&one.operator), None));
    Ok(Json(view::suspensions(&suspensions)))
}

/// `POST /mandates/{operator}/restore`
pub(crate) async fn restore(
    State(admin): State<Admin>,
    visit: Visit,
    Path(operator): Path<String>,
) -> Result<Json, Problem> {
    let operator =
        OperatorId::parse(&operator).map_err(|_| Problem::bad("an OperatorID looks like DE*ABC"))?;
    visit.about(operator);
    let restored = admin.ledger.restore_mandate(operator, admin.clock.now(), visit.by()).await?;
    if restored > 0 {
        tracing::warn!(%operator, "the operator has its mandate back: Ends are issued on its behalf again");
    }
    Ok(Json(json!({ "operator": operator.to_string(), "suspended": false, "changed": restored > 0 })))
}
