//! Sessions that a provider opens from afar: pending while the operator is asked, then active, gone, or unconfirmed.
//!
//! The provider of such a session is known from the beginning, which tells it from one that a card is opening: that one
//! takes no message before somebody has said yes, this one does. A message proves that the operator has begun.

use oicp::{OperatorId, ProviderId};
use roamhub_core::SessionKey;
use roamhub_core::ports::remote::{RemoteAnswer, RemoteOpening, RemoteOutcome, RemotePort, Stoppable};
use roamhub_core::ports::{LedgerError, LedgerTask};
use roamhub_core::session::{OpenedBy, SessionKind, SessionState};
use roamhub_core::watchdog::GhostKind;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::rows::{contradiction, micros, operator, provider, text};
use super::sessions::session_state;
use super::writer::Desk;
use super::{Sqlite, StoreError};

impl RemotePort for Sqlite {
    fn open_remote(&self, opening: RemoteOpening) -> LedgerTask<'_, ()> {
        if !self.space.room().opens_sessions() {
            return Box::pin(std::future::ready(Err(LedgerError::Full)));
        }
        Box::pin(self.writer.work(move |desk| open(desk, &opening)))
    }

    fn settle_remote(&self, outcome: RemoteOutcome) -> LedgerTask<'_, ()> {
        Box::pin(self.writer.work(move |desk| settle(desk, &outcome)))
    }

    fn stoppable(&self, key: SessionKey) -> LedgerTask<'_, Option<Stoppable>> {
        Box::pin(self.readers.read(move |connection| stoppable(connection, key)))
    }
}

fn open(desk: &mut Desk, opening: &RemoteOpening) -> Result<(), StoreError> {
    let connection = &desk.connection;
    desk.book.forget(opening.key);
    connection
        .prepare_cached(
            "INSERT INTO session (id, operator, provider, state, kind, opened_by, opened_at, evse, medium,
                 emp_partner_session_id, opened_after)
             VALUES (?1, ?2, ?3, 'pending', ?4, ?5, ?6, ?7, ?8, ?9,
                 coalesce((SELECT max(no) FROM notification), 0))",
        )?
        .execute(params![
            opening.key.as_bytes(),
            opening.operator.key(),
            opening.provider.key(),
            opening.kind.as_str(),
            OpenedBy::Remote.as_str(),
            micros(opening.opened_at),
            opening.evse.as_str(),
            &opening.medium,
            opening.emp_partner_session_id.as_ref().map(|id| id.as_bytes()),
        ])?;
    connection
        .prepare_cached("INSERT INTO authorisation_request (process, request) VALUES (?1, ?2)")?
        .execute(params![opening.process.as_bytes(), &opening.request[..]])?;
    connection
        .prepare_cached(
            "INSERT INTO authorisation (process, session, received_at, request, request_no)
             VALUES (?1, ?2, ?3, x'', ?4)",
        )?
        .execute(params![
            opening.process.as_bytes(),
            opening.key.as_bytes(),
            micros(opening.opened_at),
            connection.last_insert_rowid(),
        ])?;
    connection
        .prepare_cached(
            "INSERT INTO opening (session, operator, medium, opened_at, patience) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            opening.key.as_bytes(),
            opening.operator.key(),
            &opening.medium,
            micros(opening.opened_at),
            i64::try_from(opening.patience.as_micros()).unwrap_or(i64::MAX / 4),
        ])?;
    Ok(())
}

fn settle(desk: &mut Desk, outcome: &RemoteOutcome) -> Result<(), StoreError> {
    let connection = &desk.connection;
    let key = outcome.key.as_bytes();
    desk.book.forget(outcome.key);
    let state = connection
        .prepare_cached("SELECT state FROM session WHERE id = ?1 AND opened_by = 'remote'")?
        .query_row([key], |row| row.get::<_, String>(0))
        .optional()?
        .ok_or_else(|| contradiction("session", format!("no session {}", outcome.key.to_session_id())))?;
    let undecided = matches!(session_state(&state)?, SessionState::Pending | SessionState::Unconfirmed);
    match &outcome.answer {
        RemoteAnswer::Accepted { cpo_partner_session_id } => {
            accept(connection, outcome, cpo_partner_session_id.as_deref(), undecided)?;
        }
        RemoteAnswer::Void if undecided => {
            connection.prepare_cached("DELETE FROM session WHERE id = ?1")?.execute([key])?;
            no_longer_undecided(connection, outcome.key)?;
        }
        RemoteAnswer::Unknown if undecided => {
            connection
                .prepare_cached("UPDATE session SET state = 'unconfirmed' WHERE id = ?1")?
                .execute([key])?;
        }
        // What the operator has said since is stronger than its refusal or its silence.
        RemoteAnswer::Void | RemoteAnswer::Unknown => {}
    }
    if !matches!(outcome.answer, RemoteAnswer::Accepted { .. }) {
        connection
            .prepare_cached("UPDATE authorisation SET code = ?2 WHERE session = ?1")?
            .execute(params![key, outcome.code])?;
        // Nobody believes in it: it is watched from the first message on.
        connection.prepare_cached("DELETE FROM opening WHERE session = ?1")?.execute([key])?;
    }
    Ok(())
}

