//! Ends that the hub issues on operators' behalf. The decision and all that is written fall in one piece of the writer's
//! work, so a real message of the session is either seen by it, or comes after it.
//!
//! Invariant: at most one End is issued for each provider that believes in a session, also after a crash.

use bytes::Bytes;
use jiff::Timestamp;
use oicp::authorize::AuthorizeStart;
use oicp::notification::NothingCharged;
use oicp::{EvseId, OperatorId};
use roamhub_core::delivery::FinalState;
use roamhub_core::mandate::{Ground, Hearing, Issue, LateYes, MandatedEnd, Origin, Suspension};
use roamhub_core::ports::mandate::MandatePort;
use roamhub_core::ports::{LedgerError, LedgerTask};
use roamhub_core::retry::gives_up_at;
use roamhub_core::room::Room;
use roamhub_core::session::machine::What;
use roamhub_core::session::{Opened, SessionKind, SessionState};
use roamhub_core::watchdog::GhostKind;
use roamhub_core::{MessageKind, ProcessId, SessionKey};
use rusqlite::{Connection, OptionalExtension, params};
use sha2::{Digest, Sha256};

use super::book::OpenRow;
use super::history::write_history;
use super::lately::Late;
use super::rows::{bytes, contradiction, instant, micros, operator, provider, text};
use super::runs::Known;
use super::writer::Desk;
use super::{Sqlite, StoreError, erasure};

impl MandatePort for Sqlite {
    fn issue(&self, end: MandatedEnd) -> LedgerTask<'_, Issue> {
        // What is left is for what operators send themselves.
        if self.space.room() != Room::Ample {
            return Box::pin(std::future::ready(Err(LedgerError::Full)));
        }
        Box::pin(self.writer.work(move |desk| issue(desk, &end)))
    }

    fn late_yeses(&self, operator: OperatorId, limit: usize) -> LedgerTask<'_, Vec<LateYes>> {
        Box::pin(self.readers.read(move |connection| late_yeses(connection, &operator, limit)))
    }

    fn suspensions(&self) -> LedgerTask<'_, Vec<Suspension>> {
        Box::pin(self.readers.read(suspensions))
    }

    fn restore_mandate(&self, operator: OperatorId, at: Timestamp, by: String) -> LedgerTask<'_, usize> {
        Box::pin(self.writer.write(move |connection| {
            let restored = connection
                .prepare_cached(
                    "UPDATE mandate_suspension SET restored_at = ?2, restored_by = ?3
                     WHERE operator = ?1 AND restored_at IS NULL",
                )?
                .execute(params![operator.key(), micros(at), by])?;
            Ok(restored)
        }))
    }
}

fn issue(desk: &mut Desk<'_>, end: &MandatedEnd) -> Result<Issue, StoreError> {
    if was_issued(desk.connection, end)? {
        return Ok(Issue::Before);
    }
    if is_suspended(desk.connection, end.operator.key())? {
        return Ok(Issue::Suspended);
    }
    let place = match end.ground {
        Ground::Expired => expired(desk, end)?,
        Ground::LateYes => late(desk, end)?,
    };
    let Some(place) = place else { return Ok(Issue::NoGround) };
    let Some(evse) = place.evse else {
        return Ok(Issue::WithoutEvse { first: pass_over(desk.connection, end)? });
    };
    write(desk, end, evse, &place)?;
    Ok(Issue::Issued)
}

/// What an End says beside the session, and what it is found by.
struct Place {
    evse: Option<EvseId>,
    cpo_partner_session_id: Option<String>,
    medium: Option<Vec<u8>>,
}

/// A session that is the provider's own, if nothing at all was heard of it.
fn expired(desk: &mut Desk<'_>, end: &MandatedEnd) -> Result<Option<Place>, StoreError> {
    let Desk { connection, book, .. } = desk;
    let Some(facts) = book.facts(connection, end.session)? else { return Ok(None) };
    // A provider that has uploaded what the hub decided from knows nothing of the session yet.
    let life = facts.life;
    let believed = life.kind == SessionKind::Charging && life.opened != Opened::Uploaded;
    let open = life.state == SessionState::Active && believed;
    if !open || facts.operator != end.operator.key() || facts.last_progress_at.is_some() {
        return Ok(None);
    }
    if !book.messages(connection, end.session)?.is_empty() {
        return Ok(None);
    }
    let place = of_session(connection, end.session)?;
    Ok(place.filter(|(_, by)| by.as_deref() == Some(end.provider.key())).map(|(place, _)| place))
}

