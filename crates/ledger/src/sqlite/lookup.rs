//! Finding notifications, in one place: how they are indexed is nobody else's business.

use rusqlite::{Connection, OptionalExtension, params};

use super::StoreError;

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
    let ended: Option<String> = connection
        .prepare_cached(
            "SELECT state FROM delivery_history WHERE notification = ?1 ORDER BY delivery DESC LIMIT 1",
        )?
        .query_row(params![notification], |row| row.get(0))
        .optional()?;
    Ok(ended.map_or(Standing::UnderWay, Standing::Ended))
}
