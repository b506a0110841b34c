//! Lanes: who paused one and why, and what waits in each.

use jiff::Timestamp;
use oicp::ProviderId;
use roamhub_core::ports::{LanePort, LedgerTask, Pause, Queue};
use rusqlite::{Connection, params};

use super::rows::{instant, micros, provider};
use super::{Sqlite, StoreError};

impl LanePort for Sqlite {
    fn pauses(&self) -> LedgerTask<'_, Vec<Pause>> {
        Box::pin(self.readers.read(pauses))
    }

    fn pause(&self, pauses: Vec<Pause>) -> LedgerTask<'_, usize> {
        Box::pin(self.writer.write(move |connection| pause(connection, &pauses)))
    }

    fn resume(&self, providers: Vec<ProviderId>, at: Timestamp, by: String) -> LedgerTask<'_, usize> {
        Box::pin(self.writer.write(move |connection| resume(connection, &providers, at, &by)))
    }

    fn queues(&self) -> LedgerTask<'_, Vec<Queue>> {
        Box::pin(self.readers.read(queues))
    }
}

pub(super) fn pauses(connection: &Connection) -> Result<Vec<Pause>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT provider, paused_at, paused_by, why FROM lane_pause WHERE resumed_at IS NULL ORDER BY provider",
    )?;
    let mut rows = statement.query([])?;
    let mut pauses = Vec::new();
    while let Some(row) = rows.next()? {
        pauses.push(Pause {
            provider: provider(&row.get::<_, String>(0)?)?,
            at: instant(row.get(1)?, "paused_at")?,
            by: row.get(2)?,
            why: row.get(3)?,
        });
    }
    Ok(pauses)
}

fn pause(connection: &Connection, pauses: &[Pause]) -> Result<usize, StoreError> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO lane_pause (provider, paused_at, paused_by, why) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (provider) WHERE resumed_at IS NULL DO NOTHING",
    )?;
    let mut paused = 0;
    for pause in pauses {
        paused += statement.execute(params![pause.provider.key(), micros(pause.at), pause.by, pause.why])?;
    }
    Ok(paused)
}

fn resume(
    connection: &Connection,
    providers: &[ProviderId],
    at: Timestamp,
    by: &str,
) -> Result<usize, StoreError> {
    let mut statement = connection.prepare_cached(
        "UPDATE lane_pause SET resumed_at = ?2, resumed_by = ?3 WHERE provider = ?1 AND resumed_at IS NULL",
    )?;
    let mut resumed = 0;
    for provider in providers {
        resumed += statement.execute(params![provider.key(), micros(at), by])?;
    }
    Ok(resumed)
}

pub(super) fn queues(connection: &Connection) -> Result<Vec<Queue>, StoreError> {
    // Reads the index alone.
    let mut statement = connection.prepare_cached(
        "SELECT provider, count(*), min(due_at) FROM delivery WHERE due_at IS NOT NULL GROUP BY provider",
    )?;
    let mut rows = statement.query([])?;
    let mut queues = Vec::new();
    while let Some(row) = rows.next()? {
        let due: Option<i64> = row.get(2)?;
        queues.push(Queue {
            provider: provider(&row.get::<_, String>(0)?)?,
            waiting: row.get::<_, i64>(1)?.unsigned_abs(),
            due_since: due.map(|due| instant(due, "due_at")).transpose()?,
        });
    }
    Ok(queues)
}
