//! What is owed: turns, leases, results, what is due.

use bytes::Bytes;
use jiff::Timestamp;
use oicp::personal::{pins, without};
use roamhub_core::delivery::{DeliveryNo, FinalState, Lease, OwedDelivery};
use roamhub_core::mandate::Origin;
use roamhub_core::order::Turn;
use roamhub_core::ports::{AttemptRecord, Fate, Settled, TurnNow};
use roamhub_core::{MessageKind, ProcessId, SessionKey};
use rusqlite::{Connection, Row, params};

use super::book::{Book, OpenRow};
use super::claims::{Candidate, Passed};
use super::history::{End, record_attempt, too_old, write_history, write_usual_end};
use super::rows::{bytes, instant, micros, operator, provider};
use super::tenure::Tenure;
use super::turns::{park, promote, remove, remove_usual, settle_turn, supersede, turn_of};
use super::writer::Desk;
use super::{StoreError, cdr};

/// Deliveries leased by a process that is no more are due at once: nobody else can hold a lease on this ledger.
pub(super) fn void_leases(connection: &Connection, now: Timestamp) -> Result<(), rusqlite::Error> {
    connection.execute(
        "UPDATE delivery SET lease_until = NULL, due_at = ?1 WHERE lease_until IS NOT NULL",
        [micros(now)],
    )?;
    Ok(())
}

/// The session whose delivery this lease still holds, and its open deliveries.
fn held<'b>(
    connection: &Connection,
    book: &'b mut Book,
    tenure: &Tenure,
    lease: Lease,
) -> Result<Option<(SessionKey, &'b mut Vec<OpenRow>)>, StoreError> {
    let Some(session) = tenure.session_of(lease) else { return Ok(None) };
    let open = book.open(connection, session)?;
    let holds = |row: &OpenRow| row.no == lease.delivery.0 && row.token == lease.token && row.leased;
    Ok(open.iter().any(holds).then_some((session, open)))
}

pub(super) fn take_turn(desk: &mut Desk<'_>, lease: Lease, now: Timestamp) -> Result<TurnNow, StoreError> {
    let Desk { connection, book, in_hand, tenure, .. } = desk;
    let Some((session, open)) = held(connection, book, tenure, lease)? else { return Ok(TurnNow::Lost) };
    settle_turn(connection, in_hand, session, open, lease.delivery.0, now)
}

pub(super) fn defer(
    desk: &mut Desk<'_>,
    lease: Lease,
    now: Timestamp,
    due_at: Timestamp,
) -> Result<Settled, StoreError> {
    let Desk { connection, book, in_hand, tenure, .. } = desk;
    let Some((session, open)) = held(connection, book, tenure, lease)? else { return Ok(Settled::Late) };
    in_hand.written(connection, session, open, lease.delivery.0)?;
    connection
        .prepare_cached("UPDATE delivery SET lease_until = NULL, due_at = ?3 WHERE session = ?1 AND no = ?2")?
        .execute(params![session.as_bytes(), lease.delivery.0, micros(due_at)])?;
    returned(open, lease.delivery.0);
    promote(connection, session, open, now)?;
    Ok(Settled::Recorded)
}

pub(super) fn settle(
    desk: &mut Desk<'_>,
    lease: Lease,
    now: Timestamp,
    attempt: &AttemptRecord,
    fate: &Fate,
) -> Result<Settled, StoreError> {
    let Desk { connection, kept, book, in_hand, tenure, .. } = desk;
    let Some((session, open)) = held(connection, book, tenure, lease)? else {
        record_attempt(connection, lease, attempt, true)?;
        return Ok(Settled::Late);
    };
    let pinned =
        open.iter().find(|row| row.no == lease.delivery.0 && row.has_pin).map(|row| row.notification);
    let cleaned = pinned.map(|notification| without_pin(connection, notification, attempt)).transpose()?;
    let attempt = cleaned.as_ref().unwrap_or(attempt);
    match *fate {
        Fate::Final { state, reason } => {
            if let Some(row) = remove_usual(kept, in_hand, session, open, lease.delivery.0)? {
                let (notification, delivery) = (row.notification, row.no);
                let attempt = Some((lease.token, attempt));
                let end = End { notification, delivery, state, reason, at: now, attempt, replay: None };
                write_usual_end(kept, &end)?;
                if row.has_pin && !may_need_its_pin(state) {
                    overwrite_pin(connection, notification)?;
                }
                if state == FinalState::Delivered && row.kind == MessageKind::ChargeDetailRecord {
                    cdr::forwarded(connection, notification, now)?;
                }
            }
        }
        Fate::Retry { due_at, faulted, unusable } => {
            in_hand.written(connection, session, open, lease.delivery.0)?;
            connection
                .prepare_cached(
                    "UPDATE delivery SET lease_until = NULL, due_at = ?3, recorded = recorded + 1,
                         faulted = faulted + ?4, unusable = unusable + ?5
                     WHERE session = ?1 AND no = ?2",
                )?
                .execute(params![session.as_bytes(), lease.delivery.0, micros(due_at), faulted, unusable])?;
            returned(open, lease.delivery.0);
            record_attempt(connection, lease, attempt, false)?;
        }
    }
    promote(connection, session, open, now)?;
    Ok(Settled::Recorded)
}

