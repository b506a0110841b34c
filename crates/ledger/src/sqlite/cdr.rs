//! Charge detail records: taken in and their session closed in one transaction, and found again by when they came.
//!
//! Reception times grow with the numbers, so a window is read in the order in which records were committed, and a page
//! never moves under its reader. Invariant: no record is committed with a reception time that lies in a window somebody
//! has been shown, up to the moment of the showing. Both are kept by [`Reception`]: whoever reads says up to where, and
//! what is taken in after that is received after that. Only a clock that is set back by more than a minute breaks it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use jiff::Timestamp;
use oicp::OperatorId;
use roamhub_core::allowance::Ticket;
use roamhub_core::delivery::FinalState;
use roamhub_core::ports::cdr::{
    CdrIntake, CdrListing, CdrNo, CdrPlan, CdrPort, CdrTaken, CdrWindow, KnownCdr,
};
use roamhub_core::ports::{LedgerError, LedgerTask};
use roamhub_core::rank::Rank;
use roamhub_core::retry::gives_up_at;
use roamhub_core::session::machine::{Answer, Record, What};
use roamhub_core::{MessageKind, ProcessId, SessionKey};
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};

use super::book::OpenRow;
use super::history::write_history;
use super::lately::Late;
use super::rows::{bytes, findings_json, instant, micros};
use super::runs::Known;
use super::writer::Desk;
use super::{Sqlite, StoreError, erasure};

/// A record counts as received so much later than it came at most, in microseconds: longer than any call lasts. What is
/// further ahead was written under a clock that has been set back since, and must not draw new records after it.
const MOST_LATER: i64 = 60_000_000;

/// Up to where windows have been read, in microseconds.
#[derive(Debug, Default)]
pub(super) struct Reception(AtomicI64);

impl Reception {
    /// A window has been read up to here; what is taken in from the next job on is received later.
    fn read_up_to(&self, instant: Timestamp) {
        self.0.fetch_max(micros(instant), Ordering::SeqCst);
    }

    /// When a record counts as received: not before the last one, not in a window that has been read.
    fn of(&self, connection: &Connection, arrived: Timestamp) -> Result<Timestamp, StoreError> {
        let last: Option<i64> = connection
            .prepare_cached("SELECT received_at FROM charge_detail_record ORDER BY no DESC LIMIT 1")?
            .query_row([], |row| row.get(0))
            .optional()?;
        let earliest = last.unwrap_or_default().max(self.0.load(Ordering::SeqCst)).saturating_add(1);
        let arrived = micros(arrived);
        let later = (arrived..=arrived.saturating_add(MOST_LATER)).contains(&earliest);
        instant(if later { earliest } else { arrived }, "received_at")
    }
}

impl CdrPort for Sqlite {
    fn take_in_cdr(&self, intake: Arc<CdrIntake>) -> LedgerTask<'_, CdrTaken> {
        if !self.space.room().takes(MessageKind::ChargeDetailRecord) {
            return Box::pin(std::future::ready(Err(LedgerError::Full)));
        }
        let reception = self.reception.clone();
        Box::pin(self.writer.work_as(Rank::Record, move |desk| take_in(desk, &intake, &reception)))
    }

    fn cdr_of(&self, session: SessionKey) -> LedgerTask<'_, Option<KnownCdr>> {
        Box::pin(self.readers.read(move |connection| known(connection, session)))
    }

    fn list_cdrs(
        &self,
        window: CdrWindow,
        now: Timestamp,
        offset: u64,
        limit: u64,
    ) -> LedgerTask<'_, CdrListing> {
        Box::pin(async move {
            self.reception.read_up_to(window.to.min(now));
            // What was taken in before that is committed when this is.
            self.writer.work(|_| Ok(())).await?;
            self.aside.read(move |connection| list(connection, &window, offset, limit)).await
        })
    }

    fn cdr_bodies(&self, numbers: Vec<CdrNo>, most: usize) -> LedgerTask<'_, Vec<Option<Bytes>>> {
        Box::pin(self.aside.read(move |connection| bodies(connection, &numbers, most)))
    }
}

