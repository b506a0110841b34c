//! What a push changes, found by reading before anything is written: it may be refused, or held, or change nothing.
//!
//! While an operator's push is planned and carried out nobody else changes its records, so a plan that was read in
//! small steps is as good as one transaction. The records are compared with what there is in the order of their keys:
//! a full load costs one pass over both, and no memory but for what differs.

use std::sync::Arc;

use oicp::EvseId;
use roamhub_core::evse::EvseRecord;
use roamhub_core::evse::change::{Applied, Change, EvsePush, Misfit, Named, Refused};
use rusqlite::{Connection, OptionalExtension};
use sha2::{Digest, Sha256};

use super::EvseFile;
use super::heads;
use crate::sqlite::StoreError;
use crate::sqlite::rows::bytes;
use roamhub_core::ports::LedgerError;

/// Records that one read compares.
const STEP: usize = 2000;

/// The first half of a SHA-256: whether the bytes of a record have changed.
pub(super) type ShortDigest = [u8; 16];

/// A record that is to be written.
#[derive(Debug)]
pub(super) struct Write {
    /// Its place in the push.
    pub(super) record: usize,
    /// The row that it replaces.
    pub(super) replaces: Option<i64>,
    pub(super) digest: ShortDigest,
}

/// What is to be done.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub(super) writes: Vec<Write>,
    /// Rows that end without a successor.
    pub(super) ends: Vec<i64>,
    pub(super) applied: Applied<EvseId>,
    /// How many records the operator had.
    pub(super) before: u64,
}

impl Plan {
    /// How many it has afterwards.
    pub(super) fn total(&self) -> u64 {
        self.before.saturating_add(self.applied.added).saturating_sub(self.applied.removed)
    }
}

/// A plan that is being made.
struct Planning {
    push: Arc<EvsePush>,
    /// The operator's number, if it has one.
    operator: Option<i64>,
    /// Places in the push, in the order of keys.
    order: Vec<usize>,
    next: usize,
    /// Up to which key a full load has been compared.
    compared: String,
    misfits: Named<EvseId>,
    plan: Plan,
}

/// A row that is there.
struct Current {
    no: i64,
    digest: ShortDigest,
}

impl EvseFile {
    pub(super) async fn plan(
        &self,
        push: Arc<EvsePush>,
    ) -> Result<Result<Plan, Refused<EvseId>>, LedgerError> {
        let begun = self.readers.read(move |connection| Planning::begin(connection, push)).await?;
        let mut planning = match begun {
            Ok(planning) => planning,
            Err(refused) => return Ok(Err(refused)),
        };
        loop {
            let (next, done) = self
                .readers
                .read(move |connection| {
                    let done = planning.step(connection)?;
                    Ok((planning, done))
                })
                .await?;
            planning = next;
            if done {
                return Ok(planning.finish());
            }
        }
    }
}

impl Planning {
    fn begin(
        connection: &Connection,
        push: Arc<EvsePush>,
    ) -> Result<Result<Self, Refused<EvseId>>, StoreError> {
        let known = heads::of(connection, &push.operator)?;
        let mut order: Vec<usize> = (0..push.change.len()).collect();
        let key = |place: &usize| evse_of(&push.change, *place).copied();
        order.sort_by(|one, other| key_of(&push.change, *one).cmp(key_of(&push.change, *other)));
        let mut twice = Named::default();
        for pair in order.windows(2) {
            if let [one, other] = pair
                && key_of(&push.change, *one) == key_of(&push.change, *other)
                && let Some(evse) = key(other)
            {
                twice.add(evse);
            }
        }
        if matches!(push.change, Change::Delete(_)) {
            order.dedup_by(|one, other| key_of(&push.change, *one) == key_of(&push.change, *other));
        } else if !twice.is_empty() {
            return Ok(Err(Refused { misfit: Misfit::Twice, named: twice }));
        }
        let before = known.map_or(0, |(_, _, total)| total.unsigned_abs());
        Ok(Ok(Self {
            operator: known.map(|(no, ..)| no),
            order,
            next: 0,
            compared: String::new(),
            misfits: Named::default(),
            plan: Plan { before, ..Plan::default() },
            push,
        }))
    }

    /// Compares some records; whether those were the last.
    fn step(&mut self, connection: &Connection) -> Result<bool, StoreError> {
        let push = self.push.clone();
        match &push.change {
            Change::FullLoad(records) => self.compare(connection, records),
            Change::Insert(records) => self.each(|planning, place| {
                let Some(record) = records.get(place) else { return Ok(()) };
                match planning.current(connection, &record.facts.evse_id)? {
                    Some(_) => planning.misfits.add(record.facts.evse_id),
                    None => planning.add(place, record),
                }
                Ok(())
            }),
            Change::Update(records) => self.each(|planning, place| {
                let Some(record) = records.get(place) else { return Ok(()) };
                match planning.current(connection, &record.facts.evse_id)? {
                    Some(current) => planning.replace(place, record, &current),
                    None => planning.misfits.add(record.facts.evse_id),
                }
                Ok(())
            }),
            Change::Delete(evses) => self.each(|planning, place| {
                let Some(evse) = evses.get(place) else { return Ok(()) };
                match planning.current(connection, evse)? {
                    Some(current) => planning.end(current.no),
                    None => planning.plan.applied.unknown.add(*evse),
                }
                Ok(())
            }),
        }
    }