/// A session of another provider, or of nobody. While it is being decided whose it is, it may yet be this one's.
fn late(desk: &mut Desk<'_>, end: &MandatedEnd) -> Result<Option<Place>, StoreError> {
    let Desk { connection, book, .. } = desk;
    let conflict: Option<Option<Vec<u8>>> = connection
        .prepare_cached("SELECT medium FROM conflict WHERE session = ?1 AND provider = ?2")?
        .query_row(params![end.session.as_bytes(), end.provider.key()], |row| row.get(0))
        .optional()?;
    let Some(medium) = conflict else { return Ok(None) };
    let state = book.facts(connection, end.session)?.map(|facts| facts.life.state);
    if state == Some(SessionState::Pending) {
        return Ok(None);
    }
    let asked = asked(connection, end.session)?;
    let Some((place, by)) = of_session(connection, end.session)? else {
        return Ok(Some(Place { medium, ..asked.unwrap_or(Place::UNKNOWN) }));
    };
    // Its decision was in doubt, and fell in this one's favour: it is a session like any other.
    if by.as_deref() == Some(end.provider.key()) {
        return Ok(None);
    }
    Ok(Some(place))
}

impl Place {
    const UNKNOWN: Self = Self { evse: None, cpo_partner_session_id: None, medium: None };
}

/// What is known of a session, and the key of its provider.
fn of_session(
    connection: &Connection,
    session: SessionKey,
) -> Result<Option<(Place, Option<String>)>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT provider, evse, cpo_partner_session_id, medium FROM session WHERE id = ?1")?;
    let mut rows = statement.query([session.as_bytes()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let evse: Option<String> = row.get("evse")?;
    let evse = evse.as_deref().map(EvseId::parse).transpose();
    let place = Place {
        evse: evse.map_err(|_| contradiction("evse", "no EvseID"))?,
        cpo_partner_session_id: text(row.get("cpo_partner_session_id")?, "cpo_partner_session_id")?,
        medium: Some(row.get("medium")?),
    };
    Ok(Some((place, row.get("provider")?)))
}

/// What the operator named when it asked for a session that is void by now; nothing if that has been erased.
fn asked(connection: &Connection, session: SessionKey) -> Result<Option<Place>, StoreError> {
    let request: Option<Vec<u8>> = connection
        .prepare_cached(
            "SELECT r.request FROM authorisation a JOIN authorisation_request r ON r.no = a.request_no
             WHERE a.session = ?1 AND a.erased_at IS NULL",
        )?
        .query_row([session.as_bytes()], |row| row.get(0))
        .optional()?;
    let request = request.and_then(|request| AuthorizeStart::parse(request.into()).ok());
    Ok(request.map(|request| Place {
        evse: request.evse_id(),
        cpo_partner_session_id: request.cpo_partner_session_id().map(str::to_owned),
        medium: None,
    }))
}

fn was_issued(connection: &Connection, end: &MandatedEnd) -> Result<bool, StoreError> {
    Ok(connection
        .prepare_cached("SELECT 1 FROM issued WHERE session = ?1 AND provider = ?2")?
        .exists(params![end.session.as_bytes(), end.provider.key()])?)
}

fn is_suspended(connection: &Connection, operator: &str) -> Result<bool, StoreError> {
    Ok(connection
        .prepare_cached("SELECT 1 FROM mandate_suspension WHERE operator = ?1 AND restored_at IS NULL")?
        .exists([operator])?)
}

/// Whether it is for the first time.
fn pass_over(connection: &Connection, end: &MandatedEnd) -> Result<bool, StoreError> {
    let inserted = connection
        .prepare_cached(
            "INSERT INTO passed_over (session, provider, at) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
        )?
        .execute(params![end.session.as_bytes(), end.provider.key(), micros(end.at)])?;
    Ok(inserted == 1)
}

/// Writes the message as if it had come in, and owes it.
fn write(desk: &mut Desk<'_>, end: &MandatedEnd, evse: EvseId, place: &Place) -> Result<(), StoreError> {
    let body = NothingCharged {
        session: end.session.to_session_id(),
        operator: end.operator,
        evse,
        cpo_partner_session_id: place.cpo_partner_session_id.as_deref(),
        charging_end: end.at,
    };
    let body = body.to_json();
    let digest: [u8; 32] = Sha256::digest(&body).into();
    let session = match end.ground {
        Ground::Expired => end.session,
        Ground::LateYes => end.aside,
    };
    let Desk { connection, book, runs, lately, tenure, .. } = desk;
    connection
        .prepare_cached(
            "INSERT INTO notification (process, session, operator, provider, type, received_at, evse, digest, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            end.process.as_bytes(),
            session.as_bytes(),
            end.operator.key(),
            end.provider.key(),
            MessageKind::End.as_str(),
            micros(end.at),
            evse.as_str(),
            &digest,
            body,
        ])?;
    let notification = connection.last_insert_rowid();
    let known = Known::notification(notification, &digest);
    runs.add(session, known);
    lately.add(Late { no: notification, session, kind: MessageKind::End, at: end.at });
    lately.note_mandate();
    book.messages(connection, session)?.insert(known.digest, known.no);
    connection
        .prepare_cached(
            "INSERT INTO issued (session, provider, operator, notification, ground, issued_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            end.session.as_bytes(),
            end.provider.key(),
            end.operator.key(),
            notification,
            end.ground.as_str(),
            micros(end.at),
        ])?;
    match end.ground {
        Ground::Expired => {
            if let Some(facts) = book.facts(connection, session)? {
                facts.life.state =
                    facts.hears_operator(end.operator.key(), What::from(MessageKind::End)).next;
            }
        }
        Ground::LateYes => {
            connection
                .prepare_cached("DELETE FROM ghost WHERE session = ?1 AND provider = ?2")?
                .execute(params![end.session.as_bytes(), end.provider.key()])?;
        }
    }
    let no = tenure.number();
    if end.hearing == Hearing::Feed {
        return write_history(connection, no, notification, FinalState::Held, None, end.at);
    }
    let kind = MessageKind::End;
    let open = book.open(connection, session)?;
    connection
        .prepare_cached(
            "INSERT INTO delivery
                 (session, no, notification, provider, type, has_pin, token, due_at, gives_up_at, medium)
             VALUES (?1, ?2, ?3, ?4, ?5, 0, 0, ?6, ?7, ?8)",
        )?
        .execute(params![
            session.as_bytes(),
            no,
            notification,
            end.provider.key(),
            kind.as_str(),
            micros(end.at),
            micros(gives_up_at(kind, end.at)),
            // As `file_media` says that it is not known.
            place.medium.as_deref().unwrap_or_default(),
        ])?;
    open.push(OpenRow {
        no,
        notification,
        kind,
        has_pin: false,
        token: 0,
        leased: false,
        due: true,
        unwritten: None,
    });
    Ok(())
}

