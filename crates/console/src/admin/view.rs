//! Records as JSON: what the API answers and what the program prints with `--json`. Bodies are never part of it.

use std::collections::BTreeMap;
use std::fmt::Write;

use jiff::Timestamp;
use roamhub_core::account::AuditRecord;
use roamhub_core::erasure::ErasureCount;
use roamhub_core::mandate::Suspension;
use roamhub_core::ports::accounts::{Token, User};
use roamhub_core::ports::rates::LaneRate;
use roamhub_core::ports::{Pause, Queue};
use roamhub_core::records::{DeliveryRecord, MessageRecord, Refusal, SessionStory, StoredFinding};
use roamhub_core::replay::{Matching, ReplayRecord, SelectionText};
use roamhub_services::erasure::Extent;
use serde_json::{Value, json};

use super::mask::Mask;

fn instant(at: Option<Timestamp>) -> Option<String> {
    at.map(|at| at.to_string())
}

fn finding(finding: &StoredFinding) -> Value {
    json!({ "code": finding.code, "pointer": finding.pointer, "text": finding.text })
}

/// A message with its deliveries and attempts.
#[must_use]
pub fn message(message: &MessageRecord) -> Value {
    let mask = Mask::of(message);
    json!({
        "process": message.process.to_string(),
        "type": message.kind,
        "session": message.session.to_session_id().to_string(),
        "operator": message.operator.to_string(),
        "provider": message.provider.to_string(),
        "receivedAt": message.received_at.to_string(),
        "issuedByHub": message.origin.word(),
        "bytes": message.body.len(),
        "erasedAt": instant(message.erased_at),
        "sha256": hex(&message.digest),
        "findings": message.findings.iter().map(|one| mask.finding(one)).collect::<Vec<_>>(),
        "deliveries": message.deliveries.iter().map(|one| delivery(one, &mask)).collect::<Vec<_>>(),
    })
}

fn delivery(delivery: &DeliveryRecord, mask: &Mask) -> Value {
    let attempts = delivery.attempts.iter().map(|attempt| {
        json!({
            "number": attempt.number,
            "startedAt": attempt.started_at.to_string(),
            "tookMs": attempt.took_ms,
            "outcome": attempt.outcome,
            "httpStatus": attempt.http_status,
            "acknowledgement": attempt.acknowledgement.as_ref().and_then(|ack| mask.json(ack)),
            "detail": attempt.detail,
            "finding": attempt.finding.as_ref().map(|one| mask.finding(one)),
            "late": attempt.late,
        })
    });
    json!({
        "state": delivery.state,
        "reason": delivery.reason,
        "replay": delivery.replay,
        "dueAt": instant(delivery.due_at),
        "endedAt": instant(delivery.ended_at),
        "attempts": attempts.collect::<Vec<_>>(),
    })
}

/// A session with its authorisation, conflicts and messages.
#[must_use]
pub fn session(story: &SessionStory) -> Value {
    let session = &story.session;
    let authorisations = story.authorisations.iter().map(|one| {
        json!({
            "process": one.process.to_string(),
            "receivedAt": one.received_at.to_string(),
            "code": one.code.map(|code| format!("{code:03}")),
            "provider": one.provider.map(|id| id.to_string()),
            "erasedAt": instant(one.erased_at),
        })
    });
    let conflicts = story
        .conflicts
        .iter()
        .map(|conflict| json!({ "provider": conflict.provider.to_string(), "at": conflict.at.to_string() }));
    json!({
        "session": session.key.to_session_id().to_string(),
        "operator": session.operator.to_string(),
        "provider": session.provider.map(|id| id.to_string()),
        "kind": session.kind.as_str(),
        "openedBy": session.opened_by.as_str(),
        "state": session.state.as_str(),
        "chargingEnded": story.charging_ended(),
        "openedAt": session.opened_at.to_string(),
        "evse": session.evse,
        "authorisations": authorisations.collect::<Vec<_>>(),
        "conflicts": conflicts.collect::<Vec<_>>(),
        "differences": story.differences.iter().map(finding).collect::<Vec<_>>(),
        "messages": story.messages.iter().map(message).collect::<Vec<_>>(),
    })
}

/// A refused request.
#[must_use]
pub fn refusal(refusal: &Refusal) -> Value {
    json!({
        "process": refusal.process.to_string(),
        "receivedAt": refusal.received_at.to_string(),
        "service": refusal.service,
        "partner": refusal.partner,
        "session": refusal.session,
        "httpStatus": refusal.http_status,
        "code": format!("{:03}", refusal.code),
        "reason": refusal.reason,
    })
}

/// What there is to say of a lane.
#[derive(Default)]
struct OfLane<'a> {
    pause: Option<&'a Pause>,
    queue: Option<&'a Queue>,
    rate: Option<&'a LaneRate>,
}

