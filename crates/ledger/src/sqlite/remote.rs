//! Sessions that a provider opens from afar: pending while the operator is asked, then active, gone, or unconfirmed.
//!
//! The provider of such a session is known from the beginning, which tells it from one that a card is opening: that one
//! takes no message before somebody has said yes, this one does. A message proves that the operator has begun.

use oicp::OperatorId;
use roamhub_core::SessionKey;
use roamhub_core::ports::remote::{RemoteAnswer, RemoteOpening, RemoteOutcome, RemotePort, Stoppable};
use roamhub_core::ports::{LedgerError, LedgerTask};
use roamhub_core::rank::Rank;
use roamhub_core::session::machine::{By, Session, Sign, What, step};
use roamhub_core::session::{Opened, SessionState};
use roamhub_core::watchdog::GhostKind;
use rusqlite::{Connection, OptionalExtension, params};

use super::rows::{contradiction, life, micros, operator, provider, text};
use super::writer::Desk;
use super::{Sqlite, StoreError, sessions};

impl RemotePort for Sqlite {
    fn open_remote(&self, opening: RemoteOpening) -> LedgerTask<'_, ()> {
        if !self.space.room().opens_sessions() {
            return Box::pin(std::future::ready(Err(LedgerError::Full)));
        }
        Box::pin(self.writer.work_as(Rank::Driver, move |desk| open(desk, &opening)))
    }

    fn settle_remote(&self, outcome: RemoteOutcome) -> LedgerTask<'_, ()> {
        Box::pin(self.writer.work(move |desk| settle(desk, &outcome)))
    }

    fn stoppable(&self, key: SessionKey) -> LedgerTask<'_, Option<Stoppable>> {
        Box::pin(self.readers.read(move |connection| stoppable(connection, key)))
    }
}

fn open(desk: &mut Desk<'_>, opening: &RemoteOpening) -> Result<(), StoreError> {
    let connection = desk.connection;
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
            Opened::Remote.as_str(),
            micros(opening.opened_at),
            opening.evse.as_str(),
            &opening.medium,
            opening.emp_partner_session_id.as_ref().map(|id| id.as_bytes()),
        ])?;
    sessions::keep_request(connection, opening.process, opening.key, opening.opened_at, &opening.request)?;
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

fn settle(desk: &mut Desk<'_>, outcome: &RemoteOutcome) -> Result<(), StoreError> {
    let connection = desk.connection;
    let key = outcome.key.as_bytes();
    desk.book.forget(outcome.key);
    let life = life_of(connection, outcome.key)?;
    let sign = match outcome.answer {
        RemoteAnswer::Accepted { .. } => Sign { what: What::Consent, by: By::Operator },
        RemoteAnswer::Void => Sign { what: What::Refusal, by: By::Operator },
        RemoteAnswer::Unknown => Sign { what: What::Silence, by: By::Nobody },
    };
    let next = step(life, sign).next;
    let decided = next != life.state;
    match &outcome.answer {
        RemoteAnswer::Accepted { cpo_partner_session_id } => {
            accept(connection, outcome, cpo_partner_session_id.as_deref(), next)?;
        }
        RemoteAnswer::Void if decided => {
            connection.prepare_cached("DELETE FROM session WHERE id = ?1")?.execute([key])?;
            no_longer_undecided(connection, outcome.key)?;
        }
        RemoteAnswer::Unknown if decided => put_state(connection, outcome.key, next)?,
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

fn life_of(connection: &Connection, key: SessionKey) -> Result<Session, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT kind, opened_by, state FROM session WHERE id = ?1 AND opened_by = 'remote'",
    )?;
    let mut rows = statement.query([key.as_bytes()])?;
    match rows.next()? {
        Some(row) => life(row),
        None => Err(contradiction("session", format!("no remote session {}", key.to_session_id()))),
    }
}

pub(super) fn put_state(
    connection: &Connection,
    key: SessionKey,
    state: SessionState,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE session SET state = ?2 WHERE id = ?1")?
        .execute(params![key.as_bytes(), state.stored().as_str()])?;
    Ok(())
}

fn accept(
    connection: &Connection,
    outcome: &RemoteOutcome,
    cpo_partner_session_id: Option<&str>,
    next: SessionState,
) -> Result<(), StoreError> {
    let key = outcome.key.as_bytes();
    connection
        .prepare_cached(
            "UPDATE session SET state = ?4,
                 decided_at = coalesce(decided_at, ?2),
                 cpo_partner_session_id = coalesce(?3, cpo_partner_session_id)
             WHERE id = ?1",
        )?
        .execute(params![
            key,
            micros(outcome.decided_at),
            cpo_partner_session_id.map(str::as_bytes),
            next.stored().as_str(),
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

fn stoppable(connection: &Connection, key: SessionKey) -> Result<Option<Stoppable>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT kind, opened_by, state, operator, provider, emp_partner_session_id FROM session
         WHERE id = ?1 AND provider IS NOT NULL",
    )?;
    let mut rows = statement.query([key.as_bytes()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let mut life = life(row)?;
    if life.state == SessionState::Pending {
        life.state = SessionState::Unconfirmed;
    }
    Ok(Some(Stoppable {
        life,
        operator: operator(&row.get::<_, String>("operator")?)?,
        provider: provider(&row.get::<_, String>("provider")?)?,
        emp_partner_session_id: text(row.get("emp_partner_session_id")?, "emp_partner_session_id")?,
    }))
}
