//! Small tables, and those that no order of arrival runs through: what is too old in them is found by reading, and
//! removed by its key. Each row is judged again where it is removed.

use roamhub_core::ports::LedgerError;
use roamhub_core::retention::{Kind, Slice};
use rusqlite::types::Value;
use rusqlite::{Connection, params};

use super::Work;
use crate::sqlite::erasure::cleanly;
use crate::sqlite::{Sqlite, StoreError};

/// Rows that one job removes.
const ROWS: usize = 128;

/// A table: its key, and what of it goes. `?1` is the cutoff.
pub(super) struct Sweep {
    kind: Kind,
    table: &'static str,
    key: &'static str,
    goes: &'static str,
}

const fn sweep(kind: Kind, table: &'static str, key: &'static str, goes: &'static str) -> Sweep {
    Sweep { kind, table, key, goes }
}

/// Nothing here is found by what is asked on the way of a message, but for cards.
pub(super) const SWEEPS: [Sweep; 16] = [
    sweep(Kind::KeptRecords, "kept_record", "no", "received_at <= ?1"),
    sweep(Kind::Cards, "card", "medium", "seen_at <= ?1"),
    sweep(
        Kind::Uploads,
        "uploaded",
        "no",
        "?1 IS NOT NULL AND EXISTS (SELECT 1 FROM upload_head h WHERE h.provider = uploaded.provider
             AND (uploaded.since < h.base OR uploaded.until <= h.version))",
    ),
    sweep(Kind::Refusals, "refusal", "no", "received_at <= ?1"),
    sweep(Kind::Audit, "lane_pause", "no", "resumed_at <= ?1"),
    sweep(Kind::Audit, "mandate_suspension", "no", "restored_at <= ?1"),
    sweep(
        Kind::Audit,
        "replay",
        "no",
        "filled_at <= ?1 AND NOT EXISTS (SELECT 1 FROM replay_delivery d WHERE d.replay = replay.no)
         AND no < (SELECT max(r.no) FROM replay r)",
    ),
    sweep(
        Kind::Audit,
        "partners",
        "version",
        "at <= ?1 AND version < (SELECT max(p.version) FROM partners p)",
    ),
    sweep(
        Kind::Audit,
        "upload",
        "process",
        "at <= ?1 AND version < (SELECT h.version FROM upload_head h WHERE h.provider = upload.provider)",
    ),
    sweep(Kind::Audit, "told", "about", "gone_at <= ?1"),
    sweep(
        Kind::Audit,
        "conflict",
        "session",
        "at <= ?1 AND NOT EXISTS (SELECT 1 FROM issued i WHERE i.session = conflict.session
             AND i.provider = conflict.provider)",
    ),
    sweep(Kind::Audit, "passed_over", "session", "at <= ?1"),
    sweep(Kind::Audit, "blocked", "no", "at <= ?1"),
    sweep(Kind::Audit, "pin_guess", "guessed", "last_at <= ?1"),
    sweep(Kind::Audit, "audit", "no", "at <= ?1"),
    sweep(Kind::Audit, "api_token", "no", "revoked_at <= ?1 OR expires_at <= ?1"),
];

impl Sweep {
    fn find(&self, connection: &Connection, cutoff: i64) -> Result<Vec<Value>, StoreError> {
        let Self { table, key, goes, .. } = self;
        let sql = format!("SELECT {key} FROM {table} WHERE {goes} ORDER BY {key} LIMIT ?2");
        let mut statement = connection.prepare(&sql)?;
        let limit = i64::try_from(ROWS).unwrap_or(i64::MAX);
        Ok(statement.query_map(params![cutoff, limit], |row| row.get(0))?.collect::<Result<_, _>>()?)
    }

    fn remove(&self, connection: &Connection, cutoff: i64, keys: &[Value]) -> Result<u64, StoreError> {
        let Self { table, key, goes, .. } = self;
        let mut statement =
            connection.prepare_cached(&format!("DELETE FROM {table} WHERE {key} = ?2 AND ({goes})"))?;
        let mut removed: u64 = 0;
        for key in keys {
            removed += u64::try_from(statement.execute(params![cutoff, key])?).unwrap_or(u64::MAX);
        }
        Ok(removed)
    }

    fn count(&self, connection: &Connection, cutoff: i64) -> Result<u64, StoreError> {
        let Self { table, goes, .. } = self;
        let count: i64 = connection
            .prepare(&format!("SELECT count(*) FROM {table} WHERE {goes}"))?
            .query_row([cutoff], |row| row.get(0))?;
        Ok(count.unsigned_abs())
    }
}

/// How much of a kind would go.
pub(super) fn count(connection: &Connection, kind: Kind, cutoff: i64) -> Result<u64, StoreError> {
    SWEEPS.iter().filter(|sweep| sweep.kind == kind).map(|sweep| sweep.count(connection, cutoff)).sum()
}

impl Sqlite {
    /// Removes some of a kind; `from` is the place of its table among the sweeps.
    pub(super) async fn sweep(&self, kind: Kind, work: Work, from: i64) -> Result<Slice, LedgerError> {
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        let ours = SWEEPS.iter().enumerate().skip(from);
        let Some((place, sweep)) = ours.into_iter().find(|(_, sweep)| sweep.kind == kind) else {
            return Ok(Slice::default());
        };
        let cutoff = work.cutoff;
        let keys = self.aside.read(move |connection| sweep.find(connection, cutoff)).await?;
        let done = keys.len() < ROWS;
        let removed = if keys.is_empty() {
            0
        } else {
            self.writer
                .write(move |connection| cleanly(connection, || sweep.remove(connection, cutoff, &keys)))
                .await?
        };
        let next = if done || removed == 0 { place + 1 } else { place };
        let next = (next < SWEEPS.len()).then(|| i64::try_from(next).unwrap_or(i64::MAX));
        Ok(Slice { removed, next })
    }
}
