//! Drain rates that somebody has set.

use oicp::ProviderId;
use roamhub_core::ports::LedgerTask;
use roamhub_core::ports::rates::{LaneRate, RatePort};
use rusqlite::{Connection, params};

use super::rows::{instant, micros, provider};
use super::{Sqlite, StoreError};

impl RatePort for Sqlite {
    fn rates(&self) -> LedgerTask<'_, Vec<LaneRate>> {
        Box::pin(self.readers.read(rates))
    }

    fn set_rate(&self, rate: LaneRate) -> LedgerTask<'_, ()> {
        Box::pin(self.writer.write(move |connection| set_rate(connection, &rate)))
    }

    fn clear_rate(&self, provider: ProviderId) -> LedgerTask<'_, bool> {
        Box::pin(self.writer.write(move |connection| {
            Ok(connection.execute("DELETE FROM lane_rate WHERE provider = ?1", [provider.key()])? > 0)
        }))
    }
}

pub(super) fn rates(connection: &Connection) -> Result<Vec<LaneRate>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT provider, per_second, set_at, set_by FROM lane_rate ORDER BY provider")?;
    let mut rows = statement.query([])?;
    let mut rates = Vec::new();
    while let Some(row) = rows.next()? {
        rates.push(LaneRate {
            provider: provider(&row.get::<_, String>(0)?)?,
            per_second: row.get(1)?,
            at: instant(row.get(2)?, "set_at")?,
            by: row.get(3)?,
        });
    }
    Ok(rates)
}

fn set_rate(connection: &Connection, rate: &LaneRate) -> Result<(), StoreError> {
    connection.execute(
        "INSERT INTO lane_rate (provider, per_second, set_at, set_by) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (provider) DO UPDATE
         SET per_second = excluded.per_second, set_at = excluded.set_at, set_by = excluded.set_by",
        params![rate.provider.key(), rate.per_second, micros(rate.at), rate.by],
    )?;
    Ok(())
}
