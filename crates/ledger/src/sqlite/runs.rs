//! Which messages belong to a session. The answer is kept behind the writer: messages are collected here until there are
//! enough of them for a run, which is sorted by session and written piece by piece, with batches that are written anyway.
//! An index kept up by SQLite would cost every message a page of its own, more with every message there is.
//!
//! Invariants:
//! * a committed message is in a complete run or among those collected here, never in neither;
//! * a run is listed in `message_run` in the transaction that writes its last piece; what an interrupted run left behind
//!   is removed when the ledger is opened.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use roamhub_core::SessionKey;
use rusqlite::{Connection, params};

use super::StoreError;
use super::rows::bytes;

/// So many messages make a run.
const RUN: usize = 8192;
/// So many of them are written with a batch, so that no batch takes noticeably longer for it.
const PIECE: usize = 128;

/// A message of a session.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Known {
    /// The notification's number.
    pub(super) no: i64,
    /// The first eight bytes of its digest.
    pub(super) digest: i64,
}

impl Known {
    /// A notification of this digest.
    pub(super) fn notification(no: i64, digest: &[u8; 32]) -> Self {
        Self { no, digest: Self::part_of(digest) }
    }

    /// A charge detail record. Its digest is turned round: the same bytes may have come as a notification before, and that
    /// one keeps its place.
    pub(super) fn record(no: i64, digest: &[u8; 32]) -> Self {
        Self { no, digest: !Self::part_of(digest) }
    }

    /// The part of a digest that is kept here.
    pub(super) fn part_of(digest: &[u8; 32]) -> i64 {
        let [a, b, c, d, e, f, g, h, ..] = *digest;
        i64::from_be_bytes([a, b, c, d, e, f, g, h])
    }
}

/// The messages that are in no complete run yet, by session. Shared with the readers.
#[derive(Clone, Debug, Default)]
pub(super) struct Recent(Arc<Mutex<HashMap<SessionKey, Vec<Known>>>>);

impl Recent {
    fn lock(&self) -> MutexGuard<'_, HashMap<SessionKey, Vec<Known>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All committed messages of a session, in order of arrival.
    ///
    /// Looked up before the runs: a run that is completed meanwhile shows a message twice, not never.
    pub(super) fn messages_of(
        &self,
        connection: &Connection,
        session: SessionKey,
    ) -> Result<Vec<Known>, StoreError> {
        let recent = self.lock().get(&session).cloned().unwrap_or_default();
        let mut all = in_runs(connection, session)?;
        all.extend(recent);
        all.sort_unstable_by_key(|known| known.no);
        all.dedup();
        Ok(all)
    }
}

fn in_runs(connection: &Connection, session: SessionKey) -> Result<Vec<Known>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT no, digest FROM message_of_session
         WHERE session = ?1 AND run IN (
             SELECT run FROM message_run
             WHERE run > coalesce((SELECT opened_after FROM session WHERE id = ?1), 0))",
    )?;
    let known = statement
        .query_map([session.as_bytes()], |row| Ok(Known { no: row.get(0)?, digest: row.get(1)? }))?
        .collect::<Result<_, _>>()?;
    Ok(known)
}

/// All messages of a session, for somebody who looks in from outside and has nothing collected.
pub(super) fn messages_of_from_outside(
    connection: &Connection,
    session: SessionKey,
) -> Result<Vec<Known>, StoreError> {
    let mut all = in_runs(connection, session)?;
    let mut statement = connection.prepare_cached(
        "SELECT no, digest FROM notification
         WHERE no > coalesce((SELECT max(run) FROM message_run), 0) AND session = ?1",
    )?;
    let mut rows = statement.query([session.as_bytes()])?;
    while let Some(row) = rows.next()? {
        all.push(Known { no: row.get(0)?, digest: Known::part_of(&bytes(row, "digest")?) });
    }
    Ok(all)
}

type Entry = (SessionKey, Known);

/// The writer's side.
#[derive(Debug, Default)]
pub(super) struct Runs {
    recent: Recent,
    /// Of this batch, not committed yet.
    fresh: Vec<Entry>,
    /// What is in no run yet, in order of arrival.
    collected: Vec<Entry>,
    /// The run being written.
    run: Option<Run>,
    /// Messages up to this number are removed by the transaction under way.
    leaving: Option<i64>,
}

/// A run being written.
#[derive(Debug)]
struct Run {
    entries: Vec<Entry>,
    last: i64,
    /// So many are committed.
    written: usize,
    /// So many are written by the transaction under way.
    writing: usize,
}

