//! Time stamps of what is committed: strictly rising, and never at an instant up to which somebody has read.
//!
//! A provider names the instant of its last call and is told what has changed after it. So what a call did not show
//! must be stamped later than that call, also if it was on its way already. Whoever reads says up to when, and then
//! waits for a job of the writer: what was stamped before is committed when that is, and what comes after is later.
//! A clock that is set back makes stamps run ahead of it for a while; then changes are told twice, and none is missed.

use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};

use crate::sqlite::StoreError;
use crate::sqlite::rows::micros;

/// Up to when has been read, in microseconds.
#[derive(Debug, Default)]
pub(super) struct Stamps(AtomicI64);

impl Stamps {
    /// Somebody reads now. A job of the writer that is queued after this sees all that is stamped earlier.
    pub(super) fn read_up_to(&self, now: Timestamp) {
        self.0.fetch_max(micros(now), Ordering::SeqCst);
    }

    /// The next stamp, in microseconds; inside a job of the writer.
    pub(super) fn next(&self, connection: &Connection, now: Timestamp) -> Result<i64, StoreError> {
        let last = value(connection, "stamp")?.unwrap_or(i64::MIN);
        let at = micros(now).max(last.saturating_add(1)).max(self.0.load(Ordering::SeqCst).saturating_add(1));
        set(connection, "stamp", at)?;
        Ok(at)
    }
}

/// A number of the whole file.
pub(super) fn value(connection: &Connection, key: &str) -> Result<Option<i64>, StoreError> {
    Ok(connection
        .prepare_cached("SELECT value FROM meta WHERE key = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()?)
}

/// Sets a number of the whole file.
pub(super) fn set(connection: &Connection, key: &str, value: i64) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        )?
        .execute((key, value))?;
    Ok(())
}
