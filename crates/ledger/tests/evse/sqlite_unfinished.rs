//! Pushes that never end, in the embedded store: the program is killed, or nobody waits for them any more.

use std::future::Future;
use std::io::{BufRead, BufReader};
use std::pin::pin;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::task::Poll;

use jiff::Timestamp;
use roamhub_core::evse::change::Change;
use roamhub_core::ports::evse::EvsePort;
use roamhub_ledger::Sqlite;
use roamhub_ledger::sqlite::EVSE_FILE_NAME;
use rusqlite::Connection;
use tempfile::tempdir;

use crate::scene::*;
use crate::{Folder, Place};

const ABC: &str = "DE*ABC";
/// So that it takes many portions.
const MANY: usize = 20_000;
/// Where the program that is killed finds its folder.
const FOLDER: &str = "ROAMHUB_TEST_EVSE_FOLDER";

/// Rows that a push which is not finished has written.
fn unseen(file: &Connection) -> i64 {
    let sql = "SELECT count(*) FROM evse e JOIN push p ON p.no = e.since WHERE p.version IS NULL";
    file.query_row(sql, [], |row| row.get(0)).unwrap()
}

fn count(file: &Connection, table: &str) -> i64 {
    file.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0)).unwrap()
}

/// Not a test by itself: the program that is killed. It pushes, says so, and pushes much more.
#[tokio::test]
async fn the_program_that_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let (ledger, _gone) = Sqlite::open(folder.as_ref(), Timestamp::UNIX_EPOCH).unwrap();
    let (store, _gone) = ledger.open_evse().unwrap();
    stored(&store, ABC, Change::FullLoad(records(ABC, 0..100, 1)), 1).await;
    println!("begun");
    stored(&store, ABC, Change::FullLoad(records(ABC, 50..MANY, 2)), 2).await;
    println!("done");
}

#[tokio::test]
async fn killed_in_the_middle_of_a_push_the_old_version_holds() {
    let place = Folder::fresh();
    let folder = place.0.path();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "sqlite_unfinished::the_program_that_is_killed", "--nocapture"])
        .env(FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(said.any(|line| line.contains("begun")));
    let file = Connection::open(folder.join(EVSE_FILE_NAME)).unwrap();
    // Wait for some portions of it; the bound is the program's end.
    while unseen(&file) < 1_000 {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it was killed");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!said.any(|line| line.contains("done")));
    assert!(unseen(&file) >= 1_000);
    drop(file);

    let store = place.open();
    let all = current(&*store).await;
    assert_eq!(all.len(), 100);
    assert!(all.values().all(|(_, body)| body.ends_with(br#""content":1}"#)));
    let file = Connection::open(folder.join(EVSE_FILE_NAME)).unwrap();
    assert_eq!((unseen(&file), count(&file, "push")), (0, 1), "tidied up at the start");
    for table in ["evse", "body", "place"] {
        assert_eq!(count(&file, table), 100, "{table}");
    }
    let again = stored(&*store, ABC, Change::FullLoad(records(ABC, 50..120, 2)), 3).await;
    assert_eq!((again.applied.changed, again.applied.added, again.applied.removed), (50, 20, 50));
}

#[tokio::test]
async fn a_push_that_nobody_waits_for_any_more_is_taken_back_by_the_next_one() {
    let place = Folder::fresh();
    let store = place.open();
    stored(&*store, ABC, Change::FullLoad(records(ABC, 0..100, 1)), 1).await;
    let file = Connection::open(place.0.path().join(EVSE_FILE_NAME)).unwrap();
    {
        let push = push_of(operator(ABC), Change::FullLoad(records(ABC, 50..5_000, 2)), 2);
        let mut pushing = pin!(store.push_evses(Arc::new(push)));
        std::future::poll_fn(|context| match pushing.as_mut().poll(context) {
            Poll::Ready(_) => panic!("it was over before it was given up"),
            Poll::Pending if unseen(&file) >= 400 => Poll::Ready(()),
            Poll::Pending => Poll::Pending,
        })
        .await;
    }
    assert_eq!(current(&*store).await.len(), 100);
    let next = stored(&*store, ABC, Change::Update(records(ABC, 60..61, 3)), 3).await;
    assert_eq!((next.applied.changed, next.total), (1, 100));
    assert_eq!(unseen(&file), 0);
    assert_eq!((count(&file, "evse"), count(&file, "push")), (101, 2));
}

#[tokio::test]
async fn an_unchanged_full_load_writes_no_rows() {
    let folder = tempdir().unwrap();
    let (ledger, _gone) = Sqlite::open(folder.path(), Timestamp::UNIX_EPOCH).unwrap();
    let (store, _gone) = ledger.open_evse().unwrap();
    let file = Connection::open(folder.path().join(EVSE_FILE_NAME)).unwrap();
    for day in 0..5 {
        stored(&store, ABC, Change::FullLoad(records(ABC, 0..1_000, 1)), 86_400 * day).await;
        assert_eq!(
            (count(&file, "evse"), count(&file, "body"), count(&file, "place")),
            (1_000, 1_000, 1_000)
        );
    }
    // Once they are history, the pushes that brought nothing are forgotten too.
    while store.tidy_evses(at(86_400 * 10)).await.unwrap() {}
    assert_eq!(count(&file, "push"), 2, "the one that brought the records, and the newest");
}

#[tokio::test]
async fn the_ledgers_lock_outlives_the_ledger_as_long_as_the_store_is_open() {
    let folder = tempdir().unwrap();
    let (ledger, _gone) = Sqlite::open(folder.path(), Timestamp::UNIX_EPOCH).unwrap();
    let (store, _gone) = ledger.open_evse().unwrap();
    drop(ledger);
    assert!(Sqlite::open(folder.path(), Timestamp::UNIX_EPOCH).is_err());
    drop(store);
    assert!(Sqlite::open(folder.path(), Timestamp::UNIX_EPOCH).is_ok());
}
