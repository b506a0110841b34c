//! Removing what is too old, from the front of each tree, a slice at a time: why so, is in
//! `docs/decisions/0018-retention.md`.
//!
//! Each slice is found on a reader and carried out as one job of the writer, which judges each row again. Invariants:
//! * what is still owed, held (within its bound), not yet in its feed, or of a session that is not over, stays;
//! * a session is there as long as any of its messages, so a repeat always finds its first;
//! * the newest message is never removed: the next one would get its number;
//! * a slice is committed whole or not at all, and a pass that was killed begins anew where the last slice ended.

mod bodies;
mod judge;
mod messages;
pub(super) mod outlook;
pub(super) mod records;
mod sweeps;

use std::collections::HashSet;
use std::time::Duration;

use jiff::Timestamp;
use roamhub_core::ports::LedgerTask;
use roamhub_core::ports::retention::{KeptRecord, RetentionPort};
use roamhub_core::retention::{Ages, Counts, Kind, Outlook, Pass, Slice};
use roamhub_core::room::Room;
use rusqlite::{Connection, OptionalExtension, params};

use super::rows::micros;
use super::writer::Desk;
use super::{Sqlite, StoreError, erasure};

/// Rows that one slice looks at: a millisecond or two of the writer's time.
const SLICE: usize = 32;
/// Bytes of bodies that one slice overwrites, about: long bodies make shorter slices.
const SLICE_BYTES: i64 = 256 * 1024;
/// How long the writer may be held up by cutting the log after a pass.
const HOLD_UP: Duration = Duration::from_millis(20);
/// How often that is tried. What was not cut is overwritten by the next messages anyway.
const TRIES: u32 = 10;
/// Passes that are remembered.
const PASSES: i64 = 100;

/// What a slice works with.
#[derive(Clone, Debug)]
struct Work {
    ages: Ages,
    now: Timestamp,
    /// What came in later is too young, in microseconds.
    cutoff: i64,
    /// How many rows are looked at.
    limit: usize,
    /// Sessions with something in hand, which only the writer knows.
    in_hand: HashSet<[u8; 16]>,
}

/// A slice that was found: the numbers to look at more closely, and where the next one begins.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
struct Found {
    numbers: Vec<i64>,
    next: Option<i64>,
}

impl RetentionPort for Sqlite {
    fn retain(&self, kind: Kind, ages: Ages, from: i64, now: Timestamp) -> LedgerTask<'_, Slice> {
        Box::pin(async move {
            let cutoff = kind.cutoff(&ages, now);
            // What is left of a full disk is for Ends and outcomes.
            let Some(cutoff) = cutoff.filter(|_| self.space.room() != Room::Reserve) else {
                return Ok(Slice::default());
            };
            let work = Work { ages, now, cutoff: micros(cutoff), limit: SLICE, in_hand: HashSet::new() };
            if kind == Kind::Messages {
                self.save_feed_mark().await?;
            }
            match kind {
                Kind::Bodies | Kind::Requests | Kind::Records | Kind::Messages | Kind::Authorisations => {
                    let looking = work.clone();
                    let found =
                        self.aside.read(move |connection| find(connection, kind, &looking, from)).await?;
                    if found.numbers.is_empty() {
                        return Ok(Slice { removed: 0, next: found.next });
                    }
                    self.writer.work(move |desk| carry_out(desk, kind, &work, &found)).await
                }
                Kind::Runs => self.writer.work(messages::drop_runs).await,
                Kind::KeptRecords | Kind::Cards | Kind::Uploads | Kind::Refusals | Kind::Audit => {
                    self.sweep(kind, work, from).await
                }
            }
        })
    }

    fn end_pass(&self, pass: Pass) -> LedgerTask<'_, ()> {
        Box::pin(async move {
            if !pass.removed.is_empty() {
                self.aside.read(|connection| erasure::cut_log(connection, HOLD_UP, TRIES)).await?;
            }
            self.writer.write(move |connection| outlook::keep(connection, &pass)).await
        })
    }

    fn outlook(&self, ages: Ages, now: Timestamp) -> LedgerTask<'_, Outlook> {
        Box::pin(async move {
            self.save_feed_mark().await?;
            self.aside.read(move |connection| outlook::outlook(connection, &ages, now)).await
        })
    }

    fn would_leave(&self, ages: Ages, now: Timestamp) -> LedgerTask<'_, Counts> {
        Box::pin(async move {
            self.save_feed_mark().await?;
            outlook::would_leave(self, ages, now).await
        })
    }

    fn kept_records(&self, after: i64, limit: usize) -> LedgerTask<'_, Vec<KeptRecord>> {
        Box::pin(self.aside.read(move |connection| records::kept(connection, after, limit)))
    }
}

