//! Ends issued on operators' behalf: once, only where nothing was heard, and never mistaken for the operator's own.

use std::time::Duration;

use bytes::Bytes;
use oicp::{ChargingNotification, ProviderId};
use roamhub_core::MessageKind::{End, Error, Start};
use roamhub_core::erasure::Undelivered;
use roamhub_core::mandate::{Ground, Hearing, Issue, LateYes, MandatedEnd, Origin};
use roamhub_core::ports::remote::{RemoteAnswer, RemoteOpening, RemoteOutcome};
use roamhub_core::ports::{Ledger, TurnNow};
use roamhub_core::session::{PendingSession, SessionKind};
use roamhub_core::{ProcessId, SessionKey};

use crate::Place;
use crate::scene::*;

fn other() -> ProviderId {
    provider_named("NL-XYZ")
}

fn expired(session: SessionKey, seconds: i64) -> MandatedEnd {
    MandatedEnd {
        process: ProcessId::new(),
        at: at(seconds),
        session,
        operator: operator(),
        provider: provider(),
        ground: Ground::Expired,
        hearing: Hearing::Endpoint,
        aside: SessionKey::new(),
    }
}

fn late(session: SessionKey, seconds: i64) -> MandatedEnd {
    MandatedEnd { provider: other(), ground: Ground::LateYes, ..expired(session, seconds) }
}

async fn issue(ledger: &dyn Ledger, end: MandatedEnd) -> Issue {
    ledger.issue(end).await.expect("the ledger has an answer")
}

/// A session at a known EVSE.
async fn placed(ledger: &dyn Ledger) -> SessionKey {
    let key = SessionKey::new();
    let opened = PendingSession { evse: Some(evse("DE*ABC*E1")), ..pending(key) };
    ledger.open_pending(opened).await.unwrap();
    ledger.decide(decision(key, Some(provider()))).await.unwrap();
    key
}

async fn follow(ledger: &dyn Ledger) -> usize {
    ledger.follow(100, Duration::from_secs(60)).await.unwrap().suspended.len()
}

pub(crate) async fn it_is_owed_like_any_other_and_says_that_it_was_issued(place: &dyn Place) {
    let ledger = begin(place).await;
    let key = placed(&*ledger).await;
    let end = expired(key, 900);
    assert_eq!(issue(&*ledger, end).await, Issue::Issued);
    assert_eq!(issue(&*ledger, expired(key, 901)).await, Issue::Before);
    let [owed] = &claim(&*ledger, 900).await[..] else { panic!("one delivery") };
    assert_eq!((owed.process, owed.session, owed.origin), (end.process, key, Origin::Mandate));
    let read = ChargingNotification::parse(owed.body.clone()).unwrap();
    assert_eq!((read.session_id(), read.evse_id()), (key.to_session_id(), evse("DE*ABC*E1")));
    fail(&*ledger, owed.lease, 901, 950).await;
    drop(ledger);
    // Also after a restart.
    let ledger = place.open(at(960)).await;
    assert_eq!(issue(&*ledger, expired(key, 960)).await, Issue::Before);
    let [owed] = &claim(&*ledger, 960).await[..] else { panic!("one delivery") };
    assert_eq!((owed.origin, owed.lease.token), (Origin::Mandate, 2));
    deliver(&*ledger, owed.lease, 961).await;
    assert_eq!(message(&*ledger, end.process).await.origin, Origin::Mandate);
    assert_eq!(ledger.receipt(end.process).await.unwrap().unwrap().origin, Origin::Mandate);
    // What the operator says itself comes after it, and is its own.
    let lease = going(&*ledger, notice(key, End, 970)).await;
    deliver(&*ledger, lease, 971).await;
    let origins: Vec<_> =
        ledger.messages_of(key).await.unwrap().into_iter().map(|message| message.origin).collect();
    assert_eq!(origins, [Origin::Mandate, Origin::Sender]);
}

