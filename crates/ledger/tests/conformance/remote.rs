//! Sessions that a provider opens from afar: durable before the operator is asked, kept where nobody knows what it did.

use std::time::Duration;

use bytes::Bytes;
use roamhub_core::MessageKind::{End, Start};
use roamhub_core::ports::remote::{RemoteAnswer, RemoteOpening, RemoteOutcome};
use roamhub_core::ports::watch::GhostChange;
use roamhub_core::ports::{Declined, Ledger, Taken};
use roamhub_core::session::{Opened, SessionKind, SessionState};
use roamhub_core::watchdog::{GhostKind, Limits, judge};
use roamhub_core::{ProcessId, SessionKey};

use crate::Place;
use crate::scene::*;

const SOONEST: Duration = Duration::from_secs(60);

/// Opened at the beginning of the story; the operator may take a minute.
async fn opened(ledger: &dyn Ledger) -> SessionKey {
    let key = SessionKey::new();
    let opening = RemoteOpening {
        key,
        process: ProcessId::new(),
        opened_at: at(0),
        kind: SessionKind::Charging,
        operator: operator(),
        provider: provider(),
        evse: evse("DE*ABC*E42"),
        emp_partner_session_id: Some("theirs".to_owned()),
        medium: [7; 32],
        request: Bytes::from_static(b"{}"),
        patience: Duration::from_secs(60),
    };
    ledger.open_remote(opening).await.unwrap();
    key
}

async fn settled(ledger: &dyn Ledger, key: SessionKey, answer: RemoteAnswer) {
    let outcome = RemoteOutcome { key, decided_at: at(5), answer, code: 0 };
    ledger.settle_remote(outcome).await.unwrap();
}

async fn accepted(ledger: &dyn Ledger, key: SessionKey) {
    settled(ledger, key, RemoteAnswer::Accepted { cpo_partner_session_id: Some("ours".to_owned()) }).await;
}

/// Where it stands; nothing if there is none.
async fn state(ledger: &dyn Ledger, key: SessionKey) -> Option<SessionState> {
    ledger.session(key).await.unwrap().map(|record| record.state)
}

async fn ghosts(ledger: &dyn Ledger) -> Vec<(SessionKey, GhostKind)> {
    let ghosts = ledger.ghosts(None, 10).await.unwrap();
    ghosts.into_iter().map(|ghost| (ghost.session, ghost.kind)).collect()
}

pub(crate) async fn a_yes_makes_it_active(place: &dyn Place) {
    let ledger = begin(place).await;
    let key = opened(&*ledger).await;
    let record = ledger.session(key).await.unwrap().expect("durable before the operator is asked");
    assert_eq!((record.state, record.provider), (SessionState::Pending, Some(provider())));
    assert_eq!((record.kind, record.opened_by), (SessionKind::Charging, Opened::Remote));
    accepted(&*ledger, key).await;
    assert_eq!(state(&*ledger, key).await, Some(SessionState::Active));
    let facts = ledger.session_facts(key).await.unwrap().unwrap();
    assert_eq!((facts.operator, facts.provider), (operator(), provider()));
    assert_eq!(facts.emp_partner_session_id.as_deref(), Some("theirs"));
    assert_eq!(ledger.remembered_provider([7; 32]).await.unwrap(), None, "no card was shown");
}

pub(crate) async fn what_is_void_leaves_no_session(place: &dyn Place) {
    let ledger = begin(place).await;
    let key = opened(&*ledger).await;
    settled(&*ledger, key, RemoteAnswer::Void).await;
    assert_eq!(state(&*ledger, key).await, None);
    let declined = take_in(&*ledger, notice(key, End, 10)).await;
    assert_eq!(declined, Taken::Declined(Declined::SessionInvalid));
    let outcome = RemoteOutcome { key, decided_at: at(6), answer: RemoteAnswer::Unknown, code: 310 };
    assert!(ledger.settle_remote(outcome).await.is_err(), "what is void stays void");
}

pub(crate) async fn the_first_message_confirms_it(place: &dyn Place) {
    let ledger = begin(place).await;
    let unknown = opened(&*ledger).await;
    settled(&*ledger, unknown, RemoteAnswer::Unknown).await;
    assert_eq!(state(&*ledger, unknown).await, Some(SessionState::Unconfirmed));
    // The operator may be quicker with its messages than with its answer.
    let asked = opened(&*ledger).await;
    for key in [unknown, asked] {
        stored(&*ledger, notice(key, Start, 10)).await;
        assert_eq!(state(&*ledger, key).await, Some(SessionState::Active));
    }
    drop(ledger);
    let ledger = place.open(at(20)).await;
    stored(&*ledger, notice(unknown, End, 30)).await;
    assert_eq!(state(&*ledger, unknown).await, Some(SessionState::Active));
}

pub(crate) async fn another_operators_message_does_not_confirm_it(place: &dyn Place) {
    let ledger = begin(place).await;
    let key = opened(&*ledger).await;
    settled(&*ledger, key, RemoteAnswer::Unknown).await;
    let mut foreign = notice(key, Start, 10);
    foreign.operator = oicp::OperatorId::parse("DE*QQQ").unwrap();
    assert_eq!(take_in(&*ledger, foreign).await, Taken::Declined(Declined::SessionInvalid));
    assert_eq!(state(&*ledger, key).await, Some(SessionState::Unconfirmed));
}

