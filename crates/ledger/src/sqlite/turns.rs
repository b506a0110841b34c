//! The order within a session, on the rows of its open deliveries. The rules are the domain's ([`order`]); here they
//! meet the table.

use jiff::Timestamp;
use oicp::NotificationType;
use roamhub_core::delivery::{DeliveryNo, FinalState};
use roamhub_core::order::{self, Earlier, Standing, Turn};
use roamhub_core::ports::TurnNow;
use rusqlite::{Connection, params};

use super::StoreError;
use super::rows::{kind, micros};

/// An open delivery of a session, as far as order is concerned.
#[derive(Clone, Copy, Debug)]
pub(super) struct OpenRow {
    pub(super) no: i64,
    pub(super) notification: i64,
    pub(super) kind: NotificationType,
    pub(super) token: u32,
    pub(super) leased: bool,
    pub(super) due: bool,
}

/// The open deliveries of a session in order of arrival.
pub(super) fn open_rows(connection: &Connection, session: &[u8]) -> Result<Vec<OpenRow>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT no, notification, type, token, lease_until IS NOT NULL, due_at IS NOT NULL
         FROM delivery WHERE session = ?1 ORDER BY no",
    )?;
    let mut rows = statement.query([session])?;
    let mut open = Vec::new();
    while let Some(row) = rows.next()? {
        open.push(OpenRow {
            no: row.get(0)?,
            notification: row.get(1)?,
            kind: kind(row.get_ref(2)?.as_str().map_err(rusqlite::Error::from)?)?,
            token: row.get(3)?,
            leased: row.get(4)?,
            due: row.get(5)?,
        });
    }
    Ok(open)
}

/// Whose turn it is, for the row `no` of type `kind`: the earlier rows by the domain's rules, and a later one only
/// if it is under way.
pub(super) fn turn_of(no: i64, kind: NotificationType, open: &[OpenRow]) -> Turn {
    if open.iter().any(|row| row.no > no && row.leased) {
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
    session: &[u8],
    no: i64,
    kind: NotificationType,
    open: &[OpenRow],
    now: Timestamp,
) -> Result<TurnNow, StoreError> {
    // For a leased row a later leased one is no obstacle: that one waits for this one.
    let up_to_here = open.split(|row| row.no >= no).next().unwrap_or_default();
    match turn_of(no, kind, up_to_here) {
        Turn::Go { supersedes } => {
            supersede(connection, &supersedes, open, now)?;
            Ok(TurnNow::Go)
        }
        Turn::Wait => Ok(TurnNow::Wait),
        Turn::Behind => {
            park(connection, session, no, now)?;
            Ok(TurnNow::Behind)
        }
    }
}

/// Sets a delivery aside: whoever settles what it waits for makes it due again. It may itself have been what an earlier
/// parked one waited for, so that one's turn is looked at.
pub(super) fn park(
    connection: &Connection,
    session: &[u8],
    no: i64,
    now: Timestamp,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE delivery SET lease_until = NULL, due_at = NULL WHERE no = ?1")?
        .execute([no])?;
    promote(connection, session, now)?;
    Ok(())
}

/// Ends the deliveries that a newer message overtakes.
pub(super) fn supersede(
    connection: &Connection,
    overtaken: &[DeliveryNo],
    open: &[OpenRow],
    now: Timestamp,
) -> Result<(), StoreError> {
    for row in open.iter().filter(|row| overtaken.contains(&DeliveryNo(row.no))) {
        end(connection, row.no, row.notification, FinalState::Superseded, None, now)?;
    }
    Ok(())
}

/// Moves a delivery from the open ones to the history.
pub(super) fn end(
    connection: &Connection,
    no: i64,
    notification: i64,
    state: FinalState,
    reason: Option<&str>,
    now: Timestamp,
) -> Result<(), StoreError> {
    connection.prepare_cached("DELETE FROM delivery WHERE no = ?1")?.execute([no])?;
    write_history(connection, no, notification, state, reason, now)
}

/// Writes a delivery's end.
pub(super) fn write_history(
    connection: &Connection,
    no: i64,
    notification: i64,
    state: FinalState,
    reason: Option<&str>,
    now: Timestamp,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO delivery_history (notification, delivery, state, reason, ended_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![notification, no, state.as_str(), reason, micros(now)])?;
    Ok(())
}

/// After any change in a session: parked deliveries whose turn has come are due now. Returns their number.
pub(super) fn promote(connection: &Connection, session: &[u8], now: Timestamp) -> Result<usize, StoreError> {
    let open = open_rows(connection, session)?;
    let parked = open.iter().filter(|row| !row.leased && !row.due);
    let mut promoted = 0;
    for row in parked {
        if matches!(turn_of(row.no, row.kind, &open), Turn::Go { .. }) {
            connection
                .prepare_cached("UPDATE delivery SET due_at = ?2 WHERE no = ?1")?
                .execute(params![row.no, micros(now)])?;
            promoted += 1;
        }
    }
    Ok(promoted)
}
