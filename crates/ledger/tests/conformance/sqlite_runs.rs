//! Which messages belong to a session, as thousands of others pass: what the embedded ledger keeps behind its writer, and
//! what it makes of a ledger from before that.

use std::path::Path;

use roamhub_core::MessageKind::{End, Error};
use roamhub_core::SessionKey;
use roamhub_core::ports::{Intake, Plan, RecordPort, Repeated, Taken};
use roamhub_ledger::Sqlite;
use roamhub_ledger::sqlite::FILE_NAME;
use rusqlite::{Connection, params};
use tempfile::tempdir;
use tokio::task::JoinSet;

use crate::scene::*;

fn open(folder: &Path) -> std::sync::Arc<Sqlite> {
    std::sync::Arc::new(Sqlite::open(folder, at(0)).unwrap().0)
}

fn inside(folder: &Path) -> Connection {
    Connection::open(folder.join(FILE_NAME)).unwrap()
}

fn number(folder: &Path, query: &str) -> i64 {
    inside(folder).query_row(query, [], |row| row.get(0)).unwrap()
}

fn held(session: SessionKey) -> Intake {
    Intake { plan: Plan::Hold, ..notice(session, Error, 0) }
}

/// Many messages of other sessions pass.
async fn traffic(ledger: &std::sync::Arc<Sqlite>, messages: usize) {
    let mut sessions = Vec::new();
    for _ in 0..16 {
        sessions.push(session(&**ledger).await);
    }
    let mut calls = JoinSet::new();
    for number in 0..messages {
        let (ledger, intake) = (ledger.clone(), held(sessions[number % sessions.len()]));
        calls.spawn(async move { assert_eq!(take_in(&*ledger, intake).await, Taken::Held) });
        if calls.len() >= 512 {
            calls.join_next().await.unwrap().unwrap();
        }
    }
    while let Some(call) = calls.join_next().await {
        call.unwrap();
    }
}

/// The session's messages are all there, in order, and each is known again.
async fn all_are_known(ledger: &Sqlite, session: SessionKey, stored: &[Intake]) {
    let messages = ledger.messages_of(session).await.unwrap();
    let ids = |messages: &[roamhub_core::records::MessageRecord]| -> Vec<_> {
        messages.iter().map(|message| message.process).collect()
    };
    assert_eq!(ids(&messages), stored.iter().map(|intake| intake.process).collect::<Vec<_>>());
    for intake in stored {
        let again = Intake { plan: Plan::Hold, ..again(intake, 1) };
        assert_eq!(repeat(ledger, again).await, (intake.process, Repeated::Held));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_knows_its_messages_in_any_run_and_across_a_restart() {
    let folder = tempdir().unwrap();
    let ledger = open(folder.path());
    let watched = session(&*ledger).await;
    let mut stored = Vec::new();
    for _ in 0..5 {
        let intake = held(watched);
        assert_eq!(take_in(&*ledger, intake.clone()).await, Taken::Held);
        stored.push(intake);
        traffic(&ledger, 4_500).await;
        all_are_known(&ledger, watched, &stored).await;
    }
    drop(ledger);
    let complete = number(folder.path(), "SELECT count(*) FROM message_run");
    assert!(complete >= 1, "there was enough for a run");
    let indexed = number(
        folder.path(),
        "SELECT count(*) FROM message_of_session WHERE run <= (SELECT max(run) FROM message_run)",
    );
    assert_eq!(indexed, number(folder.path(), "SELECT max(run) FROM message_run"), "each message once");
    let ledger = open(folder.path());
    all_are_known(&ledger, watched, &stored).await;
}

#[tokio::test]
async fn a_run_that_a_crash_interrupted_is_written_anew() {
    let folder = tempdir().unwrap();
    let ledger = open(folder.path());
    let session = session(&*ledger).await;
    let intake = held(session);
    take_in(&*ledger, intake.clone()).await;
    drop(ledger);
    let file = inside(folder.path());
    let left_behind = "INSERT INTO message_of_session (run, session, no, digest) VALUES (8192, ?1, 1, 1)";
    file.execute(left_behind, params![session.as_bytes()]).unwrap();
    drop(file);
    let ledger = open(folder.path());
    all_are_known(&ledger, session, &[intake]).await;
    drop(ledger);
    assert_eq!(number(folder.path(), "SELECT count(*) FROM message_of_session"), 0);
}

/// The schema as the first version made it, with a session, a delivered message and one that is owed.
fn first_version(folder: &Path, session: SessionKey, delivered: &Intake, owed: &Intake) {
    let file = inside(folder);
    file.pragma_update(None, "page_size", 8192).unwrap();
    file.pragma_update(None, "journal_mode", "WAL").unwrap();
    file.execute_batch(include_str!("../../src/sqlite/migrations/0001_first.sql")).unwrap();
    file.execute("INSERT INTO meta (key, value) VALUES ('serves_from', x'31')", []).unwrap();
    file.execute(
        "INSERT INTO session (id, operator, provider, state, opened_at, medium)
         VALUES (?1, 'DEABC', 'DEDCB', 'active', 0, zeroblob(32))",
        params![session.as_bytes()],
    )
    .unwrap();
    for (no, intake) in [(1, delivered), (2, owed)] {
        file.execute(
            "INSERT INTO notification
                 (no, process, session, operator, provider, type, received_at, evse, digest, body)
             VALUES (?1, ?2, ?3, 'DEABC', 'DEDCB', 'End', 0, 'DE*ABC*E1', ?4, ?5)",
            params![no, intake.process.as_bytes(), session.as_bytes(), intake.digest, &intake.body[..]],
        )
        .unwrap();
    }
    file.execute(
        "INSERT INTO delivery_history (notification, delivery, state, ended_at, acknowledgement)
         VALUES (1, 1, 'delivered', 0, ?1)",
        params![YES],
    )
    .unwrap();
    file.execute(
        "INSERT INTO delivery (no, notification, session, provider, type, has_pin, token, due_at, gives_up_at)
         VALUES (2, 2, ?1, 'DEDCB', 'End', 0, 1, 0, 9000000000000000)",
        params![session.as_bytes()],
    )
    .unwrap();
    file.pragma_update(None, "user_version", 1).unwrap();
}

#[tokio::test]
async fn a_ledger_of_the_first_version_keeps_what_it_had_and_owed() {
    let folder = tempdir().unwrap();
    let session = SessionKey::new();
    let (delivered, owed) = (notice(session, End, 0), notice(session, End, 0));
    first_version(folder.path(), session, &delivered, &owed);
    let ledger = open(folder.path());
    let acknowledgement = bytes::Bytes::from_static(YES);
    assert_eq!(repeat(&*ledger, again(&delivered, 1)).await.1, Repeated::Delivered { acknowledgement });
    assert_eq!(repeat(&*ledger, again(&owed, 1)).await.1, Repeated::Deferred);
    assert_eq!(claim(&*ledger, 2).await[0].body, owed.body);
    assert_eq!(states(&*ledger, owed.process).await, ["leased"]);
}