pub(crate) async fn what_the_operator_has_spoken_of_is_stronger_than_its_no(place: &dyn Place) {
    let ledger = begin(place).await;
    for answer in [RemoteAnswer::Void, RemoteAnswer::Unknown] {
        let key = opened(&*ledger).await;
        stored(&*ledger, notice(key, Start, 1)).await;
        settled(&*ledger, key, answer).await;
        assert_eq!(state(&*ledger, key).await, Some(SessionState::Active));
        stored(&*ledger, notice(key, End, 10)).await;
    }
}

pub(crate) async fn a_message_after_the_answer_finds_it_as_it_is(place: &dyn Place) {
    let ledger = begin(place).await;
    // What is known by heart is forgotten with every answer.
    let key = opened(&*ledger).await;
    stored(&*ledger, notice(key, Start, 1)).await;
    accepted(&*ledger, key).await;
    stored(&*ledger, notice(key, End, 10)).await;
    assert_eq!(state(&*ledger, key).await, Some(SessionState::Active));
}

pub(crate) async fn it_is_stopped_from_whichever_side_it_was_opened(place: &dyn Place) {
    let ledger = begin(place).await;
    assert_eq!(ledger.stoppable(SessionKey::new()).await.unwrap(), None);
    let key = SessionKey::new();
    ledger.open_pending(pending(key)).await.unwrap();
    assert_eq!(ledger.stoppable(key).await.unwrap(), None, "nobody has said yes to the card");
    let card = session(&*ledger).await;
    let remote = opened(&*ledger).await;
    for (key, emp, expected) in
        [(card, None, SessionState::Active), (remote, Some("theirs"), SessionState::Unconfirmed)]
    {
        let found = ledger.stoppable(key).await.unwrap().expect("it can be stopped");
        assert_eq!((found.operator, found.provider, found.life.state), (operator(), provider(), expected));
        assert_eq!(found.emp_partner_session_id.as_deref(), emp);
    }
}

pub(crate) async fn only_what_should_have_been_answered_is_undecided(place: &dyn Place) {
    let ledger = begin(place).await;
    let key = opened(&*ledger).await;
    assert_eq!(ledger.void_undecided(at(60), 10).await.unwrap(), [], "the operator has a minute");
    assert_eq!(ledger.void_undecided(at(61), 10).await.unwrap(), [(key, operator())]);
    assert_eq!(state(&*ledger, key).await, Some(SessionState::Unconfirmed));
    let listed = ledger.ghosts(None, 10).await.unwrap();
    assert_eq!((listed[0].kind, listed[0].provider), (GhostKind::Undecided, Some(provider())));
    assert_eq!(ledger.void_undecided(at(1000), 10).await.unwrap(), [], "once");
    // An answer may still come.
    accepted(&*ledger, key).await;
    assert_eq!(state(&*ledger, key).await, Some(SessionState::Active));
    assert_eq!(ghosts(&*ledger).await, []);
}

pub(crate) async fn a_crash_leaves_it_unconfirmed_until_it_is_heard_of(place: &dyn Place) {
    let ledger = begin(place).await;
    let (silent, spoken) = (opened(&*ledger).await, opened(&*ledger).await);
    stored(&*ledger, notice(spoken, Start, 1)).await;
    drop(ledger);
    let ledger = place.open(at(10)).await;
    let left = ledger.void_undecided(jiff::Timestamp::MAX, 10).await.unwrap();
    assert_eq!(left, [(silent, operator())], "who has spoken of it has begun");
    assert_eq!(ghosts(&*ledger).await, [(silent, GhostKind::Undecided)]);
    stored(&*ledger, notice(silent, Start, 20)).await;
    let followed = ledger.follow(10, SOONEST).await.unwrap();
    assert_eq!(followed.cleared, [(operator(), GhostKind::Undecided)]);
    assert_eq!(ghosts(&*ledger).await, []);
}

pub(crate) async fn it_is_watched_once_somebody_believes_in_it(place: &dyn Place) {
    let ledger = begin(place).await;
    let (believed, unknown) = (opened(&*ledger).await, opened(&*ledger).await);
    accepted(&*ledger, believed).await;
    settled(&*ledger, unknown, RemoteAnswer::Unknown).await;
    let void = opened(&*ledger).await;
    settled(&*ledger, void, RemoteAnswer::Void).await;
    let followed = ledger.follow(10, SOONEST).await.unwrap();
    assert_eq!(followed.blocked, [], "an operator's no has another cause than an open session");
    let look = |seconds: i64| {
        let ledger = &ledger;
        async move {
            let due = ledger.due_for_a_look(at(seconds), 10).await.unwrap();
            let judged = due.into_iter().map(|one| (one, judge(&one, &Limits::default(), at(seconds))));
            ledger.note_judgements(judged.collect()).await.unwrap()
        }
    };
    assert_eq!(look(2000).await, [GhostChange::Found(believed, operator(), GhostKind::NeverStarted)]);
    // From its first message on the other is watched like any session.
    stored(&*ledger, notice(unknown, Start, 2100)).await;
    ledger.follow(10, SOONEST).await.unwrap();
    let found = look(2100 + 25 * 3600).await;
    assert_eq!(found, [GhostChange::Found(unknown, operator(), GhostKind::WithoutEnd)]);
}
