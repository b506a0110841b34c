//! Looking: messages, sessions, refusals.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use oicp::SessionId;
use roamhub_core::access::Reach;
use roamhub_core::records::{MessageRecord, SessionStory};
use roamhub_core::{Partner, ProcessId, SessionKey};
use serde::Deserialize;
use serde_json::{Value, json};

use super::problem::{Json, Problem};
use super::{Admin, view};
use crate::door::Visit;

/// How many refusals are shown unless told.
const REFUSALS: usize = 100;

/// `GET /messages/{process}`
pub(crate) async fn message(
    State(admin): State<Admin>,
    visit: Visit,
    Path(process): Path<String>,
) -> Result<Json, Problem> {
    let process = ProcessId::parse(&process)
        .ok_or_else(|| Problem::bad("a Process-ID looks like 0198f2d4-…, a UUID"))?;
    let message = admin.ledger.message(process).await?;
    let message = message.filter(|message| is_within(visit.reach, message)).ok_or_else(|| {
        Problem::not_found(
            "no notification has this Process-ID; if its request was refused, see /api/v1/refusals",
        )
    })?;
    Ok(Json(view::message(&shown_to(visit.reach, message))))
}

fn is_within(reach: Reach, message: &MessageRecord) -> bool {
    reach.takes_in(Some(&message.operator), Some(&message.provider))
}

/// What went wrong on the way to a provider, in the hub's own words, is no operator's business.
fn shown_to(reach: Reach, mut message: MessageRecord) -> MessageRecord {
    if let Reach::Own(Partner::Operator(_)) = reach {
        let attempts = message.deliveries.iter_mut().flat_map(|delivery| &mut delivery.attempts);
        for attempt in attempts {
            attempt.detail.clear();
            attempt.finding = None;
        }
    }
    message
}

/// `GET /sessions/{session}`
pub(crate) async fn session(
    State(admin): State<Admin>,
    visit: Visit,
    Path(session): Path<String>,
) -> Result<Json, Problem> {
    let key = SessionId::parse(&session).ok().and_then(|id| SessionKey::of(&id));
    let key = key.ok_or_else(|| Problem::bad("a SessionID of a hub looks like 0198f2d4-…, a UUID"))?;
    let story = admin.ledger.session_story(key).await?;
    let story = story.and_then(|story| story_for(visit.reach, story)).ok_or_else(|| {
        Problem::not_found(
            "no session has this id: the hub never opened it, or its authorisation was refused",
        )
    })?;
    Ok(Json(view::session(&story)))
}

/// A session as far as it is within reach: of a partner's own, what is about others is left out.
fn story_for(reach: Reach, mut story: SessionStory) -> Option<SessionStory> {
    let session = &story.session;
    if !reach.takes_in(Some(&session.operator), session.provider.as_ref()) {
        return None;
    }
    if let Reach::Own(own) = reach {
        story.conflicts.retain(|conflict| own == conflict.provider.into());
        let messages = std::mem::take(&mut story.messages).into_iter();
        let messages = messages.filter(|message| is_within(reach, message));
        story.messages = messages.map(|message| shown_to(reach, message)).collect();
    }
    Some(story)
}

/// Which refusals.
#[derive(Deserialize)]
pub(crate) struct Wanted {
    partner: Option<String>,
    limit: Option<usize>,
}

/// `GET /refusals?partner=DE*ABC&limit=100`
pub(crate) async fn refusals(
    State(admin): State<Admin>,
    visit: Visit,
    wanted: Result<Query<Wanted>, QueryRejection>,
) -> Result<Json, Problem> {
    let Query(wanted) = wanted.map_err(|_| Problem::bad("the query takes partner=DE*ABC and limit=100"))?;
    let partner = match (visit.reach, wanted.partner) {
        (Reach::All, partner) => partner,
        (Reach::Own(own), Some(other)) if roamhub_core::access::partner_of(&other) != Some(own) => {
            return Err(Problem::nothing_here());
        }
        (Reach::Own(own), _) => Some(own.to_string()),
    };
    let refusals = admin.ledger.refusals_of(partner, wanted.limit.unwrap_or(REFUSALS)).await?;
    Ok(Json(json!({ "refusals": refusals.iter().map(view::refusal).collect::<Vec<Value>>() })))
}
