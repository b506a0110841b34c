//! The embedded ledger's feeds: a ledger from before there were any, and bodies that were erased.

use std::path::Path;

use roamhub_core::MessageKind::{End, Error, Start};
use roamhub_core::ports::{FeedPort, Ledger, ReceiptPort};
use roamhub_ledger::Sqlite;
use roamhub_ledger::sqlite::{FILE_NAME, Look};
use rusqlite::Connection;
use tempfile::tempdir;

use crate::scene::*;

fn open(folder: &Path) -> Sqlite {
    Sqlite::open(folder, at(0)).unwrap().0
}

fn alter(folder: &Path, sql: &str) {
    Connection::open(folder.join(FILE_NAME)).unwrap().execute_batch(sql).unwrap();
}

#[tokio::test]
async fn in_a_ledger_from_before_feeds_they_begin_with_what_is_still_held() {
    let folder = tempdir().unwrap();
    let ledger = open(folder.path());
    let key = session(&ledger).await;
    let held = [hold(&ledger, notice(key, Start, 1)).await, hold(&ledger, notice(key, End, 2)).await];
    let delivered = going(&ledger, notice(key, Error, 3)).await;
    deliver(&ledger, delivered, 4).await;
    let once_held = held_then_sent(&ledger).await;
    drop(ledger);
    alter(folder.path(), "DROP TABLE feed; DROP TABLE feed_ends; DROP TABLE feed_mark");
    alter(folder.path(), include_str!("../../src/sqlite/migrations/0004_feed.sql"));
    let ledger = open(folder.path());
    assert_eq!(processes_in_feed(&ledger, provider()).await, held);
    assert_eq!(ledger.feed_ends(provider()).await.unwrap().last, position(2));
    // What was stored before and has ended is not sequenced afterwards either.
    sequence(&ledger, &[provider()]).await;
    let feed = processes_in_feed(&ledger, provider()).await;
    assert!(feed == held && !feed.contains(&once_held), "{feed:?}");
}

/// A message that was held once and has been delivered since.
async fn held_then_sent(ledger: &dyn Ledger) -> roamhub_core::ProcessId {
    let intake = notice(session(ledger).await, End, 5);
    hold(ledger, intake.clone()).await;
    let sending = reopened(ledger, again(&intake, 6)).await;
    deliver(ledger, sending.lease, 7).await;
    intake.process
}

#[tokio::test]
async fn receipts_and_places_in_the_feed_survive_the_erasure_of_the_body() {
    let folder = tempdir().unwrap();
    let ledger = open(folder.path());
    let intake = notice(session(&ledger).await, End, 1);
    hold(&ledger, intake.clone()).await;
    sequence(&ledger, &[]).await;
    alter(folder.path(), "UPDATE notification SET body = x''");
    let facts = ledger.receipt(intake.process).await.unwrap().expect("it is known");
    assert_eq!((facts.digest, facts.deliveries[0].state.as_str()), (intake.digest, "held"));
    let entry = feed_of(&ledger, provider()).await.remove(0);
    assert_eq!((entry.process, entry.digest, entry.body.len()), (intake.process, intake.digest, 0));
    assert_eq!(confirm(&ledger, 1, 2).await, (1, 0));
    // Also for who only looks at the ledger, while it is in use.
    let seen = Look::at(folder.path()).unwrap().receipt(intake.process).unwrap().expect("it is known");
    assert_eq!(seen.deliveries.last().map(|delivery| delivery.state.as_str()), Some("fetched"));
    assert_eq!(seen.feed, Some((position(1), true)));
}
