//! The audit trail: appended to, never changed. Lines about nobody the hub knows are bounded, because anybody who reaches
//! the console's address can cause them.

use roamhub_core::account::{AuditOutcome, AuditRecord};
use roamhub_core::ports::LedgerTask;
use roamhub_core::ports::accounts::{AuditPort, MOST_AUDITED_STRANGERS};
use rusqlite::{Connection, params};

use super::rows::{contradiction, instant, micros};
use super::{Sqlite, StoreError};

impl AuditPort for Sqlite {
    fn note_audit(&self, record: AuditRecord) -> LedgerTask<'_, ()> {
        Box::pin(self.writer.write(move |connection| note(connection, &record)))
    }

    fn audit(&self, before: Option<i64>, limit: usize) -> LedgerTask<'_, Vec<AuditRecord>> {
        Box::pin(self.aside.read(move |connection| newest(connection, before, limit)))
    }
}

fn note(connection: &Connection, record: &AuditRecord) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO audit (at, kind, who, origin, action, about, outcome, detail)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            micros(record.at),
            record.kind,
            record.who,
            record.from,
            record.action,
            record.about,
            record.outcome.as_str(),
            record.detail,
        ])?;
    if record.kind == "nobody" {
        connection
            .prepare_cached(
                "DELETE FROM audit WHERE kind = 'nobody' AND no <= (
                     SELECT no FROM audit WHERE kind = 'nobody' ORDER BY no DESC LIMIT 1 OFFSET ?1
                 )",
            )?
            .execute([i64::try_from(MOST_AUDITED_STRANGERS).unwrap_or(i64::MAX)])?;
    }
    Ok(())
}

pub(super) fn newest(
    connection: &Connection,
    before: Option<i64>,
    limit: usize,
) -> Result<Vec<AuditRecord>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT * FROM audit WHERE no < ?1 ORDER BY no DESC LIMIT ?2")?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![before.unwrap_or(i64::MAX), limit])?;
    let mut lines = Vec::new();
    while let Some(row) = rows.next()? {
        let outcome: String = row.get("outcome")?;
        lines.push(AuditRecord {
            no: row.get("no")?,
            at: instant(row.get("at")?, "at")?,
            kind: row.get("kind")?,
            who: row.get("who")?,
            from: row.get("origin")?,
            action: row.get("action")?,
            about: row.get("about")?,
            outcome: AuditOutcome::parse(&outcome).ok_or_else(|| contradiction("outcome", outcome))?,
            detail: row.get("detail")?,
        });
    }
    Ok(lines)
}
