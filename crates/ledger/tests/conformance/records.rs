//! What people and the redelivery look at: refusals, the backlog, the partners document, what is due.

use std::time::Duration;

use roamhub_core::MessageKind::{End, Start};
use roamhub_core::ProcessId;
use roamhub_core::ports::{Due, Ledger};
use roamhub_core::records::Refusal;

use crate::Place;
use crate::scene::*;

fn refusal(number: i64) -> Refusal {
    Refusal {
        process: ProcessId::new(),
        received_at: at(number),
        service: "charging-notifications".to_owned(),
        partner: None,
        session: None,
        http_status: 400,
        code: 22,
        reason: format!("number {number}"),
    }
}

pub(crate) async fn refusals_are_bounded_and_newest_first(place: &dyn Place) {
    const KEPT: usize = 10_000;
    const NOTED: i64 = 10_050;
    let ledger = begin(place).await;
    for number in 1..=NOTED {
        ledger.note_refusal(refusal(number));
        if number % 1_000 == 0 {
            // They may be dropped under load, so let the writer catch up.
            ledger.probe(at(number)).await.unwrap();
        }
    }
    ledger.probe(at(NOTED)).await.unwrap();
    let newest = ledger.refusals(3).await.unwrap();
    let reasons: Vec<_> = newest.iter().map(|refusal| refusal.reason.as_str()).collect();
    assert_eq!(reasons, ["number 10050", "number 10049", "number 10048"]);
    let all = ledger.refusals(usize::MAX).await.unwrap();
    assert_eq!(all.len(), KEPT);
    assert_eq!(all.last().unwrap().reason, "number 51");
    assert!(all.windows(2).all(|pair| pair[0].received_at > pair[1].received_at));
}

pub(crate) async fn a_refusal_comes_back_as_it_was(place: &dyn Place) {
    let ledger = begin(place).await;
    let full = Refusal {
        partner: Some("DE*ABC".to_owned()),
        session: Some("no session \"at all\"".to_owned()),
        reason: "/EvseID: 'x' is no EvseID\n/Type: missing ✗".to_owned(),
        ..refusal(1)
    };
    let bare = Refusal { http_status: 413, code: 999, reason: String::new(), ..refusal(2) };
    ledger.note_refusal(full.clone());
    ledger.note_refusal(bare.clone());
    ledger.probe(at(3)).await.unwrap();
    assert_eq!(ledger.refusals(10).await.unwrap(), [bare, full]);
    assert_eq!(ledger.refusals(0).await.unwrap(), []);
}

pub(crate) async fn the_backlog_counts_what_is_open_per_provider(place: &dyn Place) {
    let ledger = begin(place).await;
    let other = provider_named("NL-XYZ");
    assert_eq!(ledger.backlog().await.unwrap(), []);
    let one = session(&*ledger).await;
    let first = going(&*ledger, notice(one, Start, 0)).await;
    fail(&*ledger, first, 1, 50).await;
    stored(&*ledger, notice(one, Start, 2)).await;
    going(&*ledger, owed_to(other, notice(session_with(&*ledger, other).await, End, 0))).await;
    let done = going(&*ledger, owed_to(other, notice(session_with(&*ledger, other).await, End, 0))).await;
    deliver(&*ledger, done, 1).await;
    let mut backlog = ledger.backlog().await.unwrap();
    backlog.sort();
    assert_eq!(backlog, [(provider(), 2), (other, 1)], "deferred, parked and leased");
}

pub(crate) async fn the_newest_partners_document_counts(place: &dyn Place) {
    let ledger = begin(place).await;
    assert_eq!(ledger.load_partners().await.unwrap(), None);
    for document in ["[[operator]]\nid = \"DE*ABC\" # größer\n", "", "[[provider]]\r\n"] {
        ledger.store_partners(document.to_owned(), at(0)).await.unwrap();
        assert_eq!(ledger.load_partners().await.unwrap().as_deref(), Some(document));
    }
    drop(ledger);
    let ledger = place.open(at(1)).await;
    assert_eq!(ledger.load_partners().await.unwrap().as_deref(), Some("[[provider]]\r\n"));
}

async fn deferred_until(ledger: &dyn Ledger, provider: &str, due: i64) {
    let provider = provider_named(provider);
    let session = session_with(ledger, provider).await;
    let lease = going(ledger, owed_to(provider, notice(session, End, 0))).await;
    fail(ledger, lease, 1, due).await;
}

pub(crate) async fn due_names_each_provider_once_and_the_next_instant(place: &dyn Place) {
    let ledger = begin(place).await;
    assert_eq!(ledger.due(at(1_000)).await.unwrap(), Due::default());
    for (provider, due) in [("DE-AAA", 10), ("DE-BBB", 30), ("DE-AAA", 10), ("DE-AAA", 5), ("DE-CCC", 20)] {
        deferred_until(&*ledger, provider, due).await;
    }
    // Under way: not due, whatever happens.
    going(&*ledger, notice(session(&*ledger).await, End, 0)).await;

    let none = Due { providers: Vec::new(), records: Vec::new(), next: Some(at(5)) };
    assert_eq!(ledger.due(at(4)).await.unwrap(), none);
    let names = |names: &[&str]| names.iter().copied().map(provider_named).collect::<Vec<_>>();
    let mut due = ledger.due(at(20)).await.unwrap();
    due.providers.sort();
    assert_eq!(due, Due { providers: names(&["DE-AAA", "DE-CCC"]), records: Vec::new(), next: Some(at(30)) });
    let mut due = ledger.due(at(30)).await.unwrap();
    due.providers.sort();
    assert_eq!(
        due,
        Due { providers: names(&["DE-AAA", "DE-BBB", "DE-CCC"]), records: Vec::new(), next: None }
    );
}

pub(crate) async fn the_next_instant_is_known_even_where_something_is_due_now(place: &dyn Place) {
    let ledger = begin(place).await;
    for (provider, due) in [("DE-AAA", 5), ("DE-AAA", 12), ("DE-BBB", 40)] {
        deferred_until(&*ledger, provider, due).await;
    }
    let due = ledger.due(at(5)).await.unwrap();
    assert_eq!(
        due,
        Due { providers: vec![provider_named("DE-AAA")], records: Vec::new(), next: Some(at(12)) }
    );
}

pub(crate) async fn a_probe_is_a_commit(place: &dyn Place) {
    let ledger = begin(place).await;
    for seconds in [1, 2, 0] {
        ledger.probe(at(seconds)).await.unwrap();
    }
    assert!(ledger.since_last_commit() < Duration::from_secs(60));
}