fn accept(
    connection: &Connection,
    outcome: &RemoteOutcome,
    cpo_partner_session_id: Option<&str>,
    undecided: bool,
) -> Result<(), StoreError> {
    let key = outcome.key.as_bytes();
    connection
        .prepare_cached(
            "UPDATE session SET state = CASE WHEN ?4 THEN 'active' ELSE state END,
                 decided_at = coalesce(decided_at, ?2),
                 cpo_partner_session_id = coalesce(?3, cpo_partner_session_id)
             WHERE id = ?1",
        )?
        .execute(params![
            key,
            micros(outcome.decided_at),
            cpo_partner_session_id.map(str::as_bytes),
            undecided
        ])?;
    connection
        .prepare_cached(
            "UPDATE authorisation SET code = ?2, provider = (SELECT provider FROM session WHERE id = ?1)
             WHERE session = ?1",
        )?
        .execute(params![key, outcome.code])?;
    connection
        .prepare_cached(
            "UPDATE opening SET decided_at = ?2, code = ?3, provider = (SELECT provider FROM session WHERE id = ?1)
             WHERE session = ?1",
        )?
        .execute(params![key, micros(outcome.decided_at), outcome.code])?;
    no_longer_undecided(connection, outcome.key)?;
    Ok(())
}

/// A message of its operator has come: it has begun after all. To be called in the transaction that takes the message in.
pub(super) fn confirm(connection: &Connection, session: SessionKey) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE session SET state = 'active' WHERE id = ?1 AND state IN ('pending', 'unconfirmed')",
        )?
        .execute([session.as_bytes()])?;
    Ok(())
}

/// It is known what became of the session: it leaves the list of ghosts, if it was there. Whose it was.
pub(super) fn no_longer_undecided(
    connection: &Connection,
    session: SessionKey,
) -> Result<Option<OperatorId>, StoreError> {
    connection
        .prepare_cached("DELETE FROM ghost WHERE session = ?1 AND kind = ?2 RETURNING operator")?
        .query_row(params![session.as_bytes(), GhostKind::Undecided.as_str()], |row| row.get::<_, String>(0))
        .optional()?
        .as_deref()
        .map(operator)
        .transpose()
}

/// What becomes of a session that nobody decided about any more.
pub(super) enum Left {
    /// Not opened from afar: whoever was asked has no session.
    ToBeVoided,
    /// This provider asked for it, and nobody knows whether the operator has begun.
    Unconfirmed(ProviderId),
    /// Its operator has spoken of it since.
    Heard,
}

/// Keeps a session that was opened from afar although a crash left it undecided.
pub(super) fn left_undecided(desk: &mut Desk, session: SessionKey) -> Result<Left, StoreError> {
    desk.book.forget(session);
    let found = desk
        .connection
        .prepare_cached("SELECT state, provider FROM session WHERE id = ?1 AND opened_by = 'remote'")?
        .query_row([session.as_bytes()], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))
        .optional()?;
    let Some((state, by)) = found else { return Ok(Left::ToBeVoided) };
    if session_state(&state)? != SessionState::Pending {
        return Ok(Left::Heard);
    }
    desk.connection
        .prepare_cached("UPDATE session SET state = 'unconfirmed' WHERE id = ?1")?
        .execute([session.as_bytes()])?;
    Ok(Left::Unconfirmed(provider(&by)?))
}

fn stoppable(connection: &Connection, key: SessionKey) -> Result<Option<Stoppable>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT kind, state, operator, provider, emp_partner_session_id FROM session
         WHERE id = ?1 AND provider IS NOT NULL",
    )?;
    let mut rows = statement.query([key.as_bytes()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let state = match session_state(&row.get::<_, String>("state")?)? {
        SessionState::Pending => SessionState::Unconfirmed,
        state => state,
    };
    Ok(Some(Stoppable {
        kind: session_kind(row)?,
        state,
        operator: operator(&row.get::<_, String>("operator")?)?,
        provider: provider(&row.get::<_, String>("provider")?)?,
        emp_partner_session_id: text(row.get("emp_partner_session_id")?, "emp_partner_session_id")?,
    }))
}

pub(super) fn session_kind(row: &Row<'_>) -> Result<SessionKind, StoreError> {
    let word: String = row.get("kind")?;
    SessionKind::parse(&word).ok_or_else(|| contradiction("kind", &word))
}

pub(super) fn opened_by(row: &Row<'_>) -> Result<OpenedBy, StoreError> {
    let word: String = row.get("opened_by")?;
    OpenedBy::parse(&word).ok_or_else(|| contradiction("opened_by", &word))
}