pub(crate) async fn whatever_was_heard_of_a_session_forbids_it(place: &dyn Place) {
    let ledger = begin(place).await;
    for kind in [Start, Error, End] {
        let key = placed(&*ledger).await;
        stored(&*ledger, notice(key, kind, 10)).await;
        assert_eq!(issue(&*ledger, expired(key, 900)).await, Issue::NoGround, "{kind}");
    }
    let key = placed(&*ledger).await;
    assert_eq!(issue(&*ledger, late(key, 900)).await, Issue::NoGround, "it has said no late yes");
    let wrong = MandatedEnd { provider: other(), ..expired(key, 900) };
    assert_eq!(issue(&*ledger, wrong).await, Issue::NoGround, "it is another's");
    let unknown = SessionKey::new();
    assert_eq!(issue(&*ledger, expired(unknown, 900)).await, Issue::NoGround);
    ledger.open_pending(pending(unknown)).await.unwrap();
    assert_eq!(issue(&*ledger, expired(unknown, 900)).await, Issue::NoGround, "nobody has said yes");
}

pub(crate) async fn what_was_asked_from_afar_expires_once_the_operator_has_said_yes(place: &dyn Place) {
    let ledger = begin(place).await;
    for (kind, answer, expected) in [
        (SessionKind::Charging, None, Issue::NoGround),
        (SessionKind::Charging, Some(RemoteAnswer::Unknown), Issue::NoGround),
        (SessionKind::Charging, Some(RemoteAnswer::Accepted { cpo_partner_session_id: None }), Issue::Issued),
        (
            SessionKind::Reservation,
            Some(RemoteAnswer::Accepted { cpo_partner_session_id: None }),
            Issue::NoGround,
        ),
    ] {
        let key = SessionKey::new();
        let opening = RemoteOpening {
            key,
            process: ProcessId::new(),
            opened_at: at(0),
            kind,
            operator: operator(),
            provider: provider(),
            evse: evse("DE*ABC*E42"),
            emp_partner_session_id: None,
            medium: [7; 32],
            request: Bytes::from_static(b"{}"),
            patience: Duration::from_secs(60),
        };
        ledger.open_remote(opening).await.unwrap();
        let said = format!("{kind:?}, {answer:?}");
        if let Some(answer) = answer {
            ledger.settle_remote(RemoteOutcome { key, decided_at: at(5), answer, code: 0 }).await.unwrap();
        }
        assert_eq!(issue(&*ledger, expired(key, 900)).await, expected, "{said}");
    }
}

pub(crate) async fn without_an_evse_a_session_is_passed_over_once(place: &dyn Place) {
    let ledger = begin(place).await;
    let key = session(&*ledger).await;
    assert_eq!(issue(&*ledger, expired(key, 900)).await, Issue::WithoutEvse { first: true });
    assert_eq!(issue(&*ledger, expired(key, 950)).await, Issue::WithoutEvse { first: false });
    assert!(claim(&*ledger, 960).await.is_empty());
}

pub(crate) async fn a_late_yes_is_answered_aside_of_the_real_session(place: &dyn Place) {
    let ledger = begin(place).await;
    let key = placed(&*ledger).await;
    ledger.note_conflict(key, operator(), other(), at(5));
    ledger.probe(at(5)).await.unwrap();
    let listed = LateYes { session: key, provider: other() };
    assert_eq!(ledger.late_yeses(operator(), 10).await.unwrap(), [listed]);
    // The real session's own message is under way meanwhile.
    going(&*ledger, notice(key, Start, 10)).await;
    let end = late(key, 11);
    assert_eq!(issue(&*ledger, end).await, Issue::Issued);
    assert_eq!(issue(&*ledger, late(key, 12)).await, Issue::Before);
    assert_eq!(ledger.late_yeses(operator(), 10).await.unwrap(), []);
    assert!(ledger.ghosts(None, 10).await.unwrap().is_empty());
    let owed = ledger.claim_due(other(), None, at(12), at(52), 10).await.unwrap().owed;
    let [owed] = &owed[..] else { panic!("one delivery") };
    assert_eq!((owed.process, owed.origin), (end.process, Origin::Mandate));
    let read = ChargingNotification::parse(owed.body.clone()).unwrap();
    assert_eq!(read.session_id(), key.to_session_id());
    // While it is under way, so may the real session's next message be.
    let next = stored(&*ledger, notice(key, Error, 13)).await;
    assert_ne!(next.turn, TurnNow::Lost);
    deliver(&*ledger, owed.lease, 14).await;
    let story = ledger.session_story(key).await.unwrap().unwrap();
    let told = story.messages.iter().find(|message| message.process == end.process).expect("it is shown");
    assert_eq!((told.session, told.provider, told.origin), (key, other(), Origin::Mandate));
    assert_eq!(told.deliveries[0].state, "delivered");
    assert_eq!(ledger.receipt(end.process).await.unwrap().unwrap().session, key);
    assert_eq!(follow(&*ledger).await, 0, "that the real session lives proves nothing");
    // It is erased with the session.
    ledger.erase_session(key, Undelivered::End, at(20)).await.unwrap();
    assert_eq!(message(&*ledger, end.process).await.erased_at, Some(at(20)));
}