/// A delivery is not leased any more, but due.
fn returned(open: &mut [OpenRow], no: i64) {
    if let Some(row) = open.iter_mut().find(|row| row.no == no) {
        (row.leased, row.due) = (false, true);
    }
}

/// Whether what has ended so has yet to be handed over as it came: it waits in a feed, or for a replay.
pub(super) fn may_need_its_pin(state: FinalState) -> bool {
    match state {
        FinalState::Held | FinalState::Exhausted => true,
        FinalState::Delivered
        | FinalState::Refused
        | FinalState::Superseded
        | FinalState::Expired
        | FinalState::Fetched => false,
    }
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

/// An attempt whose provider may have repeated the message's PIN in its answer, without it.
pub(super) fn without_pin(
    connection: &Connection,
    notification: i64,
    attempt: &AttemptRecord,
) -> Result<AttemptRecord, StoreError> {
    let body: Vec<u8> = connection
        .prepare_cached("SELECT body FROM notification WHERE no = ?1")?
        .query_row([notification], |row| row.get(0))?;
    let pins = pins(&body);
    let clean = |text: &str| without(&pins, text);
    let mut attempt = attempt.clone();
    attempt.detail = clean(&attempt.detail);
    attempt.acknowledgement =
        attempt.acknowledgement.map(|ack| clean(&String::from_utf8_lossy(&ack)).into_bytes().into());
    if let Some(finding) = &mut attempt.finding {
        finding.text = clean(&finding.text);
    }
    Ok(attempt)
}

/// Claims a candidate whose turn it is, or ends one that is too old.
pub(super) fn claim_or_end(
    desk: &mut Desk<'_>,
    candidate: &Candidate,
    now: Timestamp,
    lease_until: Timestamp,
) -> Result<Passed, StoreError> {
    let Desk { connection, book, tenure, .. } = desk;
    let open = book.open(connection, candidate.session)?;
    // A candidate before it in this very batch may have superseded or changed it.
    let Some(row) = open.iter().find(|row| row.no == candidate.no && !row.leased).copied() else {
        return Ok(Passed::Over);
    };
    if super::erasure::is_erased(connection, candidate.notification)? {
        // Deferred under the eyes of an erasure: what is not there is not sent.
        let reason = Some(roamhub_core::erasure::REASON);
        if remove(connection, candidate.session, open, candidate.no)?.is_some() {
            let state = FinalState::Exhausted;
            write_history(connection, candidate.no, candidate.notification, state, reason, now)?;
        }
        promote(connection, candidate.session, open, now)?;
        return Ok(Passed::Ended(FinalState::Exhausted));
    }
    if candidate.gives_up_at <= now && !candidate.is_untried() {
        return give_up(connection, open, candidate, now).map(Passed::Ended);
    }
    let owed = claim(connection, open, candidate, row, now, lease_until)?;
    let Some(owed) = owed else { return Ok(Passed::Over) };
    tenure.leased(owed.lease, candidate.session, micros(lease_until));
    Ok(Passed::Claimed(Box::new(owed)))
}

fn give_up(
    connection: &Connection,
    open: &mut Vec<OpenRow>,
    candidate: &Candidate,
    now: Timestamp,
) -> Result<FinalState, StoreError> {
    let (state, reason) = too_old(candidate.kind);
    if let Some(row) = remove(connection, candidate.session, open, candidate.no)? {
        write_history(connection, candidate.no, candidate.notification, state, reason, now)?;
        if row.has_pin && !may_need_its_pin(state) {
            overwrite_pin(connection, candidate.notification)?;
        }
    }
    promote(connection, candidate.session, open, now)?;
    Ok(state)
}

const LEASE: &str =
    "UPDATE delivery SET token = ?3, lease_until = ?4, due_at = NULL WHERE session = ?1 AND no = ?2";

/// The same for an End that is not filed under its medium yet: it is here at the latest, for one under way must be found by
/// its card, too. Whoever names the column writes a page of its index, though nothing changes.
const LEASE_AND_FILE: &str = "UPDATE delivery SET token = ?3, lease_until = ?4, due_at = NULL,
         medium = (SELECT medium FROM session WHERE id = delivery.session)
     WHERE session = ?1 AND no = ?2";

fn claim(
    connection: &Connection,
    open: &mut Vec<OpenRow>,
    candidate: &Candidate,
    row: OpenRow,
    now: Timestamp,
    lease_until: Timestamp,
) -> Result<Option<OwedDelivery>, StoreError> {
    let session = candidate.session;
    let Turn::Go { supersedes } = turn_of(row.no, row.kind, open) else {
        park(connection, session, open, row.no, now)?;
        return Ok(None);
    };
    supersede(connection, session, open, &supersedes, now)?;
    let token = row.token + 1;
    connection.prepare_cached(if candidate.is_filed { LEASE } else { LEASE_AND_FILE })?.execute(params![
        session.as_bytes(),
        row.no,
        token,
        micros(lease_until)
    ])?;
    if let Some(row) = open.iter_mut().find(|open| open.no == row.no) {
        (row.token, row.leased, row.due) = (token, true, false);
    }
    let mut statement = connection.prepare_cached(
        "SELECT process, operator, provider, body, received_at,
             ?2 AND EXISTS (SELECT 1 FROM issued WHERE issued.notification = notification.no) AS issued
         FROM notification WHERE no = ?1",
    )?;
    let lease = Lease { delivery: DeliveryNo(row.no), token };
    let mut rows = statement.query(params![row.notification, candidate.kind == MessageKind::End])?;
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
        session: candidate.session,
        kind: candidate.kind,
        operator: operator(&row.get::<_, String>("operator")?)?,
        provider: provider(&key)?,
        body: Bytes::from(row.get::<_, Vec<u8>>("body")?),
        received_at: instant(row.get("received_at")?, "received_at")?,
        gives_up_at: candidate.gives_up_at,
        tries: candidate.tries,
        origin: Origin::of(row.get("issued")?),
    })
}

