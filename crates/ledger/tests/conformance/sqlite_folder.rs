//! The embedded ledger's folder: one hub at a time, programs of other ages, looking in from outside, and what is on
//! disk when the hub is gone.

use std::path::Path;
use std::time::Duration;

use roamhub_core::MessageKind::{End, Start};
use roamhub_core::ports::watch::WatchPort;
use roamhub_core::ports::{Declined, Intake, Ledger, PartnerPort, RecordPort, Repeated, SessionPort, Taken};
use roamhub_core::records::Refusal;
use roamhub_core::{ProcessId, SessionKey};
use roamhub_ledger::sqlite::{FILE_NAME, Look, look_up};
use roamhub_ledger::{OpenError, Sqlite};
use rusqlite::Connection;
use tempfile::{TempDir, tempdir};

use crate::scene::*;

fn open(folder: &Path) -> Sqlite {
    Sqlite::open(folder, at(0)).unwrap().0
}

fn refused(folder: &Path) -> OpenError {
    Sqlite::open(folder, at(0)).expect_err("opening is refused")
}

/// Looks into the file with a connection of its own.
fn inside(folder: &Path) -> Connection {
    Connection::open(folder.join(FILE_NAME)).unwrap()
}

fn count(folder: &Path, what: &str) -> i64 {
    inside(folder).query_row(&format!("SELECT count(*) FROM {what}"), [], |row| row.get(0)).unwrap()
}

/// A folder with a closed ledger that holds one delivered End.
async fn with_one_end() -> (TempDir, ProcessId) {
    let folder = tempdir().unwrap();
    let ledger = open(folder.path());
    let intake = notice(session(&ledger).await, End, 0);
    let process = intake.process;
    let lease = going(&ledger, intake).await;
    deliver(&ledger, lease, 1).await;
    (folder, process)
}

#[tokio::test]
async fn a_second_hub_on_the_folder_is_refused_and_told_who_has_it() {
    let folder = tempdir().unwrap();
    let first = open(folder.path());
    let told = refused(folder.path());
    assert!(matches!(told, OpenError::InUse { .. }), "{told:?}");
    let (text, process) = (told.to_string(), format!("process {}", std::process::id()));
    assert!(text.contains(&folder.path().display().to_string()), "{text}");
    assert!(text.contains(&process), "{text}");
    first.probe(at(1)).await.expect("the first is not disturbed");
    drop(first);
    drop(open(folder.path()));
}

#[tokio::test]
async fn a_ledger_of_a_newer_program_is_refused_and_left_alone() {
    let (folder, process) = with_one_end().await;
    for serves_from in [Some("99"), Some("many"), None] {
        let file = inside(folder.path());
        file.pragma_update(None, "user_version", 99).unwrap();
        file.execute("DELETE FROM meta WHERE key = 'serves_from'", []).unwrap();
        if let Some(text) = serves_from {
            let insert = "INSERT INTO meta (key, value) VALUES ('serves_from', ?1)";
            file.execute(insert, [text.as_bytes()]).unwrap();
        }
        drop(file);
        let told = refused(folder.path());
        assert!(matches!(told, OpenError::TooNew), "{serves_from:?}: {told:?}");
        assert!(matches!(look_up(folder.path(), process), Err(OpenError::TooNew)), "{serves_from:?}");
        let version: i64 =
            inside(folder.path()).pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
        assert_eq!(version, 99);
    }
}

#[tokio::test]
async fn a_ledger_of_a_newer_program_is_opened_when_it_still_serves_this_one() {
    let (folder, process) = with_one_end().await;
    let file = inside(folder.path());
    file.pragma_update(None, "user_version", 99).unwrap();
    file.execute("UPDATE meta SET value = ?1 WHERE key = 'serves_from'", [b"1".as_slice()]).unwrap();
    file.execute("ALTER TABLE notification ADD COLUMN of_tomorrow TEXT", []).unwrap();
    drop(file);
    let ledger = open(folder.path());
    assert_eq!(states(&ledger, process).await, ["delivered"]);
    going(&ledger, notice(session(&ledger).await, End, 0)).await;
    drop(ledger);
    let version: i64 =
        inside(folder.path()).pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    assert_eq!(version, 99, "what the newer program did is not undone");
}

