//! The embedded ledger's one writer under load: neighbours in a batch, a full queue, and a log that stays bounded.

use std::future::poll_fn;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use roamhub_core::MessageKind::{End, Error};
use roamhub_core::SessionKey;
use roamhub_core::delivery::FinalState;
use roamhub_core::ports::{
    DeliveryPort, Fate, Intake, IntakePort, Ledger, LedgerError, LedgerTask, RecordPort, Repeated, Taken,
};
use roamhub_ledger::Sqlite;
use roamhub_ledger::sqlite::FILE_NAME;
use rusqlite::Connection;
use tempfile::tempdir;
use tokio::task::JoinSet;

use crate::scene::*;

fn open(folder: &Path) -> Arc<Sqlite> {
    Arc::new(Sqlite::open(folder, at(0)).unwrap().0)
}

fn inside(folder: &Path) -> Connection {
    Connection::open(folder.join(FILE_NAME)).unwrap()
}

/// Holds the writer up for as long as it lives, so that what is queued meanwhile shares a batch.
struct HeldUp(Connection);

impl HeldUp {
    fn now(folder: &Path) -> Self {
        let connection = inside(folder);
        connection.execute_batch("BEGIN IMMEDIATE").unwrap();
        Self(connection)
    }

    fn release(self) {
        self.0.execute_batch("ROLLBACK").unwrap();
    }
}

/// Starts all of them while the writer is held up; then lets it go on and returns what each was told, in the same
/// order.
async fn at_once<T: Send>(folder: &Path, mut tasks: Vec<LedgerTask<'_, T>>) -> Vec<Result<T, LedgerError>> {
    let held_up = HeldUp::now(folder);
    let mut answers: Vec<_> = tasks.iter().map(|_| None).collect();
    // A first poll puts the work into the queue.
    poll_fn(|context| {
        for (task, answer) in tasks.iter_mut().zip(&mut answers) {
            if let Poll::Ready(told) = task.as_mut().poll(context) {
                *answer = Some(told);
            }
        }
        Poll::Ready(())
    })
    .await;
    held_up.release();
    let mut told = Vec::new();
    for (task, answer) in tasks.into_iter().zip(answers) {
        told.push(match answer {
            Some(answer) => answer,
            None => task.await,
        });
    }
    told
}

