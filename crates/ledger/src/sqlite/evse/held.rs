//! Full loads that are held: the last one of each operator, until it is confirmed and sent again, or out of time.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use oicp::OperatorId;
use roamhub_core::evse::change::{Change, EvsePush};
use roamhub_core::evse::load_guard::{Confirmation, HeldLoad, Verdict};
use roamhub_core::ports::LedgerError;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::EvseFile;
use super::plan::Plan;
use super::push::Turn;
use crate::sqlite::StoreError;
use crate::sqlite::rows::{bytes, contradiction, instant, micros, operator};

impl EvseFile {
    /// Holds a full load that its guard does not let pass and that nobody has confirmed.
    pub(super) async fn hold(
        &self,
        push: &Arc<EvsePush>,
        plan: &Arc<Plan>,
        turn: Turn,
    ) -> Result<Option<HeldLoad>, LedgerError> {
        let (Change::FullLoad(records), Some(guard)) = (&push.change, push.guard) else { return Ok(None) };
        let left = u64::try_from(records.len()).unwrap_or(u64::MAX);
        let Verdict::Hold { would_remove, of } = guard.judge(plan.applied.removed, plan.before, left) else {
            return Ok(None);
        };
        let push = push.clone();
        let held = self.writer.write(move |connection| {
            let _turn = &turn;
            let known = one(connection, &push.operator)?
                .filter(|known| known.digest == push.digest && push.received_at <= known.until);
            if known.is_some_and(|known| known.confirmed_at.is_some()) {
                return Ok(None);
            }
            let confirmable = SignedDuration::try_from(guard.confirmable).unwrap_or(SignedDuration::MAX);
            let held = HeldLoad {
                operator: push.operator,
                digest: push.digest,
                first_at: known.map_or(push.received_at, |known| known.first_at),
                until: known.map_or_else(
                    || push.received_at.saturating_add(confirmable).unwrap_or(Timestamp::MAX),
                    |known| known.until,
                ),
                times: known.map_or(1, |known| known.times.saturating_add(1)),
                would_remove,
                of,
                confirmed_at: None,
            };
            keep(connection, &held)?;
            Ok(Some(held))
        });
        held.await
    }
}

/// Confirms what is held.
pub(super) fn confirm(
    connection: &Connection,
    operator: &OperatorId,
    digest: [u8; 32],
    now: Timestamp,
) -> Result<Confirmation, StoreError> {
    match one(connection, operator)?.filter(|held| held.digest == digest && now <= held.until) {
        None => Ok(Confirmation::NotHeld),
        Some(held) => {
            let held = HeldLoad { confirmed_at: held.confirmed_at.or(Some(now)), ..held };
            keep(connection, &held)?;
            Ok(Confirmation::Confirmed(held))
        }
    }
}

/// The operator has carried out a full load: what was held before is of no interest any more.
pub(super) fn forget(connection: &Connection, operator: &OperatorId) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM held WHERE operator = ?1")?.execute([operator.key()])?;
    Ok(())
}

pub(super) fn all(connection: &Connection) -> Result<Vec<HeldLoad>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT * FROM held ORDER BY operator")?;
    let mut rows = statement.query([])?;
    let mut held = Vec::new();
    while let Some(row) = rows.next()? {
        held.push(read(row)?);
    }
    Ok(held)
}

fn one(connection: &Connection, operator: &OperatorId) -> Result<Option<HeldLoad>, StoreError> {
    connection
        .prepare_cached("SELECT * FROM held WHERE operator = ?1")?
        .query_row([operator.key()], |row| Ok(read(row)))
        .optional()?
        .transpose()
}

fn keep(connection: &Connection, held: &HeldLoad) -> Result<(), StoreError> {
    let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO held
                 (operator, digest, first_at, until, times, would_remove, of, confirmed_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            held.operator.key(),
            &held.digest,
            micros(held.first_at),
            micros(held.until),
            count(held.times),
            count(held.would_remove),
            count(held.of),
            held.confirmed_at.map(micros),
        ])?;
    Ok(())
}

fn read(row: &Row<'_>) -> Result<HeldLoad, StoreError> {
    let count = |column: &str| -> Result<u64, StoreError> {
        let count: i64 = row.get(column)?;
        u64::try_from(count).map_err(|_| contradiction(column, count))
    };
    let confirmed_at: Option<i64> = row.get("confirmed_at")?;
    Ok(HeldLoad {
        operator: operator(&row.get::<_, String>("operator")?)?,
        digest: bytes(row, "digest")?,
        first_at: instant(row.get("first_at")?, "first_at")?,
        until: instant(row.get("until")?, "until")?,
        times: count("times")?,
        would_remove: count("would_remove")?,
        of: count("of")?,
        confirmed_at: confirmed_at.map(|at| instant(at, "confirmed_at")).transpose()?,
    })
}