    fn each(
        &mut self,
        mut look: impl FnMut(&mut Self, usize) -> Result<(), StoreError>,
    ) -> Result<bool, StoreError> {
        for _ in 0..STEP {
            let Some(place) = self.order.get(self.next).copied() else { return Ok(true) };
            self.next += 1;
            look(self, place)?;
        }
        Ok(false)
    }

    fn current(&self, connection: &Connection, evse: &EvseId) -> Result<Option<Current>, StoreError> {
        let Some(operator) = self.operator else { return Ok(None) };
        let row = connection
            .prepare_cached("SELECT no, digest FROM evse WHERE operator = ?1 AND key = ?2 AND until IS NULL")?
            .query_row((operator, evse.key()), |row| Ok((row.get(0)?, bytes(row, "digest"))))
            .optional()?;
        row.map(|(no, digest)| Ok(Current { no, digest: digest? })).transpose()
    }

    /// A step through what the operator has and what it loads, side by side.
    fn compare(&mut self, connection: &Connection, records: &[EvseRecord]) -> Result<bool, StoreError> {
        let there = self.there(connection)?;
        for (key, current) in &there {
            while let Some((place, record)) = self.upcoming(records)
                && record.facts.evse_id.key() < key.as_str()
            {
                self.next += 1;
                self.add(place, record);
            }
            match self.upcoming(records) {
                Some((place, record)) if record.facts.evse_id.key() == key => {
                    self.next += 1;
                    self.replace(place, record, current);
                }
                _ => self.end(current.no),
            }
        }
        if let Some((key, _)) = there.into_iter().next_back() {
            self.compared = key;
            return Ok(false);
        }
        // What is left is new, some of it in each step.
        self.each(|planning, place| {
            if let Some(record) = records.get(place) {
                planning.add(place, record);
            }
            Ok(())
        })
    }

    fn upcoming<'a>(&self, records: &'a [EvseRecord]) -> Option<(usize, &'a EvseRecord)> {
        let place = *self.order.get(self.next)?;
        Some((place, records.get(place)?))
    }

    fn there(&self, connection: &Connection) -> Result<Vec<(String, Current)>, StoreError> {
        let Some(operator) = self.operator else { return Ok(Vec::new()) };
        let mut statement = connection.prepare_cached(
            "SELECT key, no, digest FROM evse INDEXED BY evse_current
             WHERE operator = ?1 AND key > ?2 AND until IS NULL ORDER BY key LIMIT ?3",
        )?;
        let limit = i64::try_from(STEP).unwrap_or(i64::MAX);
        let mut rows = statement.query((operator, &self.compared, limit))?;
        let mut there = Vec::new();
        while let Some(row) = rows.next()? {
            there.push((row.get(0)?, Current { no: row.get(1)?, digest: bytes(row, "digest")? }));
        }
        Ok(there)
    }

    fn add(&mut self, record: usize, with: &EvseRecord) {
        self.plan.applied.added += 1;
        self.plan.writes.push(Write { record, replaces: None, digest: short_digest(&with.body) });
    }

    fn replace(&mut self, record: usize, with: &EvseRecord, current: &Current) {
        let digest = short_digest(&with.body);
        if digest == current.digest {
            self.plan.applied.unchanged += 1;
            return;
        }
        self.plan.applied.changed += 1;
        self.plan.writes.push(Write { record, replaces: Some(current.no), digest });
    }

    fn end(&mut self, no: i64) {
        self.plan.applied.removed += 1;
        self.plan.ends.push(no);
    }

    fn finish(self) -> Result<Plan, Refused<EvseId>> {
        if self.misfits.is_empty() {
            return Ok(self.plan);
        }
        let misfit = match self.push.change {
            Change::Insert(_) => Misfit::Exists,
            _ => Misfit::Missing,
        };
        Err(Refused { misfit, named: self.misfits })
    }
}

fn evse_of(change: &Change<EvseRecord, EvseId>, place: usize) -> Option<&EvseId> {
    match change {
        Change::FullLoad(records) | Change::Insert(records) | Change::Update(records) => {
            records.get(place).map(|record| &record.facts.evse_id)
        }
        Change::Delete(evses) => evses.get(place),
    }
}

fn key_of(change: &Change<EvseRecord, EvseId>, place: usize) -> &str {
    evse_of(change, place).map_or("", EvseId::key)
}

fn short_digest(body: &[u8]) -> ShortDigest {
    let whole = Sha256::digest(body);
    std::array::from_fn(|place| whole.get(place).copied().unwrap_or_default())
}
