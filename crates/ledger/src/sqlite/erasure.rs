//! Erasing bodies so that nothing of them is left in the ledger's files.
//!
//! SQLite moves rows about when pages fill up or empty, and the places they leave may keep their bytes, whatever
//! `secure_delete` says. So bodies stand in tables whose rows never move: they are only ever appended, and overwritten by
//! as many zeros, in place. Invariant: nothing updates those rows to another length, or deletes some of them. The one page
//! they do leave, the root when it splits, is cleaned because `secure_delete` is at least `FAST` on every connection.
//!
//! Older versions of the pages stand in the log; at its end an erasure has it copied and cut to nothing.

use std::thread;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use oicp::personal::{personal_ids, starred, without};
use roamhub_core::delivery::FinalState;
use roamhub_core::erasure::{ErasureCount, REASON, Undelivered};
use roamhub_core::ports::{ErasurePort, LedgerError, LedgerTask};
use roamhub_core::{ProcessId, SessionKey};
use rusqlite::{Connection, ErrorCode, OptionalExtension, params};

use super::book::OpenRow;
use super::history::write_history;
use super::lookup::{Standing, standing};
use super::rows::{bytes, instant, micros};
use super::turns::{promote, remove};
use super::writer::Desk;
use super::{Sqlite, StoreError, cdr, mandate, replay_queue};

/// How many sessions are looked at in one read.
const PASS: usize = 20_000;
/// How often the log is tried to be cut: a checkpoint may be running, somebody may be reading.
const TRIES: u32 = 50;
/// The pause in between.
const PAUSE: Duration = Duration::from_millis(100);
/// How long the writer may be held up by one try.
const HOLD_UP: Duration = Duration::from_millis(200);

impl ErasurePort for Sqlite {
    fn sessions_of_medium(&self, medium: [u8; 32]) -> LedgerTask<'_, Vec<SessionKey>> {
        Box::pin(sessions_of_medium(self, medium))
    }

    fn medium_of_session(&self, session: SessionKey) -> LedgerTask<'_, Option<[u8; 32]>> {
        Box::pin(self.readers.read(move |connection| {
            let mut statement = connection.prepare_cached("SELECT medium FROM session WHERE id = ?1")?;
            let mut rows = statement.query([session.as_bytes()])?;
            rows.next()?.map(|row| bytes(row, "medium")).transpose()
        }))
    }

    fn requests_without_session(
        &self,
        after: Option<ProcessId>,
        limit: usize,
    ) -> LedgerTask<'_, Vec<(ProcessId, Bytes)>> {
        Box::pin(self.readers.read(move |connection| requests_without_session(connection, after, limit)))
    }

    fn erasable(&self, session: SessionKey) -> LedgerTask<'_, ErasureCount> {
        let recent = self.recent.clone();
        Box::pin(self.readers.read(move |connection| {
            let mut count = ErasureCount { sessions: 1, ..ErasureCount::default() };
            let known = recent.messages_of(connection, session)?;
            for known in mandate::with_aside(connection, session, known)? {
                judge(connection, known.no, Undelivered::Keep, &mut count)?;
            }
            for (_, erased) in requests_of(connection, session)? {
                if erased { count.erased_before += 1 } else { count.requests += 1 }
            }
            Ok(count)
        }))
    }

    fn erase_session(
        &self,
        session: SessionKey,
        undelivered: Undelivered,
        at: Timestamp,
    ) -> LedgerTask<'_, ErasureCount> {
        Box::pin(self.writer.work(move |desk| {
            desk.connection.pragma_update(None, "secure_delete", "ON")?;
            let done = erase_session(desk, session, undelivered, at);
            desk.connection.pragma_update(None, "secure_delete", "FAST")?;
            done
        }))
    }

    fn erase_request(&self, process: ProcessId, at: Timestamp) -> LedgerTask<'_, ErasureCount> {
        Box::pin(self.writer.write(move |connection| {
            let requests = erase_request(connection, process.as_bytes(), at)?;
            Ok(ErasureCount { requests, ..ErasureCount::default() })
        }))
    }

    fn forget_medium(&self, medium: [u8; 32]) -> LedgerTask<'_, bool> {
        Box::pin(self.writer.write(move |connection| {
            cleanly(connection, || {
                let deleted =
                    connection.prepare_cached("DELETE FROM card WHERE medium = ?1")?.execute([&medium])?;
                Ok(deleted == 1)
            })
        }))
    }

    fn purge(&self) -> LedgerTask<'_, ()> {
        Box::pin(async move {
            if self.readers.read(|connection| cut_log(connection, HOLD_UP, TRIES)).await? {
                Ok(())
            } else {
                Err(LedgerError::Busy)
            }
        })
    }
}

