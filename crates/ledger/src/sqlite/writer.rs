//! The one writer: a thread that owns the writing connection and commits in groups.
//!
//! A batch is what arrived while the previous one was being synced, and batches begin at least a millisecond apart, two
//! where they are long: a lone message is committed at once, a thousand within a millisecond share one fsync, and a fast
//! disk is not asked for one per message. A job that fails does not fail its neighbours: the batch is rolled back and redone one by one.
//! Answers are given only after the commit returned.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use roamhub_core::ports::LedgerError;
use roamhub_core::rank::Rank;
use rusqlite::{Connection, ErrorCode};
use tokio::sync::oneshot;

use super::book::Book;
use super::checkpoint::Checkpoints;
use super::in_hand::InHand;
use super::kept::Kept;
use super::lately::Lately;
use super::runs::Runs;
use super::space::Space;
use super::teller::{LastCommit, Teller};
use super::tenure::Tenure;
use super::{Alarm, StoreError};

/// How many jobs that come from outside may wait, the less urgent ones less ([`Rank`]). Beyond that the hub says "busy"
/// instead of growing.
const QUEUE: usize = 8192;
/// More places for the hub's own jobs: outcomes of what it has taken in are not turned away for what is new.
const OWN: usize = 1024;
/// How many jobs share a transaction at most, so that no answer waits for an endless one.
const BATCH: usize = 1024;

/// The least time from the beginning of one batch to the beginning of the next,
const PACE: Duration = Duration::from_millis(1);
/// and the most that one is held back: while the writer is busy for more than a quarter of the time, those who wait do so
/// for it anyway, and a commit for more of them costs each of them less.
const SLOWER: Duration = Duration::from_millis(2);

/// From the beginning of a batch that took so long to the beginning of the next.
fn pace(took: Duration) -> Duration {
    (took * 4).clamp(PACE, SLOWER)
}

/// What the writer's thread is given beside its connection.
#[derive(Debug)]
pub(super) struct Outfit {
    /// What is known by heart.
    pub(super) book: Book,
    /// Which messages belong to a session.
    pub(super) runs: Runs,
    /// For the watchdog.
    pub(super) lately: Lately,
    /// Numbers and leases.
    pub(super) tenure: Arc<Tenure>,
    /// The disk.
    pub(super) space: Arc<Space>,
}

/// What the writer's thread works with.
#[derive(Debug)]
pub(super) struct Desk<'c> {
    /// The one writing connection.
    pub(super) connection: &'c Connection,
    /// Its statements for the usual message.
    pub(super) kept: Kept<'c>,
    /// What is known by heart.
    pub(super) book: Book,
    /// Which messages belong to a session.
    pub(super) runs: Runs,
    /// For the watchdog.
    pub(super) lately: Lately,
    /// Deliveries that have no row.
    pub(super) in_hand: InHand,
    /// Numbers and leases.
    pub(super) tenure: Arc<Tenure>,
    /// The disk.
    pub(super) space: Arc<Space>,
}

impl<'c> Desk<'c> {
    fn new(connection: &'c Connection, outfit: Outfit) -> Self {
        let Outfit { book, runs, lately, tenure, space } = outfit;
        let (kept, in_hand) = (Kept::of(connection), InHand::default());
        Self { connection, kept, book, runs, lately, in_hand, tenure, space }
    }

    fn committed(&mut self) {
        self.book.committed();
        self.runs.committed();
        self.lately.committed();
        self.in_hand.committed();
    }

    fn rolled_back(&mut self) {
        self.book.rolled_back(self.in_hand.rolled_back());
        self.runs.rolled_back();
        self.lately.rolled_back();
    }
}

