//! The status of spots. One row per spot, changed in place; what says nothing new is not written.
//!
//! A push is one job of the writer, also a full load: in the order of keys a hundred thousand small rows take some tenths
//! of a second the first time, and afterwards only what differs is written.

use std::collections::BTreeMap;
use std::sync::Arc;

use oicp::evse_status::EvseStatusRecord;
use oicp::{EvseId, OperatorId};
use roamhub_core::evse::change::{Applied, Change};
use roamhub_core::evse::pull::Filter;
use roamhub_core::evse::status::{KnownStatus, StatusPart, StatusPlace, StatusPush, StatusQuery};
use roamhub_core::ports::LedgerError;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::heads::Heads;
use super::{EvseFile, facts, heads};
use crate::sqlite::StoreError;
use crate::sqlite::rows::{contradiction, instant, micros, operator};

pub(super) fn carry_out(connection: &Connection, push: &StatusPush) -> Result<Applied<EvseId>, StoreError> {
    let operator = heads::number(connection, &push.operator)?;
    let at = micros(push.received_at);
    let mut applied = Applied::default();
    match &push.change {
        Change::FullLoad(records) => {
            // The last of several records of one spot counts.
            let wanted: BTreeMap<&str, &EvseStatusRecord> =
                records.iter().map(|record| (record.evse_id.key(), record)).collect();
            for key in keys(connection, operator)? {
                if !wanted.contains_key(key.as_str()) {
                    applied.removed += remove(connection, operator, &key)?;
                }
            }
            for record in wanted.into_values() {
                set(connection, operator, record, at, &mut applied)?;
            }
        }
        Change::Insert(records) | Change::Update(records) => {
            for record in records {
                set(connection, operator, record, at, &mut applied)?;
            }
        }
        Change::Delete(evses) => {
            for evse in evses {
                match remove(connection, operator, evse.key())? {
                    0 => applied.unknown.add(*evse),
                    removed => applied.removed += removed,
                }
            }
        }
    }
    Ok(applied)
}

fn keys(connection: &Connection, operator: i64) -> Result<Vec<String>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT key FROM status WHERE operator = ?1")?;
    Ok(statement.query_map([operator], |row| row.get(0))?.collect::<Result<_, _>>()?)
}

fn remove(connection: &Connection, operator: i64, key: &str) -> Result<u64, StoreError> {
    let removed = connection
        .prepare_cached("DELETE FROM status WHERE operator = ?1 AND key = ?2")?
        .execute((operator, key))?;
    Ok(u64::try_from(removed).unwrap_or(u64::MAX))
}

fn set(
    connection: &Connection,
    operator: i64,
    record: &EvseStatusRecord,
    at: i64,
    applied: &mut Applied<EvseId>,
) -> Result<(), StoreError> {
    let EvseStatusRecord { evse_id: evse, status } = record;
    let status = facts::number(*status);
    let known: Option<(Option<u32>, bool)> = connection
        .prepare_cached("SELECT status, spelt = ?3 FROM status WHERE operator = ?1 AND key = ?2")?
        .query_row((operator, evse.key(), evse.as_str()), |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let sql = match known {
        Some((known, true)) if known == status => {
            applied.unchanged += 1;
            return Ok(());
        }
        Some(_) => {
            applied.changed += 1;
            "UPDATE status SET spelt = ?3, status = ?4, at = ?5 WHERE operator = ?1 AND key = ?2"
        }
        None => {
            applied.added += 1;
            "INSERT INTO status (operator, key, spelt, status, at) VALUES (?1, ?2, ?3, ?4, ?5)"
        }
    };
    connection.prepare_cached(sql)?.execute(params![operator, evse.key(), evse.as_str(), status, at])?;
    Ok(())
}

/// The statuses of these spots. Where two operators supply one, the newer one counts.
pub(super) fn of(connection: &Connection, evses: &[EvseId]) -> Result<Vec<Option<KnownStatus>>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT o.key, s.spelt, s.status, s.at, s.operator, s.key FROM status s JOIN operator o ON o.no = s.operator
         WHERE s.key = ?1 ORDER BY s.at DESC LIMIT 1",
    )?;
    let mut known = Vec::with_capacity(evses.len());
    for evse in evses {
        let mut rows = statement.query([evse.key()])?;
        known.push(rows.next()?.map(read).transpose()?);
    }
    Ok(known)
}

pub(super) fn suppliers(connection: &Connection) -> Result<Vec<OperatorId>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT key FROM operator o WHERE EXISTS (SELECT 1 FROM status s WHERE s.operator = o.no) ORDER BY key",
    )?;
    let keys: Vec<String> = statement.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    keys.iter().map(|key| operator(key)).collect()
}

