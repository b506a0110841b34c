//! How the watchdog learns what happened: messages from a cursor on, decisions from the table of openings. Read on a
//! reader, except for messages that the writer knows still, and written in one small transaction, behind everything that
//! serves partners.
//!
//! Decisions are read before messages: whatever ended before a refusal is known by the time the refusal is looked at.

use std::time::Duration;

use oicp::OperatorId;
use roamhub_core::mandate::{Suspension, proves_wrong};
use roamhub_core::ports::watch::{Blocked, Followed};
use roamhub_core::retry::later;
use roamhub_core::watchdog::{self, GhostKind, Heard};
use roamhub_core::{MessageKind, SessionKey};
use rusqlite::{Connection, OptionalExtension, params};

use super::kept::Kept;
use super::lately::{Late, Lately, Marks};
use super::rows::{bytes, instant, kind, micros, operator, provider};
use super::watch::{no_ghost, watched};
use super::writer::Desk;
use super::{StoreError, mandate, remote};

/// How many refusals given while an earlier session stood open are kept.
const BLOCKED: i64 = 10_000;
/// So many earlier sessions of a card are looked at: a card that is used all day costs no more than another.
const EARLIER: i64 = 20;

/// What has come since the last time.
#[derive(Debug)]
pub(super) struct Fresh {
    decisions: Vec<Decision>,
    /// What was followed before ends with this message.
    after: i64,
    messages: Messages,
    /// There are more decisions than these.
    decisions_left: bool,
    limit: usize,
}

#[derive(Debug)]
enum Messages {
    /// The writer knows them still; whether there are any so far.
    OfLate { any: bool },
    /// Read from the ledger; whether there are more.
    Read(Vec<Late>, bool),
}

#[derive(Debug)]
struct Decision {
    session: SessionKey,
    opened_at: i64,
    decided_at: i64,
    authorised: bool,
    code: u16,
}

impl Fresh {
    pub(super) fn is_empty(&self) -> bool {
        self.decisions.is_empty() && matches!(self.messages, Messages::OfLate { any: false })
    }
}

pub(super) fn fresh(connection: &Connection, late: &Marks, limit: usize) -> Result<Fresh, StoreError> {
    let decisions = decisions(connection, limit)?;
    let cursor: Option<[u8; 8]> = connection
        .prepare_cached("SELECT value FROM meta WHERE key = 'watched_upto'")?
        .query_row([], |row| row.get(0))
        .optional()?;
    let after = cursor.map_or(0, i64::from_be_bytes);
    let messages = match late.has_all_after(after) {
        true => Messages::OfLate { any: late.has_any_after(after) },
        false => read(connection, after, limit)?,
    };
    let decisions_left = decisions.len() >= limit;
    Ok(Fresh { decisions, after, messages, decisions_left, limit })
}

fn read(connection: &Connection, after: i64, limit: usize) -> Result<Messages, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT no, session, type, received_at FROM notification WHERE no > ?1 ORDER BY no LIMIT ?2",
    )?;
    let mut rows = statement.query(params![after, i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let mut messages = Vec::new();
    while let Some(row) = rows.next()? {
        messages.push(Late {
            no: row.get(0)?,
            session: SessionKey::from_bytes(row.get(1)?),
            kind: kind(row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?)?,
            at: instant(row.get(3)?, "received_at")?,
        });
    }
    let left = messages.len() >= limit;
    Ok(Messages::Read(messages, left))
}

fn decisions(connection: &Connection, limit: usize) -> Result<Vec<Decision>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT session, opened_at, decided_at, provider IS NOT NULL AS authorised, code
         FROM opening WHERE decided_at IS NOT NULL ORDER BY provider IS NULL LIMIT ?1",
    )?;
    let mut rows = statement.query([i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let mut decisions = Vec::new();
    while let Some(row) = rows.next()? {
        decisions.push(Decision {
            session: SessionKey::from_bytes(bytes(row, "session")?),
            opened_at: row.get("opened_at")?,
            decided_at: row.get("decided_at")?,
            authorised: row.get("authorised")?,
            code: row.get("code")?,
        });
    }
    Ok(decisions)
}

pub(super) fn take_note(
    desk: &mut Desk<'_>,
    fresh: &Fresh,
    soonest: Duration,
) -> Result<Followed, StoreError> {
    let Desk { connection, kept, book, lately, .. } = desk;
    let (mut messages, messages_left) = match &fresh.messages {
        Messages::Read(messages, left) => (messages.clone(), *left),
        // Here the writer knows all that was committed before the decisions were read. What has left meanwhile is read
        // the next time.
        Messages::OfLate { .. } => lately.since(fresh.after, fresh.limit).unwrap_or((Vec::new(), true)),
    };
    let mut followed = Followed { behind: messages_left || fresh.decisions_left, ..Followed::default() };
    for decision in fresh.decisions.iter().filter(|decision| decision.authorised) {
        watch(connection, decision.session, soonest)?;
        settled(connection, decision)?;
    }
    if let Some(last) = messages.last() {
        let upto = last.no;
        connection
            .prepare_cached(
                "INSERT INTO meta (key, value) VALUES ('watched_upto', ?1)
                 ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            )?
            .execute([upto.to_be_bytes()])?;
        lately.followed(upto);
    }
    // In order of the sessions' ids the pages that are written lie beside each other.
    messages.sort_by_key(|message| message.session);
    for of_session in messages.chunk_by(|one, next| one.session == next.session) {
        // Once ended, whatever follows changes nothing for the driver's next charger, unless it was ended by mandate.
        let known_over = book.is_over(of_session[0].session);
        if !*known_over || lately.knows_mandates() {
            *known_over = hear(connection, kept, lately, of_session, soonest, &mut followed)?;
        }
    }
    // Who is behind does not know yet what has ended.
    if !messages_left {
        for decision in fresh.decisions.iter().filter(|decision| !decision.authorised) {
            followed.blocked.extend(refused(connection, decision)?);
            settled(connection, decision)?;
        }
    }
    Ok(followed)
}

fn settled(connection: &Connection, decision: &Decision) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM opening WHERE session = ?1")?
        .execute([decision.session.as_bytes()])?;
    Ok(())
}

