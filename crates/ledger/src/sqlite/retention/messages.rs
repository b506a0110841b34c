//! Messages whole, from the front: one that has to stay keeps all that came later. The first message of a session to go
//! takes the session with it, which is over and has been for as long.

use roamhub_core::SessionKey;
use roamhub_core::retention::Slice;
use rusqlite::{Connection, OptionalExtension, params};

use super::judge::{Message, Passed, Verdict, is_over, may_leave, message, passed};
use super::{Found, SLICE_BYTES, Work};
use crate::sqlite::rows::contradiction;
use crate::sqlite::writer::Desk;
use crate::sqlite::{StoreError, erasure};

/// Rows of the index that one job removes.
const ROWS: i64 = 512;
/// So many messages that the watchdog has not heard yet are looked through for a session's.
const MOST_UNHEARD: i64 = 200;

pub(super) fn find(connection: &Connection, work: &Work, from: i64) -> Result<Found, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT no FROM notification WHERE no > ?1 ORDER BY no LIMIT ?2")?;
    let limit = i64::try_from(work.limit).unwrap_or(i64::MAX);
    let all: Vec<i64> =
        statement.query_map(params![from, limit], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let passed = passed(connection)?;
    let mut numbers = Vec::with_capacity(all.len());
    for no in all {
        match message(connection, no)? {
            Some(message) if may_leave(connection, work, &message, &passed)? == Verdict::Go => {
                numbers.push(no)
            }
            _ => break,
        }
    }
    let next = numbers.last().copied().filter(|_| numbers.len() == work.limit);
    Ok(Found { numbers, next })
}

pub(super) fn remove(desk: &mut Desk<'_>, work: &Work, found: &Found) -> Result<Slice, StoreError> {
    let passed: Passed = passed(desk.connection)?;
    let (mut removed, mut bytes) = (0, 0);
    for no in &found.numbers {
        if bytes > SLICE_BYTES {
            return Ok(Slice { removed, next: Some(no - 1) });
        }
        let Some(message) = message(desk.connection, *no)? else { continue };
        let leaves = may_leave(desk.connection, work, &message, &passed)? == Verdict::Go;
        // What the writer knows by heart to be owed has the last word.
        let owed = !desk.book.open(desk.connection, key(&message.session)?)?.is_empty();
        if !leaves || owed || !desk.runs.can_leave(*no) {
            return Ok(Slice { removed, next: None });
        }
        remove_session(desk, &message.session)?;
        remove_message(desk, work, &message)?;
        (removed, bytes) = (removed + 1, bytes + message.bytes);
    }
    Ok(Slice { removed, next: found.next })
}

fn remove_message(desk: &mut Desk<'_>, work: &Work, message: &Message) -> Result<(), StoreError> {
    let Desk { connection, runs, book, .. } = desk;
    // Its bytes go in place first: where its page is joined with another, they would be left behind.
    if !erasure::is_erased(connection, message.no)? {
        erasure::erase_notification(connection, message.no, work.now)?;
    }
    for sql in [
        "DELETE FROM attempt WHERE delivery IN (SELECT delivery FROM delivery_history WHERE notification = ?1)",
        "DELETE FROM delivery_history WHERE notification = ?1",
        "DELETE FROM feed WHERE notification = ?1",
        "DELETE FROM difference WHERE no = ?1",
        "DELETE FROM charge_detail_record WHERE no = ?1",
        // First what would have it issued again.
        "DELETE FROM ghost WHERE (session, provider) IN (SELECT session, provider FROM issued WHERE notification = ?1)",
        "DELETE FROM conflict WHERE (session, provider) IN (SELECT session, provider FROM issued WHERE notification = ?1)",
        "DELETE FROM issued WHERE notification = ?1",
        "DELETE FROM retained WHERE kind = 'bodies' AND no = ?1",
        "DELETE FROM retained WHERE kind = 'records' AND no = ?1",
        "DELETE FROM erasure WHERE notification = ?1",
        "DELETE FROM notification WHERE no = ?1",
    ] {
        connection.prepare_cached(sql)?.execute([message.no])?;
    }
    runs.leaves(message.no);
    book.forget(key(&message.session)?);
    Ok(())
}

/// Removes a session and what stands beside it, but for its messages and authorisations, whose turn comes by themselves.
fn remove_session(desk: &mut Desk<'_>, session: &[u8]) -> Result<(), StoreError> {
    for sql in [
        "DELETE FROM session WHERE id = ?1",
        "DELETE FROM watch WHERE session = ?1",
        "DELETE FROM ghost WHERE session = ?1",
        "DELETE FROM opening WHERE session = ?1",
        "DELETE FROM uploaded_session WHERE session = ?1",
        "DELETE FROM stop_medium WHERE session = ?1",
        "DELETE FROM passed_over WHERE session = ?1",
    ] {
        desk.connection.prepare_cached(sql)?.execute([session])?;
    }
    desk.book.forget(key(session)?);
    Ok(())
}

fn key(session: &[u8]) -> Result<SessionKey, StoreError> {
    let bytes = session.try_into().map_err(|_| contradiction("session", session.len()))?;
    Ok(SessionKey::from_bytes(bytes))
}

