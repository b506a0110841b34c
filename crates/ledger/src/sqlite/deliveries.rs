//! What is owed: turns, leases, results.

use bytes::Bytes;
use jiff::Timestamp;
use oicp::NotificationType;
use roamhub_core::delivery::{DeliveryNo, FinalState, Lease, OwedDelivery, Tries};
use roamhub_core::order::Turn;
use roamhub_core::ports::{AttemptRecord, Fate, Settled, TurnNow};
use roamhub_core::{ProcessId, SessionKey};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::StoreError;
use super::claims::{Candidate, Passed};
use super::rows::{bytes, finding_value, instant, micros, provider};
use super::tenure::Tenure;
use super::turns::{OpenRow, end, open_rows, park, promote, settle_turn, supersede, turn_of};

/// Deliveries leased by a process that is no more are due at once: nobody else can hold a lease on this ledger.
pub(super) fn void_leases(connection: &Connection, now: Timestamp) -> Result<(), rusqlite::Error> {
    connection.execute(
        "UPDATE delivery SET lease_until = NULL, due_at = ?1 WHERE lease_until IS NOT NULL",
        [micros(now)],
    )?;
    Ok(())
}

pub(super) fn take_turn(
    connection: &Connection,
    lease: Lease,
    now: Timestamp,
) -> Result<TurnNow, StoreError> {
    let session: Option<Vec<u8>> = connection
        .prepare_cached(
            "SELECT session FROM delivery WHERE no = ?1 AND token = ?2 AND lease_until IS NOT NULL",
        )?
        .query_row(params![lease.delivery.0, lease.token], |row| row.get(0))
        .optional()?;
    let Some(session) = session else { return Ok(TurnNow::Lost) };
    let open = open_rows(connection, &session)?;
    let Some(row) = open.iter().find(|row| row.no == lease.delivery.0) else { return Ok(TurnNow::Lost) };
    settle_turn(connection, &session, row.no, row.kind, &open, now)
}

pub(super) fn defer(
    connection: &Connection,
    lease: Lease,
    now: Timestamp,
    due_at: Timestamp,
) -> Result<Settled, StoreError> {
    let session: Option<Vec<u8>> = connection
        .prepare_cached(
            "UPDATE delivery SET lease_until = NULL, due_at = ?3
             WHERE no = ?1 AND token = ?2 AND lease_until IS NOT NULL RETURNING session",
        )?
        .query_row(params![lease.delivery.0, lease.token, micros(due_at)], |row| row.get(0))
        .optional()?;
    let Some(session) = session else { return Ok(Settled::Late) };
    promote(connection, &session, now)?;
    Ok(Settled::Recorded)
}

pub(super) fn settle(
    connection: &Connection,
    lease: Lease,
    now: Timestamp,
    attempt: &AttemptRecord,
    fate: &Fate,
) -> Result<Settled, StoreError> {
    let session = match fate {
        Fate::Final { state, reason } => finish(connection, lease, now, attempt, *state, *reason)?,
        Fate::Retry { .. } => retry(connection, lease, attempt, fate)?,
    };
    let Some(session) = session else {
        record_attempt(connection, lease, attempt, true)?;
        return Ok(Settled::Late);
    };
    promote(connection, &session, now)?;
    Ok(Settled::Recorded)
}

