//! `GET /differences?operator=DE*ABC`: where charge detail records and the Ends of their sessions say something else, the
//! newest first. Without `operator`: those of all.

use axum::extract::{Query, State};
use roamhub_core::ports::cdr::Difference;
use roamhub_services::ghosts::MOST_LISTED;
use serde_json::{Value, json};

use super::Admin;
use super::ghosts::Wanted;
use super::problem::{Json, Problem};
use crate::door::Visit;

pub(crate) async fn list(
    State(admin): State<Admin>,
    visit: Visit,
    Query(wanted): Query<Wanted>,
) -> Result<Json, Problem> {
    let mut found = admin.ledger.differences(wanted.operator(visit.reach)?, MOST_LISTED).await?;
    found.retain(|one| visit.reach.takes_in(Some(&one.operator), Some(&one.provider)));
    Ok(Json(json!({ "differences": found.iter().map(difference).collect::<Vec<_>>() })))
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
