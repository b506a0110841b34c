//! Reading a provider's feed, and closing what it has confirmed.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use oicp::ProviderId;
use roamhub_core::ProcessId;
use roamhub_core::SessionKey;
use roamhub_core::delivery::FinalState;
use roamhub_core::feed::{Confirmed, FeedEnds, FeedEntry, Position, Sequenced};
use roamhub_core::ports::{FeedPort, LedgerTask};
use roamhub_core::receipt;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::deliveries::overwrite_pin;
use super::erasure::is_erased;
use super::history::write_history;
use super::lookup::newest_state;
use super::rows::{bytes, contradiction, instant, micros};
use super::turns::{promote, remove};
use super::writer::Desk;
use super::{Sqlite, StoreError, mandate};

impl FeedPort for Sqlite {
    fn sequence(&self, readers: Arc<BTreeSet<ProviderId>>, limit: u32) -> LedgerTask<'_, Sequenced> {
        Box::pin(self.sequence_once(readers, limit))
    }

    fn hold_in_feed(&self, process: ProcessId, now: Timestamp) -> LedgerTask<'_, ()> {
        Box::pin(self.hold_one(process, now))
    }

    fn read_feed(
        &self,
        provider: ProviderId,
        after: Position,
        limit: u32,
        bytes: usize,
    ) -> LedgerTask<'_, Vec<FeedEntry>> {
        Box::pin(self.aside.read(move |connection| read(connection, &provider, after, limit, bytes)))
    }

    fn feed_ends(&self, provider: ProviderId) -> LedgerTask<'_, FeedEnds> {
        Box::pin(self.aside.read(move |connection| ends(connection, &provider)))
    }

    fn confirm_feed(
        &self,
        provider: ProviderId,
        cursor: Position,
        now: Timestamp,
        limit: u32,
    ) -> LedgerTask<'_, Confirmed> {
        Box::pin(self.writer.work(move |desk| confirm(desk, &provider, cursor, now, limit)))
    }
}

fn read(
    connection: &Connection,
    provider: &ProviderId,
    after: Position,
    limit: u32,
    most: usize,
) -> Result<Vec<FeedEntry>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT position, notification, process, session, type, received_at, digest, body
         FROM feed JOIN notification ON no = notification
         WHERE feed.provider = ?1 AND position > ?2 ORDER BY position LIMIT ?3",
    )?;
    let mut rows = statement.query(params![provider.key(), after.number(), limit])?;
    let (mut entries, mut read) = (Vec::new(), 0_usize);
    while let Some(row) = rows.next()? {
        let body = row.get_ref("body")?.as_blob().map_err(rusqlite::Error::from)?;
        read = read.saturating_add(body.len());
        if read > most && !entries.is_empty() {
            break;
        }
        // An erased body is zeros, and nobody's message.
        let erased = is_erased(connection, row.get("notification")?)?;
        let body = if erased { Bytes::new() } else { Bytes::copy_from_slice(body) };
        entries.push(entry(connection, row, body)?);
    }
    Ok(entries)
}

fn entry(connection: &Connection, row: &Row<'_>, body: Bytes) -> Result<FeedEntry, StoreError> {
    let session: [u8; 16] = bytes(row, "session")?;
    let state = newest_state(connection, row.get("notification")?, &session)?;
    let stored = SessionKey::from_bytes(session);
    let (origin, about) = mandate::origin_of(connection, row.get("notification")?, stored)?;
    Ok(FeedEntry {
        position: position(row.get("position")?)?,
        process: ProcessId::from_bytes(bytes(row, "process")?),
        session: about,
        kind: row.get("type")?,
        received_at: instant(row.get("received_at")?, "received_at")?,
        state: receipt::state(state.as_deref()).to_owned(),
        body,
        digest: bytes(row, "digest")?,
        origin,
    })
}

