//! What the watchdog knows of sessions: judged in small batches, each row telling when it is to be looked at again.
//! How it learns of messages and decisions is in `follow`.

use jiff::Timestamp;
use oicp::{OperatorId, ProviderId};
use roamhub_core::SessionKey;
use roamhub_core::ports::LedgerTask;
use roamhub_core::ports::watch::{Blocked, Followed, Ghost, GhostChange, GhostCount, WatchPort};
use roamhub_core::session::{AuthorisationOutcome, PendingSession};
use roamhub_core::watchdog::{GhostKind, Heard, Judgement, Watched};
use rusqlite::{Connection, Row, params};
use std::time::Duration;

use super::rows::{bytes, contradiction, instant, micros, operator, provider};
use super::undecided::void_undecided;
use super::{Sqlite, StoreError, follow};

impl WatchPort for Sqlite {
    fn follow(&self, limit: usize, soonest: Duration) -> LedgerTask<'_, Followed> {
        Box::pin(async move {
            let late = self.late.clone();
            let fresh = self.readers.read(move |connection| follow::fresh(connection, &late, limit)).await?;
            if fresh.is_empty() {
                return Ok(Followed::default());
            }
            self.writer.work(move |desk| follow::take_note(desk, &fresh, soonest)).await
        })
    }

    fn due_for_a_look(&self, now: Timestamp, limit: usize) -> LedgerTask<'_, Vec<Watched>> {
        Box::pin(self.readers.read(move |connection| due_for_a_look(connection, now, limit)))
    }

    fn note_judgements(&self, judged: Vec<(Watched, Judgement)>) -> LedgerTask<'_, Vec<GhostChange>> {
        Box::pin(self.writer.write(move |connection| {
            let mut changes = Vec::new();
            for (watched, judgement) in &judged {
                note_judgement(connection, watched, judgement, &mut changes)?;
            }
            Ok(changes)
        }))
    }

    fn void_undecided(
        &self,
        opened_before: Timestamp,
        limit: usize,
    ) -> LedgerTask<'_, Vec<(SessionKey, OperatorId)>> {
        Box::pin(self.writer.work(move |desk| void_undecided(desk, opened_before, limit)))
    }

    fn forget(&self, found_before: Timestamp) -> LedgerTask<'_, Vec<GhostChange>> {
        Box::pin(self.writer.write(move |connection| forget(connection, found_before)))
    }

    fn ghosts(&self, operator: Option<OperatorId>, limit: usize) -> LedgerTask<'_, Vec<Ghost>> {
        Box::pin(self.readers.read(move |connection| ghosts(connection, operator.as_ref(), limit)))
    }

    fn ghost_counts(&self) -> LedgerTask<'_, Vec<GhostCount>> {
        Box::pin(self.readers.read(ghost_counts))
    }

    fn blocked(&self, caused_by: Option<OperatorId>, limit: usize) -> LedgerTask<'_, Vec<Blocked>> {
        Box::pin(self.readers.read(move |connection| blocked(connection, caused_by.as_ref(), limit)))
    }
}

/// A session is being authorised.
pub(super) fn opened(connection: &Connection, session: &PendingSession) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT INTO opening (session, operator, medium, opened_at) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![
            session.key.as_bytes(),
            session.operator.key(),
            &session.medium,
            micros(session.opened_at)
        ])?;
    Ok(())
}

/// It is decided: the watchdog takes note of it later.
pub(super) fn decided(connection: &Connection, outcome: &AuthorisationOutcome) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE opening SET decided_at = ?2, provider = ?3, code = ?4 WHERE session = ?1")?
        .execute(params![
            outcome.key.as_bytes(),
            micros(outcome.decided_at),
            outcome.authorised_by.as_ref().map(ProviderId::key),
            outcome.code
        ])?;
    Ok(())
}

