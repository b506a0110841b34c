//! What receipts are made of: everything about a message but its bytes.

use roamhub_core::MessageKind::{End, Start};
use roamhub_core::feed::Position;
use roamhub_core::{ProcessId, SessionKey};

use crate::Place;
use crate::scene::*;

pub(crate) async fn a_receipt_has_the_facts_and_needs_no_body(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    let end = notice(session, End, 3);
    let lease = going(&*ledger, end.clone()).await;
    fail(&*ledger, lease, 4, 10).await;
    let facts = ledger.receipt(end.process).await.unwrap().expect("it is known");
    assert_eq!((facts.process, facts.session), (end.process, session));
    assert_eq!((facts.operator, facts.provider), (operator(), provider()));
    assert_eq!((facts.kind.as_str(), facts.evse.as_str()), ("End", "DE*ABC*E1"));
    assert_eq!((facts.received_at, facts.digest), (at(3), end.digest));
    assert_eq!(facts.deliveries.len(), 1);
    assert_eq!(facts.deliveries[0].state, "deferred");
    assert_eq!(facts.deliveries[0].due_at, Some(at(10)));
    assert_eq!(facts.deliveries[0].attempts[0].outcome, "unreachable");
    assert_eq!(facts.feed, None);
}

pub(crate) async fn what_nobody_sent_has_no_receipt(place: &dyn Place) {
    let ledger = begin(place).await;
    assert!(ledger.receipt(ProcessId::new()).await.unwrap().is_none());
    assert!(ledger.receipts_of(SessionKey::new(), 10).await.unwrap().is_empty());
}

pub(crate) async fn a_session_has_the_receipts_of_its_messages_in_order_of_arrival(place: &dyn Place) {
    let ledger = begin(place).await;
    let (one, other) = (session(&*ledger).await, session(&*ledger).await);
    let sent = [notice(one, Start, 1), notice(other, Start, 2), notice(one, End, 3), notice(one, End, 4)];
    for intake in &sent {
        stored(&*ledger, intake.clone()).await;
    }
    let processes = |facts: Vec<roamhub_core::receipt::ReceiptFacts>| -> Vec<ProcessId> {
        facts.into_iter().map(|facts| facts.process).collect()
    };
    let all = processes(ledger.receipts_of(one, 10).await.unwrap());
    assert_eq!(all, [sent[0].process, sent[2].process, sent[3].process]);
    let first = processes(ledger.receipts_of(one, 2).await.unwrap());
    assert_eq!(first, all[..2]);
}

pub(crate) async fn a_receipt_knows_its_place_in_the_feed(place: &dyn Place) {
    let ledger = begin(place).await;
    let session = session(&*ledger).await;
    let first = hold(&*ledger, notice(session, Start, 1)).await;
    let second = hold(&*ledger, notice(session, End, 2)).await;
    sequence(&*ledger, &[]).await;
    confirm(&*ledger, 1, 3).await;
    let place_of = async |process| ledger.receipt(process).await.unwrap().unwrap().feed;
    assert_eq!(place_of(first).await, Position::new(1).map(|position| (position, true)));
    assert_eq!(place_of(second).await, Position::new(2).map(|position| (position, false)));
}
