//! Finding notifications and where they stand, in one place: how they are indexed is nobody else's business.

use roamhub_core::ProcessId;
use rusqlite::{Connection, OptionalExtension, params};

use super::StoreError;

/// The number of a notification.
pub(super) fn number_of(connection: &Connection, process: ProcessId) -> Result<Option<i64>, StoreError> {
    let no = connection
        .prepare_cached("SELECT no FROM notification WHERE process = ?1")?
        .query_row([process.as_bytes()], |row| row.get(0))
        .optional()?;
    Ok(no)
}

/// The number of the last notification that has arrived; 0 if none has.
pub(super) fn last_number(connection: &Connection) -> Result<i64, StoreError> {
    Ok(connection
        .prepare_cached("SELECT coalesce(max(no), 0) FROM notification")?
        .query_row([], |row| row.get(0))?)
}

/// Where the delivery of a notification stands.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Standing {
    /// Somebody is sending it, or is about to. A message without a single delivery on record is in the hands of the
    /// request that brought it.
    UnderWay,
    /// It waits for its next attempt.
    Deferred,
    /// It waits, or is under way, as part of a replay; how its own delivery ended is known.
    Replayed {
        /// Whether it is being sent.
        leased: bool,
    },
    /// It has ended; the word of its state.
    Ended(String),
}

/// Where a notification stands, by its number.
pub(super) fn standing(connection: &Connection, notification: i64) -> Result<Standing, StoreError> {
    let owed: Option<bool> = connection
        .prepare_cached(
            "SELECT lease_until IS NOT NULL FROM delivery
             WHERE session = (SELECT session FROM notification WHERE no = ?1) AND notification = ?1",
        )?
        .query_row([notification], |row| row.get(0))
        .optional()?;
    if let Some(leased) = owed {
        return Ok(if leased { Standing::UnderWay } else { Standing::Deferred });
    }
    let replayed: Option<bool> = connection
        .prepare_cached("SELECT lease_until IS NOT NULL FROM replay_delivery WHERE notification = ?1")?
        .query_row([notification], |row| row.get(0))
        .optional()?;
    if let Some(leased) = replayed {
        return Ok(Standing::Replayed { leased });
    }
    Ok(last_end(connection, notification)?.map_or(Standing::UnderWay, Standing::Ended))
}

/// The ledger's word for where the newest delivery of a notification stands, replays aside; nothing while its first attempt
/// has left no trace.
pub(super) fn newest_state(
    connection: &Connection,
    notification: i64,
    session: &[u8],
) -> Result<Option<String>, StoreError> {
    // First the open one: it moves to the history, never back.
    let open: Option<String> = connection
        .prepare_cached(
            "SELECT CASE WHEN lease_until IS NULL THEN 'deferred' ELSE 'leased' END
             FROM delivery WHERE session = ?2 AND notification = ?1",
        )?
        .query_row(params![notification, session], |row| row.get(0))
        .optional()?;
    if open.is_some() {
        return Ok(open);
    }
    last_end(connection, notification)
}

fn last_end(connection: &Connection, notification: i64) -> Result<Option<String>, StoreError> {
    let ended = connection
        .prepare_cached(
            "SELECT state FROM delivery_history WHERE notification = ?1 ORDER BY delivery DESC LIMIT 1",
        )?
        .query_row([notification], |row| row.get(0))
        .optional()?;
    Ok(ended)
}