fn late_yeses(
    connection: &Connection,
    operator: &OperatorId,
    limit: usize,
) -> Result<Vec<LateYes>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT session, provider FROM ghost g WHERE operator = ?1 AND kind = ?2
         AND NOT EXISTS (SELECT 1 FROM issued i WHERE i.session = g.session AND i.provider = g.provider)
         AND NOT EXISTS (SELECT 1 FROM session s WHERE s.id = g.session AND s.provider = g.provider)
         AND (NOT EXISTS (SELECT 1 FROM passed_over p WHERE p.session = g.session AND p.provider = g.provider)
              OR EXISTS (SELECT 1 FROM session s WHERE s.id = g.session AND s.evse IS NOT NULL))
         ORDER BY since LIMIT ?3",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![operator.key(), GhostKind::LateYes.as_str(), limit])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(LateYes {
            session: SessionKey::from_bytes(bytes(row, "session")?),
            provider: provider(&row.get::<_, String>("provider")?)?,
        });
    }
    Ok(found)
}

pub(super) fn suspensions(connection: &Connection) -> Result<Vec<Suspension>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT operator, suspended_at, session, shown_by FROM mandate_suspension
         WHERE restored_at IS NULL ORDER BY operator",
    )?;
    let mut rows = statement.query([])?;
    let mut suspensions = Vec::new();
    while let Some(row) = rows.next()? {
        suspensions.push(Suspension {
            operator: operator(&row.get::<_, String>("operator")?)?,
            at: instant(row.get("suspended_at")?, "suspended_at")?,
            session: SessionKey::from_bytes(bytes(row, "session")?),
            shown_by: ProcessId::from_bytes(bytes(row, "shown_by")?),
        });
    }
    Ok(suspensions)
}

