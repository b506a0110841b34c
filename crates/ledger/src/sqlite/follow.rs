//! How the watchdog learns what happened: messages from a cursor on, decisions from the table of openings. Read on a
//! reader, written in one small transaction, behind everything that serves partners.
//!
//! Decisions are read before messages: whatever ended before a refusal is known by the time the refusal is looked at.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;
use oicp::OperatorId;
use roamhub_core::mandate::{Origin, proves_wrong};
use roamhub_core::ports::watch::{Blocked, Followed};
use roamhub_core::retry::later;
use roamhub_core::watchdog::{self, GhostKind, Heard};
use roamhub_core::{MessageKind, ProcessId, SessionKey};
use rusqlite::{Connection, OptionalExtension, params};

use super::rows::{bytes, instant, kind, micros, operator, provider};
use super::watch::{no_ghost, watched};
use super::{StoreError, mandate, remote};

/// How many refusals given while an earlier session stood open are kept.
const BLOCKED: i64 = 10_000;
/// So many earlier sessions of a card are looked at: a card that is used all day costs no more than another.
const EARLIER: i64 = 20;

/// What has come since the last time.
#[derive(Debug)]
pub(super) struct Fresh {
    decisions: Vec<Decision>,
    /// Per session, in order of arrival.
    messages: Vec<(SessionKey, Vec<Message>)>,
    /// The number of the last message.
    upto: i64,
    /// There are more messages than these.
    messages_left: bool,
    /// There are more decisions than these.
    decisions_left: bool,
}

/// A message, as far as the watchdog listens.
#[derive(Debug)]
struct Message {
    kind: MessageKind,
    at: Timestamp,
    process: ProcessId,
    origin: Origin,
    /// It shows that the session was ended by mandate though a car was charging.
    proves_wrong: bool,
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
        self.decisions.is_empty() && self.messages.is_empty()
    }
}

pub(super) fn fresh(connection: &Connection, limit: usize) -> Result<Fresh, StoreError> {
    let decisions = decisions(connection, limit)?;
    let cursor: Option<[u8; 8]> = connection
        .prepare_cached("SELECT value FROM meta WHERE key = 'watched_upto'")?
        .query_row([], |row| row.get(0))
        .optional()?;
    let mut upto = cursor.map_or(0, i64::from_be_bytes);
    let mut statement = connection.prepare_cached(
        "SELECT n.no, n.process, n.session, n.type, n.received_at, i.notification AS issued FROM notification n
         LEFT JOIN issued i ON i.session = n.session AND i.provider = n.provider
         WHERE n.no > ?1 ORDER BY n.no LIMIT ?2",
    )?;
    let mut rows = statement.query(params![upto, i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let mut by_session: HashMap<SessionKey, Vec<Message>> = HashMap::new();
    let mut count = 0;
    // By place, not by name: every message passes here.
    while let Some(row) = rows.next()? {
        count += 1;
        upto = row.get(0)?;
        let kind = kind(row.get_ref(3)?.as_str().map_err(rusqlite::Error::from)?)?;
        let issued: Option<i64> = row.get(5)?;
        let message = Message {
            kind,
            at: instant(row.get(4)?, "received_at")?,
            process: ProcessId::from_bytes(row.get(1)?),
            origin: Origin::of(issued == Some(upto)),
            proves_wrong: match issued {
                Some(issued) if issued < upto => proves_wrong(kind, &mandate::body(connection, upto)?),
                _ => false,
            },
        };
        by_session.entry(SessionKey::from_bytes(row.get(2)?)).or_default().push(message);
    }
    let (messages_left, decisions_left) = (count >= limit, decisions.len() >= limit);
    let mut messages: Vec<_> = by_session.into_iter().collect();
    // In order of the sessions' ids the pages that are written lie beside each other.
    messages.sort_by_key(|(session, _)| *session);
    Ok(Fresh { decisions, messages, upto, messages_left, decisions_left })
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
    connection: &Connection,
    fresh: &Fresh,
    soonest: Duration,
) -> Result<Followed, StoreError> {
    let mut followed =
        Followed { behind: fresh.messages_left || fresh.decisions_left, ..Followed::default() };
    for decision in fresh.decisions.iter().filter(|decision| decision.authorised) {
        watch(connection, decision.session, soonest)?;
        settled(connection, decision)?;
    }
    for (session, messages) in &fresh.messages {
        hear(connection, *session, messages, soonest, &mut followed)?;
    }
    connection
        .prepare_cached(
            "INSERT INTO meta (key, value) VALUES ('watched_upto', ?1)
             ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        )?
        .execute([fresh.upto.to_be_bytes()])?;
    // Who is behind does not know yet what has ended.
    if !fresh.messages_left {
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

fn hear(
    connection: &Connection,
    session: SessionKey,
    messages: &[Message],
    soonest: Duration,
    followed: &mut Followed,
) -> Result<(), StoreError> {
    let before = match heard_before(connection, session)? {
        Some(before) => before,
        None => {
            watch(connection, session, soonest)?;
            let undecided = remote::no_longer_undecided(connection, session)?;
            followed.cleared.extend(undecided.map(|operator| (operator, GhostKind::Undecided)));
            let Some(before) = heard_before(connection, session)? else { return Ok(()) };
            before
        }
    };
    let proof = messages.iter().find(|message| message.proves_wrong);
    let wrong = match proof {
        Some(Message { process, at, .. }) => mandate::was_wrong(connection, session, *process, *at)?,
        None => None,
    };
    followed.suspended.extend(wrong);
    // What was ended by mandate, and went on, begins anew with what its operator says.
    let before = match wrong {
        Some(_) => HeardBefore { over: false, heard: None, ..before },
        None => before,
    };
    let messages: Vec<_> =
        messages.iter().filter(|message| wrong.is_none() || message.origin == Origin::Sender).collect();
    // Once ended, whatever follows changes nothing for the driver's next charger.
    if before.over {
        return Ok(());
    }
    let heard = messages
        .iter()
        .fold(before.heard, |heard, message| Some(Heard::and(heard, message.kind, message.at)));
    let Some(heard) = heard else { return Ok(()) };
    // A charge detail record closes the session: that is an end too.
    let ends = |kind: &MessageKind| matches!(kind, MessageKind::End | MessageKind::ChargeDetailRecord);
    let ended_at = messages.iter().find(|message| ends(&message.kind)).map(|message| message.at);
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
    Ok(())
}

/// As much of a watched session as a message needs to know.
struct HeardBefore {
    over: bool,
    is_ghost: bool,
    heard: Option<Heard>,
}

fn heard_before(connection: &Connection, session: SessionKey) -> Result<Option<HeardBefore>, StoreError> {
    let mut statement = connection.prepare_cached(
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
