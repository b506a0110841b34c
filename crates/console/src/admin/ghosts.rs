//! `GET /ghosts?operator=DE*ABC`: sessions that look like ghosts, counted and listed, and the authorisations that were
//! refused while one of an operator's sessions stood open. Without `operator`: those of all.

use axum::extract::{Query, State};
use oicp::OperatorId;
use roamhub_core::Partner;
use roamhub_core::access::Reach;
use roamhub_core::ports::watch::{Blocked, Ghost};
use roamhub_services::ghosts::{Ghosts, ghosts};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Admin;
use super::problem::{Json, Problem};
use crate::door::Visit;

/// Whose.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    operator: Option<String>,
}

impl Wanted {
    /// The operator that is asked for, or that a visitor is confined to.
    pub(super) fn operator(&self, reach: Reach) -> Result<Option<OperatorId>, Problem> {
        let named = self.operator.as_deref().map(OperatorId::parse).transpose();
        let named = named.map_err(|error| Problem::bad(error.to_string()))?;
        match (reach, named) {
            (Reach::Own(Partner::Operator(own)), None) => Ok(Some(own)),
            (Reach::Own(Partner::Operator(own)), Some(other)) if own != other => Err(Problem::nothing_here()),
            (Reach::All | Reach::Own(_), named) => Ok(named),
        }
    }
}

pub(crate) async fn list(
    State(admin): State<Admin>,
    visit: Visit,
    Query(wanted): Query<Wanted>,
) -> Result<Json, Problem> {
    let mut ghosts = ghosts(&*admin.ledger, wanted.operator(visit.reach)?).await?;
    if let Reach::Own(own) = visit.reach {
        confine(&mut ghosts, own);
    }
    Ok(Json(as_json(&ghosts, visit.reach)))
}

/// What is a partner's own.
fn confine(ghosts: &mut Ghosts, own: Partner) {
    let reach = Reach::Own(own);
    ghosts.sessions.retain(|ghost| reach.takes_in(Some(&ghost.operator), ghost.provider.as_ref()));
    ghosts.blocked.retain(|blocked| reach.takes_in(Some(&blocked.caused_by), Some(&blocked.provider)));
    // They are counted per operator: what of it is a provider's own is not known.
    ghosts.counts.retain(|count| reach.takes_in(Some(&count.operator), None));
}

fn as_json(ghosts: &Ghosts, reach: Reach) -> Value {
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
        "blockedAuthorisations": ghosts.blocked.iter().map(|one| blocked_for(reach, one)).collect::<Vec<_>>(),
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

/// The same, without who asked, where that is another partner's customer.
fn blocked_for(reach: Reach, one: &Blocked) -> Value {
    let mut shown = blocked(one);
    if !reach.takes_in(Some(&one.operator), Some(&one.provider)) {
        shown["operator"] = Value::Null;
    }
    shown
}
