//! Sessions that a crash left undecided are voided: nobody can authorise them later, though a provider may have said yes.

use jiff::Timestamp;
use oicp::OperatorId;
use oicp::status::Code;
use roamhub_core::SessionKey;
use roamhub_core::session::SessionState;
use roamhub_core::session::machine::{By, Sign, What, step};
use roamhub_core::watchdog::GhostKind;
use rusqlite::{Connection, params};

use super::rows::{bytes, micros, operator};
use super::writer::Desk;
use super::{StoreError, sessions};

pub(super) fn void_undecided(
    desk: &mut Desk,
    opened_before: Timestamp,
    limit: usize,
) -> Result<Vec<(SessionKey, OperatorId)>, StoreError> {
    let mut voided = Vec::new();
    for opening in undecided(&desk.connection, opened_before, limit)? {
        let Opening { session, by, opened_at } = opening;
        let life = desk.book.facts(&desk.connection, session)?.map(|facts| facts.life);
        desk.book.forget(session);
        let connection = &desk.connection;
        connection
            .prepare_cached("UPDATE authorisation SET code = ?2 WHERE session = ?1 AND code IS NULL")?
            .execute(params![session.as_bytes(), Code::SYSTEM_ERROR.number()])?;
        let crash = Sign { what: What::Crash, by: By::Nobody };
        if life.is_some_and(|life| step(life, crash).next == SessionState::Gone) {
            sessions::void(connection, session)?;
        }
        connection.prepare_cached("DELETE FROM opening WHERE session = ?1")?.execute([session.as_bytes()])?;
        connection
            .prepare_cached(
                "INSERT INTO ghost (session, provider, kind, operator, opened_at, since)
                 VALUES (?1, '', ?2, ?3, ?4, ?4) ON CONFLICT DO NOTHING",
            )?
            .execute(params![session.as_bytes(), GhostKind::Undecided.as_str(), by, opened_at])?;
        voided.push((session, operator(&by)?));
    }
    Ok(voided)
}

/// A session without a decision.
struct Opening {
    session: SessionKey,
    /// Its operator's key.
    by: String,
    opened_at: i64,
}

fn undecided(
    connection: &Connection,
    opened_before: Timestamp,
    limit: usize,
) -> Result<Vec<Opening>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT session, operator, opened_at FROM opening WHERE decided_at IS NULL AND opened_at < ?1 LIMIT ?2",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![micros(opened_before), limit])?;
    let mut undecided = Vec::new();
    while let Some(row) = rows.next()? {
        let session = SessionKey::from_bytes(bytes(row, "session")?);
        undecided.push(Opening { session, by: row.get("operator")?, opened_at: row.get("opened_at")? });
    }
    Ok(undecided)
}