fn ends(connection: &Connection, provider: &ProviderId) -> Result<FeedEnds, StoreError> {
    let ends: Option<(i64, i64)> = connection
        .prepare_cached("SELECT last, confirmed FROM feed_ends WHERE provider = ?1")?
        .query_row([provider.key()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((last, confirmed)) = ends else { return Ok(FeedEnds::default()) };
    Ok(FeedEnds { last: position(last)?, confirmed: position(confirmed)? })
}

fn confirm(
    desk: &mut Desk<'_>,
    provider: &ProviderId,
    cursor: Position,
    now: Timestamp,
    limit: u32,
) -> Result<Confirmed, StoreError> {
    let FeedEnds { last, confirmed } = ends(desk.connection, provider)?;
    if cursor > last {
        return Ok(Confirmed::Beyond { last });
    }
    if cursor <= confirmed {
        return Ok(Confirmed::UpTo { position: confirmed, closed: 0, under_way: 0 });
    }
    let waiting = passed(desk.connection, provider, confirmed, cursor, limit)?;
    let complete = u32::try_from(waiting.len()).is_ok_and(|found| found < limit);
    let reached = match waiting.last() {
        Some(newest) if !complete => newest.position,
        _ => cursor,
    };
    let (mut closed, mut under_way) = (0, 0);
    for passed in &waiting {
        match close(desk, passed, now)? {
            Closing::Closed => closed += 1,
            Closing::UnderWay => under_way += 1,
            Closing::Ended => {}
        }
    }
    desk.connection
        .prepare_cached("UPDATE feed_ends SET confirmed = ?2, confirmed_at = ?3 WHERE provider = ?1")?
        .execute(params![provider.key(), reached.number(), micros(now)])?;
    Ok(Confirmed::UpTo { position: reached, closed, under_way })
}

/// A message that a cursor has passed.
struct Passed {
    position: Position,
    notification: i64,
    session: [u8; 16],
    odd: bool,
}

fn passed(
    connection: &Connection,
    provider: &ProviderId,
    after: Position,
    cursor: Position,
    limit: u32,
) -> Result<Vec<Passed>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT position, notification, session, findings IS NOT NULL AS odd
         FROM feed JOIN notification ON no = notification
         WHERE feed.provider = ?1 AND position > ?2 AND position <= ?3 ORDER BY position LIMIT ?4",
    )?;
    let mut rows = statement.query(params![provider.key(), after.number(), cursor.number(), limit])?;
    let mut passed = Vec::new();
    while let Some(row) = rows.next()? {
        passed.push(Passed {
            position: position(row.get("position")?)?,
            notification: row.get("notification")?,
            session: bytes(row, "session")?,
            odd: row.get("odd")?,
        });
    }
    Ok(passed)
}

enum Closing {
    Closed,
    UnderWay,
    Ended,
}

/// Closes what waits for this message, or was given up without having reached the provider. An attempt that is under way
/// ends by itself, and what the provider has heard stays as it ended.
fn close(desk: &mut Desk<'_>, passed: &Passed, now: Timestamp) -> Result<Closing, StoreError> {
    let Desk { connection, book, tenure, .. } = desk;
    let session = SessionKey::from_bytes(passed.session);
    let open = book.open(connection, session)?;
    match open.iter().find(|row| row.notification == passed.notification).copied() {
        Some(row) if row.leased => return Ok(Closing::UnderWay),
        Some(row) => {
            remove(connection, session, open, row.no)?;
            write_history(connection, row.no, passed.notification, FinalState::Fetched, None, now)?;
            promote(connection, session, open, now)?;
        }
        None => {
            let Some(state) = newest_state(connection, passed.notification, &passed.session)? else {
                return Ok(Closing::UnderWay);
            };
            match FinalState::parse(&state) {
                // The provider has it after all. The end that was written stays: this is a new one.
                Some(FinalState::Held | FinalState::Exhausted | FinalState::Expired) => {
                    let number = tenure.number();
                    write_history(connection, number, passed.notification, FinalState::Fetched, None, now)?;
                }
                _ => return Ok(Closing::Ended),
            }
        }
    }
    // A PIN is a finding, so most messages need no look.
    if passed.odd {
        overwrite_pin(connection, passed.notification)?;
    }
    Ok(Closing::Closed)
}

fn position(number: i64) -> Result<Position, StoreError> {
    Position::new(number).ok_or_else(|| contradiction("position", number))
}