/// When a notification's body was erased, if it was.
pub(super) fn erased_at(connection: &Connection, notification: i64) -> Result<Option<Timestamp>, StoreError> {
    let at: Option<i64> = connection
        .prepare_cached("SELECT at FROM erasure WHERE notification = ?1")?
        .query_row([notification], |row| row.get(0))
        .optional()?;
    at.map(|at| instant(at, "at")).transpose()
}

/// Whether a notification's body was erased.
pub(super) fn is_erased(connection: &Connection, notification: i64) -> Result<bool, StoreError> {
    Ok(erased_at(connection, notification)?.is_some())
}

async fn sessions_of_medium(ledger: &Sqlite, medium: [u8; 32]) -> Result<Vec<SessionKey>, LedgerError> {
    let (mut sessions, mut after) = (Vec::new(), Some(SessionKey::from_bytes([0; 16])));
    while let Some(from) = after {
        let (found, looked_to) =
            ledger.readers.read(move |connection| sessions_behind(connection, from, &medium)).await?;
        sessions.extend(found);
        after = looked_to;
    }
    // A record may name another card than its session began with.
    let named = ledger.readers.read(move |connection| cdr::sessions_naming(connection, &medium)).await?;
    let others: Vec<_> = named.into_iter().filter(|session| !sessions.contains(session)).collect();
    sessions.extend(others);
    Ok(sessions)
}

/// Those of the medium among the next sessions, and the last one looked at if there may be more.
fn sessions_behind(
    connection: &Connection,
    after: SessionKey,
    medium: &[u8; 32],
) -> Result<(Vec<SessionKey>, Option<SessionKey>), StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT id, medium FROM session WHERE id > ?1 ORDER BY id LIMIT ?2")?;
    let limit = i64::try_from(PASS).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![after.as_bytes(), limit])?;
    let (mut found, mut seen, mut last) = (Vec::new(), 0, None);
    while let Some(row) = rows.next()? {
        let key = SessionKey::from_bytes(bytes(row, "id")?);
        if row.get_ref("medium")?.as_blob().map_err(rusqlite::Error::from)? == medium {
            found.push(key);
        }
        seen += 1;
        last = Some(key);
    }
    Ok((found, last.filter(|_| seen == PASS)))
}

