//! Sessions: opened as pending before any provider is asked, then active or gone, as the domain's rules say
//! ([`roamhub_core::session::machine`]); and the memory of which provider knows a card.

use jiff::Timestamp;
use oicp::{EvseId, OperatorId, ProviderId};
use roamhub_core::records::SessionRecord;
use roamhub_core::session::machine::{Answer, Sign, Step, What, step};
use roamhub_core::session::{AuthorisationOutcome, PendingSession, SessionFacts, SessionState};
use roamhub_core::{ProcessId, SessionKey};
use rusqlite::{Connection, OptionalExtension, params};

use super::rows::{self, contradiction, instant, micros, provider, text};
use super::writer::Desk;
use super::{StoreError, watch};

pub(super) fn open_pending(desk: &mut Desk<'_>, session: &PendingSession) -> Result<(), StoreError> {
    let connection = desk.connection;
    desk.book.forget(session.key);
    connection
        .prepare_cached(
            "INSERT INTO session (id, operator, state, opened_at, evse, medium, cpo_partner_session_id, opened_after)
             VALUES (?1, ?2, 'pending', ?3, ?4, ?5, ?6, coalesce((SELECT max(no) FROM notification), 0))",
        )?
        .execute(params![
            session.key.as_bytes(),
            session.operator.key(),
            micros(session.opened_at),
            session.evse.map(|evse| evse.as_str().to_owned()),
            &session.medium,
            session.cpo_partner_session_id.as_ref().map(|id| id.as_bytes()),
        ])?;
    keep_request(connection, session.process, session.key, session.opened_at, &session.request)?;
    watch::opened(connection, session)
}

/// Keeps the request that opens a session.
pub(super) fn keep_request(
    connection: &Connection,
    process: ProcessId,
    session: SessionKey,
    opened_at: Timestamp,
    request: &[u8],
) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT INTO authorisation_request (process, request) VALUES (?1, ?2)")?
        .execute(params![process.as_bytes(), request])?;
    connection
        .prepare_cached(
            "INSERT INTO authorisation (process, session, received_at, request, request_no)
             VALUES (?1, ?2, ?3, x'', ?4)",
        )?
        .execute(params![
            process.as_bytes(),
            session.as_bytes(),
            micros(opened_at),
            connection.last_insert_rowid(),
        ])?;
    Ok(())
}

/// Writes how the authorisation ended. A no that comes after the decision takes nothing back; a yes then is an error.
pub(super) fn decide(desk: &mut Desk<'_>, outcome: &AuthorisationOutcome) -> Result<(), StoreError> {
    let by = outcome.authorised_by.as_ref().map(ProviderId::key);
    let what = if by.is_some() { What::Consent } else { What::Refusal };
    let life = desk.book.facts(desk.connection, outcome.key)?.map(|facts| facts.life);
    desk.book.forget(outcome.key);
    let step = life.map(|life| step(life, Sign { what, by: what.rightful(life.opened) }));
    let connection = desk.connection;
    connection
        .prepare_cached("UPDATE authorisation SET code = ?2, provider = ?3 WHERE session = ?1")?
        .execute(params![outcome.key.as_bytes(), outcome.code, by])?;
    watch::decided(connection, outcome)?;
    match (by, step) {
        (Some(by), Some(Step { next: SessionState::Active, answer: Answer::Welcome })) => {
            authorise(connection, outcome, by)
        }
        (None, Some(Step { next: SessionState::Gone, answer: Answer::Welcome })) => {
            void(connection, outcome.key)
        }
        (None, _) => Ok(()),
        (Some(_), _) => {
            Err(contradiction("session", format!("no pending session {}", outcome.key.to_session_id())))
        }
    }
}

/// No session after a refusal: the SessionID is void.
pub(super) fn void(connection: &Connection, session: SessionKey) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM session WHERE id = ?1")?.execute([session.as_bytes()])?;
    Ok(())
}

