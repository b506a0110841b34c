//! Deliveries wait for instants; when the clock is set, those instants move.

use jiff::{SignedDuration, Timestamp};
use rusqlite::params;

use super::StoreError;
use super::rows::micros;
use super::writer::Desk;

/// The year 9000, in microseconds: as late as it gets.
const LATEST: i64 = 221_845_392_000_000_000;

/// Set back: due that much earlier. Set forwards: Ends, Errors, charge detail records and replays are given up that much later.
pub(super) fn clock_stepped(desk: &mut Desk<'_>, by: SignedDuration) -> Result<usize, StoreError> {
    let Desk { connection, book, in_hand, .. } = desk;
    let step = i64::try_from(by.unsigned_abs().as_micros()).unwrap_or(i64::MAX / 2);
    if by.is_negative() {
        let earliest = micros(Timestamp::UNIX_EPOCH);
        let earlier = "UPDATE delivery SET due_at = max(due_at - ?1, ?2) WHERE due_at IS NOT NULL";
        let owed = connection.execute(earlier, params![step, earliest])?;
        let earlier = "UPDATE replay_delivery SET due_at = max(due_at - ?1, ?2) WHERE due_at IS NOT NULL";
        return Ok(owed + connection.execute(earlier, params![step, earliest])?);
    }
    for session in book.sessions_in_hand() {
        in_hand.all_written(connection, session, book.open(connection, session)?)?;
    }
    let later = "UPDATE delivery SET gives_up_at = min(gives_up_at + ?1, ?2) WHERE type IN ('End', 'Error', 'ChargeDetailRecord')";
    let owed = connection.execute(later, params![step, LATEST])?;
    let later = "UPDATE replay_delivery SET gives_up_at = min(gives_up_at + ?1, ?2)";
    Ok(owed + connection.execute(later, params![step, LATEST])?)
}