/// All lanes that are paused, whose drain rate somebody has set, or in which something waits.
#[must_use]
pub fn lanes(pauses: &[Pause], queues: &[Queue], rates: &[LaneRate]) -> Value {
    let mut lanes: BTreeMap<String, OfLane<'_>> = BTreeMap::new();
    for pause in pauses {
        lanes.entry(pause.provider.to_string()).or_default().pause = Some(pause);
    }
    for queue in queues {
        lanes.entry(queue.provider.to_string()).or_default().queue = Some(queue);
    }
    for rate in rates {
        lanes.entry(rate.provider.to_string()).or_default().rate = Some(rate);
    }
    let lanes = lanes.into_iter().map(|(provider, OfLane { pause, queue, rate })| {
        json!({
            "provider": provider,
            "paused": pause.is_some(),
            "pausedAt": pause.map(|pause| pause.at.to_string()),
            "pausedBy": pause.map(|pause| &pause.by),
            "reason": pause.map(|pause| &pause.why),
            "waiting": queue.map_or(0, |queue| queue.waiting),
            "dueSince": queue.and_then(|queue| instant(queue.due_since)),
            "drainRate": rate.map(|rate| rate.per_second),
            "drainRateSetBy": rate.map(|rate| &rate.by),
        })
    });
    json!({ "lanes": lanes.collect::<Vec<_>>() })
}

/// The operators that have lost their mandate.
#[must_use]
pub fn suspensions(suspensions: &[Suspension]) -> Value {
    let suspended = suspensions.iter().map(|one| {
        json!({
            "operator": one.operator.to_string(),
            "suspendedAt": one.at.to_string(),
            "session": one.session.to_session_id().to_string(),
            "shownBy": one.shown_by.to_string(),
        })
    });
    json!({ "suspended": suspended.collect::<Vec<_>>() })
}

/// What a selection would come to.
#[must_use]
pub fn matching(matching: &Matching) -> Value {
    json!({
        "dryRun": true,
        "toSend": matching.to_send,
        "skippedErased": matching.erased,
        "stillOpen": matching.open,
    })
}

/// A replay as it stands.
#[must_use]
pub fn replay(replay: &ReplayRecord) -> Value {
    json!({
        "no": replay.no.0,
        "orderedAt": replay.ordered_at.to_string(),
        "selection": SelectionText::from(&replay.selection),
        "state": replay_state(replay),
        "filledAt": instant(replay.filled_at),
        "queued": replay.so_far.to_send,
        "skippedErased": replay.so_far.erased,
        "stillOpen": replay.so_far.open,
        "waiting": replay.waiting,
        "delivered": replay.delivered,
        "refused": replay.refused,
        "givenUp": replay.given_up,
    })
}

/// The word for where a replay stands.
#[must_use]
pub fn replay_state(replay: &ReplayRecord) -> &'static str {
    match (replay.is_done(), replay.filled_at) {
        (true, _) => "done",
        (false, Some(_)) => "sending",
        (false, None) => "filling",
    }
}

/// What an erasure came to, or would come to.
#[must_use]
pub fn erased(count: &ErasureCount, extent: Extent) -> Value {
    json!({
        "dryRun": extent == Extent::DryRun,
        "sessions": count.sessions,
        "messages": count.messages,
        "requests": count.requests,
        "cards": count.cards,
        "uploads": count.uploads,
        "erasedBefore": count.erased_before,
        "undelivered": count.undelivered,
        "underWay": count.under_way,
    })
}

/// A user; the password is nobody's to see.
#[must_use]
pub fn user(user: &User) -> Value {
    json!({
        "name": user.name.as_str(),
        "role": user.role.as_str(),
        "partner": user.role.partner().map(|partner| partner.to_string()),
        "addedAt": user.added_at.to_string(),
        "passwordSince": user.password_at.to_string(),
        "lastLogIn": instant(user.last_log_in),
    })
}

/// A token; the secret is known to whoever made it.
#[must_use]
pub fn token(token: &Token, now: Timestamp) -> Value {
    json!({
        "no": token.no.0,
        "name": token.name.as_str(),
        "role": token.role.as_str(),
        "partner": token.role.partner().map(|partner| partner.to_string()),
        "owner": token.owner.as_ref().map(|owner| owner.as_str()),
        "madeAt": token.made_at.to_string(),
        "expiresAt": instant(token.expires_at),
        "lastUsedAt": instant(token.last_used_at),
        "revokedAt": instant(token.revoked_at),
        "good": token.holds(now),
    })
}

/// A line of the audit trail.
#[must_use]
pub fn audit(line: &AuditRecord) -> Value {
    json!({
        "no": line.no,
        "at": line.at.to_string(),
        "kind": line.kind,
        "who": line.who,
        "from": line.from,
        "action": line.action,
        "about": line.about,
        "outcome": line.outcome.as_str(),
        "detail": line.detail,
    })
}

/// Bytes as people compare them.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