/// The same task, when only whether it worked is of interest.
fn outcome_of<'a, T: Send + 'a>(task: LedgerTask<'a, T>) -> LedgerTask<'a, ()> {
    Box::pin(async move { task.await.map(drop) })
}

/// Takes all of them in at once.
async fn taken_at_once(
    ledger: &Sqlite,
    folder: &Path,
    intakes: &[Intake],
) -> Vec<Result<Taken, LedgerError>> {
    at_once(folder, intakes.iter().map(|intake| ledger.take_in(intake.clone().into())).collect()).await
}

#[tokio::test]
async fn a_record_that_cannot_be_written_does_not_fail_its_neighbours() {
    let folder = tempdir().unwrap();
    let ledger = open(folder.path());
    let session = session(&*ledger).await;
    let mut intakes: Vec<_> = (0..60).map(|_| notice(session, Error, 0)).collect();
    // The id of a call is given once; two messages under one id are a mistake of the caller.
    intakes[41].process = intakes[7].process;
    let answers = taken_at_once(&ledger, folder.path(), &intakes).await;
    for (number, (answer, intake)) in answers.iter().zip(&intakes).enumerate() {
        if number == 41 {
            assert_eq!(answer, &Err(LedgerError::Unavailable));
        } else {
            assert!(matches!(answer, Ok(Taken::Stored(_))), "number {number}: {answer:?}");
            assert_eq!(message(&*ledger, intake.process).await.body, intake.body);
        }
    }
}

#[tokio::test]
async fn a_contradiction_in_one_session_does_not_fail_the_others() {
    let folder = tempdir().unwrap();
    let ledger = open(folder.path());
    let session = session(&*ledger).await;
    let broken = notice(session, End, 0);
    let lease = going(&*ledger, broken.clone()).await;
    deliver(&*ledger, lease, 1).await;
    inside(folder.path()).execute("UPDATE delivery_history SET state = 'nonsense'", []).unwrap();
    let intakes = vec![notice(session, Error, 2), again(&broken, 2), notice(session, Error, 2)];
    let answers = taken_at_once(&ledger, folder.path(), &intakes).await;
    assert_eq!(answers[1], Err(LedgerError::Contradiction));
    assert!(matches!(answers[0], Ok(Taken::Stored(_))), "{:?}", answers[0]);
    assert!(matches!(answers[2], Ok(Taken::Stored(_))), "{:?}", answers[2]);
}

/// While this is in place, whatever makes a delivery due fails.
const STUCK: &str = "CREATE TRIGGER stuck BEFORE UPDATE OF due_at ON delivery WHEN NEW.due_at IS NOT NULL
                     BEGIN SELECT RAISE(ABORT, 'stuck'); END";

#[tokio::test]
async fn a_sweep_that_is_redone_because_of_a_neighbour_still_returns_leases() {
    let folder = tempdir().unwrap();
    let ledger = open(folder.path());
    let known = notice(session(&*ledger).await, End, 0);
    let lease = going(&*ledger, known.clone()).await;
    let other = session(&*ledger).await;
    let bad = Intake { process: known.process, ..notice(other, Error, 0) };
    let told = at_once(
        folder.path(),
        vec![
            outcome_of(ledger.probe(at(1))),
            outcome_of(ledger.sweep(at(100))),
            outcome_of(ledger.take_in(bad.into())),
        ],
    )
    .await;
    assert_eq!(told[2], Err(LedgerError::Unavailable), "the neighbour fails the batch");
    assert_eq!(claimed(&*ledger, 100).await, [lease.delivery]);
}

#[tokio::test]
async fn a_lease_runs_out_although_a_result_or_a_sweep_could_not_be_written() {
    let folder = tempdir().unwrap();
    let ledger = open(folder.path());
    let session = session(&*ledger).await;
    let lease = going(&*ledger, notice(session, End, 0)).await;
    let behind = stored(&*ledger, notice(session, End, 1)).await.lease;
    ledger.defer(behind, at(2), at(3)).await.unwrap();
    assert_eq!(claimed(&*ledger, 3).await, [], "parked");

    inside(folder.path()).execute_batch(STUCK).unwrap();
    let fate = Fate::Final { state: FinalState::Delivered, reason: None };
    let result = attempt(4, "delivered", Some(YES));
    assert!(ledger.settle(lease, at(4), result, fate).await.is_err(), "the next one cannot be promoted");
    assert!(ledger.sweep(at(100)).await.is_err());
    inside(folder.path()).execute_batch("DROP TRIGGER stuck").unwrap();

    assert_eq!(ledger.sweep(at(101)).await, Ok(1));
    assert_eq!(claimed(&*ledger, 101).await, [lease.delivery]);
}

#[tokio::test]
async fn identical_messages_at_once_are_stored_once() {
    let folder = tempdir().unwrap();
    let ledger = open(folder.path());
    let first = notice(session(&*ledger).await, End, 0);
    let intakes: Vec<_> = (0..20).map(|_| again(&first, 0)).collect();
    let winner = intakes[0].process;
    let mut answers = taken_at_once(&ledger, folder.path(), &intakes).await.into_iter();
    assert!(matches!(answers.next(), Some(Ok(Taken::Stored(_)))));
    let repeated = Taken::Repeat { first: winner, received_at: at(0), standing: Repeated::UnderWay };
    assert!(answers.all(|answer| answer.as_ref() == Ok(&repeated)));
}

#[tokio::test]
async fn a_full_queue_says_busy_and_loses_nothing_it_took() {
    let folder = tempdir().unwrap();
    let ledger = open(folder.path());
    let probes = (0..12_000).map(|number| ledger.probe(at(number))).collect();
    let told = at_once(folder.path(), probes).await;
    let written = told.iter().filter(|told| told.is_ok()).count();
    let busy = told.iter().filter(|told| **told == Err(LedgerError::Busy)).count();
    assert_eq!(written + busy, 12_000);
    assert!(written >= 8_000, "only {written} were taken");
    assert!(busy > 0, "memory for everybody");
    ledger.probe(at(0)).await.expect("there is room again");
}

/// One operator's worth of traffic: messages come in and are delivered, one after the other.
async fn traffic(ledger: Arc<Sqlite>, messages: u64, log: Arc<Log>) {
    let mut session = SessionKey::new();
    for number in 0..messages {
        if number % 50 == 0 {
            session = crate::scene::session(&*ledger).await;
        }
        let body = format!(r#"{{"Type":"Error","Note":"{number}","Padding":"{:>600}"}}"#, "x");
        let lease = going(&*ledger, with_body(session, Error, 0, body)).await;
        deliver(&*ledger, lease, 1).await;
        log.measure();
    }
    for message in ledger.messages_of(session).await.unwrap() {
        let delivery = &message.deliveries[0];
        assert_eq!((delivery.state.as_str(), delivery.attempts.len()), ("delivered", 1));
    }
}

/// The write-ahead log and how long it ever was.
struct Log {
    file: std::path::PathBuf,
    longest: AtomicU64,
}

impl Log {
    fn measure(&self) {
        let length = std::fs::metadata(&self.file).unwrap().len();
        self.longest.fetch_max(length, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_many_writers_nothing_is_lost_and_the_log_stays_bounded() {
    const WRITERS: u64 = 64;
    const EACH: u64 = 470;
    const BOUND: u64 = 64 << 20;
    let folder = tempdir().unwrap();
    let ledger = open(folder.path());
    let file = folder.path().join(format!("{FILE_NAME}-wal"));
    let log = Arc::new(Log { file, longest: AtomicU64::new(0) });
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS {
        writers.spawn(traffic(ledger.clone(), EACH, log.clone()));
    }
    while let Some(writer) = writers.join_next().await {
        writer.unwrap();
    }
    let longest = log.longest.load(Ordering::Relaxed);
    assert!(longest < BOUND, "the log grew to {} MiB", longest >> 20);
    drop(ledger);

    let file = inside(folder.path());
    let count = |what: &str| -> u64 {
        file.query_row(&format!("SELECT count(*) FROM {what}"), [], |row| row.get::<_, i64>(0))
            .unwrap()
            .unsigned_abs()
    };
    assert_eq!(count("notification"), WRITERS * EACH);
    assert_eq!(count("delivery_history WHERE state = 'delivered'"), WRITERS * EACH);
    assert_eq!(count("delivery"), 0);
    let sound: String = file.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(sound, "ok");
}
