//! May this go? The same rules for what is only counted and for what is removed.

use roamhub_core::delivery::FinalState;
use roamhub_core::retention::{Age, SILENT};
use rusqlite::{Connection, OptionalExtension, params};

use super::Work;
use crate::sqlite::StoreError;
use crate::sqlite::lookup::{Standing, standing};
use crate::sqlite::rows::{contradiction, micros};

/// Whether something may go, or why not.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// It may.
    Go,
    /// Not yet.
    Stay(Why),
}

/// Why something stays.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Why {
    /// It came in too lately.
    Young,
    /// It is owed, or being sent, or in a replay.
    Owed,
    /// Its provider has not fetched or confirmed it.
    Unconfirmed,
    /// The session goes on, or ended too lately.
    SessionOpen,
    /// The feeds, the watchdog, a replay or the index has not passed it.
    NotPassed,
    /// It is the newest message.
    Newest,
    /// The body of a record is still kept.
    Record,
}

impl Why {
    pub(super) fn in_words(self) -> &'static str {
        match self {
            Self::Young => "it is not old enough",
            Self::Owed => "it is still owed to its provider, or part of a replay",
            Self::Unconfirmed => "its provider has not fetched or confirmed it yet",
            Self::SessionOpen => "its session is not over, or not for long enough",
            Self::NotPassed => "feeds, watchdog, a replay or the index of messages have not passed it yet",
            Self::Newest => "the newest message always stays",
            Self::Record => "its charge detail record is still kept as received",
        }
    }
}

/// What is known of a notification without reading its body.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) no: i64,
    pub(super) session: Vec<u8>,
    pub(super) received_at: i64,
    pub(super) is_record: bool,
    pub(super) bytes: i64,
}

pub(super) fn message(connection: &Connection, no: i64) -> Result<Option<Message>, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT session, received_at, type = 'ChargeDetailRecord', length(body) FROM notification WHERE no = ?1",
        )?
        .query_row([no], |row| {
            Ok(Message {
                no,
                session: row.get(0)?,
                received_at: row.get(1)?,
                is_record: row.get(2)?,
                bytes: row.get(3)?,
            })
        })
        .optional()?)
}

/// Whether nobody is owed this message any more, nor waits for it in a feed or a window.
pub(super) fn is_finished(
    connection: &Connection,
    work: &Work,
    message: &Message,
) -> Result<Verdict, StoreError> {
    let state = match standing(connection, message.no)? {
        Standing::UnderWay | Standing::Deferred | Standing::Replayed { .. } => {
            return Ok(Verdict::Stay(Why::Owed));
        }
        Standing::Ended(word) => FinalState::parse(&word).ok_or_else(|| contradiction("state", &word))?,
    };
    let waits = state == FinalState::Held || is_unconfirmed(connection, message.no)?;
    let bound = match work.ages.unconfirmed {
        Age::Forever => i64::MIN,
        age => age.cutoff(work.now).map_or(i64::MIN, micros),
    };
    Ok(if waits && message.received_at > bound { Verdict::Stay(Why::Unconfirmed) } else { Verdict::Go })
}

fn is_unconfirmed(connection: &Connection, no: i64) -> Result<bool, StoreError> {
    Ok(connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM feed f JOIN feed_ends e ON e.provider = f.provider
                            WHERE f.notification = ?1 AND f.position > e.confirmed)",
        )?
        .query_row([no], |row| row.get(0))?)
}

/// Whether a session is over, and has been since before the cutoff. One that is not there is.
pub(super) fn is_over(
    connection: &Connection,
    work: &Work,
    session: &[u8],
    cutoff: i64,
) -> Result<Verdict, StoreError> {
    struct Life {
        spoken_at: i64,
        ended_at: Option<i64>,
        record_at: Option<i64>,
        compared: bool,
        owed: bool,
    }
    let life = connection
        .prepare_cached(
            "SELECT max(s.opened_at, coalesce(s.decided_at, 0), coalesce(w.last_heard_at, 0)), w.ended_at,
                 c.received_at, c.no IS NULL OR c.compared_at IS NOT NULL,
                 EXISTS (SELECT 1 FROM delivery d WHERE d.session = s.id)
             FROM session s LEFT JOIN watch w ON w.session = s.id LEFT JOIN charge_detail_record c ON c.session = s.id
             WHERE s.id = ?1",
        )?
        .query_row([session], |row| {
            Ok(Life {
                spoken_at: row.get(0)?,
                ended_at: row.get(1)?,
                record_at: row.get(2)?,
                compared: row.get(3)?,
                owed: row.get(4)?,
            })
        })
        .optional()?;
    let Some(life) = life else { return Ok(Verdict::Go) };
    if life.owed || work.in_hand.contains(session) {
        return Ok(Verdict::Stay(Why::Owed));
    }
    if !life.compared {
        return Ok(Verdict::Stay(Why::NotPassed));
    }
    let silent = Age::After(SILENT).cutoff(work.now).map_or(i64::MIN, micros);
    let since = match (life.record_at, life.ended_at) {
        (Some(record_at), ended_at) => record_at.max(ended_at.unwrap_or(record_at)),
        (None, Some(ended_at)) => ended_at,
        (None, None) if life.spoken_at <= silent => life.spoken_at,
        (None, None) => return Ok(Verdict::Stay(Why::SessionOpen)),
    };
    Ok(if since <= cutoff { Verdict::Go } else { Verdict::Stay(Why::SessionOpen) })
}

/// Whether a message may be removed whole; the index aside, of which only the writer knows.
pub(super) fn may_leave(
    connection: &Connection,
    work: &Work,
    message: &Message,
    passed: &Passed,
) -> Result<Verdict, StoreError> {
    if message.received_at > work.cutoff {
        return Ok(Verdict::Stay(Why::Young));
    }
    if message.no >= passed.newest {
        return Ok(Verdict::Stay(Why::Newest));
    }
    if message.no > passed.by_all {
        return Ok(Verdict::Stay(Why::NotPassed));
    }
    if let Verdict::Stay(why) = is_finished(connection, work, message)? {
        return Ok(Verdict::Stay(why));
    }
    if message.is_record && !super::erasure::is_erased(connection, message.no)? {
        return Ok(Verdict::Stay(Why::Record));
    }
    is_over(connection, work, &message.session, work.cutoff)
}

/// How far everybody who reads messages in order has come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Passed {
    /// The feeds, the watchdog and every replay have passed up to here.
    pub(super) by_all: i64,
    /// The number of the newest message.
    pub(super) newest: i64,
}

pub(super) fn passed(connection: &Connection) -> Result<Passed, StoreError> {
    let watched: Option<[u8; 8]> = connection
        .prepare_cached("SELECT value FROM meta WHERE key = 'watched_upto'")?
        .query_row([], |row| row.get(0))
        .optional()?;
    let replayed: Option<i64> = connection
        .prepare_cached("SELECT min(cursor) FROM replay WHERE filled_at IS NULL")?
        .query_row([], |row| row.get(0))?;
    let newest = connection
        .prepare_cached("SELECT coalesce(max(no), 0) FROM notification")?
        .query_row([], |row| row.get(0))?;
    let watched = watched.map_or(0, i64::from_be_bytes);
    let by_all = watched.min(feed_mark(connection)?).min(replayed.unwrap_or(i64::MAX));
    Ok(Passed { by_all, newest })
}

/// Up to where the feeds have been filled, as saved.
pub(super) fn feed_mark(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection
        .prepare_cached("SELECT coalesce(max(no), 0) FROM feed_mark")?
        .query_row(params![], |row| row.get(0))?)
}
