//! Checkpoints that neither stall the writer nor let the log grow.
//!
//! A second thread copies the bulk of the log into the database while the writer goes on. Alone it would never see an
//! empty log, because the writer keeps appending, and the log would grow without bound. So when it has done its part,
//! the writer itself copies the small rest between two batches; the log is then wholly copied and SQLite starts it
//! anew from its beginning, in the same file. A reader that pins the log only delays this to the next round.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use rusqlite::Connection;

use super::Alarm;

/// Frames (pages of 4 KiB) in the log from which on the bulk is copied: 8 MiB.
const BULK: i64 = 2048;
/// The log is looked at once in so many commits.
const LOOK_EVERY: u32 = 16;

/// When the bulk of a log is copied.
#[derive(Clone, Copy, Debug)]
pub(super) struct Portions {
    /// Frames (pages of 4 KiB) in the log from which on it is.
    pub(super) bulk: i64,
    /// The log is looked at once in so many commits.
    pub(super) look_every: u32,
}

impl Default for Portions {
    fn default() -> Self {
        Self { bulk: BULK, look_every: LOOK_EVERY }
    }
}

/// The writer's side.
#[derive(Debug)]
pub(super) struct Checkpoints {
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    bulk_done: Arc<AtomicBool>,
    commits: AtomicU32,
    portions: Portions,
}

impl Checkpoints {
    /// Starts the second thread. It ends when the writer drops this.
    pub(super) fn start(database: &Path, alarm: Alarm) -> Result<Self, super::OpenError> {
        Self::start_with(database, alarm, Portions::default())
    }

    /// The same with portions of another size.
    pub(super) fn start_with(
        database: &Path,
        alarm: Alarm,
        portions: Portions,
    ) -> Result<Self, super::OpenError> {
        let connection = super::connect(database)?;
        let (wake, woken) = sync_channel(1);
        let bulk_done = Arc::new(AtomicBool::new(false));
        let done = bulk_done.clone();
        let thread = std::thread::Builder::new().name("ledger-checkpoint".into()).spawn(move || {
            let _alarm = alarm;
            copy_bulk(&connection, &woken, &done);
        })?;
        Ok(Self { wake: Some(wake), thread: Some(thread), bulk_done, commits: AtomicU32::new(0), portions })
    }

    /// Called by the writer between two batches, with no transaction open.
    pub(super) fn after_commit(&self, connection: &Connection) {
        if self.bulk_done.swap(false, Ordering::Acquire) {
            checkpoint(connection, "PASSIVE");
            return;
        }
        let commits = self.commits.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        if commits.is_multiple_of(self.portions.look_every)
            && checkpoint(connection, "NOOP").is_some_and(|frames| frames >= self.portions.bulk)
        {
            // A full channel means that it is awake already.
            let _ = self.wake.as_ref().map(|wake| wake.try_send(()));
        }
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        self.wake = None;
        super::join(self.thread.take());
    }
}

fn copy_bulk(connection: &Connection, woken: &Receiver<()>, done: &AtomicBool) {
    while woken.recv().is_ok() {
        if checkpoint(connection, "PASSIVE").is_some() {
            done.store(true, Ordering::Release);
        }
    }
}

/// Runs a checkpoint (or, with `NOOP`, only looks) and returns the frames in the log.
fn checkpoint(connection: &Connection, mode: &str) -> Option<i64> {
    let frames = connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| row.get(1));
    match frames {
        Ok(frames) => Some(frames),
        Err(error) => {
            tracing::warn!(%error, mode, "checkpoint failed; it is tried again");
            None
        }
    }
}
