//! What nobody needs any more: what an unfinished push has left behind, and history before an instant. All of it goes in
//! portions.
//!
//! A push is kept as long as a row began with it, because its stamp is when that row was last changed; and each
//! operator's newest one before the instant, because it is the oldest state that can be asked for.

use jiff::Timestamp;
use oicp::OperatorId;
use roamhub_core::ports::LedgerError;
use rusqlite::{Connection, params};

use super::push::Turn;
use super::{EvseFile, heads, stamps};
use crate::sqlite::StoreError;
use crate::sqlite::rows::{micros, operator};

/// Rows that one job removes at most.
const PORTION: usize = 500;

impl EvseFile {
    /// Removes a portion of what the operator's unfinished push left behind; whether there may be more of it.
    pub(super) async fn tidy_unfinished(
        &self,
        operator: OperatorId,
        turn: Turn,
    ) -> Result<bool, LedgerError> {
        // With the turn in hand nothing of this operator is on its way to the writer.
        let unfinished = self.readers.read(move |connection| {
            let Some((no, ..)) = heads::of(connection, &operator)? else { return Ok(false) };
            is_unfinished(connection, no)
        });
        if !unfinished.await? {
            return Ok(false);
        }
        let tidied = self.writer.write(move |connection| {
            let _turn = &turn;
            match heads::of(connection, &operator)? {
                Some((no, head, _)) => undo(connection, no, head),
                None => Ok(false),
            }
        });
        tidied.await
    }

    /// Forgets a portion of history; whether there may be more of it.
    pub(super) async fn tidy_history(&self, before: Timestamp) -> Result<bool, LedgerError> {
        let left = self.readers.read(unfinished).await?;
        for operator in left {
            let turn = self.turns.take(operator).await;
            if self.tidy_unfinished(operator, turn).await? {
                return Ok(true);
            }
        }
        let before = micros(before);
        let cut = self.readers.read(move |connection| Cut::find(connection, before)).await?;
        let more = cut.rows.len() >= PORTION || cut.pushes.len() >= PORTION;
        self.writer.write(move |connection| cut.carry_out(connection)).await?;
        Ok(more)
    }
}

/// Takes back all that dead programs had begun; before the store is used.
pub(super) fn undo_all(connection: &mut Connection) -> Result<(), StoreError> {
    for id in unfinished(connection)? {
        let Some((no, head, _)) = heads::of(connection, &id)? else { continue };
        loop {
            let transaction = connection.transaction()?;
            let more = undo(&transaction, no, head)?;
            transaction.commit()?;
            if !more {
                break;
            }
        }
    }
    Ok(())
}

fn unfinished(connection: &Connection) -> Result<Vec<OperatorId>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT o.key FROM operator o WHERE EXISTS
             (SELECT 1 FROM push p WHERE p.operator = o.no AND p.version IS NULL)",
    )?;
    let keys: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    keys.iter().map(|key| operator(key)).collect()
}

fn is_unfinished(connection: &Connection, operator: i64) -> Result<bool, StoreError> {
    Ok(connection
        .prepare_cached("SELECT 1 FROM push WHERE operator = ?1 AND version IS NULL")?
        .exists([operator])?)
}

