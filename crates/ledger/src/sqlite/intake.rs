//! Taking a notification in, in one transaction: is it a repeat, is the session open, is a Progress too soon, then the
//! notification, its delivery and whose turn it is.

use jiff::Timestamp;
use oicp::NotificationType;
use roamhub_core::ProcessId;
use roamhub_core::delivery::{DeliveryNo, FinalState, Lease};
use roamhub_core::ports::{Declined, Intake, Plan, Repeated, Sending, Taken, TurnNow};
use roamhub_core::retry::gives_up_at;
use rusqlite::{Connection, OptionalExtension, params};

use super::StoreError;
use super::rows::{bytes, contradiction, findings_json, instant, micros};
use super::tenure::Tenure;
use super::turns::{open_rows, settle_turn, write_history};

/// The token of a delivery's first lease.
const FIRST: u32 = 1;

pub(super) fn take_in(
    connection: &Connection,
    tenure: &Tenure,
    intake: &Intake,
) -> Result<Taken, StoreError> {
    if let Some(first) = first_of(connection, intake)? {
        return repeat(connection, tenure, intake, &first);
    }
    let session = match session_of(connection, intake)? {
        Ok(session) => session,
        Err(declined) => return Ok(Taken::Declined(declined)),
    };
    let notification = insert_notification(connection, intake)?;
    note_on_session(connection, intake, session)?;
    match intake.plan {
        Plan::Hold => {
            write_history(
                connection,
                tenure.number(),
                notification,
                FinalState::Held,
                None,
                intake.received_at,
            )?;
            Ok(Taken::Held)
        }
        Plan::Send { lease_until } => {
            Ok(Taken::Stored(owe(connection, tenure, intake, notification, FIRST, lease_until)?))
        }
    }
}

/// The first of several identical messages.
struct First {
    notification: i64,
    process: ProcessId,
    received_at: Timestamp,
}

fn first_of(connection: &Connection, intake: &Intake) -> Result<Option<First>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT no, process, received_at FROM notification
         WHERE session = ?1 AND substr(digest, 1, 8) = substr(?2, 1, 8) AND digest = ?2 AND operator = ?3",
    )?;
    let mut rows =
        statement.query(params![intake.session.as_bytes(), &intake.digest, intake.operator.key()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some(First {
        notification: row.get("no")?,
        process: ProcessId::from_bytes(bytes(row, "process")?),
        received_at: instant(row.get("received_at")?, "received_at")?,
    }))
}

fn repeat(
    connection: &Connection,
    tenure: &Tenure,
    intake: &Intake,
    first: &First,
) -> Result<Taken, StoreError> {
    let open = open_rows(connection, intake.session.as_bytes())?;
    let standing = match open.iter().find(|row| row.notification == first.notification) {
        Some(row) if row.leased => Repeated::UnderWay,
        Some(_) => Repeated::Deferred,
        None => ended_before(connection, tenure, intake, first)?,
    };
    Ok(Taken::Repeat { first: first.process, received_at: first.received_at, standing })
}

