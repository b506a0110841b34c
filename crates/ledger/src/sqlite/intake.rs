//! Taking a notification in, in one transaction: is it a repeat, is the session open, is a Progress too soon, then the
//! notification, its delivery and whose turn it is.

use jiff::Timestamp;
use roamhub_core::allowance::Ticket;
use roamhub_core::delivery::{DeliveryNo, FinalState, Lease};
use roamhub_core::ports::{Declined, Intake, Plan, Repeated, Sending, Taken};
use roamhub_core::retry::gives_up_at;
use roamhub_core::session::SessionState;
use roamhub_core::session::machine::{Answer, What};
use roamhub_core::{MessageKind, ProcessId};
use rusqlite::{OptionalExtension, params};

use super::book::OpenRow;
use super::history::write_history;
use super::in_hand::Unwritten;
use super::lately::Late;
use super::rows::{bytes, contradiction, findings_json, instant, micros};
use super::runs::Known;
use super::tenure::Taken as TakenIn;
use super::turns::settle_turn;
use super::writer::Desk;
use super::{StoreError, in_hand};

/// The token of a delivery's first lease.
const FIRST: u32 = 1;

pub(super) fn take_in(desk: &mut Desk<'_>, intake: &Intake) -> Result<Taken, StoreError> {
    if let Some(first) = first_of(desk, intake)? {
        return repeat(desk, intake, &first);
    }
    // Repeats do not count, and this is where they are told from what is new.
    if let Some(Err(too_often)) = intake.ticket.as_ref().map(Ticket::count) {
        return Ok(Taken::Declined(Declined::TooOften(too_often)));
    }
    let next = match welcomed(desk, intake)? {
        Ok(next) => next,
        Err(declined) => return Ok(Taken::Declined(declined)),
    };
    let delivery = match intake.plan {
        Plan::Send { .. } => Some(desk.tenure.number()),
        Plan::Hold => None,
    };
    let notification = insert_notification(desk, intake, delivery)?;
    let known = Known::notification(notification, &intake.digest);
    desk.runs.add(intake.session, known);
    let (session, kind, at) = (intake.session, intake.kind, intake.received_at);
    desk.lately.add(Late { no: notification, session, kind, at });
    desk.book.messages(desk.connection, intake.session)?.insert(known.digest, known.no);
    note_on_session(desk, intake, next)?;
    match (intake.plan, delivery) {
        (Plan::Send { lease_until }, Some(no)) => {
            Ok(Taken::Stored(take_in_hand(desk, intake, notification, no, lease_until)?))
        }
        _ => {
            write_history(
                desk.connection,
                desk.tenure.number(),
                notification,
                FinalState::Held,
                None,
                intake.received_at,
            )?;
            Ok(Taken::Held)
        }
    }
}

/// The first of several identical messages.
struct First {
    notification: i64,
    process: ProcessId,
    received_at: Timestamp,
}

fn first_of(desk: &mut Desk<'_>, intake: &Intake) -> Result<Option<First>, StoreError> {
    let Desk { connection, book, .. } = desk;
    let messages = book.messages(connection, intake.session)?;
    let Some(no) = messages.get(&Known::part_of(&intake.digest)) else { return Ok(None) };
    let mut statement = connection.prepare_cached(
        "SELECT no, process, received_at FROM notification WHERE no = ?1 AND digest = ?2 AND operator = ?3",
    )?;
    let mut rows = statement.query(params![no, &intake.digest, intake.operator.key()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some(First {
        notification: row.get("no")?,
        process: ProcessId::from_bytes(bytes(row, "process")?),
        received_at: instant(row.get("received_at")?, "received_at")?,
    }))
}

fn repeat(desk: &mut Desk<'_>, intake: &Intake, first: &First) -> Result<Taken, StoreError> {
    let open = desk.book.open(desk.connection, intake.session)?;
    let standing = match open.iter().find(|row| row.notification == first.notification) {
        Some(row) if row.leased => Repeated::UnderWay,
        Some(_) => Repeated::Deferred,
        None => ended_before(desk, intake, first)?,
    };
    Ok(Taken::Repeat { first: first.process, received_at: first.received_at, standing })
}

/// The first has ended: answered, overtaken, or to be tried once more.
fn ended_before(desk: &mut Desk<'_>, intake: &Intake, first: &First) -> Result<Repeated, StoreError> {
    let (word, acknowledgement, attempts): (String, Option<Vec<u8>>, u32) = desk
        .connection
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
        (FinalState::Fetched, ..) => Ok(Repeated::Fetched),
        (_, _, Plan::Hold) => Ok(Repeated::Held),
        (_, _, Plan::Send { lease_until }) => {
            // The provider can tell that it is a repeat: the attempts go on counting.
            let token = attempts.saturating_add(1);
            Ok(Repeated::Reopened(owe_again(desk, intake, first.notification, token, lease_until)?))
        }
    }
}

