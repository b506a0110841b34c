//! Sessions that a crash left undecided: one that a card was opening is voided, because nobody can authorise it later, though
//! a provider may have said yes; one that was opened from afar may be charging, and is kept unconfirmed.

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
use super::{StoreError, remote, sessions};

pub(super) fn void_undecided(
    desk: &mut Desk<'_>,
    opened_before: Timestamp,
    limit: usize,
) -> Result<Vec<(SessionKey, OperatorId)>, StoreError> {
    let mut ghosts = Vec::new();
    for Opening { session, by, opened_at } in undecided(desk.connection, opened_before, limit)? {
        let left = leave(desk, session)?;
        desk.book.forget(session);
        let connection = desk.connection;
        connection
            .prepare_cached("UPDATE authorisation SET code = ?2 WHERE session = ?1 AND code IS NULL")?
            .execute(params![session.as_bytes(), Code::SYSTEM_ERROR.number()])?;
        connection.prepare_cached("DELETE FROM opening WHERE session = ?1")?.execute([session.as_bytes()])?;
        let believer = match left {
            Left::Heard => continue,
            Left::Void => String::new(),
            Left::Unconfirmed { believer } => believer,
        };
        connection
            .prepare_cached(
                "INSERT INTO ghost (session, provider, kind, operator, opened_at, since)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?5) ON CONFLICT DO NOTHING",
            )?
            .execute(params![session.as_bytes(), believer, GhostKind::Undecided.as_str(), by, opened_at])?;
        ghosts.push((session, operator(&by)?));
    }
    Ok(ghosts)
}

/// What becomes of a session that nobody decides about any more.
enum Left {
    /// Nobody can have it.
    Void,
    /// This provider (its key) asked for it, and nobody knows whether the operator has begun.
    Unconfirmed { believer: String },
    /// Its operator has spoken of it since.
    Heard,
}

fn leave(desk: &mut Desk<'_>, session: SessionKey) -> Result<Left, StoreError> {
    let Some(life) = desk.book.facts(desk.connection, session)?.map(|facts| facts.life) else {
        return Ok(Left::Void);
    };
    let connection = desk.connection;
    match step(life, Sign { what: What::Crash, by: By::Nobody }).next {
        SessionState::Gone => {
            sessions::void(connection, session)?;
            Ok(Left::Void)
        }
        next if next != life.state => {
            remote::put_state(connection, session, next)?;
            let believer = connection
                .prepare_cached("SELECT provider FROM session WHERE id = ?1")?
                .query_row([session.as_bytes()], |row| row.get(0))?;
            Ok(Left::Unconfirmed { believer })
        }
        _ => Ok(Left::Heard),
    }
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
        "SELECT session, operator, opened_at FROM opening
         WHERE decided_at IS NULL AND opened_at + patience < ?1 LIMIT ?2",
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