/// Ends a delivery with its last attempt. Returns its session, or nothing if the lease had been lost.
fn finish(
    connection: &Connection,
    lease: Lease,
    now: Timestamp,
    attempt: &AttemptRecord,
    state: FinalState,
    reason: Option<&str>,
) -> Result<Option<Vec<u8>>, StoreError> {
    let ended: Option<(i64, Vec<u8>, bool)> = connection
        .prepare_cached(
            "DELETE FROM delivery WHERE no = ?1 AND token = ?2 AND lease_until IS NOT NULL
             RETURNING notification, session, has_pin",
        )?
        .query_row(params![lease.delivery.0, lease.token], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let Some((notification, session, has_pin)) = ended else { return Ok(None) };
    connection
        .prepare_cached(
            "INSERT INTO delivery_history
                 (notification, delivery, state, reason, ended_at, number, started_at, took_ms, outcome, http_status,
                  acknowledgement, detail, finding)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        )?
        .execute(params![
            notification,
            lease.delivery.0,
            state.as_str(),
            reason,
            micros(now),
            lease.token,
            micros(attempt.started_at),
            took_ms(attempt),
            attempt.outcome,
            attempt.http_status,
            attempt.acknowledgement.as_deref(),
            &attempt.detail,
            finding_json(attempt),
        ])?;
    if has_pin && state == FinalState::Delivered {
        overwrite_pin(connection, notification)?;
    }
    Ok(Some(session))
}

/// Keeps a delivery for another attempt. Returns its session, or nothing if the lease had been lost.
fn retry(
    connection: &Connection,
    lease: Lease,
    attempt: &AttemptRecord,
    fate: &Fate,
) -> Result<Option<Vec<u8>>, StoreError> {
    let Fate::Retry { due_at, faulted, unusable } = *fate else { return Ok(None) };
    let session: Option<Vec<u8>> = connection
        .prepare_cached(
            "UPDATE delivery SET lease_until = NULL, due_at = ?3, recorded = recorded + 1,
                 faulted = faulted + ?4, unusable = unusable + ?5
             WHERE no = ?1 AND token = ?2 AND lease_until IS NOT NULL RETURNING session",
        )?
        .query_row(params![lease.delivery.0, lease.token, micros(due_at), faulted, unusable], |row| {
            row.get(0)
        })
        .optional()?;
    if session.is_some() {
        record_attempt(connection, lease, attempt, false)?;
    }
    Ok(session)
}

fn record_attempt(
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

/// A PIN inside a notification is not kept longer than it takes to deliver it.
fn overwrite_pin(connection: &Connection, notification: i64) -> Result<(), StoreError> {
    let body: Vec<u8> = connection
        .prepare_cached("SELECT body FROM notification WHERE no = ?1")?
        .query_row([notification], |row| row.get(0))?;
    if let Some(blanked) = oicp::pin::blank(&body) {
        connection
            .prepare_cached("UPDATE notification SET body = ?2 WHERE no = ?1")?
            .execute(params![notification, blanked])?;
    }
    Ok(())
}

pub(super) fn claim_or_end(
    connection: &Connection,
    tenure: &Tenure,
    candidate: &Candidate,
    now: Timestamp,
    lease_until: Timestamp,
) -> Result<Passed, StoreError> {
    let open = open_rows(connection, &candidate.session)?;
    // A candidate before it in this very batch may have superseded or changed it.
    let Some(row) = open.iter().find(|row| row.no == candidate.no && !row.leased).copied() else {
        return Ok(Passed::Over);
    };
    if candidate.gives_up_at <= now && !candidate.is_untried() {
        return give_up(connection, candidate, now).map(Passed::Ended);
    }
    let owed = claim(connection, candidate, row, &open, now, lease_until)?;
    let Some(owed) = owed else { return Ok(Passed::Over) };
    tenure.leased(owed.lease, micros(lease_until));
    Ok(Passed::Claimed(Box::new(owed)))
}

fn give_up(connection: &Connection, candidate: &Candidate, now: Timestamp) -> Result<FinalState, StoreError> {
    let (state, reason) = match candidate.kind {
        NotificationType::Start | NotificationType::Progress => (FinalState::Expired, None),
        NotificationType::End | NotificationType::Error => (FinalState::Exhausted, Some("too-old")),
    };
    end(connection, candidate.no, candidate.notification, state, reason, now)?;
    promote(connection, &candidate.session, now)?;
    Ok(state)
}

fn claim(
    connection: &Connection,
    candidate: &Candidate,
    row: OpenRow,
    open: &[OpenRow],
    now: Timestamp,
    lease_until: Timestamp,
) -> Result<Option<OwedDelivery>, StoreError> {
    let Turn::Go { supersedes } = turn_of(row.no, row.kind, open) else {
        park(connection, &candidate.session, row.no, now)?;
        return Ok(None);
    };
    supersede(connection, &supersedes, open, now)?;
    let token = row.token + 1;
    connection
        .prepare_cached(
            // An End is filed under its medium here at the latest: one under way must be found by its card, too.
            "UPDATE delivery SET token = ?2, lease_until = ?3, due_at = NULL,
                 medium = CASE WHEN type = 'End' AND medium IS NULL
                               THEN (SELECT medium FROM session WHERE id = delivery.session) ELSE medium END
             WHERE no = ?1",
        )?
        .execute(params![row.no, token, micros(lease_until)])?;
    let mut statement = connection.prepare_cached(
        "SELECT n.process, n.provider, n.body, n.received_at, d.recorded, d.faulted, d.unusable
         FROM notification n JOIN delivery d ON d.notification = n.no WHERE d.no = ?1 AND n.no = ?2",
    )?;
    let lease = Lease { delivery: DeliveryNo(row.no), token };
    let mut rows = statement.query(params![row.no, candidate.notification])?;
    let Some(found) = rows.next()? else {
        return Err(super::rows::contradiction(
            "notification",
            format!("delivery {} without its message", row.no),
        ));
    };
    Ok(Some(owed(found, lease, candidate)?))
}

fn owed(row: &Row<'_>, lease: Lease, candidate: &Candidate) -> Result<OwedDelivery, StoreError> {
    let key: String = row.get("provider")?;
    Ok(OwedDelivery {
        lease,
        process: ProcessId::from_bytes(bytes(row, "process")?),
        session: SessionKey::from_bytes(candidate.session),
        kind: candidate.kind,
        provider: provider(&key)?,
        body: Bytes::from(row.get::<_, Vec<u8>>("body")?),
        received_at: instant(row.get("received_at")?, "received_at")?,
        gives_up_at: candidate.gives_up_at,
        tries: Tries {
            recorded: row.get("recorded")?,
            faulted: row.get("faulted")?,
            unusable: row.get("unusable")?,
        },
    })
}

/// Returns what the `expired` leases were about, where the rows agree, and what was stranded.
pub(super) fn sweep(connection: &Connection, expired: &[Lease], now: Timestamp) -> Result<usize, StoreError> {
    let mut returned = 0;
    for lease in expired {
        returned += connection
            .prepare_cached(
                "UPDATE delivery SET lease_until = NULL, due_at = ?2 WHERE no = ?1 AND lease_until < ?2",
            )?
            .execute(params![lease.delivery.0, micros(now)])?;
    }
    let mut statement = connection.prepare_cached(
        "SELECT DISTINCT session FROM delivery WHERE lease_until IS NULL AND due_at IS NULL LIMIT 1000",
    )?;
    let sessions: Vec<Vec<u8>> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    for session in sessions {
        returned += promote(connection, &session, now)?;
    }
    Ok(returned)
}