/// The session's state with this message, or why it is not taken in.
fn welcomed(desk: &mut Desk<'_>, intake: &Intake) -> Result<Result<SessionState, Declined>, StoreError> {
    let Some(facts) = desk.book.facts(desk.connection, intake.session)? else {
        return Ok(Err(Declined::SessionInvalid));
    };
    let step = facts.hears_operator(intake.operator.key(), What::from(intake.kind));
    if step.answer != Answer::Welcome {
        return Ok(Err(Declined::SessionInvalid));
    }
    if intake.kind == MessageKind::Progress
        && let Some(last) = facts.last_progress_at
    {
        // A clock that was set back must not lock a session out.
        let since = intake.received_at.duration_since(last);
        if !since.is_negative() && since.unsigned_abs() < intake.progress_gap {
            return Ok(Err(Declined::TooSoon { last }));
        }
    }
    Ok(Ok(step.next))
}

fn insert_notification(
    desk: &mut Desk<'_>,
    intake: &Intake,
    delivery: Option<i64>,
) -> Result<i64, StoreError> {
    desk.kept
        .statement(
            "INSERT INTO notification
                 (process, session, operator, provider, type, received_at, evse, digest, findings, body, delivery)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
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
            delivery,
        ])?;
    Ok(desk.connection.last_insert_rowid())
}

/// The first notification that names the EVSE or the operator's own id completes the session; a Progress starts the
/// clock for the next; a sign of life from a session that was in doubt confirms it. Most notifications change nothing.
fn note_on_session(desk: &mut Desk<'_>, intake: &Intake, next: SessionState) -> Result<(), StoreError> {
    let Desk { connection, book, .. } = desk;
    let Some(facts) = book.facts(connection, intake.session)? else { return Ok(()) };
    let progress = intake.kind == MessageKind::Progress;
    let cpo_id = intake.cpo_partner_session_id.as_ref().filter(|_| !facts.has_cpo_id);
    let state = (next.stored() != facts.life.state.stored()).then_some(next.stored());
    facts.life.state = next;
    if facts.has_evse && cpo_id.is_none() && !progress && state.is_none() {
        return Ok(());
    }
    connection
        .prepare_cached(
            "UPDATE session SET last_progress_at = coalesce(?2, last_progress_at), evse = coalesce(evse, ?3),
                 cpo_partner_session_id = coalesce(cpo_partner_session_id, ?4), state = coalesce(?5, state)
             WHERE id = ?1",
        )?
        .execute(params![
            intake.session.as_bytes(),
            progress.then(|| micros(intake.received_at)),
            intake.evse.as_str(),
            cpo_id.map(|id| id.as_bytes()),
            state.map(SessionState::as_str),
        ])?;
    facts.has_evse = true;
    facts.has_cpo_id |= cpo_id.is_some();
    if progress {
        facts.last_progress_at = Some(intake.received_at);
    }
    Ok(())
}

/// The usual delivery: in the hand of this request, without a row.
fn take_in_hand(
    desk: &mut Desk<'_>,
    intake: &Intake,
    notification: i64,
    no: i64,
    lease_until: Timestamp,
) -> Result<Sending, StoreError> {
    let row = leased_row(intake, notification, no, FIRST, lease_until);
    desk.in_hand.came(intake.session, &row);
    lease(desk, intake, row, lease_until)
}

/// A delivery of a message that has ended before: it has a row, leased to this request.
fn owe_again(
    desk: &mut Desk<'_>,
    intake: &Intake,
    notification: i64,
    token: u32,
    lease_until: Timestamp,
) -> Result<Sending, StoreError> {
    let mut row = leased_row(intake, notification, desk.tenure.number(), token, lease_until);
    if let Some(unwritten) = row.unwritten.take() {
        // Its page is read first: a row that is there already would be read as another one.
        desk.book.open(desk.connection, intake.session)?;
        in_hand::insert(desk.connection, intake.session, &row, &unwritten)?;
    }
    lease(desk, intake, row, lease_until)
}

fn leased_row(intake: &Intake, notification: i64, no: i64, token: u32, lease_until: Timestamp) -> OpenRow {
    let unwritten = Unwritten {
        provider: intake.provider,
        lease_until: micros(lease_until),
        gives_up_at: micros(gives_up_at(intake.kind, intake.received_at)),
    };
    let (kind, has_pin) = (intake.kind, intake.has_pin);
    OpenRow { no, notification, kind, has_pin, token, leased: true, due: false, unwritten: Some(unwritten) }
}

/// Leases the delivery to this request, and settles whose turn it is.
fn lease(
    desk: &mut Desk<'_>,
    intake: &Intake,
    row: OpenRow,
    lease_until: Timestamp,
) -> Result<Sending, StoreError> {
    let Desk { connection, book, in_hand, tenure, .. } = desk;
    let medium = book.facts(connection, intake.session)?.map(|facts| facts.medium);
    let open = book.open(connection, intake.session)?;
    open.push(row);
    let lease = Lease { delivery: DeliveryNo(row.no), token: row.token };
    let (notification, provider) = (row.notification, intake.provider);
    let taken = TakenIn { notification, provider, medium: medium.filter(|_| row.kind == MessageKind::End) };
    tenure.taken_in(lease, intake.session, micros(lease_until), taken);
    let turn = settle_turn(connection, in_hand, intake.session, open, row.no, intake.received_at)?;
    Ok(Sending { lease, turn })
}