fn requests_without_session(
    connection: &Connection,
    after: Option<ProcessId>,
    limit: usize,
) -> Result<Vec<(ProcessId, Bytes)>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT a.process, r.request FROM authorisation a JOIN authorisation_request r ON r.no = a.request_no
         WHERE a.process > ?1 AND a.erased_at IS NULL AND NOT EXISTS (SELECT 1 FROM session s WHERE s.id = a.session)
         ORDER BY a.process LIMIT ?2",
    )?;
    let after = after.map_or([0; 16], |process| *process.as_bytes());
    let mut rows = statement.query(params![after, i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let mut requests = Vec::new();
    while let Some(row) = rows.next()? {
        let request: Vec<u8> = row.get("request")?;
        requests.push((ProcessId::from_bytes(bytes(row, "process")?), request.into()));
    }
    Ok(requests)
}

/// Does work that cleans the places of rows that it deletes or rewrites otherwise than in place.
pub(super) fn cleanly<T>(
    connection: &Connection,
    work: impl FnOnce() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    connection.pragma_update(None, "secure_delete", "ON")?;
    let done = work();
    connection.pragma_update(None, "secure_delete", "FAST")?;
    done
}

fn erase_session(
    desk: &mut Desk<'_>,
    session: SessionKey,
    undelivered: Undelivered,
    at: Timestamp,
) -> Result<ErasureCount, StoreError> {
    let mut count = ErasureCount { sessions: 1, ..ErasureCount::default() };
    let Desk { connection, book, .. } = desk;
    clean_partner_ids(connection, session)?;
    let mut numbers: Vec<i64> = book.messages(connection, session)?.values().copied().collect();
    numbers.sort_unstable();
    let open = book.open(connection, session)?;
    for number in numbers {
        if judge(connection, number, undelivered, &mut count)? == Judged::Erase {
            end_open(connection, session, open, number, at)?;
            erase_notification(connection, number, at)?;
        }
    }
    promote(connection, session, open, at)?;
    for (aside, number) in mandate::aside_of(connection, session)? {
        if judge(connection, number, undelivered, &mut count)? == Judged::Erase {
            end_open(connection, aside, book.open(connection, aside)?, number, at)?;
            erase_notification(connection, number, at)?;
        }
    }
    for (process, erased) in requests_of(connection, session)? {
        if erased {
            count.erased_before += 1;
        } else {
            count.requests += erase_request(connection, &process, at)?;
        }
    }
    Ok(count)
}

/// Partners may have put a card's number into their own ids of a session.
fn clean_partner_ids(connection: &Connection, session: SessionKey) -> Result<(), StoreError> {
    type PartnerId = Option<Vec<u8>>;
    let partners: Option<(PartnerId, PartnerId)> = connection
        .prepare_cached("SELECT cpo_partner_session_id, emp_partner_session_id FROM session WHERE id = ?1")?
        .query_row([session.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((operators, providers)) = partners else { return Ok(()) };
    let clean = |id: &Option<Vec<u8>>| {
        id.as_ref()
            .map(|id| std::str::from_utf8(id).map_or_else(|_| id.clone(), |id| starred(id).into_bytes()))
    };
    let cleaned = (clean(&operators), clean(&providers));
    if cleaned != (operators, providers) {
        connection
            .prepare_cached(
                "UPDATE session SET cpo_partner_session_id = ?2, emp_partner_session_id = ?3 WHERE id = ?1",
            )?
            .execute(params![session.as_bytes(), cleaned.0, cleaned.1])?;
    }
    Ok(())
}

/// What an erasure does with a message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Judged {
    Erase,
    Leave,
}

fn judge(
    connection: &Connection,
    notification: i64,
    undelivered: Undelivered,
    count: &mut ErasureCount,
) -> Result<Judged, StoreError> {
    if is_erased(connection, notification)? {
        count.erased_before += 1;
        return Ok(Judged::Leave);
    }
    match (standing(connection, notification)?, undelivered) {
        (Standing::UnderWay | Standing::Replayed { leased: true }, _) => {
            count.under_way += 1;
            return Ok(Judged::Leave);
        }
        (Standing::Deferred, Undelivered::Keep) => {
            count.undelivered += 1;
            return Ok(Judged::Leave);
        }
        (Standing::Deferred, Undelivered::End) => count.undelivered += 1,
        (Standing::Replayed { leased: false } | Standing::Ended(_), _) => {}
    }
    count.messages += 1;
    Ok(Judged::Erase)
}

/// Ends what waits for its next attempt, of its own or as part of a replay.
fn end_open(
    connection: &Connection,
    session: SessionKey,
    open: &mut Vec<OpenRow>,
    notification: i64,
    at: Timestamp,
) -> Result<(), StoreError> {
    if let Some(row) = open.iter().find(|row| row.notification == notification).copied() {
        remove(connection, session, open, row.no)?;
        write_history(connection, row.no, notification, FinalState::Exhausted, Some(REASON), at)?;
    }
    let replayed: Option<i64> = connection
        .prepare_cached("SELECT no FROM replay_delivery WHERE notification = ?1")?
        .query_row([notification], |row| row.get(0))
        .optional()?;
    if let Some(no) = replayed {
        replay_queue::end(connection, no, FinalState::Exhausted, Some(REASON), at)?;
    }
    Ok(())
}

pub(super) fn erase_notification(
    connection: &Connection,
    notification: i64,
    at: Timestamp,
) -> Result<(), StoreError> {
    let (body, findings): (Vec<u8>, Option<String>) = connection
        .prepare_cached("SELECT body, findings FROM notification WHERE no = ?1")?
        .query_row([notification], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let ids = personal_ids(&body);
    connection
        .prepare_cached("UPDATE notification SET body = zeroblob(length(body)), findings = ?2 WHERE no = ?1")?
        .execute(params![notification, findings.map(|text| starred(&without(&ids, &text)))])?;
    connection
        .prepare_cached("INSERT INTO erasure (notification, at) VALUES (?1, ?2)")?
        .execute(params![notification, micros(at)])?;
    clean_attempts(connection, notification, &ids)
}

/// A provider may have repeated a card's number in its answer.
fn clean_attempts(connection: &Connection, notification: i64, ids: &[String]) -> Result<(), StoreError> {
    for (read, write) in [
        (
            "SELECT delivery, 0, 0, acknowledgement, detail, finding FROM delivery_history WHERE notification = ?1",
            "UPDATE delivery_history SET acknowledgement = ?5, detail = ?6, finding = ?7
             WHERE notification = ?1 AND delivery = ?2 AND ?3 = ?4",
        ),
        (
            "SELECT a.delivery, a.number, a.late, a.acknowledgement, a.detail, a.finding
             FROM delivery_history h JOIN attempt a ON a.delivery = h.delivery WHERE h.notification = ?1",
            "UPDATE attempt SET acknowledgement = ?5, detail = ?6, finding = ?7
             WHERE ?1 IS NOT NULL AND delivery = ?2 AND number = ?3 AND late = ?4",
        ),
    ] {
        let mut statement = connection.prepare_cached(read)?;
        let mut rows = statement.query([notification])?;
        let mut cleaned = Vec::new();
        while let Some(row) = rows.next()? {
            let acknowledgement: Option<Vec<u8>> = row.get(3)?;
            let was = (
                acknowledgement.map(|ack| String::from_utf8_lossy(&ack).into_owned()),
                row.get::<_, Option<String>>(4)?,
                row.get::<_, Option<String>>(5)?,
            );
            // Whatever is written like an id goes: a provider may have repeated another member than those that name one.
            let clean = |text: &Option<String>| text.as_deref().map(|text| starred(&without(ids, text)));
            let is = (clean(&was.0), clean(&was.1), clean(&was.2));
            if is != was {
                let key: (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
                cleaned.push((key, is));
            }
        }
        for ((delivery, number, late), (acknowledgement, detail, finding)) in cleaned {
            let acknowledgement = acknowledgement.map(String::into_bytes);
            connection.prepare_cached(write)?.execute(params![
                notification,
                delivery,
                number,
                late,
                acknowledgement,
                detail,
                finding
            ])?;
        }
    }
    Ok(())
}

/// The authorisation requests of a session, and whether they were erased before.
fn requests_of(connection: &Connection, session: SessionKey) -> Result<Vec<(Vec<u8>, bool)>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT process, erased_at IS NOT NULL FROM authorisation WHERE session = ?1")?;
    let requests = statement.query_map([session.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(requests.collect::<Result<_, _>>()?)
}

pub(super) fn erase_request(
    connection: &Connection,
    process: &[u8],
    at: Timestamp,
) -> Result<u64, StoreError> {
    connection
        .prepare_cached(
            "UPDATE authorisation_request SET request = zeroblob(length(request))
             WHERE no = (SELECT request_no FROM authorisation WHERE process = ?1)",
        )?
        .execute([process])?;
    let erased = connection
        .prepare_cached("UPDATE authorisation SET erased_at = ?2 WHERE process = ?1")?
        .execute(params![process, micros(at)])?;
    Ok(erased.try_into().unwrap_or_default())
}

/// Copies the log into the database and cuts it to nothing; `false` if somebody was always in the way. The bulk is copied
/// first, and nobody is waited for long, because the writer waits meanwhile.
pub(super) fn cut_log(connection: &Connection, hold_up: Duration, tries: u32) -> Result<bool, StoreError> {
    let step = |mode: &str| -> Result<bool, StoreError> {
        let done: Result<i64, _> =
            connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| row.get(0));
        match done {
            Ok(busy) => Ok(busy == 0),
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => Ok(false),
            Err(error) => Err(error.into()),
        }
    };
    connection.busy_timeout(hold_up)?;
    let mut tries = (0..tries).map(|number| {
        if number > 0 {
            thread::park_timeout(PAUSE);
        }
        step("PASSIVE").and_then(|_| step("TRUNCATE"))
    });
    let cut = tries.find(|tried| !matches!(tried, Ok(false))).unwrap_or(Ok(false));
    connection.busy_timeout(super::PATIENCE)?;
    cut
}