/// A provider believes in a session that is not its own.
pub(super) fn late_yes(
    connection: &Connection,
    session: SessionKey,
    operator: &OperatorId,
    provider: &ProviderId,
    at: Timestamp,
) -> Result<(), StoreError> {
    let (kind, at) = (GhostKind::LateYes, micros(at));
    connection
        .prepare_cached(
            "INSERT INTO ghost (session, provider, kind, operator, opened_at, since) VALUES (?1, ?2, ?3, ?4, ?5, ?5)
             ON CONFLICT DO NOTHING",
        )?
        .execute(params![session.as_bytes(), provider.key(), kind.as_str(), operator.key(), at])?;
    Ok(())
}

fn due_for_a_look(connection: &Connection, now: Timestamp, limit: usize) -> Result<Vec<Watched>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT w.*, NOT EXISTS (
             SELECT 1 FROM session s WHERE s.id = w.session AND s.state IN ('active', 'unconfirmed')
         ) AS closed
         FROM watch w WHERE look_at <= ?1 ORDER BY look_at LIMIT ?2",
    )?;
    let mut rows = statement.query(params![micros(now), i64::try_from(limit).unwrap_or(i64::MAX)])?;
    let mut due = Vec::new();
    while let Some(row) = rows.next()? {
        due.push(watched(row, row.get("closed")?)?);
    }
    Ok(due)
}

pub(super) fn watched(row: &Row<'_>, closed: bool) -> Result<Watched, StoreError> {
    let at = |column: &str| -> Result<Option<Timestamp>, StoreError> {
        row.get::<_, Option<i64>>(column)?.map(|micros| instant(micros, column)).transpose()
    };
    let heard = match (at("first_heard_at")?, at("last_heard_at")?) {
        (Some(first_at), Some(last_at)) => Some(Heard {
            first_at,
            last_at,
            progress: row.get("progress")?,
            distance: Duration::from_micros(row.get::<_, i64>("distance")?.unsigned_abs()),
        }),
        _ => None,
    };
    Ok(Watched {
        session: SessionKey::from_bytes(bytes(row, "session")?),
        operator: operator(&row.get::<_, String>("operator")?)?,
        provider: provider(&row.get::<_, String>("provider")?)?,
        authorised_at: instant(row.get("authorised_at")?, "authorised_at")?,
        heard,
        over: closed || at("ended_at")?.is_some(),
        ghost: row.get::<_, Option<String>>("ghost")?.as_deref().map(ghost_kind).transpose()?,
    })
}

fn ghost_kind(word: &str) -> Result<GhostKind, StoreError> {
    GhostKind::parse(word).ok_or_else(|| contradiction("ghost", word))
}

fn note_judgement(
    connection: &Connection,
    watched: &Watched,
    judgement: &Judgement,
    changes: &mut Vec<GhostChange>,
) -> Result<(), StoreError> {
    let Watched { session, operator, .. } = *watched;
    let (look_at, ghost) = match *judgement {
        Judgement::Over | Judgement::Forgotten => (None, None),
        Judgement::Fine { look_at } => (Some(look_at), None),
        Judgement::Ghost { kind, look_at, .. } => (Some(look_at), Some(kind)),
    };
    connection
        .prepare_cached(
            "UPDATE watch SET ended_at = CASE WHEN ?4 THEN coalesce(ended_at, look_at) ELSE ended_at END,
                 look_at = ?2, ghost = ?3
             WHERE session = ?1",
        )?
        .execute(params![
            session.as_bytes(),
            look_at.map(micros),
            ghost.map(GhostKind::as_str),
            *judgement == Judgement::Over
        ])?;
    if ghost == watched.ghost {
        return Ok(());
    }
    if let Some(before) = watched.ghost {
        no_ghost(connection, watched)?;
        changes.push(match judgement {
            Judgement::Forgotten => GhostChange::Forgotten(session, operator, before),
            _ => GhostChange::Cleared(session, operator, before),
        });
    }
    if let Judgement::Ghost { kind, since, .. } = *judgement {
        list(connection, watched, kind, since)?;
        changes.push(GhostChange::Found(session, operator, kind));
    }
    Ok(())
}

fn list(
    connection: &Connection,
    watched: &Watched,
    kind: GhostKind,
    since: Timestamp,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO ghost (session, provider, kind, operator, opened_at, last_heard_at, since)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            watched.session.as_bytes(),
            watched.provider.key(),
            kind.as_str(),
            watched.operator.key(),
            micros(watched.authorised_at),
            watched.heard.map(|heard| micros(heard.last_at)),
            micros(since),
        ])?;
    Ok(())
}