/// The first has ended: answered, overtaken, or to be tried once more.
fn ended_before(
    connection: &Connection,
    tenure: &Tenure,
    intake: &Intake,
    first: &First,
) -> Result<Repeated, StoreError> {
    let (word, acknowledgement, attempts): (String, Option<Vec<u8>>, u32) = connection
        .prepare_cached(
            "SELECT state, acknowledgement,
                    coalesce(number, (SELECT max(number) FROM attempt a WHERE a.delivery = h.delivery), 0)
             FROM delivery_history h WHERE notification = ?1
             ORDER BY replay IS NOT NULL AND state <> 'delivered', delivery DESC LIMIT 1",
        )?
        .query_row([first.notification], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?
        .ok_or_else(|| {
            contradiction("delivery_history", format!("nothing of notification {}", first.notification))
        })?;
    let state = FinalState::parse(&word).ok_or_else(|| contradiction("state", &word))?;
    match (state, acknowledgement, intake.plan) {
        (FinalState::Delivered, Some(acknowledgement), _) => {
            Ok(Repeated::Delivered { acknowledgement: acknowledgement.into() })
        }
        (FinalState::Delivered, None, _) => {
            Err(contradiction("acknowledgement", "nothing, though delivered"))
        }
        (FinalState::Superseded, ..) => Ok(Repeated::Superseded),
        (_, _, Plan::Hold) => Ok(Repeated::Held),
        (_, _, Plan::Send { lease_until }) => {
            // The provider can tell that it is a repeat: the attempts go on counting.
            let token = attempts.saturating_add(1);
            Ok(Repeated::Reopened(owe(connection, tenure, intake, first.notification, token, lease_until)?))
        }
    }
}

/// An open session of the sender.
#[derive(Clone, Copy)]
struct OpenSession {
    /// No message has named its EVSE yet.
    evse_unknown: bool,
    /// No message has named the operator's own id of it yet.
    cpo_id_unknown: bool,
}

fn session_of(connection: &Connection, intake: &Intake) -> Result<Result<OpenSession, Declined>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT operator, state, last_progress_at, evse IS NULL, cpo_partner_session_id IS NULL
         FROM session WHERE id = ?1",
    )?;
    let mut rows = statement.query([intake.session.as_bytes()])?;
    let Some(row) = rows.next()? else { return Ok(Err(Declined::SessionInvalid)) };
    let text = |column| row.get_ref(column)?.as_str().map_err(rusqlite::Error::from);
    if text(0)? != intake.operator.key() || text(1)? != "active" {
        return Ok(Err(Declined::SessionInvalid));
    }
    let last: Option<i64> = row.get(2)?;
    if intake.kind == NotificationType::Progress
        && let Some(last) = last
    {
        let last = instant(last, "last_progress_at")?;
        // A clock that was set back must not lock a session out.
        let since = intake.received_at.duration_since(last);
        if !since.is_negative() && since.unsigned_abs() < intake.progress_gap {
            return Ok(Err(Declined::TooSoon { last }));
        }
    }
    Ok(Ok(OpenSession { evse_unknown: row.get(3)?, cpo_id_unknown: row.get(4)? }))
}

fn insert_notification(connection: &Connection, intake: &Intake) -> Result<i64, StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO notification
                 (process, session, operator, provider, type, received_at, evse, digest, findings, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![
            intake.process.as_bytes(),
            intake.session.as_bytes(),
            intake.operator.key(),
            intake.provider.key(),
            intake.kind.as_str(),
            micros(intake.received_at),
            intake.evse.as_str(),
            &intake.digest,
            findings_json(&intake.findings),
            &intake.body[..],
        ])?;
    Ok(connection.last_insert_rowid())
}

/// The first notification that names the EVSE or the operator's own id completes the session; a Progress starts the
/// clock for the next. Most notifications change nothing.
fn note_on_session(connection: &Connection, intake: &Intake, session: OpenSession) -> Result<(), StoreError> {
    let progress_at = (intake.kind == NotificationType::Progress).then(|| micros(intake.received_at));
    let cpo_id = intake.cpo_partner_session_id.as_ref().filter(|_| session.cpo_id_unknown);
    if session.evse_unknown || cpo_id.is_some() || progress_at.is_some() {
        connection
            .prepare_cached(
                "UPDATE session SET last_progress_at = coalesce(?2, last_progress_at), evse = coalesce(evse, ?3),
                     cpo_partner_session_id = coalesce(cpo_partner_session_id, ?4)
                 WHERE id = ?1",
            )?
            .execute(params![
                intake.session.as_bytes(),
                progress_at,
                intake.evse.as_str(),
                cpo_id.map(|id| id.as_bytes()),
            ])?;
    }
    Ok(())
}

/// Inserts the delivery, leased to this request, and settles whose turn it is.
fn owe(
    connection: &Connection,
    tenure: &Tenure,
    intake: &Intake,
    notification: i64,
    token: u32,
    lease_until: Timestamp,
) -> Result<Sending, StoreError> {
    let earlier = open_rows(connection, intake.session.as_bytes())?;
    let no = tenure.number();
    let lease_until = micros(lease_until);
    connection
        .prepare_cached(
            "INSERT INTO delivery
                 (no, notification, session, provider, type, has_pin, token, lease_until, gives_up_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            no,
            notification,
            intake.session.as_bytes(),
            intake.provider.key(),
            intake.kind.as_str(),
            intake.has_pin,
            token,
            lease_until,
            micros(gives_up_at(intake.kind, intake.received_at)),
        ])?;
    let lease = Lease { delivery: DeliveryNo(no), token };
    tenure.leased(lease, lease_until);
    let turn: TurnNow =
        settle_turn(connection, intake.session.as_bytes(), no, intake.kind, &earlier, intake.received_at)?;
    Ok(Sending { lease, turn })
}