/// Takes back a portion of what lies beyond an operator's head; whether there may be more of it.
fn undo(connection: &Connection, operator: i64, head: i64) -> Result<bool, StoreError> {
    let limit = i64::try_from(PORTION).unwrap_or(i64::MAX);
    let revived = connection
        .prepare_cached(
            "UPDATE evse SET until = NULL WHERE no IN
                 (SELECT no FROM evse WHERE operator = ?1 AND until > ?2 AND until IS NOT NULL LIMIT ?3)",
        )?
        .execute((operator, head, limit))?;
    let brought: Vec<i64> = connection
        .prepare_cached("SELECT no FROM evse WHERE operator = ?1 AND since > ?2 LIMIT ?3")?
        .query_map((operator, head, limit), |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for no in &brought {
        remove(connection, *no)?;
    }
    if revived > 0 || !brought.is_empty() {
        return Ok(true);
    }
    connection
        .prepare_cached("DELETE FROM push WHERE operator = ?1 AND version IS NULL")?
        .execute([operator])?;
    Ok(false)
}

fn remove(connection: &Connection, no: i64) -> Result<(), StoreError> {
    for sql in [
        "DELETE FROM evse WHERE no = ?1",
        "DELETE FROM body WHERE no = ?1",
        "DELETE FROM place WHERE no = ?1",
    ] {
        connection.prepare_cached(sql)?.execute([no])?;
    }
    Ok(())
}

/// A portion of what history does not need any more.
struct Cut {
    /// States before this instant are gone.
    before: i64,
    /// Rows that ended earlier, with the push they began with.
    rows: Vec<(i64, i64)>,
    /// Pushes that may be of no use.
    pushes: Vec<i64>,
    /// Up to which version pushes have been looked at.
    looked: i64,
    /// Operators, and what was their newest push then.
    floors: Vec<(i64, i64)>,
}

impl Cut {
    fn find(connection: &Connection, before: i64) -> Result<Self, StoreError> {
        let before = stamps::value(connection, "history")?.map_or(before, |known| known.max(before));
        let version = heads::at(connection, before)?;
        let floor = heads::Heads::load(connection, version)?;
        let mut cut =
            Self { before, rows: Vec::new(), pushes: Vec::new(), looked: version, floors: Vec::new() };
        let mut ended = connection.prepare_cached(
            "SELECT no, since FROM evse WHERE operator = ?1 AND until <= ?2 AND until IS NOT NULL LIMIT ?3",
        )?;
        let mut floors = connection.prepare_cached("SELECT floor FROM operator WHERE no = ?1")?;
        for (operator, head) in &floor.of {
            let room = i64::try_from(PORTION.saturating_sub(cut.rows.len())).unwrap_or(i64::MAX);
            let rows = ended.query_map((operator, head.push, room), |row| Ok((row.get(0)?, row.get(1)?)))?;
            for row in rows {
                cut.rows.push(row?);
            }
            let known: i64 = floors.query_row([operator], |row| row.get(0))?;
            if known != head.push {
                cut.floors.push((*operator, head.push));
                cut.pushes.push(known);
            }
        }
        cut.find_pushes(connection, version)?;
        Ok(cut)
    }

    /// Pushes that were not looked at yet, some of them.
    fn find_pushes(&mut self, connection: &Connection, version: i64) -> Result<(), StoreError> {
        let from = stamps::value(connection, "looked")?.unwrap_or_default();
        let limit = i64::try_from(PORTION).unwrap_or(i64::MAX);
        let mut statement = connection.prepare_cached(
            "SELECT no, version FROM push WHERE version > ?1 AND version <= ?2 ORDER BY version LIMIT ?3",
        )?;
        let mut rows = statement.query((from, version, limit))?;
        let mut count = 0;
        while let Some(row) = rows.next()? {
            self.pushes.push(row.get(0)?);
            self.looked = row.get(1)?;
            count += 1;
        }
        if count < PORTION {
            self.looked = version.max(from);
        }
        Ok(())
    }

    fn carry_out(&self, connection: &Connection) -> Result<(), StoreError> {
        stamps::set(connection, "history", self.before)?;
        stamps::set(connection, "looked", self.looked)?;
        for (operator, push) in &self.floors {
            connection
                .prepare_cached("UPDATE operator SET floor = ?2 WHERE no = ?1")?
                .execute((operator, push))?;
        }
        for (no, _) in &self.rows {
            remove(connection, *no)?;
        }
        let mut useless = connection.prepare_cached(
            "DELETE FROM push WHERE no = ?1 AND version IS NOT NULL
                 AND NOT EXISTS (SELECT 1 FROM operator o WHERE o.no = push.operator
                                 AND (o.floor = push.no OR o.head = push.no))
                 AND NOT EXISTS (SELECT 1 FROM evse e WHERE e.operator = push.operator AND e.since = push.no)
                 AND version <= ?2",
        )?;
        for push in self.pushes.iter().copied().chain(self.rows.iter().map(|(_, since)| *since)) {
            useless.execute(params![push, self.looked])?;
        }
        Ok(())
    }
}
