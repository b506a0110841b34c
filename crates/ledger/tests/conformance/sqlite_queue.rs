//! The embedded ledger's queue when it is full: who is turned away first, and what never takes anybody's place.

use std::future::poll_fn;
use std::path::Path;
use std::task::Poll;

use jiff::Timestamp;
use roamhub_core::MessageKind::{self, End, Error, Progress, Start};
use roamhub_core::ports::{
    Declined, IntakePort, Ledger, LedgerError, LedgerTask, LoadPort, RecordPort, SessionPort, Taken,
};
use roamhub_core::records::Refusal;
use roamhub_core::{ProcessId, SessionKey};
use roamhub_ledger::Sqlite;
use roamhub_ledger::sqlite::FILE_NAME;
use rusqlite::Connection;
use tempfile::tempdir;

use crate::scene::*;

/// Places for what comes from outside.
const PLACES: usize = 8_192;

fn open(folder: &Path) -> Sqlite {
    Sqlite::open(folder, at(0)).unwrap().0
}

/// Holds the writer up until it is told to go on.
fn held_up(folder: &Path) -> Connection {
    let connection = Connection::open(folder.join(FILE_NAME)).unwrap();
    connection.execute_batch("BEGIN IMMEDIATE").unwrap();
    connection
}

/// Queues it; whether it was turned away at once.
async fn is_turned_away<T>(task: &mut LedgerTask<'_, T>) -> bool {
    poll_fn(|context| Poll::Ready(matches!(task.as_mut().poll(context), Poll::Ready(Err(LedgerError::Busy)))))
        .await
}

/// Queues tasks until one is turned away, and asserts that so many jobs wait then. What was queued is left there.
async fn fill<'a, T>(
    ledger: &Sqlite,
    places: usize,
    task: impl Fn() -> LedgerTask<'a, T>,
) -> Vec<LedgerTask<'a, T>> {
    let mut queued = Vec::new();
    loop {
        let mut task = task();
        if !is_turned_away(&mut task).await {
            queued.push(task);
        } else if ledger.waiting().jobs >= places {
            break;
        }
        // Otherwise the writer has just taken out what it begins its batch with.
        assert!(queued.len() <= 2 * PLACES, "the queue is bounded");
    }
    assert_eq!(ledger.waiting().jobs, places);
    queued
}

#[tokio::test]
async fn progress_is_turned_away_first_then_start_then_drivers_and_end_last() {
    let folder = tempdir().unwrap();
    let ledger = open(folder.path());
    let session = session(&ledger).await;
    let held_up = held_up(folder.path());
    let message = |kind: MessageKind| ledger.take_in(notice(session, kind, 1).into());

    let mut queued = fill(&ledger, PLACES / 2, || message(Progress)).await;
    queued.extend(fill(&ledger, PLACES / 8 * 5, || message(Start)).await);
    let drivers = fill(&ledger, PLACES / 8 * 6, || ledger.open_pending(pending(SessionKey::new()))).await;
    for kind in [Progress, Start] {
        assert!(is_turned_away(&mut message(kind)).await, "{kind} stays out");
    }
    let ends = fill(&ledger, PLACES, || message(End)).await;
    assert!(is_turned_away(&mut message(Error)).await, "memory for everybody");
    // What the hub has promised already finds a place even now.
    let mut outcome = ledger.probe(at(2));
    assert!(!is_turned_away(&mut outcome).await);

    held_up.execute_batch("ROLLBACK").unwrap();
    outcome.await.unwrap();
    for task in queued {
        let taken = task.await.unwrap();
        // All but the first Progress come too soon.
        assert!(matches!(taken, Taken::Stored(_) | Taken::Declined(Declined::TooSoon { .. })), "{taken:?}");
    }
    for opening in drivers {
        opening.await.unwrap();
    }
    assert!(ends.len() > PLACES / 4 - 3, "{}", ends.len());
    for end in ends {
        assert!(matches!(end.await, Ok(Taken::Stored(_))));
    }
    assert_eq!(ledger.waiting().jobs, 0);
}

fn refusal(number: usize) -> Refusal {
    Refusal {
        process: ProcessId::new(),
        received_at: Timestamp::UNIX_EPOCH,
        service: "charging-notifications".to_owned(),
        partner: None,
        session: None,
        http_status: 400,
        code: 22,
        reason: format!("number {number}"),
    }
}

#[tokio::test]
async fn refused_requests_take_no_places_of_messages_and_are_counted_where_they_are_too_many() {
    let folder = tempdir().unwrap();
    let ledger = open(folder.path());
    let session = session(&ledger).await;
    let blocked = held_up(folder.path());
    // The first job is begun with what is there; the others wait for the next.
    let mut first = ledger.probe(at(1));
    assert!(!is_turned_away(&mut first).await);
    for number in 0..20_000 {
        ledger.note_refusal(refusal(number));
    }
    let waiting = ledger.waiting();
    assert!(waiting.jobs <= 3, "they share a place: {waiting:?}");
    assert!(waiting.refusals_dropped > 15_000, "{waiting:?}");
    let mut end = ledger.take_in(notice(session, End, 1).into());
    assert!(!is_turned_away(&mut end).await);
    blocked.execute_batch("ROLLBACK").unwrap();
    first.await.unwrap();
    assert!(matches!(end.await, Ok(Taken::Stored(_))));
    ledger.probe(at(2)).await.unwrap();
    let kept = ledger.refusals(usize::MAX).await.unwrap().len();
    assert_eq!(u64::try_from(kept).unwrap() + ledger.waiting().refusals_dropped, 20_000);
    // And there is room again.
    ledger.note_refusal(refusal(20_000));
    ledger.probe(at(3)).await.unwrap();
    assert_eq!(ledger.refusals(1).await.unwrap()[0].reason, "number 20000");
}
