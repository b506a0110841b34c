//! Records by their numbers, with their bytes; and what is known of spots now.

use bytes::Bytes;
use oicp::evse::DeltaType;
use oicp::{EvseId, OperatorId};
use roamhub_core::evse::KnownEvse;
use roamhub_core::evse::pull::PulledEvse;
use rusqlite::{Connection, OptionalExtension};

use super::facts;
use crate::sqlite::StoreError;
use crate::sqlite::rows::{contradiction, instant, operator};

/// As many of these as fit into `most` bytes, but one at least.
pub(super) fn records(
    connection: &Connection,
    records: &[(i64, DeltaType)],
    most: usize,
) -> Result<Vec<PulledEvse>, StoreError> {
    let sql = |push: &str| {
        format!(
            "SELECT e.key, o.key, e.dynamic, p.at, b.body
             FROM evse e JOIN operator o ON o.no = e.operator JOIN push p ON p.no = e.{push} JOIN body b ON b.no = e.no
             WHERE e.no = ?1"
        )
    };
    let mut there = connection.prepare_cached(&sql("since"))?;
    let mut gone = connection.prepare_cached(&sql("until"))?;
    let (mut part, mut size) = (Vec::new(), 0_usize);
    for (no, delta) in records {
        if size >= most && !part.is_empty() {
            break;
        }
        let statement = if *delta == DeltaType::Delete { &mut gone } else { &mut there };
        let mut rows = statement.query([no])?;
        let row = rows
            .next()?
            .ok_or_else(|| contradiction("a frozen list", format!("record {no}, which is gone")))?;
        let (key, owner): (String, String) = (row.get(0)?, row.get(1)?);
        let body = Bytes::from(row.get::<_, Vec<u8>>(4)?);
        size = size.saturating_add(body.len());
        part.push(PulledEvse {
            evse: facts::evse(&key)?,
            operator: operator(&owner)?,
            delta: *delta,
            last_update: instant(row.get(3)?, "at")?,
            dynamic_info: facts::word(row.get(2)?, "dynamic")?,
            body,
        });
    }
    Ok(part)
}

/// What is known of these spots in the newest version.
pub(super) fn known(connection: &Connection, evses: &[EvseId]) -> Result<Vec<Option<KnownEvse>>, StoreError> {
    let columns = facts::COLUMNS;
    let mut statement = connection.prepare_cached(&format!(
        "SELECT o.key AS owner, p.at AS changed_at, {columns}
         FROM evse e JOIN operator o ON o.no = e.operator JOIN push p ON p.no = e.since
         WHERE e.key = ?1 AND e.since <= o.head AND (e.until IS NULL OR e.until > o.head)"
    ))?;
    let mut read = |evse: &EvseId| -> Result<Option<KnownEvse>, StoreError> {
        let row = statement
            .query_row([evse.key()], |row| {
                let owner: String = row.get("owner")?;
                let at: i64 = row.get("changed_at")?;
                Ok((|| {
                    let operator = operator(&owner)?;
                    let facts = facts::read(row)?;
                    Ok::<_, StoreError>(KnownEvse { operator, facts, last_update: instant(at, "at")? })
                })())
            })
            .optional()?;
        row.transpose()
    };
    evses.iter().map(&mut read).collect()
}

/// How many records each operator has.
pub(super) fn totals(connection: &Connection) -> Result<Vec<(OperatorId, u64)>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT key, total FROM operator WHERE head > 0 ORDER BY key")?;
    let mut rows = statement.query([])?;
    let mut totals = Vec::new();
    while let Some(row) = rows.next()? {
        let total: i64 = row.get(1)?;
        totals.push((operator(&row.get::<_, String>(0)?)?, total.unsigned_abs()));
    }
    Ok(totals)
}