fn authorise(connection: &Connection, outcome: &AuthorisationOutcome, by: &str) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE session SET state = ?5, provider = ?2, decided_at = ?3, emp_partner_session_id = ?4
             WHERE id = ?1",
        )?
        .execute(params![
            outcome.key.as_bytes(),
            by,
            micros(outcome.decided_at),
            outcome.emp_partner_session_id.as_ref().map(|id| id.as_bytes()),
            SessionState::Active.as_str(),
        ])?;
    connection
        .prepare_cached(
            "INSERT INTO card (medium, provider, seen_at) VALUES (?1, ?2, ?3)
             ON CONFLICT (medium) DO UPDATE SET provider = excluded.provider, seen_at = excluded.seen_at",
        )?
        .execute(params![&outcome.medium, by, micros(outcome.decided_at)])?;
    Ok(())
}

pub(super) fn note_conflict(
    connection: &Connection,
    session: SessionKey,
    operator: &OperatorId,
    by: &ProviderId,
    at: Timestamp,
) -> Result<(), StoreError> {
    watch::late_yes(connection, session, operator, by, at)?;
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO conflict (session, provider, at, medium)
             VALUES (?1, ?2, ?3, coalesce((SELECT medium FROM session WHERE id = ?1),
                                          (SELECT medium FROM opening WHERE session = ?1)))",
        )?
        .execute(params![session.as_bytes(), by.key(), micros(at)])?;
    Ok(())
}

pub(super) fn facts(connection: &Connection, key: SessionKey) -> Result<Option<SessionFacts>, StoreError> {
    let mut statement = connection.prepare_cached(
        // A provider stands there once there is one to hear of the session.
        "SELECT operator, provider, evse, emp_partner_session_id FROM session
         WHERE id = ?1 AND provider IS NOT NULL",
    )?;
    let mut rows = statement.query([key.as_bytes()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let (by_operator, by): (String, String) = (row.get(0)?, row.get(1)?);
    let evse: Option<String> = row.get(2)?;
    Ok(Some(SessionFacts {
        key,
        operator: rows::operator(&by_operator)?,
        provider: provider(&by)?,
        evse: evse
            .as_deref()
            .map(EvseId::parse)
            .transpose()
            .map_err(|_| contradiction("evse", "no EvseID"))?,
        emp_partner_session_id: text(row.get(3)?, "emp_partner_session_id")?,
    }))
}

pub(super) fn record(connection: &Connection, key: SessionKey) -> Result<Option<SessionRecord>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT operator, provider, kind, opened_by, state, opened_at, evse FROM session WHERE id = ?1",
    )?;
    let mut rows = statement.query([key.as_bytes()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let life = rows::life(row)?;
    Ok(Some(SessionRecord {
        key,
        operator: rows::operator(&row.get::<_, String>("operator")?)?,
        provider: row.get::<_, Option<String>>("provider")?.as_deref().map(provider).transpose()?,
        kind: life.kind,
        opened_by: life.opened,
        state: life.state,
        opened_at: instant(row.get("opened_at")?, "opened_at")?,
        evse: row.get("evse")?,
    }))
}

pub(super) fn remembered_provider(
    connection: &Connection,
    medium: &[u8; 32],
) -> Result<Option<ProviderId>, StoreError> {
    let key: Option<String> = connection
        .prepare_cached("SELECT provider FROM card WHERE medium = ?1")?
        .query_row([medium], |row| row.get(0))
        .optional()?;
    key.as_deref().map(provider).transpose()
}

/// The secret that keys the hashes of media, made on first use.
pub(super) fn medium_key(connection: &Connection) -> Result<[u8; 32], StoreError> {
    connection.execute(
        "INSERT INTO meta (key, value) VALUES ('medium_key', randomblob(32)) ON CONFLICT (key) DO NOTHING",
        [],
    )?;
    let key: Vec<u8> =
        connection.query_row("SELECT value FROM meta WHERE key = 'medium_key'", [], |row| row.get(0))?;
    key.try_into().map_err(|_| contradiction("medium_key", "a key of another length"))
}
