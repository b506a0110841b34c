//! What is owed: turns, leases, results, what is due.

use bytes::Bytes;
use jiff::Timestamp;
use oicp::{NotificationType, ProviderId};
use roamhub_core::delivery::{DeliveryNo, FinalState, Lease, OwedDelivery, Tries};
use roamhub_core::order::Turn;
use roamhub_core::ports::{AttemptRecord, Due, Fate, Settled, TurnNow};
use roamhub_core::{ProcessId, SessionKey};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::StoreError;
use super::rows::{bytes, finding_value, instant, kind, micros, provider};
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

pub(super) fn took_ms(attempt: &AttemptRecord) -> i64 {
    i64::try_from(attempt.took.as_millis()).unwrap_or(i64::MAX)
}

pub(super) fn finding_json(attempt: &AttemptRecord) -> Option<String> {
    attempt.finding.as_ref().map(|finding| finding_value(finding).to_string())
}

/// A PIN inside a notification is not kept longer than it takes to deliver it.
pub(super) fn overwrite_pin(connection: &Connection, notification: i64) -> Result<(), StoreError> {
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

/// A due row and its message, as claimed.
struct Candidate {
    no: i64,
    notification: i64,
    session: [u8; 16],
    kind: NotificationType,
    gives_up_at: Timestamp,
}

/// How many times as many deliveries as can be sent are looked at, at most.
const LOOKS: usize = 64;

pub(super) fn claim_due(
    connection: &Connection,
    tenure: &Tenure,
    provider: &ProviderId,
    now: Timestamp,
    lease_until: Timestamp,
    limit: usize,
) -> Result<Vec<OwedDelivery>, StoreError> {
    let mut claimed = Vec::new();
    // What is too old or parked on the way is no reason to stop: there may be something to send behind it.
    for _ in 0..LOOKS {
        let looked_at = candidates(connection, provider, now, limit - claimed.len())?;
        let exhausted = looked_at.len() < limit - claimed.len();
        for candidate in looked_at {
            claimed.extend(claim_or_end(connection, tenure, &candidate, now, lease_until)?);
        }
        if exhausted || claimed.len() >= limit {
            break;
        }
    }
    Ok(claimed)
}

fn claim_or_end(
    connection: &Connection,
    tenure: &Tenure,
    candidate: &Candidate,
    now: Timestamp,
    lease_until: Timestamp,
) -> Result<Option<OwedDelivery>, StoreError> {
    let open = open_rows(connection, &candidate.session)?;
    // A candidate before it in this very batch may have superseded or changed it.
    let Some(row) = open.iter().find(|row| row.no == candidate.no && !row.leased).copied() else {
        return Ok(None);
    };
    if super::erasure::is_erased(connection, candidate.notification)? {
        // Deferred under the eyes of an erasure: what is not there is not sent.
        let reason = Some(roamhub_core::erasure::REASON);
        end(connection, candidate.no, candidate.notification, FinalState::Exhausted, reason, now)?;
        promote(connection, &candidate.session, now)?;
        return Ok(None);
    }
    if candidate.gives_up_at <= now {
        give_up(connection, candidate, now)?;
        return Ok(None);
    }
    let owed = claim(connection, candidate, row, &open, now, lease_until)?;
    if let Some(owed) = &owed {
        tenure.leased(owed.lease, micros(lease_until));
    }
    Ok(owed)
}

fn candidates(
    connection: &Connection,
    provider: &ProviderId,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<Candidate>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT no, notification, session, type, gives_up_at FROM delivery
         WHERE provider = ?1 AND due_at <= ?2 ORDER BY due_at, no LIMIT ?3",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![provider.key(), micros(now), limit])?;
    let mut candidates = Vec::new();
    while let Some(row) = rows.next()? {
        candidates.push(Candidate {
            no: row.get("no")?,
            notification: row.get("notification")?,
            session: bytes(row, "session")?,
            kind: kind(row.get_ref("type")?.as_str().map_err(rusqlite::Error::from)?)?,
            gives_up_at: instant(row.get("gives_up_at")?, "gives_up_at")?,
        });
    }
    Ok(candidates)
}

fn give_up(connection: &Connection, candidate: &Candidate, now: Timestamp) -> Result<(), StoreError> {
    let (state, reason) = match candidate.kind {
        NotificationType::Start | NotificationType::Progress => (FinalState::Expired, None),
        NotificationType::End | NotificationType::Error => (FinalState::Exhausted, Some("too-old")),
    };
    end(connection, candidate.no, candidate.notification, state, reason, now)?;
    promote(connection, &candidate.session, now)?;
    Ok(())
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
        .prepare_cached("UPDATE delivery SET token = ?2, lease_until = ?3, due_at = NULL WHERE no = ?1")?
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

pub(super) fn due(connection: &Connection, now: Timestamp) -> Result<Due, StoreError> {
    // Hops from provider to provider along the index instead of reading every open delivery.
    let mut statement = connection.prepare_cached(
        "WITH RECURSIVE hop (provider) AS (
             SELECT (SELECT min(provider) FROM delivery WHERE due_at IS NOT NULL)
             UNION ALL
             SELECT (SELECT min(provider) FROM delivery WHERE due_at IS NOT NULL AND provider > hop.provider)
             FROM hop WHERE hop.provider IS NOT NULL
         )
         SELECT provider, EXISTS (SELECT 1 FROM delivery d WHERE d.provider = hop.provider AND d.due_at <= ?1),
                (SELECT min(due_at) FROM delivery d WHERE d.provider = hop.provider AND d.due_at > ?1)
         FROM hop WHERE provider IS NOT NULL",
    )?;
    let mut rows = statement.query([micros(now)])?;
    let mut due = Due::default();
    while let Some(row) = rows.next()? {
        if row.get(1)? {
            let key: String = row.get(0)?;
            due.providers.push(provider(&key)?);
        }
        if let Some(later) = row.get::<_, Option<i64>>(2)? {
            let later = instant(later, "due_at")?;
            due.next = Some(due.next.map_or(later, |next| next.min(later)));
        }
    }
    Ok(due)
}