impl Sqlite {
    /// The sequencer keeps its mark in memory; what is removed must lie behind the one that a crash would go back to.
    async fn save_feed_mark(&self) -> Result<(), roamhub_core::ports::LedgerError> {
        let Some(mark) = self.sequencer.mark().await else { return Ok(()) };
        let saved = self.aside.read(judge::feed_mark).await?;
        if saved >= mark {
            return Ok(());
        }
        self.writer
            .write(move |connection| {
                connection.prepare_cached("UPDATE feed_mark SET no = ?1 WHERE no < ?1")?.execute([mark])?;
                Ok(())
            })
            .await
    }
}

/// What a slice would look at; read-only.
fn find(connection: &Connection, kind: Kind, work: &Work, from: i64) -> Result<Found, StoreError> {
    match kind {
        Kind::Bodies => bodies::find(connection, work, from),
        Kind::Requests => bodies::find_requests(connection, work, from),
        Kind::Records => records::find(connection, work, from),
        Kind::Messages => messages::find(connection, work, from),
        Kind::Authorisations => messages::find_authorisations(connection, work, from),
        Kind::Runs | Kind::KeptRecords | Kind::Cards | Kind::Uploads | Kind::Refusals | Kind::Audit => {
            Ok(Found::default())
        }
    }
}

fn carry_out(desk: &mut Desk<'_>, kind: Kind, work: &Work, found: &Found) -> Result<Slice, StoreError> {
    let in_hand = desk.book.sessions_in_hand().iter().map(|session| *session.as_bytes()).collect();
    let work = &Work { in_hand, ..work.clone() };
    desk.connection.pragma_update(None, "secure_delete", "ON")?;
    let done = match kind {
        Kind::Bodies => bodies::overwrite(desk.connection, work, found),
        Kind::Requests => bodies::overwrite_requests(desk.connection, work, found),
        Kind::Records => records::release(desk.connection, work, found),
        Kind::Messages => messages::remove(desk, work, found),
        Kind::Authorisations => messages::remove_authorisations(desk, work, found),
        Kind::Runs | Kind::KeptRecords | Kind::Cards | Kind::Uploads | Kind::Refusals | Kind::Audit => {
            Ok(Slice::default())
        }
    };
    desk.connection.pragma_update(None, "secure_delete", "FAST")?;
    done
}

/// Up to which number a kind has been looked at.
fn mark(connection: &Connection, kind: Kind) -> Result<i64, StoreError> {
    let upto = connection
        .prepare_cached("SELECT upto FROM retention_mark WHERE kind = ?1")?
        .query_row([kind.as_str()], |row| row.get(0))
        .optional()?;
    Ok(upto.unwrap_or(0))
}

fn set_mark(connection: &Connection, kind: Kind, upto: i64) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO retention_mark (kind, upto) VALUES (?1, ?2)
             ON CONFLICT (kind) DO UPDATE SET upto = max(upto, excluded.upto)",
        )?
        .execute(params![kind.as_str(), upto])?;
    Ok(())
}

/// This body has to stay for now.
fn retain_for_now(connection: &Connection, kind: Kind, no: i64) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT INTO retained (kind, no) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
        .execute(params![kind.as_str(), no])?;
    Ok(())
}

fn retained_no_longer(connection: &Connection, kind: Kind, no: i64) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM retained WHERE kind = ?1 AND no = ?2")?
        .execute(params![kind.as_str(), no])?;
    Ok(())
}

/// Those that had to stay, from behind a number on.
fn retained(connection: &Connection, kind: Kind, from: i64, limit: usize) -> Result<Vec<i64>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT no FROM retained WHERE kind = ?1 AND no > ?2 ORDER BY no LIMIT ?3")?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let numbers = statement.query_map(params![kind.as_str(), from, limit], |row| row.get(0))?;
    Ok(numbers.collect::<Result<_, _>>()?)
}