/// Begins to watch a session; nothing changes if it is watched already.
fn watch(connection: &Connection, session: SessionKey, soonest: Duration) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO watch (session, operator, provider, medium, authorised_at, look_at)
             SELECT id, operator, provider, medium, coalesce(decided_at, opened_at),
                 coalesce(decided_at, opened_at) + ?2
             FROM session WHERE id = ?1 AND provider IS NOT NULL
             ON CONFLICT DO NOTHING",
        )?
        .execute(params![session.as_bytes(), span(soonest)])?;
    Ok(())
}

/// A span of time in microseconds, so bounded that an instant and two of them still fit the column.
fn span(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX).min(i64::MAX / 4)
}

/// Hears what was said in a session; returns whether it is over.
fn hear(
    connection: &Connection,
    kept: &mut Kept<'_>,
    lately: &Lately,
    messages: &[Late],
    soonest: Duration,
    followed: &mut Followed,
) -> Result<bool, StoreError> {
    let Some(Late { session, .. }) = messages.first().copied() else { return Ok(false) };
    let before = match heard_before(kept, session)? {
        Some(before) => before,
        None => {
            watch(connection, session, soonest)?;
            let undecided = remote::no_longer_undecided(connection, session)?;
            followed.cleared.extend(undecided.map(|operator| (operator, GhostKind::Undecided)));
            let Some(before) = heard_before(kept, session)? else { return Ok(false) };
            before
        }
    };
    let mandated = if lately.knows_mandates() { mandate::issued_in(connection, session)? } else { None };
    let wrong = match mandated {
        Some(mandated) => shown_wrong(connection, session, mandated, messages)?,
        None => None,
    };
    followed.suspended.extend(wrong);
    // What was ended by mandate, and went on, begins anew with what its operator says.
    let before = match wrong {
        Some(_) => HeardBefore { over: false, heard: None, ..before },
        None => before,
    };
    let messages = messages.iter().filter(|late| wrong.is_none() || Some(late.no) != mandated);
    if before.over {
        return Ok(true);
    }
    let heard =
        messages.clone().fold(before.heard, |heard, late| Some(Heard::and(heard, late.kind, late.at)));
    let Some(heard) = heard else { return Ok(false) };
    // A charge detail record closes the session: that is an end too.
    let ends = |kind: &MessageKind| matches!(kind, MessageKind::End | MessageKind::ChargeDetailRecord);
    let ended_at = messages.clone().find(|late| ends(&late.kind)).map(|late| late.at);
    if ended_at.is_some() && before.is_ghost {
        followed.cleared.extend(lay(connection, session)?);
    }
    // A ghost that says something is looked at at once; others before any rule can apply to them.
    let look_by = if before.is_ghost { heard.first_at } else { later(heard.last_at, soonest) };
    connection
        .prepare_cached(
            "UPDATE watch SET first_heard_at = ?2, last_heard_at = ?3, progress = ?4, distance = ?5, ended_at = ?6,
                 look_at = CASE WHEN ?6 IS NULL THEN min(coalesce(look_at, ?7), ?7) END,
                 ghost = CASE WHEN ?6 IS NULL THEN ghost END
             WHERE session = ?1",
        )?
        .execute(params![
            session.as_bytes(),
            micros(heard.first_at),
            micros(heard.last_at),
            heard.progress,
            span(heard.distance),
            ended_at.map(micros),
            micros(look_by),
        ])?;
    Ok(ended_at.is_some())
}

