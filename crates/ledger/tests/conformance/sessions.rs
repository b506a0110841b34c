//! Sessions: pending before any provider is asked, then active or gone; what is remembered of cards.

use bytes::Bytes;
use roamhub_core::ProcessId;
use roamhub_core::SessionKey;
use roamhub_core::ports::Ledger;
use roamhub_core::session::{AuthorisationOutcome, PendingSession, SessionFacts, SessionState};

use crate::Place;
use crate::scene::*;

async fn facts(ledger: &dyn Ledger, key: SessionKey) -> Option<SessionFacts> {
    ledger.session_facts(key).await.unwrap()
}

pub(crate) async fn a_yes_gives_facts(place: &dyn Place) {
    let ledger = begin(place).await;
    let key = SessionKey::new();
    let place_of_charge = Some(evse("DE*ABC*E42"));
    ledger.open_pending(PendingSession { evse: place_of_charge, ..pending(key) }).await.unwrap();
    assert_eq!(facts(&*ledger, key).await, None, "nobody has said yes");
    let record = ledger.session(key).await.unwrap().expect("durable before any provider is asked");
    assert_eq!((record.state, record.provider), (SessionState::Pending, None));
    assert_eq!((record.opened_at, record.operator), (at(0), operator()));

    let emp = Some("their-own-id".to_owned());
    let yes = AuthorisationOutcome { emp_partner_session_id: emp.clone(), ..decision(key, Some(provider())) };
    ledger.decide(yes).await.unwrap();
    let expected = SessionFacts {
        key,
        operator: operator(),
        provider: provider(),
        evse: place_of_charge,
        emp_partner_session_id: emp,
    };
    assert_eq!(facts(&*ledger, key).await, Some(expected));
    let record = ledger.session(key).await.unwrap().unwrap();
    assert_eq!((record.key, record.state), (key, SessionState::Active));
    assert_eq!(record.provider, Some(provider()));
}

pub(crate) async fn a_no_leaves_no_session(place: &dyn Place) {
    let ledger = begin(place).await;
    let key = SessionKey::new();
    ledger.open_pending(pending(key)).await.unwrap();
    ledger.decide(decision(key, None)).await.unwrap();
    assert_eq!(facts(&*ledger, key).await, None);
    assert!(ledger.session(key).await.unwrap().is_none());
    // A no that comes after a yes takes nothing back.
    let key = session(&*ledger).await;
    ledger.decide(decision(key, None)).await.unwrap();
    assert!(facts(&*ledger, key).await.is_some());
}

pub(crate) async fn a_decision_for_no_pending_session_fails_and_makes_none(place: &dyn Place) {
    let ledger = begin(place).await;
    let key = SessionKey::new();
    let other = provider_named("NL-XYZ");
    assert!(ledger.decide(decision(key, Some(other))).await.is_err());
    assert!(ledger.session(key).await.unwrap().is_none());

    let key = session(&*ledger).await;
    assert!(ledger.decide(decision(key, Some(other))).await.is_err(), "decided is decided");
    assert_eq!(facts(&*ledger, key).await.unwrap().provider, provider());
    let remembered = ledger.remembered_provider([7; 32]).await.unwrap();
    assert_eq!(remembered, Some(provider()), "what failed left nothing behind");
}

pub(crate) async fn a_session_is_opened_once(place: &dyn Place) {
    let ledger = begin(place).await;
    let key = session(&*ledger).await;
    assert!(ledger.open_pending(pending(key)).await.is_err());
    assert!(facts(&*ledger, key).await.is_some(), "and it is what it was");
}

pub(crate) async fn the_card_remembers_who_said_yes_last(place: &dyn Place) {
    let ledger = begin(place).await;
    let other = provider_named("NL-XYZ");
    assert_eq!(ledger.remembered_provider([7; 32]).await.unwrap(), None);
    for by in [provider(), other] {
        session_with(&*ledger, by).await;
        assert_eq!(ledger.remembered_provider([7; 32]).await.unwrap(), Some(by));
    }
    let key = SessionKey::new();
    ledger.open_pending(pending(key)).await.unwrap();
    ledger.decide(decision(key, None)).await.unwrap();
    assert_eq!(ledger.remembered_provider([7; 32]).await.unwrap(), Some(other), "a no is not remembered");
    assert_eq!(ledger.remembered_provider([8; 32]).await.unwrap(), None, "another card");
}

pub(crate) async fn the_medium_key_is_stable_across_restarts(place: &dyn Place) {
    let ledger = begin(place).await;
    let key = ledger.medium_key().await.unwrap();
    assert_ne!(key, [0; 32]);
    assert_eq!(ledger.medium_key().await.unwrap(), key);
    drop(ledger);
    let ledger = place.open(at(1)).await;
    assert_eq!(ledger.medium_key().await.unwrap(), key);
}

pub(crate) async fn conflicts_are_kept_without_failing(place: &dyn Place) {
    let ledger = begin(place).await;
    let key = session(&*ledger).await;
    for seconds in [1, 2] {
        ledger.note_conflict(key, operator(), provider_named("NL-XYZ"), at(seconds));
        ledger.note_conflict(SessionKey::new(), operator(), provider(), at(seconds));
    }
    ledger.probe(at(3)).await.expect("the ledger goes on");
    assert_eq!(facts(&*ledger, key).await.unwrap().provider, provider());
}

pub(crate) async fn partner_session_ids_may_hold_nul(place: &dyn Place) {
    let ledger = begin(place).await;
    let key = SessionKey::new();
    let odd = Some("a\0b'\"\u{1F50C}".to_owned());
    let opened = PendingSession {
        cpo_partner_session_id: odd.clone(),
        process: ProcessId::new(),
        request: Bytes::from_static(b"\0\xff"),
        ..pending(key)
    };
    ledger.open_pending(opened).await.unwrap();
    let yes = AuthorisationOutcome { emp_partner_session_id: odd.clone(), ..decision(key, Some(provider())) };
    ledger.decide(yes).await.unwrap();
    assert_eq!(facts(&*ledger, key).await.unwrap().emp_partner_session_id, odd);
}