/// Whether any End has ever been issued: most hubs never do.
pub(super) fn any_issued(connection: &Connection) -> Result<bool, rusqlite::Error> {
    connection.prepare("SELECT 1 FROM issued LIMIT 1")?.exists([])
}

/// The message by which this session was ended on its operator's behalf, if it was.
pub(super) fn issued_in(connection: &Connection, session: SessionKey) -> Result<Option<i64>, StoreError> {
    Ok(connection
        .prepare_cached("SELECT notification FROM issued WHERE session = ?1 AND ground = 'expired'")?
        .query_row([session.as_bytes()], |row| row.get(0))
        .optional()?)
}

/// A real message has shown that a session that was ended by mandate went on. `None` if that was known before; otherwise
/// the operator's suspension, which may be an older one.
pub(super) fn was_wrong(
    connection: &Connection,
    session: SessionKey,
    shown_by: i64,
    at: Timestamp,
) -> Result<Option<Suspension>, StoreError> {
    let of: Option<String> = connection
        .prepare_cached(
            "UPDATE issued SET wrong_at = ?2 WHERE session = ?1 AND ground = 'expired' AND wrong_at IS NULL
             RETURNING operator",
        )?
        .query_row(params![session.as_bytes(), micros(at)], |row| row.get(0))
        .optional()?;
    let Some(of) = of.as_deref().map(operator).transpose()? else { return Ok(None) };
    let shown_by: [u8; 16] = connection
        .prepare_cached("SELECT process FROM notification WHERE no = ?1")?
        .query_row([shown_by], |row| row.get(0))?;
    let shown_by = ProcessId::from_bytes(shown_by);
    connection
        .prepare_cached(
            "INSERT INTO mandate_suspension (operator, suspended_at, session, shown_by) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (operator) WHERE restored_at IS NULL DO NOTHING",
        )?
        .execute(params![of.key(), micros(at), session.as_bytes(), shown_by.as_bytes()])?;
    Ok(Some(Suspension { operator: of, at, session, shown_by }))
}

/// Who a message comes from, and the session that it is about: for a late yes that is not the one it is stored under.
pub(super) fn origin_of(
    connection: &Connection,
    notification: i64,
    stored: SessionKey,
) -> Result<(Origin, SessionKey), StoreError> {
    let session: Option<[u8; 16]> = connection
        .prepare_cached("SELECT session FROM issued WHERE notification = ?1")?
        .query_row([notification], |row| row.get(0))
        .optional()?;
    Ok(match session {
        Some(session) => (Origin::Mandate, SessionKey::from_bytes(session)),
        None => (Origin::Sender, stored),
    })
}

/// The Ends that were issued aside of a session's own messages: what they are stored under, and their numbers.
pub(super) fn aside_of(
    connection: &Connection,
    session: SessionKey,
) -> Result<Vec<(SessionKey, i64)>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT n.session, n.no FROM issued i JOIN notification n ON n.no = i.notification
         WHERE i.session = ?1 AND i.ground = 'late-yes' ORDER BY n.no",
    )?;
    let mut rows = statement.query([session.as_bytes()])?;
    let mut aside = Vec::new();
    while let Some(row) = rows.next()? {
        aside.push((SessionKey::from_bytes(bytes(row, "session")?), row.get("no")?));
    }
    Ok(aside)
}

/// Those of a session's messages, and those that were issued aside, in order of arrival.
pub(super) fn with_aside(
    connection: &Connection,
    session: SessionKey,
    mut known: Vec<Known>,
) -> Result<Vec<Known>, StoreError> {
    let aside = aside_of(connection, session)?;
    known.extend(aside.into_iter().map(|(_, no)| Known { no, digest: 0 }));
    known.sort_unstable_by_key(|known| known.no);
    Ok(known)
}

/// The bytes of a message, if they have not been erased.
pub(super) fn body(connection: &Connection, notification: i64) -> Result<Bytes, StoreError> {
    if erasure::is_erased(connection, notification)? {
        return Ok(Bytes::new());
    }
    let body: Vec<u8> = connection
        .prepare_cached("SELECT body FROM notification WHERE no = ?1")?
        .query_row([notification], |row| row.get(0))?;
    Ok(body.into())
}
