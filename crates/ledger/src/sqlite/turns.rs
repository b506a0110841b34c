//! The order within a session, on the rows of its open deliveries. The rules are the domain's ([`order`]); here they
//! meet the table.

use jiff::Timestamp;
use roamhub_core::delivery::{DeliveryNo, FinalState};
use roamhub_core::order::{self, Earlier, Standing, Turn};
use roamhub_core::ports::TurnNow;
use roamhub_core::{MessageKind, SessionKey};
use rusqlite::{Connection, params};

use super::book::OpenRow;
use super::history::write_history;
use super::in_hand::InHand;
use super::kept::Kept;
use super::rows::{contradiction, micros};
use super::{StoreError, cdr};

/// Whose turn it is, for the row `no` of this kind: the earlier rows by the domain's rules, and a later one only if it
/// is under way. A charge detail record stands outside the order.
pub(super) fn turn_of(no: i64, kind: MessageKind, open: &[OpenRow]) -> Turn {
    let takes_part = |kind| kind != MessageKind::ChargeDetailRecord;
    if takes_part(kind) && open.iter().any(|row| row.no > no && row.leased && takes_part(row.kind)) {
        return Turn::Wait;
    }
    let earlier = open.iter().filter(|row| row.no < no).map(|row| Earlier {
        delivery: DeliveryNo(row.no),
        kind: row.kind,
        standing: if row.leased { Standing::Leased } else { Standing::Deferred },
    });
    order::turn(kind, earlier)
}

/// Settles the turn of a leased row: supersedes what it overtakes, parks it if it must stay behind.
pub(super) fn settle_turn(
    connection: &Connection,
    in_hand: &mut InHand,
    session: SessionKey,
    open: &mut Vec<OpenRow>,
    no: i64,
    now: Timestamp,
) -> Result<TurnNow, StoreError> {
    let Some(row) = open.iter().find(|row| row.no == no).copied() else { return Ok(TurnNow::Lost) };
    // For a leased row a later leased one is no obstacle: that one waits for this one.
    let up_to_here = open.split(|row| row.no >= no).next().unwrap_or_default();
    match turn_of(no, row.kind, up_to_here) {
        Turn::Go { supersedes } => {
            supersede(connection, session, open, &supersedes, now)?;
            Ok(TurnNow::Go)
        }
        Turn::Wait => Ok(TurnNow::Wait),
        Turn::Behind => {
            in_hand.written(connection, session, open, no)?;
            park(connection, session, open, no, now)?;
            Ok(TurnNow::Behind)
        }
    }
}

/// Sets a delivery that has a row aside: whoever settles what it waits for makes it due again. It may itself have been what an earlier
/// parked one waited for, so that one's turn is looked at.
pub(super) fn park(
    connection: &Connection,
    session: SessionKey,
    open: &mut [OpenRow],
    no: i64,
    now: Timestamp,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE delivery SET lease_until = NULL, due_at = NULL WHERE session = ?1 AND no = ?2",
        )?
        .execute(params![session.as_bytes(), no])?;
    if let Some(row) = open.iter_mut().find(|row| row.no == no) {
        (row.leased, row.due) = (false, false);
    }
    promote(connection, session, open, now)?;
    Ok(())
}

/// Ends the deliveries that a newer message overtakes.
pub(super) fn supersede(
    connection: &Connection,
    session: SessionKey,
    open: &mut Vec<OpenRow>,
    overtaken: &[DeliveryNo],
    now: Timestamp,
) -> Result<(), StoreError> {
    for DeliveryNo(no) in overtaken {
        if let Some(row) = remove(connection, session, open, *no)? {
            write_history(connection, *no, row.notification, FinalState::Superseded, None, now)?;
            if row.has_pin {
                super::deliveries::overwrite_pin(connection, row.notification)?;
            }
        }
    }
    Ok(())
}

/// Ends being open for one delivery.
const DELETE: &str = "DELETE FROM delivery WHERE session = ?1 AND no = ?2";

/// Takes a delivery from the open ones. Its end is for the caller to write.
pub(super) fn remove(
    connection: &Connection,
    session: SessionKey,
    open: &mut Vec<OpenRow>,
    no: i64,
) -> Result<Option<OpenRow>, StoreError> {
    let Some(place) = open.iter().position(|row| row.no == no) else { return Ok(None) };
    let removed = connection.prepare_cached(DELETE)?.execute(params![session.as_bytes(), no])?;
    removed_from(open, place, removed).map(Some)
}

/// The same by the writer's kept statement, also for one in hand.
pub(super) fn remove_usual(
    kept: &mut Kept<'_>,
    in_hand: &mut InHand,
    session: SessionKey,
    open: &mut Vec<OpenRow>,
    no: i64,
) -> Result<Option<OpenRow>, StoreError> {
    let Some(place) = open.iter().position(|row| row.no == no) else { return Ok(None) };
    if open[place].unwritten.is_some() {
        let row = open.remove(place);
        in_hand.left(session, row);
        return Ok(Some(row));
    }
    let removed = kept.statement(DELETE)?.execute(params![session.as_bytes(), no])?;
    removed_from(open, place, removed).map(Some)
}

fn removed_from(open: &mut Vec<OpenRow>, place: usize, removed: usize) -> Result<OpenRow, StoreError> {
    let row = open.remove(place);
    if removed != 1 {
        return Err(contradiction("delivery", format!("no row {}, though it is open", row.no)));
    }
    Ok(row)
}

/// After any change in a session: parked deliveries whose turn has come are due now, and so is a charge detail record that
/// let an End go first. Returns their number.
pub(super) fn promote(
    connection: &Connection,
    session: SessionKey,
    open: &mut [OpenRow],
    now: Timestamp,
) -> Result<usize, StoreError> {
    let free: Vec<i64> = open
        .iter()
        .filter(|row| !row.leased && !row.due && matches!(turn_of(row.no, row.kind, open), Turn::Go { .. }))
        .map(|row| row.no)
        .collect();
    for row in open.iter_mut().filter(|row| free.contains(&row.no)) {
        connection
            .prepare_cached("UPDATE delivery SET due_at = ?3 WHERE session = ?1 AND no = ?2")?
            .execute(params![session.as_bytes(), row.no, micros(now)])?;
        row.due = true;
    }
    let record = open.iter().find(|row| row.kind == MessageKind::ChargeDetailRecord);
    match record {
        Some(record) if !open.iter().any(|row| row.kind == MessageKind::End) => {
            Ok(free.len() + cdr::waits_no_longer(connection, session, record, now)?)
        }
        _ => Ok(free.len()),
    }
}
