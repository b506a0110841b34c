//! Records that have not been compared with the End of their session, and what comparing came to. Behind the writer: a
//! record is found here by an index over what was not compared yet, also after a crash.

use bytes::Bytes;
use jiff::Timestamp;
use oicp::{Finding, OperatorId};
use roamhub_core::ports::LedgerTask;
use roamhub_core::ports::cdr::{CdrNo, ComparePort, Difference, Uncompared};
use roamhub_core::records::StoredFinding;
use roamhub_core::{MessageKind, SessionKey};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::rows::{bytes, contradiction, finding_value, instant, micros, operator, provider};
use super::runs::Recent;
use super::{Sqlite, StoreError, erasure};

impl ComparePort for Sqlite {
    fn uncompared(&self, limit: usize) -> LedgerTask<'_, Vec<Uncompared>> {
        let recent = self.recent.clone();
        Box::pin(self.aside.read(move |connection| uncompared(connection, &recent, limit)))
    }

    fn note_compared(&self, compared: Vec<(Uncompared, Vec<Finding>)>, at: Timestamp) -> LedgerTask<'_, ()> {
        Box::pin(self.writer.write(move |connection| {
            compared.iter().try_for_each(|(record, findings)| note(connection, record, findings, at))
        }))
    }

    fn differences(&self, operator: Option<OperatorId>, limit: usize) -> LedgerTask<'_, Vec<Difference>> {
        Box::pin(self.aside.read(move |connection| differences(connection, operator.as_ref(), limit)))
    }
}

fn uncompared(connection: &Connection, recent: &Recent, limit: usize) -> Result<Vec<Uncompared>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT no, session, operator FROM charge_detail_record WHERE compared_at IS NULL ORDER BY no LIMIT ?1",
    )?;
    let mut rows = statement.query([i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let (no, session): (i64, _) = (row.get("no")?, SessionKey::from_bytes(bytes(row, "session")?));
        let end = last_end(connection, recent, session)?;
        found.push(Uncompared {
            no: CdrNo(no),
            session,
            operator: operator(&row.get::<_, String>("operator")?)?,
            record: body(connection, no)?,
            end: end.map(|end| body(connection, end)).transpose()?.flatten(),
            has_end: end.is_some(),
        });
    }
    Ok(found)
}

fn last_end(
    connection: &Connection,
    recent: &Recent,
    session: SessionKey,
) -> Result<Option<i64>, StoreError> {
    let mut statement = connection.prepare_cached(
        // What the hub has issued is no word of the operator's.
        "SELECT 1 FROM notification WHERE no = ?1 AND type = ?2
             AND NOT EXISTS (SELECT 1 FROM issued WHERE notification = ?1)",
    )?;
    let mut known = recent.messages_of(connection, session)?;
    known.sort_by_key(|known| std::cmp::Reverse(known.no));
    for known in known {
        if statement.exists(params![known.no, MessageKind::End.as_str()])? {
            return Ok(Some(known.no));
        }
    }
    Ok(None)
}

fn body(connection: &Connection, no: i64) -> Result<Option<Bytes>, StoreError> {
    if erasure::is_erased(connection, no)? {
        return Ok(None);
    }
    let body: Option<Vec<u8>> = connection
        .prepare_cached("SELECT body FROM notification WHERE no = ?1")?
        .query_row([no], |row| row.get(0))
        .optional()?;
    Ok(body.map(Bytes::from))
}

fn note(
    connection: &Connection,
    record: &Uncompared,
    findings: &[Finding],
    at: Timestamp,
) -> Result<(), StoreError> {
    for finding in findings {
        connection
            .prepare_cached(
                "INSERT INTO difference (no, code, session, at, finding) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO NOTHING",
            )?
            .execute(params![
                record.no.0,
                finding.code,
                record.session.as_bytes(),
                micros(at),
                finding_value(finding).to_string(),
            ])?;
    }
    connection
        .prepare_cached("UPDATE charge_detail_record SET compared_at = ?2 WHERE no = ?1")?
        .execute(params![record.no.0, micros(at)])?;
    Ok(())
}

/// What differs in a session.
pub(super) fn of_session(
    connection: &Connection,
    session: SessionKey,
) -> Result<Vec<StoredFinding>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT d.finding FROM difference d JOIN charge_detail_record c ON c.no = d.no
         WHERE c.session = ?1 ORDER BY d.code",
    )?;
    let mut rows = statement.query([session.as_bytes()])?;
    let mut findings = Vec::new();
    while let Some(row) = rows.next()? {
        findings.push(finding(row)?);
    }
    Ok(findings)
}

/// The newest differences first.
pub(super) fn differences(
    connection: &Connection,
    of: Option<&OperatorId>,
    limit: usize,
) -> Result<Vec<Difference>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT d.session, d.at, d.finding, c.operator, c.provider
         FROM difference d JOIN charge_detail_record c ON c.no = d.no
         WHERE ?1 IS NULL OR c.operator = ?1 ORDER BY d.no DESC, d.code LIMIT ?2",
    )?;
    let mut rows =
        statement.query(params![of.map(OperatorId::key), i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let mut differences = Vec::new();
    while let Some(row) = rows.next()? {
        differences.push(Difference {
            session: SessionKey::from_bytes(bytes(row, "session")?),
            operator: operator(&row.get::<_, String>("operator")?)?,
            provider: provider(&row.get::<_, String>("provider")?)?,
            at: instant(row.get("at")?, "at")?,
            finding: finding(row)?,
        });
    }
    Ok(differences)
}

fn finding(row: &Row<'_>) -> Result<StoredFinding, StoreError> {
    let json: String = row.get("finding")?;
    serde_json::from_str(&json).map_err(|_| contradiction("finding", json))
}