/// A status, from the columns in the order of the statements here.
fn read(row: &Row<'_>) -> Result<KnownStatus, StoreError> {
    let (owner, spelt, status): (String, String, u32) = (row.get(0)?, row.get(1)?, row.get(2)?);
    let evse = EvseId::parse(&spelt).map_err(|_| contradiction("spelt", spelt))?;
    let status = facts::word(status, "status")?;
    Ok(KnownStatus {
        operator: operator(&owner)?,
        record: EvseStatusRecord { evse_id: evse, status },
        at: instant(row.get(3)?, "at")?,
    })
}

impl EvseFile {
    pub(super) async fn statuses(
        &self,
        query: Arc<StatusQuery>,
        from: StatusPlace,
        limit: usize,
    ) -> Result<StatusPart, LedgerError> {
        let (near, first) = match (from, query.area) {
            (StatusPlace::Near(near, first), _) => (near, first),
            (StatusPlace::After(operator, key), _) => {
                return self.statuses_after(query, operator, key, limit).await;
            }
            (StatusPlace::Start, None) => return self.statuses_after(query, 0, String::new(), limit).await,
            (StatusPlace::Start, Some(area)) => {
                let heads =
                    self.readers.read(|connection| Heads::load(connection, heads::newest(connection)?));
                let mut near = self.near(area, Arc::new(heads.await?), Arc::new(Filter::default())).await?;
                near.sort_unstable();
                (Arc::new(near), 0)
            }
        };
        self.readers.read(move |connection| near_part(connection, &query, near, first, limit)).await
    }

    async fn statuses_after(
        &self,
        query: Arc<StatusQuery>,
        operator: i64,
        key: String,
        limit: usize,
    ) -> Result<StatusPart, LedgerError> {
        self.readers.read(move |connection| part(connection, &query, operator, &key, limit)).await
    }
}

fn part(
    connection: &Connection,
    query: &StatusQuery,
    after: i64,
    key: &str,
    limit: usize,
) -> Result<StatusPart, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT o.key, s.spelt, s.status, s.at, s.operator, s.key
         FROM status s CROSS JOIN operator o ON o.no = s.operator
         WHERE s.operator = ?1 AND s.key > ?2 ORDER BY s.key LIMIT ?3",
    )?;
    let mut part = StatusPart::default();
    let mut looked = 0_usize;
    for operator in suppliers_of(connection, query, after)? {
        let key = if operator == after { key } else { "" };
        let most = i64::try_from(limit.max(1).saturating_sub(looked)).unwrap_or(i64::MAX);
        let mut rows = statement.query((operator, key, most))?;
        while let Some(row) = rows.next()? {
            looked += 1;
            let status = read(row)?;
            if passes(query, &status) {
                part.statuses.push(status);
            }
            if looked >= limit {
                part.next = Some(StatusPlace::After(operator, row.get(5)?));
                return Ok(part);
            }
        }
    }
    Ok(part)
}

/// The operators, by number and from that one on, that supply what may pass: all that push status, or those that are
/// asked for and those that push spots of them.
fn suppliers_of(connection: &Connection, query: &StatusQuery, from: i64) -> Result<Vec<i64>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT no, key FROM operator WHERE no >= ?1 ORDER BY no")?;
    let mut rows = statement.query([from])?;
    let mut any_of = connection
        .prepare_cached("SELECT 1 FROM status WHERE operator = ?1 AND key >= ?2 AND key < ?3 LIMIT 1")?;
    let mut suppliers = Vec::new();
    while let Some(row) = rows.next()? {
        let (no, key): (i64, String) = (row.get(0)?, row.get(1)?);
        let mut wanted = query.operators.is_empty();
        for operator in &query.operators {
            // All characters of a key are less than a tilde.
            let (first, last) = (operator.key().to_owned(), format!("{}~", operator.key()));
            wanted = wanted || operator.key() == key || any_of.exists((no, first, last))?;
        }
        if wanted {
            suppliers.push(no);
        }
    }
    Ok(suppliers)
}

fn passes(query: &StatusQuery, status: &KnownStatus) -> bool {
    let named = status.record.evse_id.operator();
    let of = &query.operators;
    (of.is_empty() || of.contains(&status.operator) || of.contains(&named))
        && query.status.is_none_or(|wanted| wanted == status.record.status)
}

fn near_part(
    connection: &Connection,
    query: &StatusQuery,
    near: Arc<Vec<(i64, i64)>>,
    first: usize,
    limit: usize,
) -> Result<StatusPart, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT o.key, s.spelt, s.status, s.at, s.operator, s.key
         FROM evse e CROSS JOIN status s ON s.operator = e.operator AND s.key = e.key
              CROSS JOIN operator o ON o.no = s.operator
         WHERE e.no = ?1",
    )?;
    let mut part = StatusPart::default();
    for (_, no) in near.iter().skip(first).take(limit.max(1)) {
        let mut rows = statement.query([no])?;
        if let Some(status) = rows.next()?.map(read).transpose()?.filter(|status| passes(query, status)) {
            part.statuses.push(status);
        }
    }
    let next = first.saturating_add(limit.max(1));
    if next < near.len() {
        part.next = Some(StatusPlace::Near(near, next));
    }
    Ok(part)
}
