//! What erasure leaves in the embedded ledger's files: nothing, however rows grew and pages were split before.

use std::path::Path;

use bytes::Bytes;
use roamhub_core::MessageKind::{End, Start};
use roamhub_core::erasure::Undelivered;
use roamhub_core::ports::{ErasurePort, IntakePort, Ledger, SessionPort};
use roamhub_core::session::{AuthorisationOutcome, PendingSession};
use roamhub_core::{ProcessId, SessionKey};
use roamhub_ledger::Sqlite;

use crate::scene::*;

const CARDS: usize = 400;

fn card(number: usize) -> String {
    format!("04C0FFEE{number:06}")
}

fn medium(number: usize) -> [u8; 32] {
    let mut medium = [0; 32];
    medium[..8].copy_from_slice(&number.to_be_bytes());
    medium
}

/// The cards whose number stands somewhere in the ledger's files.
fn cards_in(folder: &Path) -> Vec<usize> {
    let mut bytes = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        bytes.extend(std::fs::read(entry.unwrap().path()).unwrap());
    }
    let mut found = std::collections::BTreeSet::new();
    for at in 0..bytes.len().saturating_sub(14) {
        if bytes[at..].starts_with(b"04C0FFEE") {
            found.extend(
                std::str::from_utf8(&bytes[at + 8..at + 14]).ok().and_then(|text| text.parse::<usize>().ok()),
            );
        }
    }
    found.into_iter().collect()
}

/// A body that names the card, of a length that depends on it: some fill pages of their own.
fn naming(number: usize, kind: &str) -> Bytes {
    let padding = "x".repeat([10, 300, 2_500, 9_000, 30_000][number % 5]);
    format!(
        r#"{{"Type":"{kind}","Identification":{{"RFIDMifareFamilyIdentification":{{"UID":"{}"}}}},"PIN":"1234","N":"{padding}"}}"#,
        card(number)
    )
    .into()
}

/// Everything that happens to a card, so that its rows are written, grow, and move.
async fn live(ledger: &Sqlite, number: usize) -> SessionKey {
    // Ids in no order, so that rows are put between others and pages are split.
    let shuffled = (number.wrapping_mul(0x9E37_79B9_7F4A_7C15)).to_be_bytes();
    let id = <[u8; 16]>::try_from([shuffled, shuffled].concat()).unwrap();
    let key = SessionKey::from_bytes(id);
    let session = PendingSession {
        process: ProcessId::from_bytes(id),
        medium: medium(number),
        request: naming(number, "Authorize"),
        ..pending(key)
    };
    ledger.open_pending(session).await.unwrap();
    let decision = AuthorisationOutcome { medium: medium(number), ..decision(key, Some(provider())) };
    ledger.decide(decision).await.unwrap();
    for (seconds, kind) in [(0, Start), (10, End)] {
        let mut intake = with_body(key, kind, seconds, naming(number, kind.as_str()));
        intake.has_pin = number.is_multiple_of(3);
        let lease = going(ledger, intake).await;
        if number.is_multiple_of(4) {
            fail(ledger, lease, seconds + 1, seconds + 2).await;
            let lease = claim(ledger, seconds + 2).await.remove(0).lease;
            deliver(ledger, lease, seconds + 3).await;
        } else {
            deliver(ledger, lease, seconds + 1).await;
        }
    }
    key
}

#[tokio::test]
async fn erased_cards_are_nowhere_in_the_files_and_all_others_are() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _gone) = Sqlite::open(folder.path(), at(0)).unwrap();
    let mut sessions = Vec::new();
    for number in 0..CARDS {
        sessions.push(live(&ledger, number).await);
    }
    assert_eq!(cards_in(folder.path()).len(), CARDS, "all of them were there");
    let erased = |number: &usize| number % 7 == 3;
    for number in (0..CARDS).filter(erased) {
        ledger.erase_session(sessions[number], Undelivered::Keep, at(100)).await.unwrap();
    }
    ledger.purge().await.unwrap();
    let left: Vec<usize> = (0..CARDS).filter(|number| !erased(number)).collect();
    assert_eq!(cards_in(folder.path()), left);
    // What is written next does not bring anything back.
    ledger.probe(at(101)).await.unwrap();
    let next = CARDS;
    live(&ledger, next).await;
    assert_eq!(cards_in(folder.path()), [left, vec![next]].concat());
    // All of them, and nothing is left.
    for session in ledger.sessions_of_medium(medium(next)).await.unwrap().into_iter().chain(sessions) {
        ledger.erase_session(session, Undelivered::Keep, at(200)).await.unwrap();
    }
    ledger.purge().await.unwrap();
    assert_eq!(cards_in(folder.path()), Vec::<usize>::new());
    let intake = notice(session(&ledger).await, End, 300);
    ledger.take_in(intake.into()).await.unwrap();
}