/// The session is no ghost of its own provider any more.
pub(super) fn no_ghost(connection: &Connection, watched: &Watched) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM ghost WHERE session = ?1 AND provider = ?2")?
        .execute(params![watched.session.as_bytes(), watched.provider.key()])?;
    Ok(())
}

fn forget(connection: &Connection, found_before: Timestamp) -> Result<Vec<GhostChange>, StoreError> {
    let mut statement = connection.prepare_cached(
        "DELETE FROM ghost WHERE kind IN ('undecided', 'late-yes') AND since < ?1
         RETURNING session, operator, kind",
    )?;
    let mut rows = statement.query([micros(found_before)])?;
    let mut forgotten = Vec::new();
    while let Some(row) = rows.next()? {
        let session = SessionKey::from_bytes(bytes(row, "session")?);
        let by = operator(&row.get::<_, String>("operator")?)?;
        forgotten.push(GhostChange::Forgotten(session, by, ghost_kind(&row.get::<_, String>("kind")?)?));
    }
    Ok(forgotten)
}

pub(super) fn ghosts(
    connection: &Connection,
    of: Option<&OperatorId>,
    limit: usize,
) -> Result<Vec<Ghost>, StoreError> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(match of {
        Some(_) => "SELECT * FROM ghost WHERE operator = ?1 ORDER BY since, session LIMIT ?2",
        None => "SELECT * FROM ghost WHERE ?1 IS NULL ORDER BY since, session LIMIT ?2",
    })?;
    let mut rows = statement.query(params![of.map(OperatorId::key), limit])?;
    let mut ghosts = Vec::new();
    while let Some(row) = rows.next()? {
        let believer: String = row.get("provider")?;
        let last_heard_at: Option<i64> = row.get("last_heard_at")?;
        ghosts.push(Ghost {
            session: SessionKey::from_bytes(bytes(row, "session")?),
            kind: ghost_kind(&row.get::<_, String>("kind")?)?,
            operator: operator(&row.get::<_, String>("operator")?)?,
            provider: (!believer.is_empty()).then(|| provider(&believer)).transpose()?,
            opened_at: instant(row.get("opened_at")?, "opened_at")?,
            last_heard_at: last_heard_at.map(|at| instant(at, "last_heard_at")).transpose()?,
            since: instant(row.get("since")?, "since")?,
        });
    }
    Ok(ghosts)
}

fn ghost_counts(connection: &Connection) -> Result<Vec<GhostCount>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT operator, kind, count(*), min(since) FROM ghost GROUP BY operator, kind")?;
    let mut rows = statement.query([])?;
    let mut counts = Vec::new();
    while let Some(row) = rows.next()? {
        counts.push(GhostCount {
            operator: operator(&row.get::<_, String>(0)?)?,
            kind: ghost_kind(&row.get::<_, String>(1)?)?,
            count: row.get::<_, i64>(2)?.unsigned_abs(),
            since: instant(row.get(3)?, "since")?,
        });
    }
    Ok(counts)
}

pub(super) fn blocked(
    connection: &Connection,
    caused_by: Option<&OperatorId>,
    limit: usize,
) -> Result<Vec<Blocked>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT * FROM blocked WHERE ?1 IS NULL OR caused_by = ?1 ORDER BY no DESC LIMIT ?2",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![caused_by.map(OperatorId::key), limit])?;
    let mut blocked = Vec::new();
    while let Some(row) = rows.next()? {
        blocked.push(Blocked {
            at: instant(row.get("at")?, "at")?,
            operator: operator(&row.get::<_, String>("operator")?)?,
            code: row.get("code")?,
            earlier: SessionKey::from_bytes(bytes(row, "earlier")?),
            caused_by: operator(&row.get::<_, String>("caused_by")?)?,
            provider: provider(&row.get::<_, String>("provider")?)?,
        });
    }
    Ok(blocked)
}
