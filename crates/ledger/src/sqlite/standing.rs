//! Where a message is found and where it stands, for receipts and feeds. Each question is one small function, so that how
//! messages are indexed can change without them.

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

/// The ledger's word for where the newest delivery of a notification stands; nothing while its first attempt has left no
/// trace.
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
    let ended = connection
        .prepare_cached(
            "SELECT state FROM delivery_history WHERE notification = ?1 ORDER BY delivery DESC LIMIT 1",
        )?
        .query_row([notification], |row| row.get(0))
        .optional()?;
    Ok(ended)
}
