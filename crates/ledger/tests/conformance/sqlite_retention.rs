//! What retention leaves in the embedded ledger's files: no card number, no row without its message, no page that is
//! never used again.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use roamhub_core::MessageKind::End;
use roamhub_core::SessionKey;
use roamhub_core::ports::Ledger;
use roamhub_core::retention::Kind;
use roamhub_core::session::{AuthorisationOutcome, PendingSession};
use roamhub_ledger::Sqlite;
use roamhub_ledger::sqlite::FILE_NAME;
use rusqlite::Connection;
use tokio::task::JoinSet;

use crate::retention::{DAY, ages, catch_up, pass};
use crate::scene::*;

fn open(folder: &Path, now: i64) -> Arc<dyn Ledger> {
    Arc::new(Sqlite::open(folder, at(now)).unwrap().0)
}

fn number(folder: &Path, query: &str) -> i64 {
    Connection::open(folder.join(FILE_NAME)).unwrap().query_row(query, [], |row| row.get(0)).unwrap()
}

/// The cards whose number stands somewhere in the ledger's files.
fn cards_in(folder: &Path) -> BTreeSet<i64> {
    const CARD: &[u8] = b"04C0FFEE";
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let bytes = std::fs::read(entry.unwrap().path()).unwrap();
        for at in (0..bytes.len()).filter(|at| bytes[*at] == b'0' && bytes[*at..].starts_with(CARD)) {
            let digits = bytes.get(at + CARD.len()..at + CARD.len() + 6);
            found.extend(digits.and_then(|digits| std::str::from_utf8(digits).ok()?.parse::<i64>().ok()));
        }
    }
    found
}

/// A session of that day that ends at once; its body names a card, and bodies are of different lengths.
async fn session_of(ledger: Arc<dyn Ledger>, number: i64, day: i64) {
    let (key, padding) =
        (SessionKey::new(), "x".repeat([10, 300, 2_500, 9_000][number.unsigned_abs() as usize % 4]));
    let body = format!(r#"{{"UID":"04C0FFEE{number:06}","N":"{padding}"}}"#);
    let opened_at = at(day * DAY);
    let session = PendingSession { opened_at, request: Bytes::from(body.clone()), ..pending(key) };
    ledger.open_pending(session).await.unwrap();
    let decided = AuthorisationOutcome { decided_at: opened_at, ..decision(key, Some(provider())) };
    ledger.decide(decided).await.unwrap();
    let lease = going(&*ledger, with_body(key, End, day * DAY, body)).await;
    if number % 5 == 0 {
        fail(&*ledger, lease, day * DAY, day * DAY).await;
        return;
    }
    deliver(&*ledger, lease, day * DAY + 1).await;
}

async fn sessions(ledger: &Arc<dyn Ledger>, numbers: std::ops::Range<i64>, day: i64) {
    let mut all = JoinSet::new();
    for number in numbers {
        all.spawn(session_of(ledger.clone(), number, day));
        if all.len() >= 256 {
            all.join_next().await.unwrap().unwrap();
        }
    }
    while let Some(done) = all.join_next().await {
        done.unwrap();
    }
    loop {
        let owed = claim(&**ledger, day * DAY + 2).await;
        if owed.is_empty() {
            return;
        }
        for owed in owed {
            deliver(&**ledger, owed.lease, day * DAY + 3).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_old_enough_is_nowhere_in_the_files_and_its_pages_are_used_again() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = open(folder.path(), 0);
    let mut pages = Vec::new();
    for round in 0..6 {
        let day = round * 20;
        sessions(&ledger, round * 400..round * 400 + 400, day).await;
        catch_up(&*ledger, day * DAY).await;
        pass(&*ledger, ages(), at(day * DAY)).await;
        pages.push(number(folder.path(), "PRAGMA page_count"));
    }
    assert!(pages[5] < pages[2] + pages[0] / 4, "the file does not grow for ever: {pages:?}");
    // Bodies of before day 90 are gone: of the first five rounds.
    ledger.purge().await.unwrap();
    assert_eq!(cards_in(folder.path()), (2000..2400).collect(), "the youngest are there, and nobody else");
    drop(ledger);
    assert_eq!(
        number(
            folder.path(),
            "SELECT count(*) FROM delivery_history h LEFT JOIN notification n ON n.no = h.notification WHERE n.no IS NULL"
        ),
        0
    );
    assert_eq!(
        number(
            folder.path(),
            "SELECT count(*) FROM attempt a LEFT JOIN delivery_history h ON h.delivery = a.delivery WHERE h.delivery IS NULL"
        ),
        0
    );
    assert_eq!(
        number(
            folder.path(),
            "SELECT count(*) FROM watch w LEFT JOIN session s ON s.id = w.session WHERE s.id IS NULL"
        ),
        0
    );
    assert_eq!(
        number(
            folder.path(),
            "SELECT count(*) FROM erasure e LEFT JOIN notification n ON n.no = e.notification WHERE n.no IS NULL"
        ),
        0
    );
    let check: String = Connection::open(folder.path().join(FILE_NAME))
        .unwrap()
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(check, "ok");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_go_with_their_messages_and_later_ones_are_found_as_before() {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = open(folder.path(), 0);
    for round in 0..3 {
        sessions(&ledger, round * 5_000..round * 5_000 + 5_000, round * 20).await;
    }
    let young = session(&*ledger).await;
    let last = with_body(young, End, 40 * DAY, "the last");
    let lease = going(&*ledger, last.clone()).await;
    deliver(&*ledger, lease, 40 * DAY).await;
    assert!(number(folder.path(), "SELECT count(*) FROM message_run") >= 1, "there was enough for a run");
    for day in [35, 55, 55] {
        catch_up(&*ledger, day * DAY).await;
        pass(&*ledger, ages(), at(day * DAY)).await;
        drop(ledger);
        ledger = open(folder.path(), day * DAY);
        assert_eq!(ledger.messages_of(young).await.unwrap().len(), 1);
        assert_eq!(repeat(&*ledger, again(&last, day * DAY)).await.0, last.process);
    }
    assert_eq!(number(folder.path(), "SELECT count(*) FROM notification"), 5_001);
    assert_eq!(
        number(
            folder.path(),
            "SELECT count(*) FROM message_of_session WHERE run < (SELECT min(no) FROM notification)"
        ),
        0
    );
    let outlook = ledger.outlook(ages(), at(55 * DAY)).await.unwrap();
    assert_eq!((outlook.held_up, outlook.oldest[&Kind::Messages]), (None, at(40 * DAY)));
}
