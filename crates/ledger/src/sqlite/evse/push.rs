//! Carrying out a push of EVSE records.
//!
//! It is written in portions under the number of the push, which nobody sees, and the last statement makes it its
//! operator's head: whatever dies in between, the old version holds. Between two portions the writer is left to others,
//! and to the disk under the ledger. Invariant: one push of an operator at a time, kept by [`Turns`].

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use oicp::{EvseId, OperatorId};
use roamhub_core::evse::EvseRecord;
use roamhub_core::evse::change::{Change, EvsePush, EvsePushed, EvseStored, Misfit, Named, Refused, Version};
use roamhub_core::ports::LedgerError;
use rusqlite::{Connection, params};
use tokio::sync::OwnedMutexGuard;

use super::plan::{Plan, Write};
use super::{EvseFile, facts, heads, held};
use crate::sqlite::StoreError;
use crate::sqlite::rows::instant;

/// Records that a portion brings at most, and bytes of them.
const PORTION: usize = 50;
const PORTION_BYTES: usize = 128 << 10;
/// Rows that a portion ends at most.
const PORTION_ENDS: usize = 500;
/// The shortest and the longest rest between two portions; otherwise as long as the last one took.
const REST: (Duration, Duration) = (Duration::from_millis(2), Duration::from_millis(20));

/// Whose push it is.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<HashMap<OperatorId, Arc<tokio::sync::Mutex<()>>>>);

/// A turn. What is queued in the writer holds it too: it ends when all of that is done, also if nobody waits for it.
pub(super) type Turn = Arc<OwnedMutexGuard<()>>;

impl Turns {
    pub(super) async fn take(&self, operator: OperatorId) -> Turn {
        let line = {
            let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            lines.entry(operator).or_default().clone()
        };
        Arc::new(line.lock_owned().await)
    }
}

/// What a portion came to.
enum Portion {
    /// It is written, under this number.
    Written(i64),
    /// It was the last.
    Finished(Version, Timestamp),
    /// It was not written: another operator holds these.
    Elsewhere(Named<EvseId>),
}

/// A portion of a plan.
struct Piece {
    writes: Range<usize>,
    ends: Range<usize>,
}

impl EvseFile {
    pub(super) async fn carry_out(&self, push: Arc<EvsePush>) -> Result<EvsePushed, LedgerError> {
        let began = Instant::now();
        let turn = self.turns.take(push.operator).await;
        while self.tidy_unfinished(push.operator, turn.clone()).await? {}
        let plan = match self.plan(push.clone()).await? {
            Ok(plan) => Arc::new(plan),
            Err(refused) => return Ok(EvsePushed::Refused(refused)),
        };
        if let Some(held) = self.hold(&push, &plan, turn.clone()).await? {
            return Ok(EvsePushed::Held(held));
        }
        let pieces = pieces(&push, &plan);
        let last = pieces.len().saturating_sub(1);
        let mut number = None;
        for (place, piece) in pieces.into_iter().enumerate() {
            let started = Instant::now();
            let work = Work { push: push.clone(), plan: plan.clone(), piece, number, _turn: turn.clone() };
            let (stamps, is_last) = (self.stamps.clone(), place == last);
            let portion = self.writer.write(move |connection| {
                let stamp = || stamps.next(connection, later(work.push.received_at, began.elapsed()));
                work.carry_out(connection, is_last.then_some(&stamp))
            });
            match portion.await? {
                Portion::Written(written) => number = Some(written),
                Portion::Finished(version, at) => {
                    let (total, applied) = (plan.total(), plan.applied.clone());
                    return Ok(EvsePushed::Stored(EvseStored { version, at, total, applied }));
                }
                Portion::Elsewhere(named) => {
                    while self.tidy_unfinished(push.operator, turn.clone()).await? {}
                    return Ok(EvsePushed::Refused(Refused { misfit: Misfit::Elsewhere, named }));
                }
            }
            tokio::time::sleep(started.elapsed().clamp(REST.0, REST.1)).await;
        }
        // There is always a last piece.
        Err(LedgerError::Contradiction)
    }
}

/// A portion that is to be written.
struct Work {
    push: Arc<EvsePush>,
    plan: Arc<Plan>,
    piece: Piece,
    /// The number of the push, if an earlier portion has begun it.
    number: Option<i64>,
    _turn: Turn,
}

impl Work {
    /// Writes it; the last portion gets a stamp and makes the push its operator's head.
    fn carry_out(
        &self,
        connection: &Connection,
        stamp: Option<&dyn Fn() -> Result<i64, StoreError>>,
    ) -> Result<Portion, StoreError> {
        let operator = heads::number(connection, &self.push.operator)?;
        let writes = self.plan.writes.get(self.piece.writes.clone()).unwrap_or_default();
        let ends = self.plan.ends.get(self.piece.ends.clone()).unwrap_or_default();
        if let Some(named) = elsewhere(connection, operator, &self.push.change, writes)? {
            return Ok(Portion::Elsewhere(named));
        }
        let number = self.number.map_or_else(|| begin(connection, operator), Ok)?;
        for write in writes {
            if let Some(record) = record(&self.push.change, write.record) {
                bring(connection, operator, number, record, write)?;
            }
        }
        for no in ends {
            end(connection, *no, number)?;
        }
        match stamp {
            None => Ok(Portion::Written(number)),
            Some(stamp) => self.finish(connection, operator, number, stamp()?),
        }
    }

