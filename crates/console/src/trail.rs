//! Writing the audit trail: one line for every change that was tried, whoever tried it and however it ended.
//!
//! Strangers are kept to so many lines in a while, because each line costs a commit and anybody who reaches the console's
//! address can cause one; what is left out is counted in the next line.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use roamhub_core::account::{Actor, AuditOutcome, AuditRecord};

use crate::admin::Admin;
use crate::door::{Noted, Visit};

/// So many lines about strangers are kept in each while.
const STRANGERS: u32 = 100;
const WHILE: Duration = Duration::from_secs(10);

/// How many strangers there were in this while.
#[derive(Debug, Default)]
pub(crate) struct Strangers(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    since: Option<Instant>,
    kept: u32,
    left_out: u64,
}

impl Strangers {
    /// Whether one more line is kept; if so, how many were left out before it.
    fn one_more(&self, now: Instant) -> Option<u64> {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.since.is_none_or(|since| now.duration_since(since) >= WHILE) {
            counted.since = Some(now);
            counted.kept = 0;
        }
        if counted.kept >= STRANGERS {
            counted.left_out = counted.left_out.saturating_add(1);
            return None;
        }
        counted.kept += 1;
        Some(std::mem::take(&mut counted.left_out))
    }
}

/// Writes a line. What was done stays done if that fails; the log says so.
pub(crate) async fn note(admin: &Admin, action: &str, visit: &Visit, noted: Noted, status: StatusCode) {
    let actor = noted.actor.or_else(|| visit.visitor.as_ref().map(|visitor| visitor.actor.clone()));
    let actor = actor.unwrap_or(Actor::Nobody);
    let mut detail = noted.detail;
    if actor == Actor::Nobody {
        let Some(left_out) = admin.strangers.one_more(Instant::now()) else { return };
        if left_out > 0 {
            let more = format!("{left_out} lines like this were left out before it");
            detail = Some(detail.map_or(more.clone(), |detail| format!("{detail}; {more}")));
        }
    }
    let outcome = match status.as_u16() {
        200..=399 => AuditOutcome::Done,
        401 | 403 | 429 => AuditOutcome::Refused,
        // Hidden from a partner, that is.
        404 if visit.is_hidden() => AuditOutcome::Refused,
        _ => AuditOutcome::Failed,
    };
    let record = AuditRecord {
        no: 0,
        at: admin.clock.now(),
        kind: actor.kind().to_owned(),
        who: actor.to_string(),
        from: visit.from.map(|address| address.to_canonical().to_string()),
        action: action.to_owned(),
        about: noted.about,
        outcome,
        detail,
    };
    if let Err(error) = admin.ledger.note_audit(record).await {
        tracing::error!(%error, action, outcome = outcome.as_str(), "a line of the audit trail was not kept");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_get_so_many_lines_in_a_while() {
        let (strangers, now) = (Strangers::default(), Instant::now());
        let kept = (0..150).filter(|_| strangers.one_more(now).is_some()).count();
        assert_eq!(kept, 100);
        assert_eq!(strangers.one_more(now + WHILE), Some(50));
        assert_eq!(strangers.one_more(now + WHILE), Some(0));
    }
}
