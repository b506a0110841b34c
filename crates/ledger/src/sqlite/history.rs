//! How deliveries ended, and their attempts: the same for what is owed and for what a replay sends once more.

use jiff::Timestamp;
use roamhub_core::MessageKind;
use roamhub_core::delivery::{FinalState, Lease};
use roamhub_core::ports::AttemptRecord;
use rusqlite::{Connection, Statement, params};

use super::StoreError;
use super::kept::Kept;
use super::rows::{finding_value, micros};

/// The end of a delivery.
pub(super) struct End<'a> {
    pub(super) notification: i64,
    pub(super) delivery: i64,
    pub(super) state: FinalState,
    pub(super) reason: Option<&'a str>,
    pub(super) at: Timestamp,
    /// The attempt that ended it, and its number.
    pub(super) attempt: Option<(u32, &'a AttemptRecord)>,
    /// The replay that made the delivery.
    pub(super) replay: Option<i64>,
}

/// Writes a delivery's end.
pub(super) fn write_end(connection: &Connection, end: &End<'_>) -> Result<(), StoreError> {
    insert_end(&mut *connection.prepare_cached(INSERT_END)?, end)
}

/// Writes a delivery's end by the writer's kept statement.
pub(super) fn write_usual_end(kept: &mut Kept<'_>, end: &End<'_>) -> Result<(), StoreError> {
    let Some((number, attempt)) = end.attempt.filter(|(_, attempt)| is_usual(end, attempt)) else {
        return insert_end(kept.statement(INSERT_END)?, end);
    };
    kept.statement(INSERT_DELIVERED)?.execute(params![
        end.notification,
        end.delivery,
        micros(end.at),
        number,
        micros(attempt.started_at),
        took_ms(attempt),
        attempt.http_status,
        attempt.acknowledgement.as_deref(),
        &attempt.detail,
    ])?;
    Ok(())
}

/// Delivered, and nothing odd about it.
fn is_usual(end: &End<'_>, attempt: &AttemptRecord) -> bool {
    let plain = end.reason.is_none() && end.replay.is_none() && attempt.finding.is_none();
    plain && end.state == FinalState::Delivered && attempt.outcome == FinalState::Delivered.as_str()
}

const INSERT_DELIVERED: &str = "INSERT INTO delivery_history
    (notification, delivery, state, ended_at, number, started_at, took_ms, outcome, http_status, acknowledgement, detail)
    VALUES (?1, ?2, 'delivered', ?3, ?4, ?5, ?6, 'delivered', ?7, ?8, ?9)";

const INSERT_END: &str = "INSERT INTO delivery_history
    (notification, delivery, state, reason, ended_at, number, started_at, took_ms, outcome, http_status,
     acknowledgement, detail, finding, replay)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)";

fn insert_end(statement: &mut Statement<'_>, end: &End<'_>) -> Result<(), StoreError> {
    let attempt = end.attempt.map(|(_, attempt)| attempt);
    statement.execute(params![
        end.notification,
        end.delivery,
        end.state.as_str(),
        end.reason,
        micros(end.at),
        end.attempt.map(|(number, _)| number),
        attempt.map(|attempt| micros(attempt.started_at)),
        attempt.map(took_ms),
        attempt.map(|attempt| attempt.outcome),
        attempt.and_then(|attempt| attempt.http_status),
        attempt.and_then(|attempt| attempt.acknowledgement.as_deref()),
        attempt.map(|attempt| &attempt.detail),
        attempt.and_then(finding_json),
        end.replay,
    ])?;
    Ok(())
}

/// Writes the end of a delivery that no attempt ended.
pub(super) fn write_history(
    connection: &Connection,
    delivery: i64,
    notification: i64,
    state: FinalState,
    reason: Option<&str>,
    at: Timestamp,
) -> Result<(), StoreError> {
    write_end(connection, &End { notification, delivery, state, reason, at, attempt: None, replay: None })
}

/// How a message that is too old ends, and why.
pub(super) fn too_old(kind: MessageKind) -> (FinalState, Option<&'static str>) {
    if kind.is_passing() { (FinalState::Expired, None) } else { (FinalState::Exhausted, Some("too-old")) }
}

/// Writes an attempt that did not end its delivery.
pub(super) fn record_attempt(
    connection: &Connection,
    lease: Lease,
    attempt: &AttemptRecord,
    late: bool,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO attempt
                 (delivery, number, late, started_at, took_ms, outcome, http_status, acknowledgement, detail, finding)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![
            lease.delivery.0,
            lease.token,
            late,
            micros(attempt.started_at),
            took_ms(attempt),
            attempt.outcome,
            attempt.http_status,
            attempt.acknowledgement.as_deref(),
            &attempt.detail,
            finding_json(attempt),
        ])?;
    Ok(())
}

fn took_ms(attempt: &AttemptRecord) -> i64 {
    i64::try_from(attempt.took.as_millis()).unwrap_or(i64::MAX)
}

fn finding_json(attempt: &AttemptRecord) -> Option<String> {
    attempt.finding.as_ref().map(|finding| finding_value(finding).to_string())
}
