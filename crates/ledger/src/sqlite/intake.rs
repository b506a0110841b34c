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
use super::turns::{open_rows, settle_turn, write_history};

/// The token of a delivery's first lease.
const FIRST: u32 = 1;

pub(super) fn take_in(connection: &Connection, intake: &Intake) -> Result<Taken, StoreError> {
    if let Some(first) = first_of(connection, intake)? {
        return repeat(connection, intake, &first);
    }
    if let Some(declined) = decline(connection, intake)? {
        return Ok(Taken::Declined(declined));
    }
    let notification = insert_notification(connection, intake)?;
    note_on_session(connection, intake)?;
    match intake.plan {
        Plan::Hold => {
            hold(connection, intake, notification)?;
            Ok(Taken::Held)
        }
        Plan::Send { lease_until } => Ok(Taken::Stored(owe(connection, intake, notification, lease_until)?)),
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
        "SELECT no, process, received_at FROM notification WHERE session = ?1 AND digest = ?2 AND operator = ?3",
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

fn repeat(connection: &Connection, intake: &Intake, first: &First) -> Result<Taken, StoreError> {
    let open = open_rows(connection, intake.session.as_bytes())?;
    let standing = match open.iter().find(|row| row.notification == first.notification) {
        Some(row) if row.leased => Repeated::UnderWay,
        Some(_) => Repeated::Deferred,
        None => ended_before(connection, intake, first)?,
    };
    Ok(Taken::Repeat { first: first.process, received_at: first.received_at, standing })
}

/// The first has ended: answered, overtaken, or to be tried once more.
fn ended_before(connection: &Connection, intake: &Intake, first: &First) -> Result<Repeated, StoreError> {
    let (delivery, word): (i64, String) = connection
        .prepare_cached(
            "SELECT delivery, state FROM delivery_history WHERE notification = ?1 ORDER BY delivery DESC LIMIT 1",
        )?
        .query_row([first.notification], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?
        .ok_or_else(|| contradiction("delivery_history", format!("nothing of notification {}", first.notification)))?;
    let state = FinalState::parse(&word).ok_or_else(|| contradiction("state", &word))?;
    match (state, intake.plan) {
        (FinalState::Delivered, _) => {
            Ok(Repeated::Delivered { acknowledgement: acknowledgement_of(connection, delivery)?.into() })
        }
        (FinalState::Superseded, _) => Ok(Repeated::Superseded),
        (_, Plan::Hold) => Ok(Repeated::Held),
        (_, Plan::Send { lease_until }) => {
            Ok(Repeated::Reopened(owe(connection, intake, first.notification, lease_until)?))
        }
    }
}

fn acknowledgement_of(connection: &Connection, delivery: i64) -> Result<Vec<u8>, StoreError> {
    connection
        .prepare_cached(
            "SELECT acknowledgement FROM attempt WHERE delivery = ?1 AND NOT late AND acknowledgement IS NOT NULL
             ORDER BY number DESC LIMIT 1",
        )?
        .query_row([delivery], |row| row.get(0))
        .optional()?
        .ok_or_else(|| contradiction("attempt", format!("no acknowledgement of delivery {delivery}")))
}

fn decline(connection: &Connection, intake: &Intake) -> Result<Option<Declined>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT operator, state, last_progress_at FROM session WHERE id = ?1")?;
    let mut rows = statement.query([intake.session.as_bytes()])?;
    let Some(row) = rows.next()? else { return Ok(Some(Declined::SessionInvalid)) };
    let (operator, state): (String, String) = (row.get(0)?, row.get(1)?);
    if operator != intake.operator.key() || state != "active" {
        return Ok(Some(Declined::SessionInvalid));
    }
    let last: Option<i64> = row.get(2)?;
    if intake.kind == NotificationType::Progress
        && let Some(last) = last
    {
        let last = instant(last, "last_progress_at")?;
        // A clock that was set back must not lock a session out.
        let since = intake.received_at.duration_since(last);
        if !since.is_negative() && since.unsigned_abs() < intake.progress_gap {
            return Ok(Some(Declined::TooSoon { last }));
        }
    }
    Ok(None)
}

fn insert_notification(connection: &Connection, intake: &Intake) -> Result<i64, StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO notification
                 (process, session, operator, provider, type, received_at, evse, digest, findings, has_pin, body)
             SELECT ?1, ?2, ?3, provider, ?4, ?5, ?6, ?7, ?8, ?9, ?10 FROM session WHERE id = ?2",
        )?
        .execute(params![
            intake.process.as_bytes(),
            intake.session.as_bytes(),
            intake.operator.key(),
            intake.kind.as_str(),
            micros(intake.received_at),
            intake.evse.as_str(),
            &intake.digest,
            findings_json(&intake.findings),
            intake.has_pin,
            &intake.body[..],
        ])?;
    Ok(connection.last_insert_rowid())
}

/// The first notification that names the EVSE or the operator's own id completes the session.
fn note_on_session(connection: &Connection, intake: &Intake) -> Result<(), StoreError> {
    let progress_at = (intake.kind == NotificationType::Progress).then(|| micros(intake.received_at));
    // Written only where it changes something: most notifications change nothing.
    connection
        .prepare_cached(
            "UPDATE session SET last_progress_at = coalesce(?2, last_progress_at), evse = coalesce(evse, ?3),
                 cpo_partner_session_id = coalesce(cpo_partner_session_id, ?4)
             WHERE id = ?1 AND (?2 IS NOT NULL OR evse IS NULL
                 OR (cpo_partner_session_id IS NULL AND ?4 IS NOT NULL))",
        )?
        .execute(params![
            intake.session.as_bytes(),
            progress_at,
            intake.evse.as_str(),
            intake.cpo_partner_session_id.as_ref().map(|id| id.as_bytes()),
        ])?;
    Ok(())
}

/// Inserts the delivery, leased to this request, and settles whose turn it is.
fn owe(
    connection: &Connection,
    intake: &Intake,
    notification: i64,
    lease_until: Timestamp,
) -> Result<Sending, StoreError> {
    let no = insert_delivery(connection, intake, notification, Some(lease_until))?;
    let open = open_rows(connection, intake.session.as_bytes())?;
    let turn: TurnNow =
        settle_turn(connection, intake.session.as_bytes(), no, intake.kind, &open, intake.received_at)?;
    Ok(Sending { lease: Lease { delivery: DeliveryNo(no), token: FIRST }, turn })
}

fn insert_delivery(
    connection: &Connection,
    intake: &Intake,
    notification: i64,
    lease_until: Option<Timestamp>,
) -> Result<i64, StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO delivery (notification, session, provider, type, token, lease_until, gives_up_at)
             SELECT ?1, ?2, provider, ?3, ?4, ?5, ?6 FROM notification WHERE no = ?1",
        )?
        .execute(params![
            notification,
            intake.session.as_bytes(),
            intake.kind.as_str(),
            FIRST,
            lease_until.map(micros),
            micros(gives_up_at(intake.kind, intake.received_at)),
        ])?;
    Ok(connection.last_insert_rowid())
}

/// A delivery that nobody can make: it is born ended, and the number is taken all the same.
fn hold(connection: &Connection, intake: &Intake, notification: i64) -> Result<(), StoreError> {
    let no = insert_delivery(connection, intake, notification, None)?;
    connection.prepare_cached("DELETE FROM delivery WHERE no = ?1")?.execute([no])?;
    write_history(connection, no, notification, FinalState::Held, None, intake.received_at)
}