/// An authorisation whose turn it is.
struct Authorisation {
    process: Option<Vec<u8>>,
    session: Vec<u8>,
    received_at: i64,
    erased: bool,
    /// Somebody has spoken of its session, and the session is still there: it goes with its messages.
    heard: bool,
}

fn authorisation(connection: &Connection, request_no: i64) -> Result<Option<Authorisation>, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT a.process, a.session, a.received_at, a.erased_at IS NOT NULL,
                 EXISTS (SELECT 1 FROM session s LEFT JOIN watch w ON w.session = s.id
                         LEFT JOIN charge_detail_record c ON c.session = s.id
                         WHERE s.id = a.session AND (w.first_heard_at IS NOT NULL OR c.no IS NOT NULL
                                                     OR s.last_progress_at IS NOT NULL))
             FROM authorisation_request r LEFT JOIN authorisation a ON a.process = r.process AND a.request_no = r.no
             WHERE r.no = ?1",
        )?
        .query_row([request_no], |row| {
            Ok(Authorisation {
                process: row.get(0)?,
                session: row.get::<_, Option<_>>(1)?.unwrap_or_default(),
                received_at: row.get::<_, Option<_>>(2)?.unwrap_or(i64::MIN),
                erased: row.get::<_, Option<_>>(3)?.unwrap_or_default(),
                heard: row.get(4)?,
            })
        })
        .optional()?)
}

fn may_go(connection: &Connection, work: &Work, one: &Authorisation) -> Result<bool, StoreError> {
    Ok(one.received_at <= work.cutoff
        && !one.heard
        && is_over(connection, work, &one.session, work.cutoff)? == Verdict::Go)
}

pub(super) fn find_authorisations(
    connection: &Connection,
    work: &Work,
    from: i64,
) -> Result<Found, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT no FROM authorisation_request WHERE no > ?1 ORDER BY no LIMIT ?2")?;
    let limit = i64::try_from(work.limit).unwrap_or(i64::MAX);
    let all: Vec<i64> =
        statement.query_map(params![from, limit], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let newest: i64 = connection
        .prepare_cached("SELECT coalesce(max(no), 0) FROM authorisation_request")?
        .query_row([], |row| row.get(0))?;
    let mut numbers = Vec::with_capacity(all.len());
    for no in all.into_iter().filter(|no| *no < newest) {
        match authorisation(connection, no)? {
            Some(one) if may_go(connection, work, &one)? => numbers.push(no),
            _ => break,
        }
    }
    let next = numbers.last().copied().filter(|_| numbers.len() == work.limit);
    Ok(Found { numbers, next })
}

pub(super) fn remove_authorisations(
    desk: &mut Desk<'_>,
    work: &Work,
    found: &Found,
) -> Result<Slice, StoreError> {
    let watched = passed(desk.connection)?;
    let mut removed = 0;
    for no in &found.numbers {
        let Some(one) = authorisation(desk.connection, *no)? else { continue };
        if speaks_now(desk.connection, &one.session, &watched)? || !may_go(desk.connection, work, &one)? {
            return Ok(Slice { removed, next: None });
        }
        if !one.session.is_empty() {
            remove_session(desk, &one.session)?;
        }
        let connection = desk.connection;
        if let Some(process) = &one.process {
            if !one.erased {
                erasure::erase_request(connection, process, work.now)?;
            }
            connection.prepare_cached("DELETE FROM authorisation WHERE process = ?1")?.execute([process])?;
        }
        connection.prepare_cached("DELETE FROM authorisation_request WHERE no = ?1")?.execute([no])?;
        removed += 1;
    }
    Ok(Slice { removed, next: found.next })
}

/// Whether a session that is still there has a message that the watchdog has not heard yet, or may have.
fn speaks_now(connection: &Connection, session: &[u8], passed: &Passed) -> Result<bool, StoreError> {
    if !connection.prepare_cached("SELECT 1 FROM session WHERE id = ?1")?.exists([session])? {
        return Ok(false);
    }
    if passed.newest - passed.by_all > MOST_UNHEARD {
        return Ok(true);
    }
    Ok(connection
        .prepare_cached("SELECT 1 FROM notification WHERE no > ?1 AND session = ?2")?
        .exists(params![passed.by_all, session])?)
}

/// Runs whose messages are all gone are no runs any more; their rows follow, piece by piece.
pub(super) fn drop_runs(desk: &mut Desk<'_>) -> Result<Slice, StoreError> {
    let connection = desk.connection;
    let front: i64 = connection
        .prepare_cached("SELECT coalesce(min(no), 0) FROM notification")?
        .query_row([], |row| row.get(0))?;
    connection.prepare_cached("DELETE FROM message_run WHERE run < ?1")?.execute([front])?;
    let removed = connection
        .prepare_cached(
            "DELETE FROM message_of_session WHERE (run, session, no) IN
                 (SELECT run, session, no FROM message_of_session WHERE run < ?1 ORDER BY run, session, no LIMIT ?2)",
        )?
        .execute(params![front, ROWS])?;
    Ok(Slice { removed: removed.try_into().unwrap_or(u64::MAX), next: (removed > 0).then_some(front) })
}