#[tokio::test]
async fn anybody_may_look_while_the_hub_is_running_and_when_it_is_not() {
    let folder = tempdir().unwrap();
    let told = look_up(folder.path(), ProcessId::new()).err().unwrap();
    assert!(matches!(told, OpenError::Missing(_)), "{told:?}");
    assert!(told.to_string().contains(&folder.path().display().to_string()), "{told}");
    assert!(!folder.path().join(FILE_NAME).exists(), "looking makes nothing");

    let ledger = open(folder.path());
    let intake = notice(session(&ledger).await, End, 0);
    let process = intake.process;
    let lease = going(&ledger, intake).await;
    let state = || look_up(folder.path(), process).unwrap().unwrap().deliveries[0].state.clone();
    assert_eq!(state(), "leased");
    deliver(&ledger, lease, 1).await;
    assert_eq!(state(), "delivered");
    assert!(look_up(folder.path(), ProcessId::new()).unwrap().is_none());
    drop(ledger);
    assert_eq!(state(), "delivered");
}

#[tokio::test]
async fn the_data_folder_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let parent = tempdir().unwrap();
    let folder = parent.path().join("var").join("roamhub");
    let _ledger = open(&folder);
    assert_eq!(std::fs::metadata(&folder).unwrap().permissions().mode() & 0o7777, 0o700);
}

#[tokio::test]
async fn what_was_answered_is_there_after_closing_and_opening() {
    let (folder, process) = with_one_end().await;
    let ledger = open(folder.path());
    let open_end = notice(session(&ledger).await, End, 0);
    going(&ledger, open_end.clone()).await;
    let refusal = Refusal {
        process: ProcessId::new(),
        received_at: at(0),
        service: "authorize-start".to_owned(),
        partner: None,
        session: None,
        http_status: 400,
        code: 22,
        reason: "nobody waits for this one".to_owned(),
    };
    ledger.note_refusal(refusal.clone());
    drop(ledger);
    let ledger = open(folder.path());
    assert_eq!(ledger.refusals(10).await.unwrap(), [refusal], "what was queued is written on closing");
    assert_eq!(states(&ledger, process).await, ["delivered"]);
    assert_eq!(claim(&ledger, 0).await[0].body, open_end.body);
}

/// A crash leaves the files as they are at that instant.
#[tokio::test]
async fn what_was_answered_is_in_the_files_at_that_very_instant() {
    let folder = tempdir().unwrap();
    let ledger = open(folder.path());
    let session = session(&ledger).await;
    for round in 0..3 {
        let intake = notice(session, End, round);
        let process = intake.process;
        let lease = going(&ledger, intake).await;
        let crashed = tempdir().unwrap();
        for name in [FILE_NAME.to_owned(), format!("{FILE_NAME}-wal")] {
            std::fs::copy(folder.path().join(&name), crashed.path().join(&name)).unwrap();
        }
        let after = Sqlite::open(crashed.path(), at(100)).unwrap().0;
        assert_eq!(states(&after, process).await, ["deferred"]);
        assert_eq!(claimed(&after, 100).await, [lease.delivery]);
        deliver(&ledger, lease, round).await;
    }
}

#[tokio::test]
async fn a_closed_session_takes_nothing_new_but_knows_its_repeats() {
    let folder = tempdir().unwrap();
    let ledger = open(folder.path());
    let session = session(&ledger).await;
    let known = notice(session, End, 0);
    let lease = going(&ledger, known.clone()).await;
    refuse(&ledger, lease, 1).await;
    drop(ledger);
    inside(folder.path()).execute("UPDATE session SET state = 'closed'", []).unwrap();
    let ledger = open(folder.path());
    let taken = take_in(&ledger, notice(session, Start, 2)).await;
    assert_eq!(taken, Taken::Declined(Declined::SessionInvalid));
    assert!(matches!(repeat(&ledger, again(&known, 3)).await.1, Repeated::Reopened(_)));
    assert!(ledger.session_facts(session).await.unwrap().is_some(), "facts stay");
}

