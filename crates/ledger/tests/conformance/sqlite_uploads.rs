//! Uploads in the embedded ledger's file: what is on disk, and how a closed session stands. Nothing closes one yet but
//! this test.

use std::sync::Arc;

use oicp::authentication::ActionType;
use roamhub_core::media::{Form, StopQuestion, UploadedMedium};
use roamhub_core::ports::{MediaPort, UploadPort};
use roamhub_core::session::SessionState;
use roamhub_ledger::Sqlite;
use roamhub_ledger::sqlite::FILE_NAME;
use rusqlite::Connection;
use tempfile::tempdir;

use crate::scene::*;

#[tokio::test]
async fn a_closed_session_is_known_as_closed_to_who_asks_to_stop_it() {
    let folder = tempdir().unwrap();
    let (ledger, _gone) = Sqlite::open(folder.path(), at(0)).unwrap();
    let session = session(&ledger).await;
    drop(ledger);
    let file = Connection::open(folder.path().join(FILE_NAME)).unwrap();
    assert_eq!(file.execute("UPDATE session SET state = 'closed'", []).unwrap(), 1);
    drop(file);
    let (ledger, _gone) = Sqlite::open(folder.path(), at(1)).unwrap();
    let facts = ledger.stop_facts(StopQuestion { session, medium: [7; 32] }).await.unwrap().unwrap();
    assert_eq!(facts.life.state, SessionState::Closed);
}

#[tokio::test]
async fn what_is_tidied_leaves_no_rows() {
    let folder = tempdir().unwrap();
    let (ledger, _gone) = Sqlite::open(folder.path(), at(0)).unwrap();
    let card = |number: u16| UploadedMedium {
        medium: std::array::from_fn(|place| {
            if place == 0 { number.to_be_bytes()[0] } else { number.to_be_bytes()[1] }
        }),
        form: Form::Card,
        contract: None,
        issuer: None,
        expires_at: None,
        pin: None,
    };
    ledger.begin_upload(provider()).await.unwrap();
    let cards: Vec<_> = (0..1_700).map(card).collect();
    ledger.stage(provider(), ActionType::FullLoad, 0, Arc::new(cards)).await.unwrap();
    let rows = || {
        let file = Connection::open(folder.path().join(FILE_NAME)).unwrap();
        file.query_row("SELECT count(*) FROM uploaded", [], |row| row.get::<_, i64>(0)).unwrap()
    };
    assert_eq!(rows(), 1_700);
    let mut portions = 0;
    while ledger.tidy_uploads(provider()).await.unwrap() {
        portions += 1;
    }
    assert_eq!((rows(), portions), (0, 4), "in portions, so that nobody waits for it");
}