fn take_in(desk: &mut Desk<'_>, intake: &CdrIntake, reception: &Reception) -> Result<CdrTaken, StoreError> {
    let facts = desk.book.facts(desk.connection, intake.session)?;
    let Some(facts) = facts.cloned() else { return Ok(CdrTaken::SessionInvalid) };
    let known = known(desk.connection, intake.session)?;
    let record = match &known {
        None => Record::First,
        Some(known) if known.digest == intake.digest => Record::Identical,
        Some(_) => Record::Another,
    };
    let step = facts.hears_operator(intake.operator.key(), What::ChargeDetailRecord(record));
    if let (Answer::Repeat, Some(known)) = (step.answer, &known) {
        return Ok(CdrTaken::Repeat(known.process));
    }
    if let Some(Err(too_often)) = intake.ticket.as_ref().map(Ticket::count) {
        return Ok(CdrTaken::TooOften(too_often));
    }
    if step.answer != Answer::Welcome || known.is_some() {
        return Ok(CdrTaken::SessionInvalid);
    }
    let received_at = reception.of(desk.connection, intake.received_at)?;
    let no = insert(desk.connection, intake, received_at, facts.medium)?;
    desk.runs.add(intake.session, Known::record(no, &intake.digest));
    let (session, kind) = (intake.session, MessageKind::ChargeDetailRecord);
    desk.lately.add(Late { no, session, kind, at: received_at });
    match intake.plan {
        CdrPlan::Hold => {
            let (state, delivery) = (FinalState::Held, desk.tenure.number());
            write_history(desk.connection, delivery, no, state, None, received_at)?;
        }
        CdrPlan::Owe { by } => owe(desk, intake, no, received_at, by)?,
    }
    desk.connection
        .prepare_cached("UPDATE session SET state = ?3, evse = coalesce(evse, ?2) WHERE id = ?1")?
        .execute(params![intake.session.as_bytes(), intake.evse.as_str(), step.next.stored().as_str()])?;
    desk.book.forget(intake.session);
    Ok(CdrTaken::Stored)
}

fn insert(
    connection: &Connection,
    intake: &CdrIntake,
    received_at: Timestamp,
    of_session: [u8; 32],
) -> Result<i64, StoreError> {
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
            MessageKind::ChargeDetailRecord.as_str(),
            micros(received_at),
            intake.evse.as_str(),
            &intake.digest,
            findings_json(&intake.findings),
            &intake.body[..],
        ])?;
    let no = connection.last_insert_rowid();
    let other_medium = (intake.medium != of_session).then_some(&intake.medium[..]);
    connection
        .prepare_cached(
            "INSERT INTO charge_detail_record (no, session, operator, provider, received_at, medium)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            no,
            intake.session.as_bytes(),
            intake.operator.key(),
            intake.provider.key(),
            micros(received_at),
            other_medium,
        ])?;
    Ok(no)
}

/// A delivery that nobody waits for: due at once, unless an End of the session is still owed.
fn owe(
    desk: &mut Desk<'_>,
    intake: &CdrIntake,
    notification: i64,
    received_at: Timestamp,
    by: Timestamp,
) -> Result<(), StoreError> {
    let Desk { connection, book, tenure, .. } = desk;
    let open = book.open(connection, intake.session)?;
    let behind_an_end = open.iter().any(|row| row.kind == MessageKind::End);
    let due_at = if behind_an_end { by } else { intake.received_at };
    connection
        .prepare_cached(
            "INSERT INTO delivery
                 (session, no, notification, provider, type, has_pin, token, due_at, gives_up_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?7, ?8)",
        )?
        .execute(params![
            intake.session.as_bytes(),
            tenure.number(),
            notification,
            intake.provider.key(),
            MessageKind::ChargeDetailRecord.as_str(),
            intake.has_pin,
            micros(due_at),
            micros(gives_up_at(MessageKind::ChargeDetailRecord, received_at)),
        ])?;
    Ok(())
}

/// No End of its session is owed any more: a record that has never been tried is due now. Returns how many were not.
pub(super) fn waits_no_longer(
    connection: &Connection,
    session: SessionKey,
    record: &OpenRow,
    now: Timestamp,
) -> Result<usize, StoreError> {
    if record.leased || record.token > 0 {
        return Ok(0);
    }
    let due = connection
        .prepare_cached("UPDATE delivery SET due_at = ?3 WHERE session = ?1 AND no = ?2 AND due_at > ?3")?
        .execute(params![session.as_bytes(), record.no, micros(now)])?;
    Ok(due)
}