/// A unit of work inside a transaction.
pub(super) trait Job: Send {
    /// Does it; may be called again in a transaction of its own.
    fn run(&mut self, desk: &mut Desk<'_>) -> Result<(), StoreError>;
    /// Tells whoever waits.
    fn finish(self: Box<Self>, result: Result<(), LedgerError>);
}

struct Task<T, F, R> {
    work: F,
    result: Option<T>,
    tell: R,
}

impl<T, F, R> Job for Task<T, F, R>
where
    T: Send,
    F: Fn(&mut Desk<'_>) -> Result<T, StoreError> + Send,
    R: FnOnce(Result<T, LedgerError>) + Send,
{
    fn run(&mut self, desk: &mut Desk<'_>) -> Result<(), StoreError> {
        self.result = Some((self.work)(desk)?);
        Ok(())
    }

    fn finish(self: Box<Self>, result: Result<(), LedgerError>) {
        let Self { result: value, tell, .. } = *self;
        tell(result.and_then(|()| value.ok_or(LedgerError::Unavailable)));
    }
}

/// The way to the writer thread. Closing it ends the thread after what is queued.
#[derive(Debug)]
pub(super) struct Writer {
    queue: Option<SyncSender<Box<dyn Job>>>,
    thread: Option<JoinHandle<()>>,
    last_commit: Arc<LastCommit>,
    /// How many jobs are in the queue.
    waiting: Arc<AtomicUsize>,
}

impl Writer {
    /// Starts the thread on this connection. The alarm is rung when it ends, for whatever reason.
    pub(super) fn start(
        connection: Connection,
        outfit: Outfit,
        checkpoints: Checkpoints,
        alarm: Alarm,
    ) -> std::io::Result<Self> {
        let (queue, jobs) = sync_channel(QUEUE + OWN);
        let jobs = Jobs { queue: jobs, waiting: Arc::default() };
        let waiting = jobs.waiting.clone();
        let teller = Teller::start();
        let last_commit = Arc::new(LastCommit::new());
        let noted = last_commit.clone();
        let thread = std::thread::Builder::new().name("ledger-writer".into()).spawn(move || {
            let _alarm = alarm;
            write_batches(&mut Desk::new(&connection, outfit), &jobs, &checkpoints, &noted, &teller);
            drop(checkpoints);
            drop(connection);
        })?;
        Ok(Self { queue: Some(queue), thread: Some(thread), last_commit, waiting })
    }

    /// Queues work that leaves sessions and what they are owed alone, and resolves once it is durable.
    pub(super) async fn write<T, F>(&self, work: F) -> Result<T, LedgerError>
    where
        T: Send + 'static,
        F: Fn(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        self.work(move |desk| work(desk.connection)).await
    }

    /// Queues the hub's own work and resolves once it is durable.
    pub(super) async fn work<T, F>(&self, work: F) -> Result<T, LedgerError>
    where
        T: Send + 'static,
        F: Fn(&mut Desk<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        self.work_as(Rank::Own, work).await
    }

    /// Queues work that came from outside, if there is room for its kind, and resolves once it is durable.
    pub(super) async fn work_as<T, F>(&self, rank: Rank, work: F) -> Result<T, LedgerError>
    where
        T: Send + 'static,
        F: Fn(&mut Desk<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        // Nobody may listen any more; the work is done all the same.
        let tell = move |result| drop(reply.send(result));
        self.queue(rank, Box::new(Task { work, result: None, tell })).map_err(|(error, _)| error)?;
        // The writer never drops a job it took, except by dying: then nobody knows.
        answer.await.unwrap_or(Err(LedgerError::Unknown))
    }

    /// Queues work and tells what came of it.
    pub(super) fn work_and_tell<T, F, R>(&self, work: F, tell: R)
    where
        T: Send + 'static,
        F: Fn(&mut Desk<'_>) -> Result<T, StoreError> + Send + 'static,
        R: FnOnce(Result<T, LedgerError>) + Send + 'static,
    {
        if let Err((error, job)) = self.queue(Rank::Own, Box::new(Task { work, result: None, tell })) {
            job.finish(Err(error));
        }
    }

    /// Queues work that nobody waits for; `false` if there is no room.
    pub(super) fn write_unheard<F>(&self, work: F) -> bool
    where
        F: Fn(&Connection) -> Result<(), StoreError> + Send + 'static,
    {
        let work = move |desk: &mut Desk<'_>| work(desk.connection);
        self.queue(Rank::Progress, Box::new(Task { work, result: None, tell: |_| () })).is_ok()
    }

    /// Gives back what there is no room for, and why.
    fn queue(&self, rank: Rank, job: Box<dyn Job>) -> Result<(), (LedgerError, Box<dyn Job>)> {
        let Some(queue) = &self.queue else { return Err((LedgerError::Unavailable, job)) };
        let room = if rank == Rank::Own { QUEUE + OWN } else { rank.share_of(QUEUE) };
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= room {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return Err((LedgerError::Busy, job));
        }
        queue.try_send(job).map_err(|error| {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            match error {
                TrySendError::Full(job) => (LedgerError::Busy, job),
                TrySendError::Disconnected(job) => (LedgerError::Unavailable, job),
            }
        })
    }

    /// How many jobs are in the queue, and how many may be.
    pub(super) fn waiting(&self) -> (usize, usize) {
        (self.waiting.load(Ordering::Relaxed), QUEUE)
    }

    pub(super) fn since_last_commit(&self) -> Duration {
        self.last_commit.elapsed()
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.queue = None;
        super::join(self.thread.take());
    }
}

/// The writer's end of the queue.
struct Jobs {
    queue: Receiver<Box<dyn Job>>,
    waiting: Arc<AtomicUsize>,
}

impl Jobs {
    /// Waits for a job; `None` once nobody can queue one any more.
    fn first(&self) -> Option<Box<dyn Job>> {
        let first = self.queue.recv().ok()?;
        self.waiting.fetch_sub(1, Ordering::Relaxed);
        Some(first)
    }

    /// Adds what else is there, up to a batch.
    fn rest(&self, batch: &mut Vec<Box<dyn Job>>) {
        let before = batch.len();
        batch.extend(self.queue.try_iter().take(BATCH.saturating_sub(before)));
        self.waiting.fetch_sub(batch.len() - before, Ordering::Relaxed);
    }
}

fn write_batches(
    desk: &mut Desk<'_>,
    jobs: &Jobs,
    checkpoints: &Checkpoints,
    last_commit: &LastCommit,
    teller: &Teller,
) {
    let mut batch: Vec<Box<dyn Job>> = Vec::with_capacity(BATCH);
    let mut next = Instant::now();
    while let Some(first) = jobs.first() {
        batch.push(first);
        rest_until(next);
        let began = Instant::now();
        jobs.rest(&mut batch);
        // A transaction that changed nothing proves nothing about the disk.
        let changes = desk.connection.total_changes();
        match commit(desk, &mut batch) {
            Ok(()) => {
                if desk.connection.total_changes() != changes {
                    last_commit.note();
                }
                teller.tell(std::mem::take(&mut batch), Ok(()));
            }
            Err(error) if batch.len() == 1 || error.is_of_the_disk() => {
                tracing::error!(%error, jobs = batch.len(), "the ledger could not commit");
                let told = error.for_the_caller();
                teller.tell(std::mem::take(&mut batch), Err(told));
            }
            Err(error) => {
                tracing::warn!(%error, jobs = batch.len(), "a batch failed and is redone one by one");
                redo_one_by_one(desk, &mut batch, last_commit);
            }
        }
        checkpoints.after_commit(desk.connection);
        next = began + pace(began.elapsed());
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

fn redo_one_by_one(desk: &mut Desk<'_>, batch: &mut Vec<Box<dyn Job>>, last_commit: &LastCommit) {
    for job in batch.drain(..) {
        let mut alone = vec![job];
        let result = commit(desk, &mut alone);
        if let Err(error) = &result {
            tracing::error!(%error, "the ledger refused one record");
        } else {
            last_commit.note();
        }
        let told = result.map_err(|error| error.for_the_caller());
        alone.drain(..).for_each(|job| job.finish(told));
    }
}

/// Commits the batch; on a full disk, once more with every piece of the reserve.
fn commit(desk: &mut Desk<'_>, batch: &mut [Box<dyn Job>]) -> Result<(), StoreError> {
    loop {
        match commit_once(desk, batch) {
            Err(error) if error.is_for_want_of_room() && desk.space.give_way() => {}
            done => return done,
        }
    }
}

fn commit_once(desk: &mut Desk<'_>, batch: &mut [Box<dyn Job>]) -> Result<(), StoreError> {
    let done = in_transaction(desk, batch);
    if done.is_ok() {
        desk.committed();
        return done;
    }
    if !desk.connection.is_autocommit() {
        // If even this fails, the next BEGIN fails as well and says so.
        let _ = desk.connection.execute_batch("ROLLBACK");
    }
    desk.rolled_back();
    done
}

fn in_transaction(desk: &mut Desk<'_>, batch: &mut [Box<dyn Job>]) -> Result<(), StoreError> {
    desk.kept.statement("BEGIN IMMEDIATE")?.execute([])?;
    batch.iter_mut().try_for_each(|job| job.run(desk))?;
    let Desk { connection, book, runs, in_hand, .. } = &mut *desk;
    runs.before_commit(connection)?;
    in_hand.before_commit(connection, book)?;
    desk.kept.statement("COMMIT")?.execute([])?;
    Ok(())
}

impl StoreError {
    /// Redoing the neighbours one by one would not help.
    pub(super) fn is_of_the_disk(&self) -> bool {
        let Self::Sqlite(error) = self else { return false };
        matches!(
            error.sqlite_error_code(),
            Some(
                ErrorCode::DiskFull
                    | ErrorCode::SystemIoFailure
                    | ErrorCode::ReadOnly
                    | ErrorCode::CannotOpen
                    | ErrorCode::DatabaseCorrupt
                    | ErrorCode::NotADatabase
                    | ErrorCode::OutOfMemory
                    | ErrorCode::DatabaseBusy
            )
        )
    }

    fn is_for_want_of_room(&self) -> bool {
        let Self::Sqlite(error) = self else { return false };
        error.sqlite_error_code() == Some(ErrorCode::DiskFull)
    }

    pub(super) fn for_the_caller(&self) -> LedgerError {
        match self {
            Self::Sqlite(_) => LedgerError::Unavailable,
            Self::Contradiction(_) => LedgerError::Contradiction,
        }
    }
}