#[tokio::test]
async fn the_operators_own_id_completes_the_session_once() {
    let folder = tempdir().unwrap();
    let ledger = open(folder.path());
    let session = session(&ledger).await;
    for (kind, id) in [(Start, None), (End, Some("first\0")), (End, Some("second")), (Start, None)] {
        let intake = Intake { cpo_partner_session_id: id.map(str::to_owned), ..notice(session, kind, 0) };
        let lease = going(&ledger, intake).await;
        deliver(&ledger, lease, 1).await;
    }
    let kept: Option<Vec<u8>> = inside(folder.path())
        .query_row("SELECT cpo_partner_session_id FROM session", [], |row| row.get(0))
        .unwrap();
    assert_eq!(kept.as_deref(), Some(b"first\0".as_slice()));
}

#[tokio::test]
async fn conflicts_and_old_partners_documents_are_kept() {
    let folder = tempdir().unwrap();
    let ledger = open(folder.path());
    let session = session(&ledger).await;
    for name in ["NL-XYZ", "AT-ABC", "NL-XYZ"] {
        ledger.note_conflict(session, operator(), provider_named(name), at(1));
        ledger.store_partners(format!("# {name}"), at(1)).await.unwrap();
    }
    drop(ledger);
    assert_eq!(count(folder.path(), "conflict"), 2);
    assert_eq!(count(folder.path(), "partners"), 3);
}

#[tokio::test]
async fn a_ledger_from_before_the_watchdog_is_brought_up_to_date_with_its_open_sessions() {
    let folder = tempdir().unwrap();
    let ledger = open(folder.path());
    let (open_one, ended, pending_one) = (session(&ledger).await, session(&ledger).await, SessionKey::new());
    ledger.open_pending(pending(pending_one)).await.unwrap();
    going(&ledger, notice(ended, End, 1)).await;
    drop(ledger);
    let file = inside(folder.path());
    file.execute_batch(
        "DROP TABLE opening; DROP TABLE watch; DROP TABLE ghost; DROP TABLE blocked; DROP TABLE told;
         DROP TABLE message; DROP TABLE charge_detail_record; DROP TABLE difference;
         DROP TABLE uploaded; DROP TABLE upload_head; DROP TABLE upload; DROP TABLE uploaded_session;
         DROP TABLE stop_medium; DROP TABLE pin_guess;
         DROP TABLE issued; DROP TABLE mandate_suspension; DROP TABLE passed_over;
         DROP TABLE user_account; DROP TABLE log_in; DROP TABLE api_token; DROP TABLE audit; DROP TABLE lane_rate;
         DROP TABLE retention_mark; DROP TABLE retained; DROP TABLE kept_record; DROP TABLE retention_pass;
         ALTER TABLE conflict DROP COLUMN medium;
         DROP TABLE in_hand; ALTER TABLE notification DROP COLUMN delivery;
         DELETE FROM meta WHERE key = 'watched_upto';
         ALTER TABLE session DROP COLUMN kind; ALTER TABLE session DROP COLUMN opened_by;
         PRAGMA user_version = 5",
    )
    .unwrap();
    drop(file);
    let told = Look::at(folder.path()).err().unwrap();
    assert!(matches!(told, OpenError::TooOld), "{told:?}");
    let ledger = open(folder.path());
    while ledger.follow(1, Duration::from_secs(60)).await.unwrap().behind {}
    let due = ledger.due_for_a_look(at(1), 10).await.unwrap();
    let due: Vec<_> = due.into_iter().map(|watched| watched.session).collect();
    assert_eq!(due, [open_one], "what has ended is known from its messages");
    assert_eq!(ledger.void_undecided(at(1), 10).await.unwrap(), [(pending_one, operator())]);
    assert_eq!(Look::at(folder.path()).unwrap().ghosts(None, 10).unwrap().len(), 1);
}