/// The provider's endpoint has said yes to a message; for a record that is kept.
pub(super) fn forwarded(connection: &Connection, notification: i64, at: Timestamp) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE charge_detail_record SET forwarded_at = ?2 WHERE no = ?1 AND forwarded_at IS NULL",
        )?
        .execute(params![notification, micros(at)])?;
    Ok(())
}

/// The sessions whose record names this card or contract, though they began with another.
pub(super) fn sessions_naming(
    connection: &Connection,
    medium: &[u8; 32],
) -> Result<Vec<SessionKey>, StoreError> {
    let mut statement =
        connection.prepare_cached("SELECT session FROM charge_detail_record WHERE medium = ?1")?;
    let mut rows = statement.query([&medium[..]])?;
    let mut sessions = Vec::new();
    while let Some(row) = rows.next()? {
        sessions.push(SessionKey::from_bytes(bytes(row, "session")?));
    }
    Ok(sessions)
}

fn known(connection: &Connection, session: SessionKey) -> Result<Option<KnownCdr>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT n.process, n.digest FROM charge_detail_record c JOIN notification n ON n.no = c.no
         WHERE c.session = ?1",
    )?;
    let mut rows = statement.query([session.as_bytes()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    Ok(Some(KnownCdr {
        process: ProcessId::from_bytes(bytes(row, "process")?),
        digest: bytes(row, "digest")?,
    }))
}

fn list(
    connection: &Connection,
    window: &CdrWindow,
    offset: u64,
    limit: u64,
) -> Result<CdrListing, StoreError> {
    // The number and the page are of one moment.
    let snapshot = connection.unchecked_transaction()?;
    let (condition, mut values) = condition(window);
    let total: i64 = snapshot
        .prepare(&format!("SELECT count(*) FROM charge_detail_record c WHERE {condition}"))?
        .query_row(params_from_iter(&values), |row| row.get(0))?;
    let whole = |number: u64| Value::Integer(i64::try_from(number).unwrap_or(i64::MAX));
    values.extend([whole(limit), whole(offset)]);
    let mut statement = snapshot.prepare(&format!(
        "SELECT c.no FROM charge_detail_record c WHERE {condition} ORDER BY c.received_at, c.no LIMIT ? OFFSET ?"
    ))?;
    let page = statement.query_map(params_from_iter(&values), |row| Ok(CdrNo(row.get(0)?)))?;
    Ok(CdrListing { total: total.unsigned_abs(), page: page.collect::<Result<_, _>>()? })
}

/// The window as SQL, and its values in order.
fn condition(window: &CdrWindow) -> (String, Vec<Value>) {
    let CdrWindow { provider, from, to, sessions, operators, forwarded } = window;
    let mut condition = "c.provider = ? AND c.received_at >= ? AND c.received_at <= ?
         AND NOT EXISTS (SELECT 1 FROM erasure e WHERE e.notification = c.no)"
        .to_owned();
    let operator = |id: &OperatorId| Value::Text(id.key().to_owned());
    let provider = Value::Text(provider.key().to_owned());
    let mut values = vec![provider, Value::Integer(micros(*from)), Value::Integer(micros(*to))];
    let mut among = |column: &str, wanted: Vec<Value>| {
        if !wanted.is_empty() {
            let marks = vec!["?"; wanted.len()].join(", ");
            condition.push_str(&format!(" AND {column} IN ({marks})"));
            values.extend(wanted);
        }
    };
    among("c.session", sessions.iter().map(|key| Value::Blob(key.as_bytes().to_vec())).collect());
    among("c.operator", operators.iter().map(operator).collect());
    match forwarded {
        Some(true) => condition.push_str(" AND c.forwarded_at IS NOT NULL"),
        Some(false) => condition.push_str(" AND c.forwarded_at IS NULL"),
        None => {}
    }
    (condition, values)
}

fn bodies(connection: &Connection, numbers: &[CdrNo], most: usize) -> Result<Vec<Option<Bytes>>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT body FROM notification WHERE no = ?1")?;
    let (mut bodies, mut size) = (Vec::new(), 0_usize);
    for CdrNo(no) in numbers {
        if size >= most {
            break;
        }
        let body = match erasure::is_erased(connection, *no)? {
            true => None,
            false => Some(Bytes::from(statement.query_row([no], |row| row.get::<_, Vec<u8>>(0))?)),
        };
        size = size.saturating_add(body.as_ref().map_or(0, Bytes::len));
        bodies.push(body);
    }
    Ok(bodies)
}