/// A message shows that the session was ended by mandate though a car was charging: whose mandate is suspended for it.
fn shown_wrong(
    connection: &Connection,
    session: SessionKey,
    mandated: i64,
    messages: &[Late],
) -> Result<Option<Suspension>, StoreError> {
    for late in messages.iter().filter(|late| late.no > mandated) {
        if proves_wrong(late.kind, &mandate::body(connection, late.no)?) {
            return mandate::was_wrong(connection, session, late.no, late.at);
        }
    }
    Ok(None)
}

/// As much of a watched session as a message needs to know.
struct HeardBefore {
    over: bool,
    is_ghost: bool,
    heard: Option<Heard>,
}

fn heard_before(kept: &mut Kept<'_>, session: SessionKey) -> Result<Option<HeardBefore>, StoreError> {
    let statement = kept.statement(
        "SELECT ended_at IS NOT NULL, ghost IS NOT NULL, first_heard_at, last_heard_at, progress, distance
         FROM watch WHERE session = ?1",
    )?;
    let mut rows = statement.query([session.as_bytes()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let heard = match (row.get::<_, Option<i64>>(2)?, row.get::<_, Option<i64>>(3)?) {
        (Some(first_at), Some(last_at)) => Some(Heard {
            first_at: instant(first_at, "first_heard_at")?,
            last_at: instant(last_at, "last_heard_at")?,
            progress: row.get(4)?,
            distance: Duration::from_micros(row.get::<_, i64>(5)?.unsigned_abs()),
        }),
        _ => None,
    };
    Ok(Some(HeardBefore { over: row.get(0)?, is_ghost: row.get(1)?, heard }))
}

/// A ghost has ended after all.
fn lay(connection: &Connection, session: SessionKey) -> Result<Option<(OperatorId, GhostKind)>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT * FROM watch WHERE session = ?1")?;
    let mut rows = statement.query([session.as_bytes()])?;
    let Some(found) = rows.next()?.map(|row| watched(row, false)).transpose()? else { return Ok(None) };
    let Some(ghost) = found.ghost else { return Ok(None) };
    no_ghost(connection, &found)?;
    Ok(Some((found.operator, ghost)))
}

/// Whether an earlier session of the same medium stood open when this one was asked for.
fn refused(connection: &Connection, decision: &Decision) -> Result<Option<Blocked>, StoreError> {
    if !watchdog::is_a_providers_refusal(decision.code) {
        return Ok(None);
    }
    let mut statement = connection.prepare_cached(
        "SELECT earlier.session, earlier.operator AS caused_by, earlier.provider, o.operator
         FROM opening o, (
             SELECT * FROM watch WHERE medium = (SELECT medium FROM opening WHERE session = ?1)
                 AND authorised_at <= ?2
             ORDER BY authorised_at DESC LIMIT ?3
         ) earlier
         WHERE o.session = ?1
             AND ((earlier.ended_at IS NULL AND earlier.look_at IS NOT NULL) OR earlier.ended_at > ?2)
         LIMIT 1",
    )?;
    let mut rows = statement.query(params![decision.session.as_bytes(), decision.opened_at, EARLIER])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let blocked = Blocked {
        at: instant(decision.decided_at, "decided_at")?,
        operator: operator(&row.get::<_, String>("operator")?)?,
        code: decision.code,
        earlier: SessionKey::from_bytes(bytes(row, "session")?),
        caused_by: operator(&row.get::<_, String>("caused_by")?)?,
        provider: provider(&row.get::<_, String>("provider")?)?,
    };
    connection
        .prepare_cached(
            "INSERT INTO blocked (at, operator, code, earlier, caused_by, provider) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            decision.decided_at,
            blocked.operator.key(),
            blocked.code,
            blocked.earlier.as_bytes(),
            blocked.caused_by.key(),
            blocked.provider.key(),
        ])?;
    connection
        .prepare_cached("DELETE FROM blocked WHERE no <= ?1")?
        .execute([connection.last_insert_rowid() - BLOCKED])?;
    Ok(Some(blocked))
}