impl Runs {
    /// Collects what is in no run yet. A ledger that has never had runs gets them here.
    pub(super) fn load(connection: &mut Connection) -> Result<Self, StoreError> {
        connection.execute(
            "DELETE FROM message_of_session WHERE run > coalesce((SELECT max(run) FROM message_run), 0)",
            [],
        )?;
        let mut runs = Self::default();
        loop {
            let after = runs.collected.last().map(|(_, known)| known.no);
            let more = not_in_runs(connection, after, RUN)?;
            let all = more.len() < RUN;
            runs.fresh = more;
            runs.committed();
            if all {
                return Ok(runs);
            }
            while runs.run.is_some() {
                let transaction = connection.transaction()?;
                runs.write_piece(&transaction, RUN)?;
                transaction.commit()?;
                runs.committed();
            }
        }
    }

    /// What is in no complete run, for the readers.
    pub(super) fn recent(&self) -> &Recent {
        &self.recent
    }

    /// A message that the transaction under way stores.
    pub(super) fn add(&mut self, session: SessionKey, known: Known) {
        self.fresh.push((session, known));
    }

    /// Whether a message may be removed: not while the run that it is in is being written.
    pub(super) fn can_leave(&self, no: i64) -> bool {
        self.run.as_ref().is_none_or(|run| run.entries.iter().all(|(_, known)| known.no > no))
    }

    /// The transaction under way removes this message, and none before it is left.
    pub(super) fn leaves(&mut self, no: i64) {
        self.leaving = self.leaving.max(Some(no));
    }

    /// Before the commit: a piece of the run being written goes with it.
    pub(super) fn before_commit(&mut self, connection: &Connection) -> Result<(), StoreError> {
        self.write_piece(connection, PIECE)
    }

    fn write_piece(&mut self, connection: &Connection, most: usize) -> Result<(), StoreError> {
        let Some(run) = &mut self.run else { return Ok(()) };
        let until = run.entries.len().min(run.written + most);
        let mut statement = connection.prepare_cached(
            "INSERT INTO message_of_session (run, session, no, digest) VALUES (?1, ?2, ?3, ?4)",
        )?;
        for (session, known) in &run.entries[run.written..until] {
            statement.execute(params![run.last, session.as_bytes(), known.no, known.digest])?;
        }
        run.writing = until - run.written;
        if until == run.entries.len() {
            connection.execute("INSERT INTO message_run (run) VALUES (?1)", [run.last])?;
        }
        Ok(())
    }

    /// The transaction was committed.
    pub(super) fn committed(&mut self) {
        if let Some(upto) = self.leaving.take() {
            self.have_left(upto);
        }
        if let Some(run) = &mut self.run {
            run.written += std::mem::take(&mut run.writing);
            if run.written == run.entries.len() {
                self.run_is_complete();
            }
        }
        if !self.fresh.is_empty() {
            let mut recent = self.recent.lock();
            for (session, known) in &self.fresh {
                recent.entry(*session).or_default().push(*known);
            }
            drop(recent);
            self.collected.append(&mut self.fresh);
        }
        if self.run.is_none() && self.collected.len() >= RUN {
            self.begin_run();
        }
    }

    /// The transaction was rolled back.
    pub(super) fn rolled_back(&mut self) {
        self.fresh.clear();
        self.leaving = None;
        if let Some(run) = &mut self.run {
            run.writing = 0;
        }
    }

    /// Messages up to this number are gone, also from what is in no run yet.
    fn have_left(&mut self, upto: i64) {
        let gone = self.collected.partition_point(|(_, known)| known.no <= upto);
        let mut recent = self.recent.lock();
        for (session, _) in self.collected.drain(..gone) {
            if let Some(known) = recent.get_mut(&session) {
                known.retain(|known| known.no > upto);
                if known.is_empty() {
                    recent.remove(&session);
                }
            }
        }
    }

    fn begin_run(&mut self) {
        let rest = self.collected.split_off(RUN);
        let mut entries = std::mem::replace(&mut self.collected, rest);
        let last = entries.iter().map(|(_, known)| known.no).max().unwrap_or_default();
        entries.sort_unstable_by_key(|(session, known)| (*session, known.no));
        self.run = Some(Run { entries, last, written: 0, writing: 0 });
    }

    fn run_is_complete(&mut self) {
        let Some(run) = self.run.take() else { return };
        let mut recent = self.recent.lock();
        for (session, _) in &run.entries {
            if let Some(known) = recent.get_mut(session) {
                known.retain(|known| known.no > run.last);
                if known.is_empty() {
                    recent.remove(session);
                }
            }
        }
    }
}

/// Messages that are in no run, from the oldest on.
fn not_in_runs(connection: &Connection, after: Option<i64>, limit: usize) -> Result<Vec<Entry>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT no, session, digest, type = 'ChargeDetailRecord' FROM notification
         WHERE no > max(coalesce((SELECT max(run) FROM message_run), 0), ?1) ORDER BY no LIMIT ?2",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = statement.query(params![after.unwrap_or(0), limit])?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        let session = SessionKey::from_bytes(bytes(row, "session")?);
        let (no, digest) = (row.get(0)?, bytes(row, "digest")?);
        entries.push((
            session,
            if row.get(3)? { Known::record(no, &digest) } else { Known::notification(no, &digest) },
        ));
    }
    Ok(entries)
}
