use jiff::Timestamp;
use oicp::ProviderId;
use roamhub_core::{MessageKind, SessionKey};
use rusqlite::Connection;

use super::{Book, GENERATION, OpenRow};
use crate::sqlite::in_hand::{InHand, Unwritten, recover};
use crate::sqlite::runs::{Known, Recent, Runs};
use crate::sqlite::schema;

fn ledger() -> Connection {
    let mut connection = Connection::open_in_memory().unwrap();
    schema::migrate(&mut connection).unwrap();
    connection
}

fn in_hand(no: i64) -> OpenRow {
    let provider = ProviderId::parse("DE-DCB").unwrap();
    let unwritten = Some(Unwritten { provider, lease_until: 9, gives_up_at: 99 });
    let kind = MessageKind::End;
    OpenRow { no, notification: no, kind, has_pin: false, token: 1, leased: true, due: false, unwritten }
}

/// A session in the book with deliveries in hand, the transaction that brought them committed.
fn with(book: &mut Book, hand: &mut InHand, connection: &Connection, numbers: &[i64]) -> SessionKey {
    let session = SessionKey::new();
    for no in numbers {
        let row = in_hand(*no);
        book.open(connection, session).unwrap().push(row);
        hand.came(session, &row);
    }
    book.committed();
    hand.committed();
    session
}

fn open(book: &mut Book, connection: &Connection, session: SessionKey) -> Vec<(i64, bool)> {
    let open = book.open(connection, session).unwrap();
    open.iter().map(|row| (row.no, row.unwritten.is_some())).collect()
}

#[test]
fn what_is_in_hand_is_not_forgotten_however_many_sessions_come_after_it() {
    let (connection, mut hand, mut book) = (ledger(), InHand::default(), Book::new(Recent::default()));
    let session = with(&mut book, &mut hand, &connection, &[3]);
    for _ in 0..5 * GENERATION {
        book.is_over(SessionKey::new());
        book.committed();
    }
    assert!(book.young.len() + book.old.len() <= 2 * GENERATION + 2, "the rest is forgotten");
    assert_eq!((book.first_in_hand(), book.sessions_in_hand()), (Some(3), vec![session]));
    assert_eq!(open(&mut book, &connection, session), [(3, true)]);
}

#[test]
fn what_is_in_hand_lies_among_what_has_a_row_in_order_of_arrival() {
    let (connection, mut hand, mut book) = (ledger(), InHand::default(), Book::new(Recent::default()));
    let session = with(&mut book, &mut hand, &connection, &[1, 2, 3]);
    hand.written(&connection, session, book.open(&connection, session).unwrap(), 2).unwrap();
    book.committed();
    hand.committed();
    for _ in 0..2 {
        book.forget(session);
        assert_eq!(open(&mut book, &connection, session), [(1, true), (2, false), (3, true)]);
    }
}

#[test]
fn what_a_transaction_did_with_it_is_undone_when_it_is_rolled_back() {
    let (connection, mut hand, mut book) = (ledger(), InHand::default(), Book::new(Recent::default()));
    let session = with(&mut book, &mut hand, &connection, &[1, 2]);
    let transaction = connection.unchecked_transaction().unwrap();
    // One is written, one ends, one comes, and the session is forgotten in between.
    hand.written(&transaction, session, book.open(&transaction, session).unwrap(), 1).unwrap();
    let ended = book.open(&transaction, session).unwrap().pop().unwrap();
    hand.left(session, ended);
    book.forget(session);
    let new = in_hand(4);
    book.open(&transaction, session).unwrap().push(new);
    hand.came(session, &new);
    assert_eq!(open(&mut book, &transaction, session), [(1, false), (4, true)]);
    transaction.rollback().unwrap();
    book.rolled_back(hand.rolled_back());
    assert_eq!(open(&mut book, &connection, session), [(1, true), (2, true)]);
    assert_eq!(book.first_in_hand(), Some(1));
}

#[test]
fn only_what_has_neither_row_nor_end_is_owed_after_a_crash_and_nothing_before_the_mark() {
    let connection = ledger();
    for no in 1..=5 {
        connection
            .execute(
                "INSERT INTO notification (process, session, operator, provider, type, received_at, evse, digest, body, delivery)
                 VALUES (?1, ?1, 'DEABC', 'DEDCB', 'End', 0, 'DE*ABC*E1', x'', x'7b7d', ?2)",
                rusqlite::params![[u8::try_from(no).unwrap(); 16], if no == 5 { None } else { Some(no * 10) }],
            )
            .unwrap();
    }
    connection
        .execute_batch(
            "UPDATE in_hand SET after = 1;
             INSERT INTO delivery_history (notification, delivery, state, ended_at) VALUES (2, 20, 'refused', 0);
             INSERT INTO delivery (session, no, notification, provider, type, has_pin, token, due_at, gives_up_at)
                 SELECT session, delivery, no, provider, type, 0, 7, 0, 0 FROM notification WHERE no = 3",
        )
        .unwrap();
    for _ in 0..2 {
        recover(&connection, Timestamp::from_microsecond(5).unwrap()).unwrap();
        let owed: Vec<(i64, i64, u32, i64)> = connection
            .prepare("SELECT no, notification, token, due_at FROM delivery ORDER BY no")
            .unwrap()
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        assert_eq!(owed, [(30, 3, 7, 0), (40, 4, 1, 5)]);
    }
}

#[test]
fn a_session_that_is_forgotten_between_its_messages_and_the_commit_knows_them_afterwards() {
    let mut connection = ledger();
    let mut runs = Runs::load(&mut connection).unwrap();
    let (mut book, session) = (Book::new(runs.recent().clone()), SessionKey::new());
    let known = Known { no: 1, digest: 77 };
    runs.add(session, known);
    book.messages(&connection, session).unwrap().insert(known.digest, known.no);
    // Another job of the same batch writes about the session, and a third one looks at it.
    book.forget(session);
    book.messages(&connection, session).unwrap();
    book.committed();
    runs.committed();
    assert_eq!(book.messages(&connection, session).unwrap().get(&77), Some(&1));
}