    fn finish(
        &self,
        connection: &Connection,
        operator: i64,
        number: i64,
        at: i64,
    ) -> Result<Portion, StoreError> {
        let version = heads::newest(connection)?.saturating_add(1);
        let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        let applied = &self.plan.applied;
        connection
            .prepare_cached(
                "UPDATE push SET version = ?2, at = ?3, action = ?4, added = ?5, changed = ?6, removed = ?7
                 WHERE no = ?1",
            )?
            .execute(params![
                number,
                version,
                at,
                self.push.change.action().as_str(),
                count(applied.added),
                count(applied.changed),
                count(applied.removed),
            ])?;
        connection.prepare_cached("UPDATE operator SET head = ?2, total = ?3 WHERE no = ?1")?.execute((
            operator,
            number,
            count(self.plan.total()),
        ))?;
        if matches!(self.push.change, Change::FullLoad(_)) {
            held::forget(connection, &self.push.operator)?;
        }
        Ok(Portion::Finished(Version(version.unsigned_abs()), instant(at, "at")?))
    }
}

fn later(instant: Timestamp, by: Duration) -> Timestamp {
    let by = SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX);
    instant.saturating_add(by).unwrap_or(instant)
}

fn record(change: &Change<EvseRecord, EvseId>, place: usize) -> Option<&EvseRecord> {
    match change {
        Change::FullLoad(records) | Change::Insert(records) | Change::Update(records) => records.get(place),
        Change::Delete(_) => None,
    }
}

/// Cuts a plan: first all that it brings, then all that it ends; one piece at least.
fn pieces(push: &EvsePush, plan: &Plan) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let (mut from, mut size) = (0, 0_usize);
    for (place, write) in plan.writes.iter().enumerate() {
        let body = record(&push.change, write.record).map_or(0, |record| record.body.len());
        if place > from && (place - from >= PORTION || size.saturating_add(body) > PORTION_BYTES) {
            pieces.push(Piece { writes: from..place, ends: 0..0 });
            (from, size) = (place, 0);
        }
        size = size.saturating_add(body);
    }
    let rest = from..plan.writes.len();
    let mut ends = (0..plan.ends.len()).step_by(PORTION_ENDS).map(|from| {
        let to = from.saturating_add(PORTION_ENDS).min(plan.ends.len());
        Piece { writes: 0..0, ends: from..to }
    });
    // The last of what it brings goes with the first of what it ends.
    let first = ends.next().map_or(0..0, |piece| piece.ends);
    pieces.push(Piece { writes: rest, ends: first });
    pieces.extend(ends);
    pieces
}

/// Those of the new records that another operator holds, or is about to hold or to give up, if any.
fn elsewhere(
    connection: &Connection,
    operator: i64,
    change: &Change<EvseRecord, EvseId>,
    writes: &[Write],
) -> Result<Option<Named<EvseId>>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT 1 FROM evse e JOIN operator o ON o.no = e.operator
         WHERE e.key = ?1 AND e.operator <> ?2 AND (e.until IS NULL OR e.until > o.head)",
    )?;
    let mut named = Named::default();
    for write in writes.iter().filter(|write| write.replaces.is_none()) {
        let Some(record) = record(change, write.record) else { continue };
        if statement.exists((record.facts.evse_id.key(), operator))? {
            named.add(record.facts.evse_id);
        }
    }
    Ok((!named.is_empty()).then_some(named))
}

fn begin(connection: &Connection, operator: i64) -> Result<i64, StoreError> {
    connection.prepare_cached("INSERT INTO push (operator) VALUES (?1)")?.execute([operator])?;
    Ok(connection.last_insert_rowid())
}

fn bring(
    connection: &Connection,
    operator: i64,
    push: i64,
    record: &EvseRecord,
    write: &Write,
) -> Result<(), StoreError> {
    let said = &record.facts;
    connection
        .prepare_cached(
            "INSERT INTO evse (operator, since, key, digest, country, latitude, longitude, modes, accessibility,
                               calibration, renewable, compatible, open_24h, dynamic, hub_operator)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        )?
        .execute(params![
            operator,
            push,
            said.evse_id.key(),
            &write.digest,
            said.country.as_str(),
            said.position.latitude_e7(),
            said.position.longitude_e7(),
            said.authentication_modes.bits(),
            facts::number(said.accessibility),
            facts::number(said.calibration_law),
            said.renewable_energy,
            said.hubject_compatible,
            said.open_24_hours,
            facts::number(said.dynamic_info),
            said.hub_operator_id.as_ref().map(OperatorId::key),
        ])?;
    let no = connection.last_insert_rowid();
    connection
        .prepare_cached("INSERT INTO body (no, body) VALUES (?1, ?2)")?
        .execute((no, &record.body[..]))?;
    connection
        .prepare_cached("INSERT INTO place (no, south, north, west, east) VALUES (?1, ?2, ?2, ?3, ?3)")?
        .execute((no, said.position.latitude_e7(), said.position.longitude_e7()))?;
    match write.replaces {
        Some(replaced) => end(connection, replaced, push),
        None => Ok(()),
    }
}

fn end(connection: &Connection, no: i64, push: i64) -> Result<(), StoreError> {
    connection.prepare_cached("UPDATE evse SET until = ?2 WHERE no = ?1")?.execute((no, push))?;
    Ok(())
}