/// Returns what the `expired` leases were about, where they still hold, and what was stranded.
pub(super) fn sweep(
    desk: &mut Desk<'_>,
    expired: &[(Lease, SessionKey)],
    now: Timestamp,
) -> Result<usize, StoreError> {
    let mut returned_now = 0;
    for (lease, session) in expired {
        let Desk { connection, book, in_hand, .. } = &mut *desk;
        let open = book.open(connection, *session)?;
        in_hand.written(connection, *session, open, lease.delivery.0)?;
        let swept = connection
            .prepare_cached(
                "UPDATE delivery SET lease_until = NULL, due_at = ?3
                 WHERE session = ?1 AND no = ?2 AND lease_until < ?3",
            )?
            .execute(params![session.as_bytes(), lease.delivery.0, micros(now)])?;
        if swept > 0 {
            returned(open, lease.delivery.0);
        }
        returned_now += swept;
    }
    let sessions: Vec<SessionKey> = {
        let mut statement = desk.connection.prepare_cached(
            "SELECT DISTINCT session FROM delivery WHERE lease_until IS NULL AND due_at IS NULL LIMIT 1000",
        )?;
        let mut rows = statement.query([])?;
        let mut sessions = Vec::new();
        while let Some(row) = rows.next()? {
            sessions.push(SessionKey::from_bytes(bytes(row, "session")?));
        }
        sessions
    };
    for session in sessions {
        let Desk { connection, book, .. } = &mut *desk;
        returned_now += promote(connection, session, book.open(connection, session)?, now)?;
    }
    Ok(returned_now)
}