pub(crate) async fn a_yes_to_what_is_void_is_answered_from_the_question(place: &dyn Place) {
    let ledger = begin(place).await;
    let key = SessionKey::new();
    let question = br#"{"OperatorID":"DE*ABC","EvseID":"DE*ABC*E9","CPOPartnerSessionID":"ours",
        "Identification":{"RFIDMifareFamilyIdentification":{"UID":"044A2DAA856280"}}}"#;
    let opened = PendingSession { request: Bytes::from_static(question), medium: [3; 32], ..pending(key) };
    ledger.open_pending(opened).await.unwrap();
    ledger.note_conflict(key, operator(), other(), at(5));
    ledger.probe(at(5)).await.unwrap();
    assert_eq!(issue(&*ledger, late(key, 5)).await, Issue::NoGround, "it may yet become its own");
    ledger.decide(decision(key, None)).await.unwrap();
    assert_eq!(issue(&*ledger, late(key, 6)).await, Issue::Issued);
    let owed = ledger.owed_ends([3; 32]).await.unwrap();
    assert_eq!(owed.len(), 1, "the card finds it, too");
    let owed = ledger.claim_due(other(), None, at(7), at(47), 10).await.unwrap().owed;
    let read = ChargingNotification::parse(owed[0].body.clone()).unwrap();
    assert_eq!(read.evse_id(), evse("DE*ABC*E9"));
    assert_eq!(read.cpo_partner_session_id(), Some("ours"));
}

pub(crate) async fn a_mandate_that_proved_wrong_is_lost_once_until_it_is_given_back(place: &dyn Place) {
    let ledger = begin(place).await;
    let key = placed(&*ledger).await;
    assert_eq!(issue(&*ledger, expired(key, 900)).await, Issue::Issued);
    assert_eq!(follow(&*ledger).await, 0);
    let start = notice(key, Start, 910);
    stored(&*ledger, start.clone()).await;
    assert_eq!(follow(&*ledger).await, 1);
    let [suspension] = &ledger.suspensions().await.unwrap()[..] else { panic!("one suspension") };
    assert_eq!((suspension.operator, suspension.session), (operator(), key));
    assert_eq!((suspension.shown_by, suspension.at), (start.process, at(910)));
    let next = placed(&*ledger).await;
    assert_eq!(issue(&*ledger, expired(next, 900)).await, Issue::Suspended);
    drop(ledger);
    let ledger = place.open(at(920)).await;
    assert_eq!(issue(&*ledger, expired(next, 920)).await, Issue::Suspended);
    assert_eq!(ledger.restore_mandate(operator(), at(930), "me".to_owned()).await.unwrap(), 1);
    assert_eq!(ledger.restore_mandate(operator(), at(931), "me".to_owned()).await.unwrap(), 0);
    assert_eq!(ledger.suspensions().await.unwrap(), []);
    stored(&*ledger, notice(key, End, 940)).await;
    assert_eq!(follow(&*ledger).await, 0, "the session has been counted");
    assert_eq!(issue(&*ledger, expired(next, 950)).await, Issue::Issued);
}
