//! The one writer of this file: as the ledger's, a thread that owns the writing connection and commits in groups, but
//! with nothing known by heart. Thousands of small status pushes share a commit; a large push comes in portions, so
//! that nobody waits long for one. Answers are given only after the commit returned.

use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use roamhub_core::ports::LedgerError;
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::sqlite::checkpoint::Checkpoints;
use crate::sqlite::{Alarm, StoreError, join};

/// How many jobs may wait. Beyond that the store says "busy" instead of growing.
const QUEUE: usize = 8192;
/// How many jobs share a transaction at most.
const BATCH: usize = 1024;
/// The least time from the beginning of one batch to the beginning of the next.
const PACE: Duration = Duration::from_millis(1);

/// A unit of work inside a transaction.
trait Job: Send {
    /// Does it; may be called again in a transaction of its own.
    fn run(&mut self, connection: &Connection) -> Result<(), StoreError>;
    /// Tells whoever waits.
    fn finish(self: Box<Self>, result: Result<(), LedgerError>);
}

struct Task<T, F> {
    work: F,
    result: Option<T>,
    reply: oneshot::Sender<Result<T, LedgerError>>,
}

impl<T, F> Job for Task<T, F>
where
    T: Send,
    F: Fn(&Connection) -> Result<T, StoreError> + Send,
{
    fn run(&mut self, connection: &Connection) -> Result<(), StoreError> {
        self.result = Some((self.work)(connection)?);
        Ok(())
    }

    fn finish(self: Box<Self>, result: Result<(), LedgerError>) {
        let Self { result: value, reply, work } = *self;
        // Whatever the work holds on to is let go before anybody hears of it.
        drop(work);
        // Nobody may listen any more; the work is done all the same.
        let _ = reply.send(result.and_then(|()| value.ok_or(LedgerError::Unavailable)));
    }
}

/// The way to the writer thread. Closing it ends the thread after what is queued.
#[derive(Debug)]
pub(super) struct Writer {
    queue: Option<SyncSender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread on this connection. The alarm is rung when it ends, for whatever reason.
    pub(super) fn start(
        connection: Connection,
        checkpoints: Checkpoints,
        alarm: Alarm,
    ) -> std::io::Result<Self> {
        let (queue, jobs) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new().name("evse-writer".into()).spawn(move || {
            let _alarm = alarm;
            write_batches(&connection, &jobs, &checkpoints);
            drop(checkpoints);
            drop(connection);
        })?;
        Ok(Self { queue: Some(queue), thread: Some(thread) })
    }

    /// Queues work and resolves once it is durable. It is queued when this is first polled.
    pub(super) async fn write<T, F>(&self, work: F) -> Result<T, LedgerError>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let queue = self.queue.as_ref().ok_or(LedgerError::Unavailable)?;
        queue.try_send(Box::new(Task { work, result: None, reply })).map_err(|error| match error {
            TrySendError::Full(_) => LedgerError::Busy,
            TrySendError::Disconnected(_) => LedgerError::Unavailable,
        })?;
        // The writer never drops a job it took, except by dying: then nobody knows.
        answer.await.unwrap_or(Err(LedgerError::Unknown))
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        join(self.thread.take());
    }
}

fn write_batches(connection: &Connection, jobs: &Receiver<Box<dyn Job>>, checkpoints: &Checkpoints) {
    let mut next = Instant::now();
    while let Ok(first) = jobs.recv() {
        rest_until(next);
        next = Instant::now() + PACE;
        let mut batch = vec![first];
        batch.extend(jobs.try_iter().take(BATCH - 1));
        match commit(connection, &mut batch) {
            Ok(()) => batch.into_iter().for_each(|job| job.finish(Ok(()))),
            Err(error) if batch.len() == 1 || error.is_of_the_disk() => {
                tracing::error!(%error, jobs = batch.len(), "EVSE records or prices could not be committed");
                let told = error.for_the_caller();
                batch.into_iter().for_each(|job| job.finish(Err(told)));
            }
            Err(error) => {
                tracing::warn!(%error, jobs = batch.len(), "a batch failed and is redone one by one");
                redo_one_by_one(connection, batch);
            }
        }
        checkpoints.after_commit(connection);
    }
}

/// Rests without being woken by what arrives.
fn rest_until(instant: Instant) {
    loop {
        let left = instant.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        std::thread::park_timeout(left);
    }
}

fn redo_one_by_one(connection: &Connection, batch: Vec<Box<dyn Job>>) {
    for job in batch {
        let mut alone = [job];
        let told = commit(connection, &mut alone).map_err(|error| {
            tracing::error!(%error, "one change of EVSE records or prices was refused");
            error.for_the_caller()
        });
        let [job] = alone;
        job.finish(told);
    }
}

fn commit(connection: &Connection, batch: &mut [Box<dyn Job>]) -> Result<(), StoreError> {
    let done = in_transaction(connection, batch);
    if done.is_err() && !connection.is_autocommit() {
        // If even this fails, the next BEGIN fails as well and says so.
        let _ = connection.execute_batch("ROLLBACK");
    }
    done
}

fn in_transaction(connection: &Connection, batch: &mut [Box<dyn Job>]) -> Result<(), StoreError> {
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    batch.iter_mut().try_for_each(|job| job.run(connection))?;
    connection.prepare_cached("COMMIT")?.execute([])?;
    Ok(())
}
